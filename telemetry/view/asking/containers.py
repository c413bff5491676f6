"""Containers, and programs that have inputs but no containers."""

from __future__ import annotations

from typing import Any, Final

from telemetry.capture.blackbox.listing import ALIVE
from telemetry.pipeline.store.queries.reading import Reader
from telemetry.view.answers.timeline import Container
from telemetry.view.asking.times import ms

MOST: Final = 4_000
"""Containers of one answer; of more, the newest."""

PROGRAM_ROWS: Final = 16
"""Rows for a program: its inputs have no slots, and are packed into these."""

PROGRAM_PREFIX: Final = "program:"
"""Before the number of a process, where containers have their id."""

_CONTAINERS: Final = """
select c.container_id, coalesce(t.text, o.function), coalesce(c.pid, o.pid),
    c.starting_ns, coalesce(c.ready_ns, iif(c.starting_ns is null, o.started_ns, null)),
    coalesce(c.exited_ns, o.ended_ns),
    c.spawn_s, c.import_s, c.enter_s, c.exit_reason, c.exit_status,
    coalesce(c.target, json_extract(p.declared, '$.target')),
    coalesce(c.max_inputs, json_extract(p.declared, '$.limit')), c.id
from containers c left join texts t on t.id = c.function
left join pools p on p.function = c.function
left join processes o on o.name = c.container_id
order by c.id desc limit ?
"""

# An execution that has a slot, but whose container never said how many it has.
_HIGHEST_SLOT: Final = "select max(slot) from executions where container = ?"

_PROGRAMS: Final = """
select p.id, coalesce(p.service, p.name), p.pid, p.state, p.ended_ns,
    min(e.started_ns), max(coalesce(e.ended_ns, e.started_ns))
from executions e join processes p on p.id = e.process
where e.container is null and e.started_ns is not null
group by p.id order by p.id desc limit ?
"""


def containers(reader: Reader, most: int = MOST) -> list[Container]:
    """All of them, the newest first."""
    rows = reader.rows(_CONTAINERS, (most,))
    return [_container(reader, row) for row in rows]


def programs(reader: Reader, most: int = MOST) -> list[Container]:
    """Processes whose inputs have no container, in the form of containers."""
    return [
        Container(
            container_id=f"{PROGRAM_PREFIX}{number}",
            function=name,
            pid=pid,
            starting_ms=None,
            ready_ms=ms(first_ns),
            exited_ms=None if state == ALIVE else ms(max(ended_ns or 0, last_ns)),
            spawn_s=None,
            import_s=None,
            enter_s=None,
            exit_reason=None,
            exit_status=None,
            target=None,
            limit=PROGRAM_ROWS,
            state="program",
        )
        for number, name, pid, state, ended_ns, first_ns, last_ns in reader.rows(
            _PROGRAMS, (most,)
        )
    ]


def _container(reader: Reader, row: tuple[Any, ...]) -> Container:
    starting_ns, ready_ns, exited_ns, target, limit = (
        row[3],
        row[4],
        row[5],
        *row[11:13],
    )
    if limit is None:
        highest = reader.one(_HIGHEST_SLOT, (row[13],))
        limit = 1 if highest is None else highest + 1
    state = "starting" if ready_ns is None else "ready"
    return Container(
        container_id=row[0],
        function=row[1] or "",
        pid=row[2],
        starting_ms=ms(starting_ns),
        ready_ms=ms(ready_ns),
        exited_ms=ms(exited_ns),
        spawn_s=row[6],
        import_s=row[7],
        enter_s=row[8],
        exit_reason=row[9],
        exit_status=row[10],
        target=target,
        limit=limit,
        state="exited" if exited_ns is not None else state,
    )
