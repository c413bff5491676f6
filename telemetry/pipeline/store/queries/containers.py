"""Containers and processes: how they started, what they ran, how they ended."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import orjson

from telemetry.pipeline.store.queries.reading import (
    Reader,
    Where,
    checked_limit,
    number_of,
)

_CONTAINERS: Final = """
select c.container_id, t.text, c.pid, c.starting_ns, c.ready_ns, c.exited_ns,
    c.spawn_s, c.import_s, c.enter_s, c.exit_reason, c.exit_status, c.exit_phase,
    c.target, c.max_inputs, p.state, p.host,
    (select count(*) from executions where container = c.id),
    (select count(*) from executions where container = c.id and ended_ns is null)
from containers c left join texts t on t.id = c.function
left join processes p on p.name = c.container_id
"""
_PROCESSES: Final = """
select name, kind, service, pid, host, app, function, container, started_ns, ended_ns,
    state, resource, dropped
from processes
"""


class StoredContainer(NamedTuple):
    """A container.

    Attributes:
        starting_ns: When it was asked for; None for one of before the store began.
        spawn_s: Seconds that its process took to start; this and the next two are the
            phases of a cold start.
        exit_reason: scaledown, cancellation, timeout, crash, shutdown, start_failed.
        exit_status: Negative for a signal.
        exit_phase: Where its start failed: import or enter.
        state: Of its process: alive, ended or died; None when that is not known.
        executions: How many it has had, as far as they are kept.
        running: Of these, those that have not ended.
    """

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
    exit_phase: str | None
    target: int | None
    max_inputs: int | None
    state: str | None
    host: str | None
    executions: int
    running: int


class StoredProcess(NamedTuple):
    """A process that left something in the store.

    Attributes:
        name: Of its black box, or what tells a foreign one from others.
        kind: container, driver, program or foreign.
        state: alive, ended or died.
        dropped: How many records its writer had to drop, by reason.
    """

    name: str
    kind: str
    service: str | None
    pid: int | None
    host: str | None
    app: str | None
    function: str | None
    container_id: str | None
    started_ns: int | None
    ended_ns: int | None
    state: str
    resource: dict[str, Any]
    dropped: dict[str, int]


def containers(
    reader: Reader,
    *,
    function: str | None = None,
    living: bool | None = None,
    since_ns: int | None = None,
    limit: int = 200,
) -> list[StoredContainer]:
    """Containers, the newest first.

    Args:
        living: Those that have not exited, or those that have.
        since_ns: Those that were there then, or later.
    """
    checked_limit(limit)
    with reader.asking():
        where = Where()
        if function is not None:
            where.add("c.function = ?", number_of(reader, function))
        if living is not None:
            gone = "c.exited_ns is not null or coalesce(p.state, 'alive') <> 'alive'"
            where.add(f"not ({gone})" if living else gone)
        where.add_given("c.exited_ns is null or c.exited_ns >= ?", since_ns)
        rows = reader.rows(
            f"{_CONTAINERS} {where} order by c.id desc limit ?",
            (*where.values, limit),
        )
    return [StoredContainer(*row) for row in rows]


def container(reader: Reader, container_id: str) -> StoredContainer | None:
    """The container of that id; None when nothing is known of it."""
    with reader.asking():
        rows = reader.rows(f"{_CONTAINERS} where c.container_id = ?", (container_id,))
    return StoredContainer(*rows[0]) if rows else None


def processes(
    reader: Reader, *, state: str | None = None, limit: int = 200
) -> list[StoredProcess]:
    """Processes, the newest first."""
    checked_limit(limit)
    where = Where()
    where.add_given("state = ?", state)
    with reader.asking():
        rows = reader.rows(
            f"{_PROCESSES} {where} order by id desc limit ?", (*where.values, limit)
        )
    return [
        StoredProcess(*(*row[:11], orjson.loads(row[11]), orjson.loads(row[12])))
        for row in rows
    ]
