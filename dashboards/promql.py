"""Queries as text, from metrics of the contract and the variables of a dashboard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dashboards import series as s
from telemetry.core import names
from telemetry.core.metrics import Metric

RATE: Final = "$__rate_interval"
RANGE: Final = "$__range"

FRESH_S: Final = 60
"""Age in seconds at which the last value of a gauge counts for nothing any more.

Metrics are pushed, so no scrape marks a container as gone: Prometheus goes on
answering with its last value for 5 minutes. Six times the interval of export (10 s).
"""

SERVICE: Final = 'job=~"$job", instance=~"$instance"'
_CHOSEN: Final = f"{s.FUNCTION}=~`(${{function:regex}})([.].+)?`"
# In backquotes and with :regex, because Grafana's own escaping for double quotes
# differs between versions and loses names with a quote or a backslash. Whoever
# chooses a class chooses its methods: containers and queues are of the class, and
# inputs of the method.
OF_FUNCTION: Final = f"{SERVICE}, {_CHOSEN}"
OF_CONTAINER: Final = f'{OF_FUNCTION}, {s.CONTAINER}=~"$container"'
OF_RECORDED: Final = f'job=~"$job", {_CHOSEN}'
"""What rules record is summed over instances."""
OF_ALERTS: Final = 'dashboard=~"input-.+", job=~"$job|"'
"""Our alerts; those of the Collector are of no service."""


def chosen(name: str, *more: str) -> str:
    """The series *name* of the functions that the variables choose.

    Args:
        more: Further matchers, as written in PromQL.
    """
    return f"{name}{{{', '.join([OF_FUNCTION, *more])}}}"


def per_container(metric: Metric) -> str:
    """A gauge of the chosen containers, without those that are gone."""
    return fresh(f"{s.series(metric)}{{{OF_CONTAINER}}}")


def living(metric: Metric) -> str:
    """A gauge of all containers of the chosen functions that are not gone."""
    return fresh(chosen(s.series(metric)))


def fresh(selector: str) -> str:
    """Samples that are not older than `FRESH_S`."""
    return f"({selector} and (timestamp({selector}) > time() - {FRESH_S}))"


def rate(metric: Metric | str, *more: str, by: Sequence[str] = ()) -> str:
    """Sum of the rates per second, by labels.

    Args:
        metric: A counter, or the name of a histogram's series.
    """
    return _summed("rate", metric, more, by, RATE)


def per_minute(metric: Metric, *more: str, by: Sequence[str] = ()) -> str:
    """How often in a minute: for what is rare, whatever the zoom.

    Counts in the steps of a panel would not add up: rates need windows that overlap.
    """
    return f"60 * {rate(metric, *more, by=by)}"


def increase(
    metric: Metric | str, *more: str, by: Sequence[str] = (), over: str = RATE
) -> str:
    """Sum of the increases, by labels."""
    return _summed("increase", metric, more, by, over)


def _summed(
    function: str,
    metric: Metric | str,
    more: Sequence[str],
    by: Sequence[str],
    over: str,
) -> str:
    name = metric if isinstance(metric, str) else s.series(metric)
    return f"sum{grouped(by)} ({function}({chosen(name, *more)}[{over}]))"


def grouped(by: Sequence[str]) -> str:
    """``by (a, b)``, or nothing."""
    return f" by ({', '.join(by)})" if by else ""


def buckets(metric: Metric, *more: str) -> str:
    """What a heatmap wants: how much comes into each bucket per second."""
    return rate(s.bucket(metric), *more, by=["le"])


def quantile(share: float, metric: Metric, *more: str, by: Sequence[str] = ()) -> str:
    """A quantile of a histogram at each moment, by labels."""
    return _quantile(share, rate(s.bucket(metric), *more, by=["le", *by]))


def quantile_in_range(
    share: float, metric: Metric, *more: str, by: Sequence[str] = ()
) -> str:
    """A quantile of all that a histogram has seen in the time range, by labels."""
    counts = increase(s.bucket(metric), *more, by=["le", *by], over=RANGE)
    return _quantile(share, counts)


def _quantile(share: float, buckets_by_le: str) -> str:
    # A quantile of nothing is no number, which no comparison lets through.
    return f"(histogram_quantile({share:g}, {buckets_by_le}) >= 0)"


def mean(metric: Metric, *more: str, by: Sequence[str] = ()) -> str:
    """The mean of what a histogram has seen, by labels."""
    sums = rate(s.summed(metric), *more, by=by)
    return f"{sums} / ({rate(s.counted(metric), *more, by=by)} > 0)"


def total(selector: str, *, by: Sequence[str] = ()) -> str:
    """Sum over all series, by labels."""
    return f"sum{grouped(by)} ({selector})"


def top(expr: str, most: int = 20) -> str:
    """The greatest at each moment: a thousand lines are no picture, and take long."""
    return f"topk({most}, {expr})"


def of_pools(expr: str) -> str:
    """What is counted by function, also under the name of the class of a method.

    Containers of a class with several methods are counted under its own name.
    """
    of_class = f'"{s.FUNCTION}", "$1", "{s.FUNCTION}", "(.+)[.][^.]+"'
    return f"({expr} or sum by ({s.FUNCTION}) (label_replace({expr}, {of_class})))"


def above_target(expr: str) -> str:
    """Of series by function, those of functions that can be above their target.

    Where the limit is the target, "saturated" is at the target and not above it. Such
    a function has no inputs admitted in the zone "burst", not even a series of none.
    """
    can = rate(names.STARTED, f'{s.ZONE}="burst"', by=[s.FUNCTION])
    return f"({expr} and on ({s.FUNCTION}) {of_pools(f'({can} >= 0)')})"


def time_above_target(over: str = RATE) -> str:
    """Share of container time above the target."""
    by = [s.FUNCTION]
    zone = f'{s.ZONE}=~"burst|saturated"'
    part = increase(names.ZONE_SECONDS, zone, by=by, over=over)
    whole = increase(names.ZONE_SECONDS, over=over)
    return share(f"sum ({above_target(part)})", whole)


def most(
    metric: Metric, selector: str, *, by: str = s.FUNCTION, over: str = RATE
) -> str:
    """The greatest value of a gauge within a window, by one label."""
    return f"max by ({by}) (max_over_time({s.series(metric)}{{{selector}}}[{over}]))"


def legend(*labels: str) -> str:
    """The values of labels as the name of a series."""
    return " ".join(f"{{{{{label}}}}}" for label in labels)


def or_zero(expr: str) -> str:
    """Zero where there is nothing: only where nothing does mean zero."""
    return f"({expr} or vector(0))"


def share(part: str, whole: str) -> str:
    """A part of a whole, without labels; nothing while the whole is zero."""
    return f"{or_zero(part)} / ({whole} > 0)"


def zone_of_container() -> str:
    """The zone of each container: 0 idle, 1 normal, 2 burst, 3 saturated.

    Source: telemetry.policy.bursts.zone. A container whose limit is its target is
    saturated only while its function has a queue, which the second part adds.
    """
    # The gauges of one container come from one exporter, with the same labels. One
    # of them has to be fresh: an operation keeps what both of its sides have.
    active, target, limit = (
        f"{s.series(metric)}{{{OF_CONTAINER}}}"
        for metric in (names.SLOTS_ACTIVE, names.SLOTS_TARGET, names.SLOTS_LIMIT)
    )
    plain = (
        # One that has ended is told of once more, with a limit of 0.
        f"(({fresh(active)} and {limit} > 0) > bool 0) + ({active} > bool {target})"
        f" + ({active} >= bool {limit}) * ({limit} > bool {target})"
    )
    queue = total(chosen(s.series(names.QUEUED)), by=["job", s.FUNCTION])
    full = f"2 * ({active} >= bool {limit}) * ({limit} == bool {target})"
    waited = f"and on (job, {s.FUNCTION}) ({queue} > 0)"
    return f"({plain} + {full} {waited}) or ({plain})"
