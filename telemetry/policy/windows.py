"""Sliding windows over the past of a pool, with time as an argument.

Time is whole nanoseconds here: areas are then exact integers, and a mean that is
exactly on a container's target is not pushed over it by a rounding error. Time
that goes back counts as standing still.
"""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import Final

NS_PER_S: Final = 1_000_000_000

MAX_STEPS: Final = 4096
"""Steps a `SteppedMean` remembers exactly; beyond it, neighbours are merged."""


def to_ns(seconds: float) -> int:
    """Seconds of any clock as whole nanoseconds."""
    return round(seconds * NS_PER_S)


class SteppedMean:
    """Time-weighted mean of a step function over the last *window_ns*.

    Exact up to `MAX_STEPS` changes within the window. Beyond that, neighbouring
    steps share one area, which is inexact only for the pair that leaves the window.
    Before the first value the function is 0. Not safe from several threads.
    """

    __slots__ = (
        "_area",
        "_edge_ns",
        "_now_ns",
        "_since_ns",
        "_steps",
        "_value",
        "window_ns",
    )

    def __init__(self, window_ns: int) -> None:
        self.window_ns = window_ns
        # Invariant: _area is the area from _edge_ns to _now_ns; _steps are the
        # closed steps in it as (end, area inside the window), oldest first, and
        # the open step has _value since _since_ns.
        self._steps: deque[tuple[int, int]] = deque()
        self._area = 0
        self._edge_ns: int | None = None
        self._now_ns = 0
        self._since_ns = 0
        self._value = 0

    @property
    def value(self) -> int:
        """The value of the open step."""
        return self._value

    def set(self, now_ns: int, value: int) -> None:
        """The function has this value from now on."""
        if self._edge_ns is None:
            self._edge_ns = self._now_ns = self._since_ns = now_ns
        self._advance(now_ns)
        if value == self._value:
            return
        now_ns, since_ns = self._now_ns, max(self._since_ns, self._edge_ns)
        if now_ns > since_ns:
            self._steps.append((now_ns, self._value * (now_ns - since_ns)))
            if len(self._steps) > MAX_STEPS:
                self._merge()
        self._value, self._since_ns = value, now_ns

    def area(self, now_ns: int) -> int:
        """Area over the window that ends now, in value x nanoseconds."""
        self._advance(now_ns)
        return self._area

    def mean(self, now_ns: int) -> float:
        """Mean over the whole window; what lies before the first value is 0."""
        return self.area(now_ns) / self.window_ns

    def mean_since_first(self, now_ns: int) -> float:
        """Mean over the part of the window that has values.

        At the very moment of the first value that part is empty, and the answer
        is the value itself.
        """
        area = self.area(now_ns)
        span_ns = self._now_ns - (self._edge_ns or 0)
        return area / span_ns if span_ns else float(self._value)

    def _advance(self, now_ns: int) -> None:
        edge_ns = self._edge_ns
        if edge_ns is None or now_ns <= self._now_ns:
            return
        self._area += self._value * (now_ns - self._now_ns)
        self._now_ns = now_ns
        new_edge_ns = now_ns - self.window_ns
        if new_edge_ns <= edge_ns:
            return
        steps = self._steps
        while steps and steps[0][0] <= new_edge_ns:
            edge_ns, area = steps.popleft()
            self._area -= area
        if not steps:
            self._area = self._value * (now_ns - max(new_edge_ns, self._since_ns))
        elif new_edge_ns > edge_ns:
            end_ns, area = steps[0]
            left = area * (new_edge_ns - edge_ns) // (end_ns - edge_ns)
            steps[0] = (end_ns, area - left)
            self._area -= left
        self._edge_ns = new_edge_ns

    def _merge(self) -> None:
        old = list(self._steps)
        even = len(old) - len(old) % 2
        pairs = zip(islice(old, 0, even, 2), islice(old, 1, even, 2), strict=True)
        self._steps = deque((b[0], a[1] + b[1]) for a, b in pairs)
        self._steps.extend(old[even:])


class SlidingMaximum:
    """Greatest of the whole numbers that were pushed within a window.

    A monotonic queue: as many entries as there are different values on the way
    down, amortised constant time. A value counts for less than the window's length,
    so at exactly that age it is gone.
    """

    __slots__ = ("_entries",)

    def __init__(self) -> None:
        # Invariant: stamps rise and values fall strictly from left to right.
        self._entries: deque[tuple[int, int]] = deque()

    def __len__(self) -> int:
        """Entries remembered."""
        return len(self._entries)

    def push(self, now_ns: int, value: int) -> None:
        """Add a value; *now_ns* must not lie before the one of the last push."""
        entries = self._entries
        while entries and entries[-1][1] <= value:
            entries.pop()
        entries.append((now_ns, value))

    def maximum(self, now_ns: int, window_ns: int) -> int:
        """The greatest value younger than *window_ns*; 0 when there is none.

        What is too old now is forgotten, also for a longer window later.
        """
        entries = self._entries
        while entries and now_ns - entries[0][0] >= window_ns:
            entries.popleft()
        return entries[0][1] if entries else 0

    def peak(self) -> tuple[int, int] | None:
        """Stamp and value of the present maximum, or None without any."""
        return self._entries[0] if self._entries else None


class BucketMean:
    """Mean over buckets of one second: partial at the start, gaps count as 0.

    Source: ``pkg/autoscaler/aggregation/bucketing.go`` (knative/serving).
    """

    __slots__ = ("_buckets", "_first", "_last", "_size")

    def __init__(self, size: int) -> None:
        self._size = size
        self._buckets: dict[int, float] = {}
        self._first = 0
        self._last: int | None = None

    def add(self, second: int, value: float) -> None:
        """Add *value* to the bucket of that second; seconds must not go back."""
        if self._last is None or second - self._last >= self._size:
            self._buckets.clear()
            self._first = second
        self._buckets[second] = self._buckets.get(second, 0.0) + value
        self._last = second
        while (oldest := next(iter(self._buckets))) <= second - self._size:
            del self._buckets[oldest]

    def mean(self, second: int) -> float | None:
        """Mean over the window that ends with that second; None without any data.

        Rounded to six digits, as the source does, so that noise in the last digit
        does not ask for one more container.
        """
        if self._last is None:
            return None
        silent = max(0, second - self._last)
        if silent >= self._size:
            return 0.0
        total = sum(v for s, v in self._buckets.items() if s > second - self._size)
        return round(total / min(self._last - self._first + 1, self._size - silent), 6)
