"""From an instrument and a value to the point that leaves."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from telemetry.core import names
from telemetry.core.metrics import Metric
from telemetry.pipeline.points import (
    Attribute,
    Distribution,
    Exemplar,
    Point,
    Shape,
)

Values = tuple[Attribute, ...]
"""Of the attributes of an instrument, in the order of `Metric.attributes`."""

OVERFLOW: Final[Values] = ()
"""The values of the series that has what found no place."""

_SHAPES: Final[dict[str, Shape]] = {
    "counter": "counter",
    "up-down counter": "up-down counter",
    "gauge": "gauge",
    "observable gauge": "gauge",
    "histogram": "histogram",
}
_OVERFLOWN: Final = ((names.OTEL_METRIC_OVERFLOW, True),)


def formed(
    metric: Metric,
    values: Values,
    value: float | Distribution,
    times: tuple[int, int],
    exemplars: tuple[Exemplar, ...] = (),
    *,
    delta: bool = False,
) -> Point:
    """The point of one series.

    Args:
        times: Since when it counts, and now, in Unix nanoseconds; a gauge has only the
            second.
    """
    shape = _SHAPES[metric.kind]
    return Point(
        metric.name,
        metric.unit,
        shape,
        named(metric, values),
        0 if shape == "gauge" else times[0],
        times[1],
        value,
        metric.description,
        exemplars,
        delta,
    )


def named(metric: Metric, values: Values) -> tuple[tuple[str, Attribute], ...]:
    """The attributes of a series, sorted by name."""
    if values == OVERFLOW and metric.attributes:
        return _OVERFLOWN
    return tuple((name, values[at]) for name, at in _order(metric.name))


@lru_cache(maxsize=len(names.METRICS))
def _order(name: str) -> tuple[tuple[str, int], ...]:
    """The attributes of an instrument, sorted, each with its place among the values."""
    metric = _METRICS[name]
    return tuple(sorted((each, at) for at, each in enumerate(metric.attributes)))


_METRICS: Final = {metric.name: metric for metric in names.METRICS}
