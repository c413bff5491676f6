"""Rows of the store with everything written out, for tables elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from telemetry.pipeline.store.queries.reading import (
    Reader,
    Row,
    Where,
    checked_limit,
)

Kind = Literal["text", "integer", "real", "flag", "time"]
"""A time is in Unix nanoseconds."""


class Column(NamedTuple):
    """A column of a flat table, and where it comes from."""

    name: str
    kind: Kind
    expression: str


@dataclass(frozen=True, slots=True)
class FlatTable:
    """What is asked for.

    Attributes:
        table: The table whose rows these are.
        source: That table, and others that hang on it.
        number: The expression for what rows are numbered by; those that follow are for
            choosing among them.
        began: When a row began, and when it *ended*.
    """

    name: str
    table: str
    columns: tuple[Column, ...]
    source: str
    number: str
    began: str
    ended: str
    function: str
    container: str
    input: str


_OF_EXECUTION: Final = """
left join executions e on e.id = {row}.execution left join inputs i on i.id = e.input
left join texts t on t.id = e.function left join containers c on c.id = e.container
"""
_LEVEL: Final = """case s.level when 10 then 'debug' when 20 then 'info'
when 30 then 'warning' when 40 then 'error' else 'critical' end"""

LINES: Final = FlatTable(
    "lines",
    "logs",
    (
        Column("time", "time", "l.unix_ns"),
        Column("level", "text", _LEVEL),
        Column("event", "text", "l.event"),
        Column("logger", "text", "s.logger"),
        Column("fields", "text", "l.fields"),
        Column("exception", "text", "l.exception"),
        Column("input_id", "text", "i.input_id"),
        Column("function", "text", "t.text"),
        Column("attempt", "integer", "e.attempt"),
        Column("container_id", "text", "c.container_id"),
        Column("slot", "integer", "e.slot"),
        Column("trace_id", "text", "lower(hex(coalesce(l.trace_id, i.trace_id)))"),
        Column("span_id", "text", "lower(hex(l.span_id))"),
        Column("thread", "text", "s.thread"),
        Column("stream", "text", "s.stream"),
        Column("late", "flag", "coalesce(l.late, 0)"),
        Column("process", "text", "p.name"),
        Column("service", "text", "p.service"),
    ),
    "logs l join sources s on s.id = l.source join processes p on p.id = s.process"
    + _OF_EXECUTION.format(row="l"),
    *("l.id", "l.unix_ns", "l.unix_ns", "t.text", "c.container_id", "i.input_id"),
)
SPANS: Final = FlatTable(
    "spans",
    "spans",
    (
        Column("trace_id", "text", "lower(hex(r.trace_id))"),
        Column("span_id", "text", "lower(hex(r.span_id))"),
        Column("parent_span_id", "text", "lower(hex(r.parent_span_id))"),
        Column("name", "text", "r.name"),
        Column("kind", "integer", "r.kind"),
        Column("started", "time", "r.started_ns"),
        Column("ended", "time", "r.ended_ns"),
        Column("status", "integer", "r.status"),
        Column("status_text", "text", "r.status_text"),
        Column("attributes", "text", "r.attributes"),
        Column("events", "text", "r.events"),
        Column("links", "text", "r.links"),
        Column("scope", "text", "x.text"),
        Column("input_id", "text", "i.input_id"),
        Column("process", "text", "p.name"),
        Column("service", "text", "p.service"),
    ),
    "spans r join texts x on x.id = r.scope left join processes p on p.id = r.process"
    + _OF_EXECUTION.format(row="r"),
    *("r.id", "r.started_ns", "r.ended_ns", "t.text", "c.container_id", "i.input_id"),
)
INPUTS: Final = FlatTable(
    "inputs",
    "inputs",
    (
        Column("input_id", "text", "i.input_id"),
        Column("call_id", "text", "i.call_id"),
        Column("function", "text", "t.text"),
        Column("parent", "text", "i.parent"),
        Column("began", "time", "i.began_ns"),
        Column("started", "time", "i.started_ns"),
        Column("ended", "time", "i.ended_ns"),
        Column("outcome", "text", "i.outcome"),
        Column("attempts", "integer", "i.attempts"),
        Column("wait_s", "real", "i.wait_s"),
        Column("wait_reason", "text", "i.wait_reason"),
        Column("run_s", "real", "i.run_s"),
        Column("total_s", "real", "i.total_s"),
        Column("container_id", "text", "c.container_id"),
        Column("slot", "integer", "i.slot"),
        Column("zone", "text", "i.zone"),
        Column("concurrency", "integer", "i.concurrency"),
        Column("burst", "flag", "i.burst"),
        Column("cold", "flag", "i.cold"),
        Column("batch_size", "integer", "i.batch_size"),
        Column("cancel_cause", "text", "i.cancel_cause"),
        Column("cancel_observed", "text", "i.cancel_observed"),
        Column("error_type", "text", "i.error_type"),
        Column("error_text", "text", "i.error_text"),
        Column("blocked_s", "real", "i.blocked_s"),
        Column("trace_id", "text", "lower(hex(i.trace_id))"),
    ),
    "inputs i left join texts t on t.id = i.function "
    "left join containers c on c.id = i.container",
    *("i.id", "i.began_ns", "coalesce(i.ended_ns, i.began_ns)"),
    *("t.text", "c.container_id", "i.input_id"),
)
EXECUTIONS: Final = FlatTable(
    "executions",
    "executions",
    (
        Column("input_id", "text", "i.input_id"),
        Column("attempt", "integer", "e.attempt"),
        Column("function", "text", "t.text"),
        Column("container_id", "text", "c.container_id"),
        Column("process", "text", "p.name"),
        Column("slot", "integer", "e.slot"),
        Column("started", "time", "e.started_ns"),
        Column("ended", "time", "e.ended_ns"),
        Column("ending", "text", "e.ending"),
        Column("zone", "text", "e.zone"),
        Column("concurrency", "integer", "e.concurrency"),
        Column("burst", "flag", "e.burst"),
        Column("cold", "flag", "e.cold"),
        Column("wait_s", "real", "e.wait_s"),
        Column("wait_reason", "text", "e.wait_reason"),
        Column("batch_size", "integer", "e.batch_size"),
    ),
    "executions e join inputs i on i.id = e.input "
    "left join texts t on t.id = e.function "
    "left join containers c on c.id = e.container "
    "left join processes p on p.id = e.process",
    *("e.id", "e.started_ns", "coalesce(e.ended_ns, e.started_ns)"),
    *("t.text", "c.container_id", "i.input_id"),
)
TABLES: Final = (LINES, SPANS, INPUTS, EXECUTIONS)


class Chosen(NamedTuple):
    """Which rows; what is None does not matter. As in `exports.selection`."""

    since_ns: int | None = None
    until_ns: int | None = None
    function: str | None = None
    container_id: str | None = None
    input_id: str | None = None


def flat_rows(
    reader: Reader, table: FlatTable, chosen: Chosen, after: int, limit: int
) -> list[Row]:
    """The rows behind number *after*: each its number, and then its columns."""
    checked_limit(limit)
    where = Where()
    where.add(f"{table.number} > ?", after)
    where.add_given(f"{table.ended} >= ?", chosen.since_ns)
    where.add_given(f"{table.began} < ?", chosen.until_ns)
    where.add_given(f"{table.function} = ?", chosen.function)
    where.add_given(f"{table.container} = ?", chosen.container_id)
    where.add_given(f"{table.input} = ?", chosen.input_id)
    columns = ", ".join(each.expression for each in table.columns)
    with reader.asking():
        return reader.rows(
            f"select {table.number}, {columns} from {table.source} {where} "
            f"order by {table.number} limit ?",
            (*where.values, limit),
        )
