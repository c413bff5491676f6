"""Everything in a table, a piece at a time: for files that are made of a store."""

from __future__ import annotations

from typing import Final, NamedTuple

import orjson

from telemetry.pipeline.store.queries.containers import StoredProcess
from telemetry.pipeline.store.queries.reading import (
    Reader,
    Where,
    checked_limit,
    number_of,
)

_NUMBERED: Final = frozenset({"logs", "spans", "inputs", "executions", "containers"})
_PROCESS: Final = """
select name, kind, service, pid, host, app, function, container, started_ns, ended_ns,
    state, resource, dropped
from processes where name = ?
"""
_CONTAINERS: Final = """
select c.id, c.container_id, t.text, c.pid, c.starting_ns, c.ready_ns,
    coalesce(c.exited_ns, p.ended_ns), c.spawn_s, c.import_s, c.enter_s, c.exit_reason,
    c.exit_status, c.target, c.max_inputs
from containers c left join texts t on t.id = c.function
left join processes p on p.name = c.container_id
"""
_RUNS: Final = """
select e.id, i.input_id, e.attempt, t.text, e.slot, e.started_ns, e.ended_ns, e.ending,
    e.zone, e.concurrency, e.burst, e.cold, e.wait_s, e.wait_reason, e.batch_size,
    p.name, p.ended_ns, i.call_id, i.parent, i.outcome, i.attempts, i.error_type,
    i.error_text, i.cancel_cause, i.cancel_phase, i.cancel_mechanism, i.cancel_observed,
    i.cancel_requested_ns, i.blocked_s, i.trace_id
from executions e join inputs i on i.id = e.input
left join texts t on t.id = e.function left join processes p on p.id = e.process
"""


class Reach(NamedTuple):
    """The lowest and the highest number of a table's rows; both 0 where it is empty."""

    first: int
    last: int


class NumberedContainer(NamedTuple):
    """A container, with the number by which other tables know it.

    Attributes:
        exited_ns: Or when its process ended, where nobody saw more.
    """

    number: int
    container_id: str
    function: str | None
    pid: int | None
    starting_ns: int | None
    ready_ns: int | None
    exited_ns: int | None
    spawn_s: float | None
    import_s: float | None
    enter_s: float | None
    exit_reason: str | None
    exit_status: int | None
    target: int | None
    max_inputs: int | None


class Run(NamedTuple):
    """An execution, and what is known of its input.

    Attributes:
        ended_ns: None while it runs, and where its process has gone without a word.
        process_ended_ns: When that was.
        trace_id: Of the input; 16 bytes.
    """

    number: int
    input_id: str
    attempt: int
    function: str | None
    slot: int | None
    started_ns: int
    ended_ns: int | None
    ending: str | None
    zone: str | None
    concurrency: int | None
    burst: int | None
    cold: int | None
    wait_s: float | None
    wait_reason: str | None
    batch_size: int | None
    process: str | None
    process_ended_ns: int | None
    call_id: str | None
    parent: str | None
    outcome: str | None
    attempts: int
    error_type: str | None
    error_text: str | None
    cancel_cause: str | None
    cancel_phase: str | None
    cancel_mechanism: str | None
    cancel_observed: str | None
    cancel_requested_ns: int | None
    blocked_s: float | None
    trace_id: bytes | None


class RunCursor(NamedTuple):
    """Behind which executions go on: they are in this order."""

    started_ns: int
    number: int


def reach(reader: Reader, table: str) -> Reach:
    """How far the rows of a table go.

    Args:
        table: logs, spans, inputs, executions or containers.
    """
    if table not in _NUMBERED:
        raise ValueError(f"{table!r} is no table with numbers")
    with reader.asking():
        first = reader.one(f"select min(id) from {table}")  # one of ours
        last = reader.one(f"select max(id) from {table}")  # the same
    return Reach(int(first or 0), int(last or 0))


def process_named(reader: Reader, name: str) -> StoredProcess | None:
    """The process of that name; None when nothing is known of it."""
    with reader.asking():
        rows = reader.rows(_PROCESS, (name,))
    for row in rows:
        return StoredProcess(*(*row[:11], orjson.loads(row[11]), orjson.loads(row[12])))
    return None


def containers_after(
    reader: Reader,
    number: int,
    *,
    function: str | None = None,
    container_id: str | None = None,
    limit: int = 200,
) -> list[NumberedContainer]:
    """The containers behind *number*, in the order in which they were asked for."""
    checked_limit(limit)
    with reader.asking():
        where = Where()
        where.add("c.id > ?", number)
        where.add_given("c.container_id = ?", container_id)
        if function is not None:
            where.add("c.function = ?", number_of(reader, function))
        rows = reader.rows(
            f"{_CONTAINERS} {where} order by c.id limit ?", (*where.values, limit)
        )
    return [NumberedContainer(*row) for row in rows]


def runs_after(
    reader: Reader,
    container: int | None,
    after: RunCursor,
    *,
    until_ns: int | None = None,
    input_id: str | None = None,
    limit: int = 500,
) -> list[Run]:
    """The executions of one container that started behind *after*, in their order.

    Args:
        container: Its number; None for those that ran without one.
    """
    checked_limit(limit)
    with reader.asking():
        where = Where()
        where.add("e.container is ?", container)
        where.add("(e.started_ns, e.id) > (?, ?)", *after)
        where.add_given("e.started_ns < ?", until_ns)
        where.add_given("i.input_id = ?", input_id)
        rows = reader.rows(
            f"{_RUNS} {where} order by e.started_ns, e.id limit ?",
            (*where.values, limit),
        )
    return [Run(*row) for row in rows]


class Times(NamedTuple):
    """When the first execution began, and when the last began or ended; 0 for none."""

    first_ns: int
    last_ns: int


def execution_times(reader: Reader) -> Times:
    """The time that all executions lie in."""
    with reader.asking():
        rows = reader.rows(
            "select min(started_ns), max(max(started_ns, coalesce(ended_ns, 0))) "
            "from executions"
        )
    first_ns, last_ns = rows[0]
    return Times(first_ns or 0, last_ns or 0)
