"""How late an event loop runs what is due, told from looks at its pulse."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

from telemetry.core.metrics import DURATION_BOUNDS_S

SAMPLE_EVERY_S: Final = 0.1
"""Mean time between two samples."""

_GOLDEN_RATIO: Final = 0.618_033_988_749_895


class LagSampler:
    """Samples of one loop, by bucket.

    What becomes due while the loop is busy waits until it comes round. Whoever looks
    at moments that have nothing to do with the loop's own finds it busy for as long as
    it will still be busy, on average and in distribution: the age of an interval and
    what is left of it are distributed alike. So the age, which can be read, is the lag
    of something that became due just then.

    The times between samples vary: at even ones, a loop that is as regular would be
    seen at the same point of its round again and again.

    Source of the equality: renewal theory (Cox, Renewal Theory, 1962, section 5.2). Of
    the sequence: multiples of the golden ratio, the most even that there is (Knuth, The
    Art of Computer Programming, vol. 3, section 6.4).

    Attributes:
        next_ns: When the next sample is wanted, on the clock of the pulse.
    """

    def __init__(self) -> None:
        self._planned = 0
        self._counts = [0] * (len(DURATION_BOUNDS_S) + 1)
        self._sum_s = self._max_s = 0.0
        self.next_ns = 0

    def begin(self, now_ns: int) -> None:
        """The loop gets something to do: it is watched from now on."""
        self.next_ns = now_ns + self._pause_ns()

    def look(self, busy_since_ns: int, tick_ns: int, now_ns: int) -> None:
        """Take in a reading of the pulse, if it is time for a sample.

        Args:
            busy_since_ns: As in `telemetry.capture.blackbox.layout.Pulse`.
            tick_ns: How long after each sign of life the next one is due, for a loop
                that gives them by a timer; 0 for one that waits in a selector.
            now_ns: A time from before the pulse was read.
        """
        if now_ns < self.next_ns:
            return
        self.next_ns = now_ns + self._pause_ns()
        age_ns = now_ns - busy_since_ns - tick_ns if busy_since_ns else 0
        lag_s = max(age_ns, 0) / 1e9
        self._counts[bisect_left(DURATION_BOUNDS_S, lag_s)] += 1
        self._sum_s += lag_s
        self._max_s = max(self._max_s, lag_s)

    def take(self) -> tuple[tuple[int, ...], float, float] | None:
        """Counts by bucket, sum and maximum since the last call; None without any."""
        if not any(self._counts):
            return None
        taken = tuple(self._counts), self._sum_s, self._max_s
        self._counts = [0] * len(self._counts)
        self._sum_s = self._max_s = 0.0
        return taken

    def _pause_ns(self) -> int:
        self._planned += 1
        part = 0.5 + self._planned * _GOLDEN_RATIO % 1
        return round(SAMPLE_EVERY_S * part * 1e9)
