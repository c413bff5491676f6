"""Panels whose figures add up to something that the runtime has counted."""

from __future__ import annotations

from typing import Final, NamedTuple

from benchmarks.proof.asking import Asked, queries
from benchmarks.proof.sums import Counted
from dashboards.drawing.filling import Range
from dashboards.drawing.source import prometheus_query
from telemetry.core import names
from telemetry.core.metrics import Metric
from tests.stack.prometheus import PrometheusRun

TOLERANCE: Final = 0.15
"""A rate is extrapolated to the edges of its window, by up to half an export on each
side, and a replay has few exports."""


class Amount(NamedTuple):
    """A panel, and what its first query adds up to.

    Attributes:
        is_rate: It shows so much per second, and else so much in each step.
    """

    where: str
    metric: Metric
    is_rate: bool = False


AMOUNTS: Final = (
    Amount("input-overview / Inputs by outcome", names.COMPLETED, is_rate=True),
    Amount(
        "input-concurrency / Exact mean, sample and peak",
        names.SLOTS_SECONDS,
        is_rate=True,
    ),
    Amount("input-concurrency / Bursts by reason", names.BURSTS),
    Amount("input-scaling / Time lost to waiting", names.QUEUE_DURATION, is_rate=True),
    Amount("input-scaling / Decisions", names.AUTOSCALER_DECISIONS),
    Amount("input-scaling / Starts and exits", names.CONTAINER_STARTS),
    Amount("input-cancellations / By cause and mode", names.CANCELLED, is_rate=True),
    Amount(
        "input-cancellations / Rescheduled by reason", names.RESCHEDULED, is_rate=True
    ),
    Amount("input-cancellations / Containers ended, by reason", names.CONTAINER_EXITS),
    Amount("input-telemetry / Delivered", names.TELEMETRY_SHIPPED),
)


def amounts(prometheus: PrometheusRun, shown: Range, counted: Counted) -> list[Asked]:
    """Whether these panels add up, over a time that has all of it.

    Args:
        shown: Begins and ends at least a window of `rate` beside the run.
    """
    query = prometheus_query(prometheus.url)
    first: dict[str, str] = {}
    for where, expression, _ in queries():
        first.setdefault(where, expression)
    found = []
    for where, metric, is_rate in AMOUNTS:
        expression = shown.filled(first[where])
        series = query(expression, shown.start_s, shown.end_s, shown.step_s)
        shows = sum(value for each in series for _, value in each.points)
        shows *= shown.step_s if is_rate else 1
        wanted = _total(counted, metric)
        is_near = abs(shows - wanted) <= TOLERANCE * wanted
        said = f"{shows:,.1f} shown, {wanted:,.1f} counted"
        found.append(Asked(f"{where}: {said}", "" if is_near else "adds up to another"))
    return found


def _total(counted: Counted, metric: Metric) -> float:
    if metric.kind == "histogram":
        return sum(v.sum for key, v in counted.spreads.items() if key[0] == metric.name)
    return sum(v for key, v in counted.counters.items() if key[0] == metric.name)
