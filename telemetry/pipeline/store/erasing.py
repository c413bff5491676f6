"""Takes rows out of the store, some at a time, with all that belongs to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from telemetry.capture.blackbox.listing import ALIVE
from telemetry.pipeline.store.processes import FOREIGN
from telemetry.pipeline.store.search import INDEXED
from telemetry.pipeline.store.writing import Store

AT_ONCE: Final = 2_000
"""Rows that one step takes out: some milliseconds, for which nobody can write."""


class Below(NamedTuple):
    """What has to go: rows with lower numbers, and what was before a time.

    Attributes:
        number: Of the mark that says so.
        taken_ns: Unix nanoseconds.
        logs: The first number that stays; as the next four.
    """

    number: int
    taken_ns: int
    logs: int
    spans: int
    inputs: int
    executions: int
    occurrences: int


def erasing(store: Store, below: Below) -> Iterator[bool]:
    """Take out what is *below*; each step of the iterator is one transaction.

    Others may write between two steps. At the end the mark is gone, too.

    Yields:
        Whether rows are gone that somebody may remember.

    Raises:
        StoreError: The store cannot be written.
    """
    steps: tuple[Callable[[Store, Below], bool], ...] = (
        _lines,
        _spans,
        _occurrences,
        _dispatcher,
    )
    for step in steps:
        more = True
        while more:
            with store.transaction():
                more = step(store, below)
            yield False
    yield from _points(store, below)
    yield from _executions(store, below)
    yield from _inputs(store, below)
    with store.transaction():
        _subjects(store, below)
        store.connection.execute("delete from marks where id <= ?", (below.number,))
    yield True


def _lines(store: Store, below: Below) -> bool:
    run = store.connection.execute
    lowest = run("select min(id) from logs").fetchone()[0]
    if lowest is None or lowest >= below.logs:
        return False
    end = min(lowest + AT_ONCE, below.logs)
    indexed = int(store.get_meta(INDEXED) or 0)
    # The index holds no text of its own: to be taken out, it has to be told it.
    run(
        "insert into logs_fts (logs_fts, rowid, event, exception) "
        "select 'delete', id, event, exception from logs where id >= ? and id < ?",
        (lowest, min(end, indexed + 1)),
    )
    if indexed < end - 1:
        store.set_meta(INDEXED, end - 1)
    whose = run(
        "select distinct execution from logs where id >= ? and id < ? "
        "and execution <> 0",
        (lowest, end),
    ).fetchall()
    many = store.connection.executemany
    many(
        "delete from runs where execution = ? and last < ?", [(*e, end) for e in whose]
    )
    many(
        "update runs set first = ? where execution = ? and first < ? and last >= ?",
        [(end, *each, end, end) for each in whose],
    )
    run("delete from stretches where last < ?", (end,))
    run("update stretches set first = ? where first < ? and last >= ?", (end, end, end))
    run("delete from logs where id < ?", (end,))
    return bool(end < below.logs)


def _spans(store: Store, below: Below) -> bool:
    return _oldest(store, "spans", below.spans)


def _occurrences(store: Store, below: Below) -> bool:
    run = store.connection.execute
    lowest = run("select min(id) from occurrences").fetchone()[0]
    if lowest is None or lowest >= below.occurrences:
        return False
    end = min(lowest + AT_ONCE, below.occurrences)
    rows = run(
        "select count(*), exception from occurrences where id < ? group by exception",
        (end,),
    ).fetchall()
    store.connection.executemany(
        "update exceptions set seen = seen - ? where id = ?", rows
    )
    run("delete from occurrences where id < ?", (end,))
    run("delete from exceptions where seen <= 0")
    return bool(end < below.occurrences)


def _dispatcher(store: Store, below: Below) -> bool:
    before = (below.taken_ns,)
    run = store.connection.execute
    run("delete from decisions where unix_ns < ?", before)
    run("delete from bursts where started_ns < ?", before)
    run("delete from blocked where began_ns < ?", before)
    return False


def _points(store: Store, below: Below) -> Iterator[bool]:
    run = store.connection.execute
    series = [row[0] for row in run("select id from series")]
    for at in range(0, len(series), AT_ONCE):
        with store.transaction():
            store.connection.executemany(
                "delete from points where series = ? and step_ns < ?",
                [(each, below.taken_ns) for each in series[at : at + AT_ONCE]],
            )
        yield False
    with store.transaction():
        run(
            "delete from series where not exists "
            "(select 1 from points where series = series.id)"
        )
    yield True


def _executions(store: Store, below: Below) -> Iterator[bool]:
    """Those that are over, and have no lines any more."""
    after = 0
    while True:
        with store.transaction():
            rows = store.connection.execute(
                "select e.id, e.ended_ns is null and p.state = ? and p.kind <> ?, "
                "exists (select 1 from runs where execution = e.id) "
                "from executions e left join processes p on p.id = e.process "
                "where e.id > ? and e.id < ? order by e.id limit ?",
                (ALIVE, FOREIGN, after, below.executions, AT_ONCE),
            ).fetchall()
            gone = [(row[0],) for row in rows if not row[1] and not row[2]]
            many = store.connection.executemany
            many("delete from executions where id = ?", gone)
            many("delete from members where execution = ?", gone)
        yield bool(gone)
        if len(rows) < AT_ONCE:
            return
        after = rows[-1][0]


def _inputs(store: Store, below: Below) -> Iterator[bool]:
    """Those of which no execution is left."""
    after = 0
    while True:
        with store.transaction():
            rows = store.connection.execute(
                "select id, exists (select 1 from executions where input = inputs.id) "
                "or exists (select 1 from members where input = inputs.id) "
                "from inputs where id > ? and id < ? order by id limit ?",
                (after, below.inputs, AT_ONCE),
            ).fetchall()
            gone = [(row[0],) for row in rows if not row[1]]
            store.connection.executemany("delete from inputs where id = ?", gone)
        yield bool(gone)
        if len(rows) < AT_ONCE:
            return
        after = rows[-1][0]


def _subjects(store: Store, below: Below) -> None:
    """Containers and processes of which nothing is left."""
    run = store.connection.execute
    run(
        "delete from containers where exited_ns < ? and not exists "
        "(select 1 from executions where container = containers.id)",
        (below.taken_ns,),
    )
    lowest = run("select min(id) from logs").fetchone()[0]
    gone = run(
        "select id from processes where (state <> ? or kind = ?) and position is null "
        "and coalesce(ended_ns, started_ns, 0) < ? and coalesce(last_line, 0) < ? "
        "and not exists (select 1 from series where process = processes.id)",
        (ALIVE, FOREIGN, below.taken_ns, below.logs if lowest is None else lowest),
    ).fetchall()
    many = store.connection.executemany
    many("delete from sources where process = ?", gone)
    many("delete from processes where id = ?", gone)


def _oldest(store: Store, table: str, end: int) -> bool:
    """Take some of the oldest rows out; whether there are more below *end*."""
    run = store.connection.execute
    lowest = run(f"select min(id) from {table}").fetchone()[0]
    if lowest is None or lowest >= end:
        return False
    run(f"delete from {table} where id < ?", (min(lowest + AT_ONCE, end),))
    return bool(lowest + AT_ONCE < end)
