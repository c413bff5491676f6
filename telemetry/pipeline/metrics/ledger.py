"""All series of counters and histograms, and the points that are made of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, Generic, TypeVar

import msgspec

from telemetry.core import names
from telemetry.core.metrics import Metric
from telemetry.pipeline.metrics.forming import OVERFLOW, Values, formed
from telemetry.pipeline.metrics.series import Count, Origin, Spread
from telemetry.pipeline.points import Point

SERIES: Final = 2_000
"""Most series of one instrument, the overflow included. Source: the default of
OpenTelemetry's specification, Metrics SDK, cardinality limits."""

PREPARED: Final = SERIES // 2
"""Series may be made before anything happened while there are fewer than these: they
must not crowd out what does happen."""

_METRICS: Final = {metric.name: metric for metric in names.METRICS}
_BOUNDS: Final = {metric.name: metric.bounds for metric in names.METRICS}
_encode: Final = msgspec.msgpack.Encoder().encode
S = TypeVar("S", Count, Spread)
_Kept = tuple[str, Values, Count | None, Spread | None]


class _Entry(Generic[S]):
    """One series, and how `Ledger.dump` has it; None: it has changed since."""

    __slots__ = ("kept", "series")

    def __init__(self, series: S) -> None:
        self.series: S = series
        self.kept: msgspec.Raw | None = None


class Ledger:
    """Counters and histograms. Not safe for several threads; reads no clock.

    Args:
        started_ns: Since when all of them count, in Unix nanoseconds.
        delta: Each collection begins anew.
    """

    def __init__(self, started_ns: int, *, delta: bool = False) -> None:
        self._since_ns = started_ns
        self._delta = delta
        self._counts: dict[str, dict[Values, _Entry[Count]]] = {}
        self._spreads: dict[str, dict[Values, _Entry[Spread]]] = {}

    def add(self, metric: Metric, values: Values, amount: float = 1) -> None:
        """Count *amount* more."""
        known = self._counts.get(metric.name)
        entry = None if known is None else known.get(values)
        if entry is None:
            entry = self._count_of(metric, values)
        entry.series.value += amount
        entry.kept = None

    def observe(
        self, metric: Metric, values: Values, value: float, origin: Origin | None = None
    ) -> None:
        """Count a value of a histogram.

        Args:
            origin: Where the value came from.
        """
        known = self._spreads.get(metric.name)
        entry = None if known is None else known.get(values)
        if entry is None:
            entry = self._spread_of(metric, values)
        entry.series.add(_BOUNDS[metric.name], value, origin)
        entry.kept = None

    def observe_many(
        self,
        metric: Metric,
        values: Values,
        counts: Sequence[int],
        sum_: float,
        max_: float,
    ) -> None:
        """Count values of which the buckets are known."""
        entry = self._spread_of(metric, values)
        entry.series.add_many(counts, sum_, max_)
        entry.kept = None

    def prepare(self, metric: Metric, values: Values) -> None:
        """Have a counter stand at zero before anything is counted.

        What appears for the first time with a value of one has not risen, as far as
        Prometheus can see: an alert on the first loss would stay silent.
        """
        known = self._counts.setdefault(metric.name, {})
        if values not in known and len(known) < PREPARED:
            self._count_of(metric, values)

    def beginnings(self, before_ns: int) -> list[Point]:
        """Zeros of the sums that a collection is about to tell for the first time.

        What appears with a value has not risen, as far as Prometheus can see: all that
        it has counted by then would be in no rate. Deltas need no such thing.

        Args:
            before_ns: When nothing of what is new was counted yet.
        """
        found: list[Point] = []
        for name, values, entry in self._entries():
            series = entry.series
            if series.told or self._delta:
                continue
            series.told, entry.kept = True, None
            if not series.is_empty:
                at_ns = max(before_ns, series.since_ns)
                empty = series.empty()
                found.append(_point(_METRICS[name], values, empty, at_ns, self._delta))
        return found

    def collect(self, now_ns: int) -> dict[str, list[Point]]:
        """The points of all series by instrument, and a new beginning for deltas."""
        found: dict[str, list[Point]] = {}
        for name, values, entry in self._entries():
            series = entry.series
            if not (self._delta and series.is_empty):
                point = _point(_METRICS[name], values, series, now_ns, self._delta)
                found.setdefault(name, []).append(point)
            if self._delta or (isinstance(series, Spread) and series.samples):
                entry.kept = None
            if self._delta:
                series.restart(now_ns)
            if isinstance(series, Spread):
                series.samples = {}
        if self._delta:
            self._since_ns = now_ns
        return found

    def dump(self) -> tuple[int, list[msgspec.Raw]]:
        """Everything; series that have not changed since are not encoded anew."""
        kept: list[msgspec.Raw] = []
        for name, values, entry in self._entries():
            raw = entry.kept
            if raw is None:
                series = entry.series
                both = (series, None) if isinstance(series, Count) else (None, series)
                raw = entry.kept = msgspec.Raw(_encode((name, values, *both)))
            kept.append(raw)
        return self._since_ns, kept

    def load(self, dumped: object) -> None:
        """Go on from what `dump` gave, decoded.

        Raises:
            msgspec.ValidationError: It is something else.
        """
        since_ns, kept = msgspec.convert(dumped, tuple[int, list[_Kept]])
        self._since_ns = since_ns
        self._counts, self._spreads = {}, {}
        for name, values, count, spread in kept:
            metric = _METRICS.get(name)
            if metric is None:
                continue  # of another version
            if count is not None:
                self._counts.setdefault(name, {})[values] = _Entry(count)
            elif spread is not None and len(spread.counts) == len(metric.bounds) + 1:
                self._spreads.setdefault(name, {})[values] = _Entry(spread)

    def _entries(self) -> Iterator[tuple[str, Values, _Entry[Count] | _Entry[Spread]]]:
        for name, counted in self._counts.items():
            for values, count in counted.items():
                yield name, values, count
        for name, observed in self._spreads.items():
            for values, spread in observed.items():
                yield name, values, spread

    def _count_of(self, metric: Metric, values: Values) -> _Entry[Count]:
        """The series of a counter, made if need be."""
        known = self._counts.setdefault(metric.name, {})
        if len(known) >= SERIES - 1:
            values = OVERFLOW
        entry = known.get(values)
        if entry is None:
            entry = known[values] = _Entry(Count(0, self._since_ns))
        return entry

    def _spread_of(self, metric: Metric, values: Values) -> _Entry[Spread]:
        """The series of a histogram, made if need be."""
        known = self._spreads.setdefault(metric.name, {})
        entry = known.get(values)
        if entry is None and len(known) >= SERIES - 1:
            values = OVERFLOW
            entry = known.get(values)
        if entry is None:
            buckets = [0] * (len(metric.bounds) + 1)
            entry = known[values] = _Entry(Spread(buckets, self._since_ns))
        return entry


def _point(
    metric: Metric,
    values: Values,
    series: Count | Spread,
    now_ns: int,
    delta: bool,  # noqa: FBT001 - of this module
) -> Point:
    # The wall clock may have been set back.
    times = min(series.since_ns, now_ns), now_ns
    if isinstance(series, Count):
        return formed(metric, values, series.value, times, delta=delta)
    value = series.distribution(metric.bounds)
    return formed(metric, values, value, times, series.exemplars(), delta=delta)
