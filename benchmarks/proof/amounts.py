"""Panels whose figures add up to something that the runtime has counted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from benchmarks.proof.asking import Asked, queries
from benchmarks.proof.sums import Counted, Key
from dashboards.drawing.filling import Range
from dashboards.drawing.source import prometheus_query
from telemetry.core import names
from telemetry.core.metrics import Metric
from tests.stack.prometheus import PrometheusRun

TOLERANCE: Final = 0.15
"""A rate is extrapolated to the edges of its window, by up to half an export on each
side, and a replay has few exports."""

_MINUTE_S: Final = 60.0


class Amount(NamedTuple):
    """A panel that shows how much of something there was in a time.

    Attributes:
        per_s: In how many seconds.
        first: So many of its queries are about that.
        but: Not what has this value of an attribute.
    """

    where: str
    metric: Metric
    per_s: float = 1.0
    first: int = 1
    but: str = ""


AMOUNTS: Final = (
    Amount("input-overview / Inputs by outcome", names.COMPLETED, first=5),
    Amount("input-concurrency / Exact mean, sample and peak", names.SLOTS_SECONDS),
    Amount("input-concurrency / Bursts per minute, by reason", names.BURSTS, _MINUTE_S),
    Amount("input-scaling / Time lost to waiting", names.QUEUE_DURATION),
    Amount(
        "input-scaling / Decisions per minute",
        names.AUTOSCALER_DECISIONS,
        _MINUTE_S,
        but="hold",
    ),
    Amount(
        "input-scaling / Starts and exits per minute",
        names.CONTAINER_STARTS,
        _MINUTE_S,
    ),
    Amount("input-cancellations / By cause and mode", names.CANCELLED),
    Amount("input-cancellations / Rescheduled by reason", names.RESCHEDULED),
    Amount(
        "input-cancellations / Containers ended per minute",
        names.CONTAINER_EXITS,
        _MINUTE_S,
    ),
    Amount("input-telemetry / Delivered", names.TELEMETRY_SHIPPED),
)


def amounts(prometheus: PrometheusRun, shown: Range, counted: Counted) -> list[Asked]:
    """Whether these panels add up, over a time that has all of it.

    Args:
        shown: Begins and ends at least a window of `rate` beside the run.
    """
    query = prometheus_query(prometheus.url)
    asked: dict[str, list[str]] = {}
    for where, expression, _ in queries():
        asked.setdefault(where, []).append(shown.filled(expression))
    found = []
    for each in AMOUNTS:
        shows = 0.0
        for expression in asked[each.where][: each.first]:
            series = query(expression, shown.start_s, shown.end_s, shown.step_s)
            shows += sum(value for one in series for _, value in one.points)
        shows *= shown.step_s / each.per_s
        wanted = sum(_counted(counted, each))
        is_near = abs(shows - wanted) <= TOLERANCE * wanted
        said = f"{each.where}: {shows:,.1f} shown, {wanted:,.1f} counted"
        found.append(Asked(said, "" if is_near else "adds up to another"))
    return found


def _counted(counted: Counted, amount: Amount) -> Iterator[float]:
    def is_meant(key: Key) -> bool:
        is_left_out = bool(amount.but) and amount.but in key[1]
        return key[0] == amount.metric.name and not is_left_out

    yield from (value for key, value in counted.counters.items() if is_meant(key))
    yield from (value.sum for key, value in counted.spreads.items() if is_meant(key))
