"""Log lines into the store: those of black boxes, and those that were received."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from itertools import chain
from typing import Any, Final

import orjson

from telemetry.capture.blackbox.reader import Found
from telemetry.capture.blackbox.records import LEVEL_NAMES
from telemetry.capture.line import LEVELS, Line
from telemetry.capture.plain import clean, plain_fields
from telemetry.pipeline.foreign import ForeignLine
from telemetry.pipeline.store.grouping import Exceptions
from telemetry.pipeline.store.lives import Identity, Lives, identity_of
from telemetry.pipeline.store.sorting import (
    END_NS,
    NO_FIELDS,
    NOBODY,
    Group,
    Source,
    sort_out,
    sort_out_foreign,
)
from telemetry.pipeline.store.statements import FlatStatements, Statements
from telemetry.pipeline.store.stretches import Stretches
from telemetry.pipeline.store.writing import Participant, Store

_LONG: Final = Statements(
    "logs",
    "id unix_ns execution source event fields exception late candidates trace_id "
    "span_id uid occurrence",
)
_OWN: Final = FlatStatements("logs", "unix_ns execution source event fields")
_TRACED: Final = FlatStatements(
    "logs", "unix_ns execution source event fields trace_id span_id"
)
_TRACE_BYTES: Final = 16
_SPAN_BYTES: Final = 8
_KNOWN_SOURCES: Final = 20_000

_TEXTS: Final = frozenset({str})
_PERHAPS_TEXTS: Final = frozenset({str, type(None)})

LongRow = tuple[Any, ...]


class Lines(Participant):
    """The table ``logs`` and what leads to its rows. The writer's thread.

    Invariant: the rows of one execution that come in at once are numbered one behind
    the other, so that one row of ``runs`` finds them.
    """

    def __init__(self, store: Store, lives: Lives, exceptions: Exceptions) -> None:
        self._store = store
        self._lives = lives
        self._exceptions = exceptions
        self._stretches = Stretches(store)
        self._sources: dict[int, dict[Source, int]] = {}
        self._streams: dict[tuple[int, Source, str], int] = {}
        self._levels: dict[int, int] = {}
        self._last_of: dict[int, int] = {}  # of each process: its newest line
        self._long: dict[int, list[LongRow]] = {}
        self._waiting = 0  # rows in _long
        self._last = 0
        self.forget()
        store.join(self)

    @property
    def last(self) -> int:
        """The number of the newest line."""
        return self._last

    def take(self, process: int, found: Iterable[Found]) -> list[Found]:
        """Write the plain lines among *found*; give back all other records."""
        groups: dict[Any, tuple[int, Group]] = {}
        known = self._sources.setdefault(process, {})
        rest = sort_out(
            found,
            groups,
            partial(self._execution, process),
            known,
            partial(self._source, process),
        )
        self._write_groups(_OWN, groups.values())
        self._last_of[process] = self._last
        return rest

    def take_foreign(
        self, process: int, lines: Iterable[ForeignLine]
    ) -> list[ForeignLine]:
        """Write the plain ones of lines that were received; give back all others."""
        groups: dict[Any, tuple[int, Group, Group]] = {}
        rest = sort_out_foreign(
            lines,
            groups,
            partial(self._execution_of, process),
            self._sources.setdefault(process, {}),
            partial(self._source, process),
        )
        found = groups.values()
        self._write_groups(_OWN, [(number, plain) for number, plain, _ in found])
        self._write_groups(_TRACED, [(number, traced) for number, _, traced in found])
        self._last_of[process] = self._last
        return rest

    def add(self, process: int, line: Line, uid: str | None = None) -> None:
        """Have a line of any kind written with the next `write`.

        Raises:
            TypeError, ValueError: A field of it has the wrong type.
        """
        _check(line)
        execution = self._execution_of(process, line)
        source = (LEVELS[line.level], line.logger, line.thread)
        number = self._source(process, source, line.stream or "")
        occurrence: int | None = None
        if line.exception:
            occurrence = self._exceptions.occurred(
                line.exception, line.unix_ns, execution or None, process
            )
        row = (
            line.unix_ns,
            execution,
            number,
            line.event,
            encoded(line.fields) or NO_FIELDS,
            line.exception or None,
            1 if line.late else None,
            encoded_list(line.candidates),
            _bytes(line.trace_id, _TRACE_BYTES),
            _bytes(line.span_id, _SPAN_BYTES),
            uid,
            occurrence,
        )
        self._long.setdefault(execution, []).append(row)
        self._waiting += 1
        self._last_of[process] = self._last + self._waiting

    def write(self) -> None:
        """Write what `add` was given; a uid that is there already is left out."""
        if not self._long:
            return
        groups, self._long = self._long, {}
        self._waiting = 0
        given = [row[-2] for rows in groups.values() for row in rows if row[-2]]
        if given:
            known = self._known(given)
            groups = {key: _unless(rows, known) for key, rows in groups.items()}
        rows = list(chain.from_iterable(groups.values()))
        if not rows:
            return
        first = self._last + 1
        numbered = ((first + at, *row) for at, row in enumerate(rows))
        _LONG.insert(self._store.connection, numbered)
        runs = [(key, len(rows)) for key, rows in groups.items() if rows]
        self._note(first, runs, [row[0] for row in rows], {row[2] for row in rows})

    def flush(self) -> None:
        """Write what is left, and what is known of the lines in general."""
        self.write()
        self._stretches.flush()
        self._store.connection.executemany(
            "update processes set last_line = ? where id = ?",
            [(last, process) for process, last in self._last_of.items()],
        )
        self._last_of.clear()

    def forget(self) -> None:
        """Nothing that is remembered is in the file for certain."""
        self._sources.clear()
        self._streams.clear()
        self._levels.clear()
        self._last_of.clear()
        self._long.clear()
        self._waiting = 0
        self._stretches.forget()
        self._last = self._store.last_number("logs")

    def _write_groups(
        self, statements: FlatStatements, groups: Iterable[tuple[int, Group]]
    ) -> None:
        flat: list[Any] = []
        runs: list[tuple[int, int]] = []
        columns = statements.columns
        for execution, rows in groups:
            if rows:
                flat += rows
                runs.append((execution, len(rows) // columns))
        if not flat:
            return
        first = self._last + 1
        statements.insert(self._store.connection, flat)
        self._note(first, runs, flat[::columns], set(flat[2::columns]))

    def _note(
        self,
        first: int,
        runs: Sequence[tuple[int, int]],
        times: Sequence[int],
        sources: set[int],
    ) -> None:
        """Note where the rows are that were written from number *first* on."""
        rows: list[tuple[int, int, int]] = []
        at = first
        for execution, count in runs:
            if execution != NOBODY:
                rows.append((execution, at, at + count - 1))
            at += count
        self._last = at - 1
        self._store.connection.executemany("insert into runs values (?, ?, ?)", rows)
        levels = 0
        for source in sources:
            levels |= self._levels.get(source) or self._level_bit(source)
        self._stretches.add(first, self._last, min(times), max(times), levels)

    def _execution(self, process: int, who: object, unix_ns: int) -> int:
        if who is None:
            return NOBODY
        identity = identity_of(who)
        if identity.late:
            raise ValueError("what is late has a column of its own")
        return self._lives.seen(identity, process, unix_ns).id

    def _execution_of(self, process: int, line: Line) -> int:
        if not line.input_id:
            return NOBODY
        who = Identity(
            line.input_id,
            line.function_call_id,
            line.function,
            line.attempt,
            line.container_id,
            line.slot,
            line.batch_input_ids,
            trace_id=line.trace_id,
        )
        # Once more through the check: an attempt may be anything, a slot too.
        return self._lives.seen(identity_of(who), process, line.unix_ns).id

    def _source(self, process: int, source: Source, stream: str = "") -> int:
        """The number of a source; it gets one if need be.

        Raises:
            ValueError, TypeError: It is none: what is read may be damaged.
        """
        number = self._streams.get((process, source, stream))
        if number is not None:
            return number
        level, logger, thread = source
        if level not in LEVEL_NAMES or type(thread) is not str:
            raise ValueError(f"{source} is no source of a line")
        if type(logger) is not str and logger is not None:
            raise TypeError(f"{logger!r} is no name of a logger")
        row = (process, int(level), logger or "", thread, stream)
        run = self._store.connection.execute
        found = run(
            "select id from sources where process = ? and level = ? and logger = ? "
            "and thread = ? and stream = ?",
            row,
        ).fetchone()
        if found is None:
            found = run(
                "insert into sources (process, level, logger, thread, stream) "
                "values (?, ?, ?, ?, ?) returning id",
                row,
            ).fetchone()
        return self._known_source(process, source, stream, int(found[0]))

    def _known_source(
        self, process: int, source: Source, stream: str, number: int
    ) -> int:
        if len(self._streams) >= _KNOWN_SOURCES:
            # Threads may have any number of names. The numbers of those that are
            # in use now are looked up once more.
            self._streams.clear()
            self._levels.clear()
            for each in self._sources.values():
                each.clear()
        self._streams[process, source, stream] = number
        if not stream:
            self._sources.setdefault(process, {})[source] = number
        self._levels[number] = 1 << source[0] // 10
        return number

    def _level_bit(self, source: int) -> int:
        row = self._store.connection.execute(
            "select level from sources where id = ?", (source,)
        ).fetchone()
        return 1 << int(row[0]) // 10

    def _known(self, uids: Sequence[str]) -> set[str]:
        rows = self._store.connection.execute(
            "select uid from logs where uid in (select value from json_each(?))",
            (orjson.dumps(uids).decode(),),
        )
        return {row[0] for row in rows}


def encoded(fields: dict[str, object]) -> str | None:
    """The keys and values of a caller as JSON; None where there are none."""
    if not fields:
        return None
    try:
        return orjson.dumps(fields).decode()
    except TypeError:
        return orjson.dumps(plain_fields(fields)).decode()


def encoded_list(values: Sequence[str]) -> str | None:
    """A list as JSON; None where it is empty."""
    return orjson.dumps(list(values)).decode() if values else None


def _unless(rows: list[LongRow], known: set[str]) -> list[LongRow]:
    """The rows whose uid is not *known*; they are from then on."""
    kept: list[LongRow] = []
    for row in rows:
        uid = row[-2]
        if uid is not None:
            if uid in known:
                continue
            known.add(uid)
        kept.append(row)
    return kept


def _check(line: Line) -> None:
    """See that what becomes a column can be one; the identity is looked at apart."""
    if not all(map(_is_text, (line.event, line.thread, line.level))):
        raise TypeError("the event, thread or level of a line is no text")
    perhaps = (line.logger, line.exception, line.stream, line.trace_id, line.span_id)
    if not all(each is None or _is_text(each) for each in perhaps):
        raise TypeError("a field of a line that should be a text is none")
    if type(line.unix_ns) is not int or not 0 < line.unix_ns < END_NS:
        raise ValueError(f"{line.unix_ns!r} is no time of a line")
    if not all(map(_is_text, line.candidates)):
        raise TypeError("the candidates of a line are no ids")


def _is_text(value: object) -> bool:
    """Whether it is a text that SQLite can hold: not one with lone surrogates."""
    return type(value) is str and (value.isascii() or clean(value) is value)


def _bytes(text: str | None, size: int) -> bytearray | None:
    """What hexadecimal digits say; None where they do not say an id."""
    if not text or len(text) != 2 * size:
        return None
    try:
        return bytearray.fromhex(text)
    except ValueError:
        return None
