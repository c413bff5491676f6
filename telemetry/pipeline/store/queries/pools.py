"""Pools: decisions of the autoscaler, bursts, stalled loops, the last measures."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import orjson

from telemetry.pipeline.store.queries.reading import (
    Reader,
    Row,
    Where,
    checked_limit,
    number_of,
)

_DECISIONS: Final = """
select d.id, d.unix_ns, t.text, d.want, d.have, d.demand, d.reason
from decisions d left join texts t on t.id = d.function
"""
_BURSTS: Final = """
select b.id, t.text, b.started_ns, b.ended_ns, b.peak, b.containers, b.reason
from bursts b left join texts t on t.id = b.function
"""
_STALLS: Final = """
select b.id, b.began_ns, t.text, c.container_id, p.name, b.seconds, b.over, b.input,
    b.candidates, b.line, b.stack, b.suffered
from blocked b left join texts t on t.id = b.function
left join containers c on c.id = b.container left join processes p on p.id = b.process
"""
_POOLS: Final = """
select o.pool, t.text, o.unix_ns, p.name, o.declared, o.measured
from pools o join texts t on t.id = o.function left join processes p on p.id = o.process
"""


class StoredDecision(NamedTuple):
    """The autoscaler changed its mind.

    Attributes:
        want: Containers that it wants.
        have: Those that were ready or started.
        demand: Slots that were asked for, averaged over its window.
    """

    number: int
    unix_ns: int
    function: str | None
    want: int
    have: int
    demand: float
    reason: str


class StoredBurst(NamedTuple):
    """A stretch in which a function had containers above target.

    Attributes:
        peak: Most inputs that ran in one container.
        containers: Most containers that were above target at once.
        reason: Why it began: cold_start or max_containers.
    """

    number: int
    function: str | None
    started_ns: int
    ended_ns: int
    peak: int
    containers: int
    reason: str


class StoredStall(NamedTuple):
    """An event loop stood still.

    Attributes:
        over: It turns again, or its process is gone.
        input_id: Who held it, where that is certain.
        candidates: Who may have held it, where it is not.
        line: The line of code that held it.
        suffered: Inputs that ran on the same loop.
    """

    number: int
    began_ns: int
    function: str | None
    container_id: str | None
    process: str | None
    seconds: float
    over: bool
    input_id: str | None
    candidates: list[str]
    line: str | None
    stack: str | None
    suffered: list[str]


class StoredPool(NamedTuple):
    """The last that was said of a pool.

    Attributes:
        pool: Its name: a function may have several, under options of their own.
        unix_ns: When it was said.
        declared: What it may do, by the names of the dispatcher's records.
        measured: How it was.
    """

    pool: str
    function: str
    unix_ns: int
    process: str | None
    declared: dict[str, Any]
    measured: dict[str, Any]


def decisions(
    reader: Reader,
    *,
    function: str | None = None,
    since_ns: int | None = None,
    until_ns: int | None = None,
    limit: int = 200,
) -> list[StoredDecision]:
    """Decisions of the autoscaler, the newest first."""
    spans = (function, "d.unix_ns", since_ns, until_ns)
    return [
        StoredDecision(*row) for row in _rows(reader, _DECISIONS, "d", spans, limit)
    ]


def bursts(
    reader: Reader,
    *,
    function: str | None = None,
    since_ns: int | None = None,
    until_ns: int | None = None,
    limit: int = 200,
) -> list[StoredBurst]:
    """Bursts that are over, the newest first."""
    spans = (function, "b.started_ns", since_ns, until_ns)
    return [StoredBurst(*row) for row in _rows(reader, _BURSTS, "b", spans, limit)]


def stalls(
    reader: Reader,
    *,
    function: str | None = None,
    since_ns: int | None = None,
    until_ns: int | None = None,
    limit: int = 200,
) -> list[StoredStall]:
    """Loops that stood still, the newest first."""
    spans = (function, "b.began_ns", since_ns, until_ns)
    return [_stall(row) for row in _rows(reader, _STALLS, "b", spans, limit)]


def pools(reader: Reader) -> list[StoredPool]:
    """What is known of each pool, by name."""
    with reader.asking():
        rows = reader.rows(f"{_POOLS} order by o.pool")
    return [
        StoredPool(
            pool,
            function,
            unix_ns,
            process,
            orjson.loads(declared) if declared else {},
            orjson.loads(measured) if measured else {},
        )
        for pool, function, unix_ns, process, declared, measured in rows
    ]


def _rows(
    reader: Reader,
    question: str,
    alias: str,
    asked: tuple[str | None, str, int | None, int | None],
    limit: int,
) -> list[Row]:
    checked_limit(limit)
    function, column, since_ns, until_ns = asked
    with reader.asking():
        where = Where()
        if function is not None:
            where.add(f"{alias}.function = ?", number_of(reader, function))
        where.add_given(f"{column} >= ?", since_ns)
        where.add_given(f"{column} < ?", until_ns)
        return reader.rows(
            f"{question} {where} order by {column} desc, {alias}.id desc limit ?",
            (*where.values, limit),
        )


def _stall(row: Row) -> StoredStall:
    return StoredStall(*row)._replace(
        over=bool(row[6]),
        candidates=orjson.loads(row[8]) if row[8] else [],
        suffered=orjson.loads(row[11]) if row[11] else [],
    )
