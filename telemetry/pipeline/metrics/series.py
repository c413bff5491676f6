"""One series: what a counter or a histogram has counted under its attributes."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from telemetry.core import names
from telemetry.core.trace_context import (
    CLIENT,
    EXECUTION,
    derived_span_id,
    execution_span,
    unpacked,
)
from telemetry.pipeline.points import Distribution, Exemplar

_TRACE_ID_BYTES: Final = 16
_SPAN_ID_BYTES: Final = 8


class Origin(NamedTuple):
    """Where a measurement came from, for exemplars.

    Attributes:
        trace: The packed span that the input hangs under; None when it began a trace.
        kind: Which span of the input it is about: see `derived_span_id`. The one that
            there is: members of a batch but the first have no execution of their own.
    """

    unix_ns: int
    input_id: str
    attempt: int
    trace: str | None
    kind: int = EXECUTION


class Count(msgspec.Struct, array_like=True):
    """The value of a counter.

    Attributes:
        value: Since the start, or since the last collection where deltas are wanted.
        since_ns: When that began, in Unix nanoseconds.
        told: A collection has begun with it, or after it.
    """

    value: int | float
    since_ns: int
    told: bool = False

    def restart(self, now_ns: int) -> None:
        """Count from now on."""
        self.value, self.since_ns = 0, now_ns

    @property
    def is_empty(self) -> bool:
        """Nothing was counted."""
        return self.value == 0

    def empty(self) -> Count:
        """As it was when it began."""
        return Count(0, self.since_ns)


class Spread(msgspec.Struct, array_like=True):
    """The value of a histogram; see `Count`.

    Attributes:
        counts: By bucket; one more than there are bounds.
        sum: Of all values; the least and the greatest are None before the first.
        samples: The newest value of each bucket since the last collection.
        told: See `Count`.
    """

    counts: list[int]
    since_ns: int
    sum: float = 0.0
    min: float | None = None
    max: float | None = None
    samples: dict[int, tuple[float, Origin]] = {}  # msgspec copies an empty default
    told: bool = False

    def add(self, bounds: Sequence[float], value: float, origin: Origin | None) -> None:
        """Count one value."""
        bucket = bisect_left(bounds, value)
        self.counts[bucket] += 1
        self.sum += value
        if self.min is None or value < self.min:
            self.min = value
        if self.max is None or value > self.max:
            self.max = value
        if origin is not None:
            self.samples[bucket] = (value, origin)

    def add_many(self, counts: Sequence[int], sum_: float, max_: float) -> None:
        """Count values that are known by bucket; their least is not known."""
        for bucket, count in enumerate(counts):
            self.counts[bucket] += count
        self.sum += sum_
        self.max = max_ if self.max is None else max(self.max, max_)

    def restart(self, now_ns: int) -> None:
        """Count from now on."""
        self.counts = [0] * len(self.counts)
        self.since_ns, self.sum, self.min, self.max = now_ns, 0.0, None, None

    @property
    def is_empty(self) -> bool:
        """Nothing was counted."""
        return not any(self.counts)

    def empty(self) -> Spread:
        """As it was when it began."""
        return Spread([0] * len(self.counts), self.since_ns)

    def distribution(self, bounds: tuple[float, ...]) -> Distribution:
        """The value of the point."""
        return Distribution(bounds, tuple(self.counts), self.sum, self.min, self.max)

    def exemplars(self) -> tuple[Exemplar, ...]:
        """The samples in the order of their buckets."""
        return tuple(
            _exemplar(*self.samples[bucket]) for bucket in sorted(self.samples)
        )


def _exemplar(value: float, origin: Origin) -> Exemplar:
    unix_ns, input_id, attempt, trace, kind = origin
    attributes = ((names.FIELD_INPUT_ID, input_id),)
    parent = None if trace is None else unpacked(trace)
    span = execution_span(input_id, attempt, parent)
    if not span.sampled:
        # There is no such trace to go to; its log lines are there all the same.
        return Exemplar(unix_ns, value, attributes=attributes)
    return Exemplar(
        unix_ns,
        value,
        span.trace_id.to_bytes(_TRACE_ID_BYTES, "big"),
        derived_span_id(input_id, 0 if kind == CLIENT else attempt, kind).to_bytes(
            _SPAN_ID_BYTES, "big"
        ),
        attributes,
    )
