"""Log lines: of one input or of all, the newest of them, and those that follow."""

from __future__ import annotations

from dataclasses import dataclass
from heapq import nlargest
from typing import Final, NamedTuple

import orjson

from telemetry.capture.blackbox.records import LEVEL_NAMES
from telemetry.capture.line import LEVELS, Line, own_keys
from telemetry.core.errors import InvalidError
from telemetry.core.trace_context import EXECUTION, derived_span_id
from telemetry.pipeline.store.queries.matching import Wanted
from telemetry.pipeline.store.queries.reading import (
    Reader,
    Row,
    Where,
    checked_limit,
    number_of,
)
from telemetry.pipeline.store.queries.windows import Stretch, windows
from telemetry.pipeline.store.search import INDEXED

_COLUMNS: Final = """
l.id, l.unix_ns, l.event, l.fields, l.exception, l.late, l.candidates, l.trace_id,
l.span_id, s.level, s.logger, s.thread, s.stream, p.name, e.attempt, e.slot,
i.input_id, i.call_id, t.text, c.container_id, i.trace_id, l.uid,
case when e.batch_size > 1 then (
    select json_group_array(o.input_id) from members m join inputs o on o.id = m.input
    where m.execution = e.id
) end
"""
_JOINS: Final = """
join sources s on s.id = l.source join processes p on p.id = s.process
left join executions e on e.id = l.execution left join inputs i on i.id = e.input
left join texts t on t.id = e.function left join containers c on c.id = e.container
"""
_ALL: Final = "logs l"
_BY_INDEX: Final = "logs_fts f cross join logs l on l.id = f.rowid"
_OF_INPUT: Final = """
runs r cross join logs l on l.id between r.first and r.last
"""
_LAST: Final = 1 << 62
_READ_LINES: Final = 8_192
"""Lines that are looked at one by one before the index for text is asked."""


class StoredLine(NamedTuple):
    """A line, and where it stands.

    Attributes:
        number: Rises in the order in which lines were taken in.
        process: Name of the process that wrote it.
        uid: Of a received line, the attribute ``log.record.uid``.
    """

    number: int
    line: Line
    process: str
    uid: str | None = None


class LineCursor(NamedTuple):
    """Where older lines begin."""

    unix_ns: int
    number: int


class LinesPage(NamedTuple):
    """Lines in the order of time.

    Attributes:
        older: Leads to the lines before these, where there are any.
        last: Number of the newest line of all, for who wants to follow.
    """

    lines: list[StoredLine]
    older: LineCursor | None
    last: int


@dataclass(frozen=True, slots=True)
class LineFilter:
    """Which lines are asked for; what is None does not matter.

    Attributes:
        input_id: The whole id; a batch's lines are those of all its members.
        level: This one or a higher one, by name.
        logger: Its name, or the beginning of it up to a dot.
        container_id: Written in its process, or by one of its inputs.
        text: See `telemetry.pipeline.store.queries.matching`.
        unattributed: Only lines that are nobody's.
        late: Written after their input had settled, or not.
        since_ns: Written then, or later.
        until_ns: Written before.
    """

    input_id: str | None = None
    level: str | None = None
    stream: str | None = None
    logger: str | None = None
    function: str | None = None
    container_id: str | None = None
    process: str | None = None
    text: str | None = None
    unattributed: bool = False
    late: bool | None = None
    since_ns: int | None = None
    until_ns: int | None = None

    def __post_init__(self) -> None:
        if self.level is not None and self.level not in LEVELS:
            raise InvalidError(
                f"level is {self.level!r}; it must be one of {', '.join(LEVELS)}"
            )


def lines(
    reader: Reader,
    wanted: LineFilter,
    *,
    limit: int = 200,
    before: LineCursor | None = None,
) -> LinesPage:
    """The newest lines that are wanted, before *before*.

    Raises:
        InvalidError: The limit is none, or the text.
        QueryTimeoutError: It took too long.
    """
    checked_limit(limit)
    with reader.asking():
        asked = _Asked(reader, wanted)
        if before is not None:
            asked.where.add("(l.unix_ns, l.id) < (?, ?)", *before)
        if wanted.input_id is not None:
            rows = asked.of_input(wanted.input_id, limit + 1)
        else:
            until_ns = before.unix_ns if before else _LAST
            rows = _newest(asked, min(until_ns, wanted.until_ns or _LAST), limit + 1)
        last = int(reader.one("select max(id) from logs") or 0)
    older = None
    if len(rows) > limit:
        rows = rows[:limit]
        older = LineCursor(rows[-1][1], rows[-1][0])
    return LinesPage([_line(row) for row in reversed(rows)], older, last)


def lines_after(
    reader: Reader, wanted: LineFilter, number: int, limit: int = 1_000
) -> list[StoredLine]:
    """The lines that were taken in behind *number*, in that order; to follow along."""
    checked_limit(limit)
    with reader.asking():
        asked = _Asked(reader, wanted)
        if wanted.input_id is not None:
            asked.where.add(
                "e.input = (select id from inputs where input_id = ?) or e.id in "
                "(select execution from members where input = "
                "(select id from inputs where input_id = ?))",
                wanted.input_id,
                wanted.input_id,
            )
        rows = asked.run(_ALL, "l.id > ?", (number,), "order by l.id", limit)
    return [_line(row) for row in rows]


class _Asked:
    """A filter as a question."""

    def __init__(self, reader: Reader, wanted: LineFilter) -> None:
        self.reader = reader
        self.wanted = wanted
        self.text = None if wanted.text is None else Wanted(wanted.text)
        self.where = _where(reader, wanted)
        if self.text is not None:
            reader.define("is_said", self.text.is_in)
            self.where.add("is_said(l.event) or is_said(l.exception)")

    def of_input(self, input_id: str, limit: int) -> list[Row]:
        """The newest lines of one input."""
        return self.run(
            _OF_INPUT,
            "r.execution in (select id from executions where input = "
            "(select id from inputs where input_id = ?) union select execution from "
            "members where input = (select id from inputs where input_id = ?))",
            (input_id, input_id),
            "order by l.unix_ns desc, l.id desc",
            limit,
        )

    def between(self, first: int, last: int, limit: int, *, read: bool) -> list[Row]:
        """The newest of the lines with these numbers.

        Args:
            read: Look at all of them, and not into the index for text.
        """
        order = "order by l.unix_ns desc, l.id desc"
        if read or self.text is None or self.text.query is None:
            return self.run(_ALL, "l.id between ? and ?", (first, last), order, limit)
        indexed = int(
            self.reader.one("select value from meta where key = ?", (INDEXED,)) or 0
        )
        found: list[Row] = []
        if first <= indexed:
            found += self.run(
                _BY_INDEX,
                "logs_fts match ? and f.rowid between ? and ?",
                (self.text.query, first, min(last, indexed)),
                order,
                limit,
            )
        if last > indexed:
            numbers = (max(first, indexed + 1), last)
            found += self.run(_ALL, "l.id between ? and ?", numbers, order, limit)
        return found

    def run(
        self,
        source: str,
        condition: str,
        values: tuple[object, ...],
        order: str,
        limit: int,
    ) -> list[Row]:
        """The rows of *source* for which the condition holds, and the filter."""
        where = str(self.where).replace("where ", "and ", 1)
        return self.reader.rows(
            f"select {_COLUMNS} from {source} {_JOINS} where ({condition}) {where} "
            f"{order} limit ?",
            (*values, *self.where.values, limit),
        )


def _newest(asked: _Asked, until_ns: int, limit: int) -> list[Row]:
    """The newest *limit* lines; see `telemetry.pipeline.store.queries.windows`."""
    where = Where()
    where.add("min_ns <= ?", until_ns)
    where.add_given("max_ns >= ?", asked.wanted.since_ns)
    if asked.wanted.level is not None:
        where.add("levels >> ? > 0", LEVELS[asked.wanted.level] // 10)
    known = asked.reader.rows(
        f"select first, last, max_ns from stretches {where} order by max_ns desc",
        where.values,
    )
    found: list[Row] = []
    seen = 0
    for window in windows(Stretch(*row) for row in known):
        for first, last in window.ranges:
            # The index is slow for words that most lines have, as it knows all of
            # those lines at once; but those words are found soon without it.
            found += asked.between(first, last, limit, read=seen < _READ_LINES)
            seen += last - first + 1
        found = nlargest(limit, found, key=_when)
        if len(found) == limit and (
            window.newest_ns is None or window.newest_ns < found[-1][1]
        ):
            break
    return found


def _when(row: Row) -> tuple[int, int]:
    return row[1], row[0]


def _where(reader: Reader, wanted: LineFilter) -> Where:
    where = Where()
    where.add_given("l.unix_ns >= ?", wanted.since_ns)
    where.add_given("l.unix_ns < ?", wanted.until_ns)
    if wanted.level is not None:
        where.add("s.level >= ?", LEVELS[wanted.level])
    where.add_given("s.stream = ?", wanted.stream)
    if wanted.logger is not None:
        name = wanted.logger
        # From the name with a dot to the name with what comes behind a dot.
        where.add(
            "s.logger = ? or s.logger > ? and s.logger < ?",
            name,
            f"{name}.",
            f"{name}/",
        )
    if wanted.function is not None:
        where.add("e.function = ?", number_of(reader, wanted.function))
    if wanted.container_id is not None:
        where.add(
            "p.container = ? or c.container_id = ?",
            wanted.container_id,
            wanted.container_id,
        )
    where.add_given("p.name = ?", wanted.process)
    if wanted.unattributed:
        where.add("l.execution = 0")
    if wanted.late is not None:
        where.add("coalesce(l.late, 0) = ?", int(wanted.late))
    return where


def _line(row: Row) -> StoredLine:
    (number, unix_ns, event, fields, exception, late, candidates, trace, span) = row[:9]
    (level, logger, thread, stream, process, attempt, slot, input_id) = row[9:17]
    (call_id, function, container_id, input_trace, uid, others) = row[17:]
    if trace is None and input_trace is not None:
        trace = input_trace
        span = derived_span_id(input_id, attempt, EXECUTION).to_bytes(8, "big")
    line = Line(
        unix_ns,
        LEVEL_NAMES[level],
        event,
        dict(own_keys(orjson.loads(fields))),
        logger or None,
        input_id,
        call_id,
        function,
        attempt or 0,
        container_id,
        slot,
        (input_id, *orjson.loads(others)) if others else (),
        late=bool(late),
        thread=thread,
        exception=exception,
        stream=stream or None,
        candidates=tuple(orjson.loads(candidates)) if candidates else (),
        trace_id=None if trace is None else trace.hex(),
        span_id=None if span is None else span.hex(),
    )
    return StoredLine(number, line, process, uid)
