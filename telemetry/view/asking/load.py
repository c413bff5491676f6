"""How many inputs ran and waited at each moment, per function, in columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final

from telemetry.pipeline.store.queries.reading import Reader
from telemetry.view.answers.timeline import Container, Load, LoadHistory
from telemetry.view.asking.times import NS_PER_MS

if TYPE_CHECKING:
    from telemetry.view.asking.tiles import Stretch

LOOK_AHEAD_NS: Final = 120_000_000_000
"""Who started this long after a stretch is not asked whether it waited within."""

_RUNNING: Final = """
select min((max(started_ns, :from) - :from + :column - 1) / :column, :columns),
    min((coalesce(ended_ns, :open) - :from + :column - 1) / :column, :columns), count(*)
from executions
where container = (select id from containers where container_id = :container)
and started_ns < :to and coalesce(ended_ns, :open) > :from
group by 1, 2 having min((max(started_ns, :from) - :from + :column - 1) / :column)
    < max((coalesce(ended_ns, :open) - :from + :column - 1) / :column)
"""

_WAITING: Final = """
select min((max(started_ns - cast(wait_s * 1e9 as integer), :from) - :from
        + :column - 1) / :column, :columns),
    min((started_ns - :from + :column - 1) / :column, :columns), count(*)
from executions
where container = (select id from containers where container_id = :container)
and started_ns > :from and started_ns < :ahead
and wait_s > :least and started_ns - wait_s * 1e9 < :to
group by 1, 2
"""


def loads(
    reader: Reader,
    stretch: Stretch,
    containers: Sequence[Container],
    peaks: Mapping[int, Sequence[int]],
) -> tuple[list[Load], list[str]]:
    """The load of each function in a stretch, and the functions in order.

    Per column it is the most that ran at once: what ran as it began, or what the
    dispatcher counted as an execution started in it.

    Args:
        peaks: Most that the dispatcher counted, by place in *containers* and column.
    """
    functions = sorted({each.function for each in containers})
    running = {name: [0] * stretch.columns for name in functions}
    queued = {name: [0] * stretch.columns for name in functions}
    for place, container in enumerate(containers):
        asked = _asked(stretch, container)
        counted = _covered(reader, _RUNNING, asked, stretch.columns)
        peak = peaks.get(place) or counted
        total = running[container.function]
        for at, (count, most) in enumerate(zip(counted, peak, strict=True)):
            total[at] += max(count, most)
        waits = queued[container.function]
        found = _covered(reader, _WAITING, asked, stretch.columns)
        for at, count in enumerate(found):
            waits[at] += count
    return [
        Load(number, running[name], queued[name])
        for number, name in enumerate(functions)
    ], functions


def _asked(stretch: Stretch, container: Container) -> dict[str, Any]:
    return {
        "from": stretch.from_ns,
        "to": stretch.to_ns,
        "open": stretch.open_ns,
        "column": stretch.column_ns,
        "columns": stretch.columns,
        "container": container.container_id,
        "ahead": stretch.to_ns + LOOK_AHEAD_NS,
        "least": stretch.column_ns / 1e9,
    }


def _covered(
    reader: Reader, question: str, asked: dict[str, Any], columns: int
) -> list[int]:
    """At the begin of each column: how many stretches of the answer cover it."""
    steps = [0] * (columns + 1)
    for first, end, count in reader.rows(question, asked):
        steps[min(max(first, 0), columns)] += count
        steps[min(max(end, 0), columns)] -= count
    return list(accumulate(steps))[:columns]


def histories(
    reader: Reader, stretch: Stretch, containers: Sequence[Container]
) -> list[LoadHistory]:
    """The load of each function, and the capacity that it had."""
    found, functions = loads(reader, stretch, containers, {})
    return [
        LoadHistory(
            function=functions[each.function],
            from_ms=stretch.from_ns / NS_PER_MS,
            step_ms=stretch.column_ns / NS_PER_MS,
            running=each.running,
            queued=each.queued,
            target=_capacity(stretch, containers, functions[each.function], "target"),
            limit=_capacity(stretch, containers, functions[each.function], "limit"),
        )
        for each in found
    ]


def _capacity(
    stretch: Stretch, containers: Sequence[Container], function: str, which: str
) -> list[int]:
    """What the ready containers of a function could run, at each column's begin."""
    steps = [0] * (stretch.columns + 1)
    for each in containers:
        if each.function != function or each.ready_ms is None:
            continue
        size = each.limit if which == "limit" else (each.target or each.limit)
        first = _after(stretch, each.ready_ms)
        end = stretch.columns
        if each.exited_ms is not None:
            end = max(_after(stretch, each.exited_ms), first)
        steps[first] += size or 0
        steps[end] -= size or 0
    return list(accumulate(steps))[: stretch.columns]


def _after(stretch: Stretch, moment_ms: float) -> int:
    """The first column that begins at that moment, or later."""
    at = -((stretch.from_ns - round(moment_ms * NS_PER_MS)) // stretch.column_ns)
    return min(max(at, 0), stretch.columns)
