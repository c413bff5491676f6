"""What a metric instrument is, its buckets, and its names in Prometheus.

The instruments themselves are in ``telemetry.core.instruments``; import all of it
from ``telemetry.core.names``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["counter", "up-down counter", "gauge", "observable gauge", "histogram"]
Source = Literal["own", "semconv 1.44"]

DURATION_BOUNDS_S: Final = (
    *(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0),
)
"""Upper bounds of every histogram of seconds. Part of the contract: thresholds of
latency objectives must be among them. The conventions stop at 10 s."""

COUNT_BOUNDS: Final = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0)
"""Upper bounds of every histogram that counts inputs."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One instrument.

    Attributes:
        name: As OpenTelemetry writes it, with dots.
        unit: UCUM: ``s``, ``By``, or an annotation such as ``{input}``.
        kind: Of instrument.
        source: ``own``, or the conventions that define the name.
        attributes: All that its points carry. Never an id of an input.
    """

    name: str
    unit: str
    kind: Kind
    description: str
    source: Source
    attributes: tuple[str, ...]

    @property
    def bounds(self) -> tuple[float, ...]:
        """Upper bounds of the buckets; empty unless it is a histogram."""
        if self.kind != "histogram":
            return ()
        return DURATION_BOUNDS_S if self.unit == "s" else COUNT_BOUNDS


def prometheus_names(metric: Metric) -> tuple[str, ...]:
    """What Prometheus calls the series of *metric*, the histogram's three included.

    Source: UnderscoreEscapingWithSuffixes, the default translation of Prometheus
    and of the Collector: dots become underscores, the unit is appended unless the
    name has it already, a counter ends in ``_total``.
    """
    base = metric.name.replace(".", "_")
    suffix = {"s": "seconds", "By": "bytes"}.get(metric.unit)
    if suffix is not None and suffix not in base.split("_"):
        base = f"{base}_{suffix}"
    if metric.kind == "counter":
        return (f"{base}_total",)
    if metric.kind == "histogram":
        return (f"{base}_bucket", f"{base}_sum", f"{base}_count")
    return (base,)
