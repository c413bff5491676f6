"""Sums by metric and attributes, as plain as they can be, and fit for a file."""

from __future__ import annotations

from bisect import bisect_left

import msgspec

from telemetry.core.metrics import Metric

Key = tuple[str, tuple[str, ...]]
"""Name of a metric, and the values of its attributes in the order of the contract."""


class Spread(msgspec.Struct):
    """What a histogram should have; the last of *counts* is above all bounds."""

    counts: list[int]
    sum: float = 0.0


class Told(msgspec.Struct):
    """What a gauge should have shown.

    Attributes:
        changes: Unix times in seconds, each with the value from then on.
        gone: From when on it may be there no more.
    """

    changes: list[tuple[float, float]] = []
    gone_s: float | None = None


class Counted(msgspec.Struct):
    """All that was counted, fit for a file.

    Attributes:
        occupied_s: Integral of running inputs by pool, of the executions themselves.
        waited_s: The same of queued inputs, of their waits.
        served_s: How long containers were there to serve.
        labels: Function and mode under which lines of a function are counted.
    """

    counters: dict[Key, float] = {}
    spreads: dict[Key, Spread] = {}
    gauges: dict[Key, Told] = {}
    occupied_s: dict[str, float] = {}
    waited_s: dict[str, float] = {}
    served_s: dict[str, float] = {}
    labels: dict[str, tuple[str, str]] = {}

    def add(self, metric: Metric, *values: str, amount: float = 1) -> None:
        """Count *amount* more of *metric* with these values of its attributes."""
        key = metric.name, values
        self.counters[key] = self.counters.get(key, 0) + amount

    def observe(self, metric: Metric, value: float, *values: str) -> None:
        """Count one *value* of a histogram."""
        spread = self.spread(metric, *values)
        spread.counts[bisect_left(metric.bounds, value)] += 1
        spread.sum += value

    def spread(self, metric: Metric, *values: str) -> Spread:
        """What a histogram should have under these values of its attributes."""
        empty = Spread([0] * (len(metric.bounds) + 1))
        return self.spreads.setdefault((metric.name, values), empty)

    def show(
        self, metric: Metric, unix_s: float, value: float | None, *values: str
    ) -> None:
        """A gauge changes; None: it ends, with a last zero."""
        told = self.gauges.setdefault((metric.name, values), Told())
        told.changes.append((unix_s, value or 0.0))
        told.gone_s = unix_s if value is None else None


def grow(sums: dict[str, float], name: str, seconds: float) -> None:
    """Add *seconds* to the sum of that name."""
    sums[name] = sums.get(name, 0.0) + seconds
