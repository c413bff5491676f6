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
answering with its last value for 5 minutes. Four times the export interval (15 s).
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
    """What a heatmap wants: how much came into each bucket in each step."""
    return increase(s.bucket(metric), *more, by=["le"])


def quantile(share: float, metric: Metric, *more: str, by: Sequence[str] = ()) -> str:
    """A quantile of a histogram at each moment, by labels."""
    rates = rate(s.bucket(metric), *more, by=["le", *by])
    return f"histogram_quantile({share:g}, {rates})"


def quantile_in_range(
    share: float, metric: Metric, *more: str, by: Sequence[str] = ()
) -> str:
    """A quantile of all that a histogram has seen in the time range, by labels."""
    counts = increase(s.bucket(metric), *more, by=["le", *by], over=RANGE)
    return f"histogram_quantile({share:g}, {counts})"


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
        f"({fresh(active)} > bool 0) + ({active} > bool {target})"
        f" + ({active} >= bool {limit}) * ({limit} > bool {target})"
    )
    queue = total(chosen(s.series(names.QUEUED)), by=["job", s.FUNCTION])
    full = f"2 * ({active} >= bool {limit}) * ({limit} == bool {target})"
    waited = f"and on (job, {s.FUNCTION}) ({queue} > 0)"
    return f"({plain} + {full} {waited}) or ({plain})"
