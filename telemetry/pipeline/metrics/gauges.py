"""What gauges show at a moment, and the last zero of those that have ended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from telemetry.core import names
from telemetry.core.metrics import Metric
from telemetry.pipeline.metrics.forming import OVERFLOW, Values, formed
from telemetry.pipeline.metrics.ledger import SERIES
from telemetry.pipeline.metrics.pools import STARTING, STATES, PoolNow
from telemetry.pipeline.points import Point

Readings = dict[str, dict[Values, float]]
"""By name of the instrument."""

_OLDEST: Final = frozenset({names.QUEUE_OLDEST.name})
"""Of several pools under one name the greatest counts; all others add up."""

JUST_NS: Final = 1_000_000
"""A moment: the least time that Prometheus tells apart."""


def readings(pools: Iterable[PoolNow]) -> Readings:
    """What the pools are like now; those under one name are taken together."""
    found: Readings = {}
    for pool in pools:
        for metric, values, value in _of_pool(pool):
            _join(found, metric.name, values, value)
    return found


def _join(found: Readings, name: str, values: Values, value: float) -> None:
    known = found.setdefault(name, {})
    if values not in known and len(known) >= SERIES - 1:
        values = OVERFLOW
    before = known.get(values, 0)
    known[values] = max(before, value) if name in _OLDEST else before + value


def _of_pool(pool: PoolNow) -> Iterator[tuple[Metric, Values, float]]:
    if not pool.is_open:
        return
    key = pool.label, pool.mode
    yield names.ACTIVE, key, pool.running
    yield names.QUEUED, key, pool.queued
    yield names.QUEUE_OLDEST, key, pool.oldest_s
    if pool.want is not None and pool.demand is not None:
        yield names.AUTOSCALER_WANT, key, pool.want
        yield names.AUTOSCALER_DEMAND, key, pool.demand
    states = dict.fromkeys(STATES, 0)
    for container_id, each in pool.containers.items():
        states[each.state] = states.get(each.state, 0) + 1
        if each.state == STARTING:
            continue  # it has no slots yet
        mine = (*key, container_id)
        yield names.SLOTS_ACTIVE, mine, each.running
        yield names.SLOTS_TARGET, mine, each.target
        yield names.SLOTS_LIMIT, mine, each.limit
        yield names.SLOTS_PEAK, mine, each.peak
        yield names.SLOTS_STUCK, mine, each.stuck
    for state, count in states.items():
        yield names.CONTAINERS, (*key, state), count


class Told:
    """Which series were told of the last time.

    A value that nobody tells any more stands for another five minutes in Prometheus
    (its look-back). So a series that has ended is told once more, as zero.
    """

    def __init__(self, series: Mapping[str, Iterable[Values]] | None = None) -> None:
        self.series = {name: set(each) for name, each in (series or {}).items()}

    def points(
        self, metric: Metric, current: Mapping[Values, float], times: tuple[int, int]
    ) -> list[Point]:
        """The points of one instrument."""
        ended = self.series.get(metric.name, set()) - current.keys()
        points = [
            formed(metric, values, value, times) for values, value in current.items()
        ]
        # Sorted, so that the same state gives the same points.
        points += [
            formed(metric, values, 0, times) for values in sorted(ended, key=repr)
        ]
        self.series[metric.name] = set(current)
        return points

    def before(
        self, metric: Metric, ended: Mapping[Values, float], times: tuple[int, int]
    ) -> list[Point]:
        """The last points of series that have ended since: told a moment before.

        What `points` gives next has their zeros.
        """
        room = SERIES - 1 - len(self.series.get(metric.name, ()))
        told = dict(list(ended.items())[: max(room, 0)])
        self.series.setdefault(metric.name, set()).update(told)
        earlier = times[0], times[1] - JUST_NS
        return [formed(metric, each, value, earlier) for each, value in told.items()]
