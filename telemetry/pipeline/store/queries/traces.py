"""Spans: of a trace, and all of them one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import orjson

from telemetry.core import names
from telemetry.core.errors import InvalidError
from telemetry.pipeline.store.queries.reading import Reader, Row, checked_limit

_COLUMNS: Final = """
s.id, hex(s.trace_id), hex(s.span_id), hex(s.parent_span_id), s.name, s.kind,
s.started_ns, s.ended_ns, s.status, s.status_text, s.attributes, s.events, s.links,
s.state, x.text, s.scope_version, s.dropped, i.input_id, e.attempt, p.name, p.service
"""
_FROM: Final = """
from spans s join texts x on x.id = s.scope
left join executions e on e.id = s.execution left join inputs i on i.id = e.input
left join processes p on p.id = s.process
"""
_TRACE_CHARS: Final = 32


class StoredSpan(NamedTuple):
    """A span. Ids are hexadecimal digits, kinds and status as OTLP counts.

    Attributes:
        number: Rises in the order in which spans were taken in.
        parent_span_id: None for a root.
        events: Each with ``name``, ``unix_ns`` and ``attributes``.
        links: Each with ``trace_id``, ``span_id`` and ``attributes``.
        scope: The instrumentation that made it.
        dropped: Attributes, events and links that its maker had to drop.
        input_id: Of the execution that it belongs to, if it says so.
    """

    number: int
    trace_id: str
    span_id: str
    parent_span_id: str | None
    name: str
    kind: int
    started_ns: int
    ended_ns: int
    status: int
    status_text: str
    attributes: dict[str, Any]
    events: list[dict[str, Any]]
    links: list[dict[str, Any]]
    state: str
    scope: str
    scope_version: str
    dropped: tuple[int, int, int]
    input_id: str | None
    attempt: int | None
    process: str | None
    service: str | None


class Trace(NamedTuple):
    """Spans of one trace in the order of their starts; *more*: there are others."""

    spans: list[StoredSpan]
    more: bool


def trace(reader: Reader, trace_id: str, limit: int = 2_000) -> Trace:
    """The spans of a trace.

    Args:
        trace_id: 32 hexadecimal digits.

    Raises:
        InvalidError: It is no id of a trace.
        QueryTimeoutError: It took too long.
    """
    checked_limit(limit)
    with reader.asking():
        rows = reader.rows(
            f"select {_COLUMNS} {_FROM} where s.trace_id = ? "
            "order by s.started_ns, s.id limit ?",
            (_bytes(trace_id), limit + 1),
        )
    return Trace([_span(row) for row in rows[:limit]], len(rows) > limit)


def spans_of_traces(
    reader: Reader, trace_ids: Sequence[bytes], limit: int = 10_000
) -> list[StoredSpan]:
    """The spans of some traces, in the order of their starts.

    Args:
        trace_ids: At most a thousand.
    """
    checked_limit(limit)
    marks = ", ".join("?" * len(trace_ids))
    with reader.asking():
        rows = reader.rows(
            f"select {_COLUMNS} {_FROM} where s.trace_id in ({marks}) "
            "order by s.started_ns, s.id limit ?",
            (*trace_ids, limit),
        )
    return [_span(row) for row in rows]


def spans_after(reader: Reader, number: int, limit: int = 1_000) -> list[StoredSpan]:
    """The spans that were taken in behind *number*, in that order."""
    checked_limit(limit)
    with reader.asking():
        rows = reader.rows(
            f"select {_COLUMNS} {_FROM} where s.id > ? order by s.id limit ?",
            (number, limit),
        )
    return [_span(row) for row in rows]


def _bytes(trace_id: str) -> bytes:
    try:
        found = bytes.fromhex(trace_id)
    except ValueError:
        found = b""
    if len(trace_id) != _TRACE_CHARS or not found:
        raise InvalidError(
            f"trace_id is {trace_id!r}; it must be {_TRACE_CHARS} hexadecimal digits"
        )
    return found


def _span(row: Row) -> StoredSpan:
    found = StoredSpan(*row)
    attributes = orjson.loads(row[10]) if row[10] else {}
    dropped = orjson.loads(row[16]) if row[16] else (0, 0, 0)
    return found._replace(
        trace_id=row[1].lower(),
        span_id=row[2].lower(),
        parent_span_id=row[3].lower() or None,
        status_text=row[9] or "",
        attributes=attributes,
        events=orjson.loads(row[11]) if row[11] else [],
        links=orjson.loads(row[12]) if row[12] else [],
        state=row[13] or "",
        scope_version=row[15] or "",
        dropped=tuple(dropped),
        # A span that waits is one of an input, and of no execution yet.
        input_id=row[17] or attributes.get(names.INPUT_ID),
        attempt=attributes.get(names.INPUT_ATTEMPT) if row[18] is None else row[18],
    )
