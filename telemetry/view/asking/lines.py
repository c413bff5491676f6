"""Lines for the page: before, after or around a moment, and as they come."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any, Final

import orjson

from telemetry.core.errors import InvalidError
from telemetry.pipeline.store.queries.lines import (
    LineCursor,
    LineFilter,
    StoredLine,
    lines,
    lines_after,
)
from telemetry.pipeline.store.queries.reading import Reader
from telemetry.view.answers.lines import Line, LinesPage, Tail
from telemetry.view.asking.times import ms

MOST_EVENT_CHARS: Final = 4_000
"""Of a line in a list; the whole of it has an address of its own."""

MOST_VALUE_CHARS: Final = 2_000
MOST_FIELDS: Final = 64
MOST_CANDIDATES: Final = 200

MOST_TAILED: Final = 150
"""Lines of one step of a tail. Nobody reads faster; all are stored."""

_FIRST_STEP_NS: Final = 50_000_000
"""How far ahead lines are looked for at first: then four times as far, and so on."""

_STEPS: Final = 24
"""Steps after which that is 50 ms x 4^24: longer than any store has lasted."""


def page(
    reader: Reader,
    wanted: LineFilter,
    *,
    limit: int,
    before: LineCursor | None = None,
    after_ns: int | None = None,
    around_ns: int | None = None,
) -> LinesPage:
    """Lines before a cursor, after a time, around one, or else the newest.

    Raises:
        InvalidError: Text, level or limit are none.
        QueryTimeoutError: It took too long.
    """
    began_s = time.monotonic()
    last = int(reader.one("select max(id) from logs") or 0)
    newer = False
    if around_ns is not None:
        # What came before it makes half of the page.
        older_page = lines(reader, _until(wanted, around_ns), limit=max(limit // 2, 1))
        found, newer = _after(reader, wanted, around_ns, limit - len(older_page.lines))
        found = [*older_page.lines, *found]
        older = older_page.older is not None
    elif after_ns is not None:
        found, newer = _after(reader, wanted, after_ns, limit)
        older = True
    else:
        newest = lines(reader, wanted, limit=limit, before=before)
        found, older, newer = newest.lines, newest.older is not None, before is not None
    return LinesPage(
        lines=[line_of(each) for each in found],
        older=cursor_text(found[0]) if older and found else None,
        newer=cursor_text(found[-1]) if newer and found else None,
        last=last,
        took_ms=round((time.monotonic() - began_s) * 1000, 2),
    )


def tail(reader: Reader, wanted: LineFilter, number: int) -> tuple[Tail, int]:
    """What was taken in behind *number*, and the number to go on from."""
    last = int(reader.one("select max(id) from logs") or 0)
    found = lines_after(reader, wanted, number, MOST_TAILED)
    if len(found) < MOST_TAILED:
        return Tail([line_of(each) for each in found], 0), max(last, number)
    # More than can be shown: the newest of them, and how many were passed over.
    newest = lines_after(reader, wanted, max(last - MOST_TAILED, number), MOST_TAILED)
    skipped = max(last - number - len(newest), 0)
    return Tail([line_of(each) for each in newest], skipped), last


def whole_line(reader: Reader, number: int) -> Line | None:
    """One line with all its text; None where it is gone."""
    found = lines_after(reader, LineFilter(), number - 1, 1)
    if not found or found[0].number != number:
        return None
    return line_of(found[0], whole=True)


def cursor_of(text: str) -> LineCursor:
    """What `cursor_text` has written.

    Raises:
        InvalidError: It is something else.
    """
    unix_ns, _, number = text.partition(".")
    if not (unix_ns.isdecimal() and number.isdecimal() and len(text) < 40):  # noqa: PLR2004  # two numbers of 64 bits
        raise InvalidError(f"{text[:60]!r} is no place in the lines")
    return LineCursor(int(unix_ns), int(number))


def cursor_text(line: StoredLine) -> str:
    """A place in the lines, as a page keeps it."""
    return f"{line.line.unix_ns}.{line.number}"


def line_of(stored: StoredLine, *, whole: bool = False) -> Line:
    """A stored line as the page has it; long texts are cut unless *whole*."""
    line = stored.line
    event, cut = _cut(line.event, MOST_EVENT_CHARS, whole=whole)
    exception, more = _cut(line.exception or "", MOST_EVENT_CHARS * 8, whole=whole)
    fields: list[tuple[str, str]] = []
    for name, value in line.fields.items():
        if len(fields) == MOST_FIELDS and not whole:
            break
        text, left = _cut(_text(value), MOST_VALUE_CHARS, whole=whole)
        fields.append((name, text))
        cut += left
    return Line(
        id=stored.number,
        at_ms=ms(line.unix_ns),
        cursor=cursor_text(stored),
        level=line.level,
        event=event,
        logger=line.logger,
        input_id=line.input_id,
        function=line.function,
        attempt=line.attempt if line.input_id else None,
        container_id=line.container_id,
        slot=line.slot,
        late=line.late,
        stream=line.stream,
        thread=line.thread,
        exception=exception or None,
        candidates=list(line.candidates[:MOST_CANDIDATES]),
        fields=fields,
        cut_chars=cut + more,
    )


def _after(
    reader: Reader, wanted: LineFilter, since_ns: int, limit: int
) -> tuple[list[StoredLine], bool]:
    """The first lines from a time on, and whether there are more."""
    newest_ns = int(reader.one("select max(max_ns) from stretches") or 0)
    ahead_ns = _FIRST_STEP_NS
    for _ in range(_STEPS):
        until_ns = since_ns + ahead_ns
        narrowed = replace(wanted, since_ns=since_ns, until_ns=until_ns)
        found = lines(reader, narrowed, limit=10_000)
        if len(found.lines) >= limit or until_ns > newest_ns:
            return found.lines[:limit], len(
                found.lines
            ) > limit or until_ns <= newest_ns
        ahead_ns *= 4
    return [], False


def _until(wanted: LineFilter, until_ns: int) -> LineFilter:
    return replace(wanted, until_ns=until_ns)


def _cut(text: str, most: int, *, whole: bool) -> tuple[str, int]:
    if whole or len(text) <= most:
        return text, 0
    return text[:most], len(text) - most


def _text(value: Any) -> str:  # noqa: ANN401  # whatever JSON can say
    return value if isinstance(value, str) else orjson.dumps(value).decode()
