"""A line for people: one row, aligned, and what is longer indented below it.

    14:03:07.123 INFO  K7Q2ZD translate  starting work            size=3 lang=de
    14:03:07.131 ERROR K7Q2ZE translate  no such language         lang=xx
      │ Traceback (most recent call last):
      │   ...
      │ KeyError: 'xx'

What a caller logs is escaped, and every row below the first begins with a bar: a
record cannot look like two, and cannot be mistaken for another one.
"""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Final

import orjson

from telemetry.capture.line import Line
from telemetry.capture.terminal import (
    RESET,
    cells,
    escaped,
    fitted,
    id_colour,
    padded,
    quoted,
)
from telemetry.core.ids import SHORT_LENGTH, short

_LABELS: Final = {
    "debug": ("DEBUG", "2"),
    "info": ("INFO ", "32"),
    "warning": ("WARN ", "33"),
    "error": ("ERROR", "31"),
    "critical": ("CRIT ", "1;97;41"),
}
_STREAMS: Final = {"stdout": ("OUT  ", "36"), "stderr": ("ERR  ", "35")}
"""What was printed has no level; it says where it was printed to."""
_EVENT_STYLES: Final = {"debug": "2", "error": "1", "critical": "1"}
_DIM: Final = "2"
_KEY: Final = "36"
_ALARM: Final = "1;33"
_FAILURE: Final = "31"

_WHERE_COLUMNS_LEAST: Final = 12
_WHERE_COLUMNS: Final = 24
"""The column of the function grows with what is shown in it, up to this."""

_EVENT_COLUMNS: Final = 24
"""Events are filled up to this, so that the keys of short ones stand in a column."""

_CANDIDATES_SHOWN: Final = 3

_NS_PER_MS: Final = 1_000_000
_NS_PER_S: Final = 1_000_000_000


class Pretty:
    """Renders lines as rows of text. Safe from any thread.

    Args:
        colour: Write SGR colour codes.
        timezone: Of the time shown; None for the local one.
        bar: What stands before each row of a block; one column.
    """

    def __init__(
        self, *, colour: bool, timezone: tzinfo | None = None, bar: str = "│"
    ) -> None:
        self._colour = colour
        self._timezone = timezone
        self._bar = bar
        # Both only grow, and a lost update costs one row its alignment.
        self._where_columns = 0
        self._any_input = False

    def __call__(self, line: Line) -> str:
        """*line* as one or more rows, each with its end."""
        label, style = _STREAMS.get(line.stream or "") or _LABELS.get(
            line.level, (escaped(line.level[:5]), "0")
        )
        first, *more = line.event.splitlines() or [""]
        keys, blocks = self._keys(line)
        event = escaped(first)
        if keys:
            event = padded(event, _EVENT_COLUMNS)
        row = [
            self._paint(self._clock(line.unix_ns), _DIM),
            self._paint(label, style),
            *self._who(line),
            self._paint(event, _EVENT_STYLES.get(line.level)),
            *keys,
        ]
        rows = [" ".join(row).rstrip()]
        rows += self._block(more, None)
        for name, text in blocks:
            rows += self._block([f"{name}:"], _KEY)
            rows += self._block([f"  {part}" for part in text.splitlines()], None)
        if line.exception is not None:
            rows += self._block(line.exception.splitlines(), _FAILURE)
        return "\n".join(rows) + "\n"

    def _clock(self, unix_ns: int) -> str:
        seconds, rest_ns = divmod(unix_ns, _NS_PER_S)
        return f"{_second(seconds, self._timezone)}.{rest_ns // _NS_PER_MS:03d}"

    def _who(self, line: Line) -> list[str]:
        """The columns of the input and of where: its function, or the logger."""
        where = line.function if line.input_id is not None else line.logger
        where = fitted(escaped(where or ""), _WHERE_COLUMNS)
        if where:
            least = max(self._where_columns, _WHERE_COLUMNS_LEAST)
            self._where_columns = max(least, cells(where))
        where = padded(where, self._where_columns)
        columns: list[str] = []
        if line.input_id is not None:
            self._any_input = True
            colour = id_colour(line.input_id)
            name = padded(short(escaped(line.input_id)), SHORT_LENGTH)
            columns = [self._paint(name, colour), self._paint(where, colour)]
        elif self._any_input:
            columns = [" " * SHORT_LENGTH, self._paint(where, _DIM)]
        else:
            columns = [self._paint(where, _DIM)]
        return columns if self._where_columns else columns[:-1]

    def _keys(self, line: Line) -> tuple[list[str], list[tuple[str, str]]]:
        """``key=value`` pieces, and the values that need rows of their own."""
        pieces: list[str] = []
        blocks: list[tuple[str, str]] = []
        if line.late:
            pieces.append(self._paint("input_late=true", _ALARM))
        if line.candidates:
            pieces.append(self._paint(f"input_id={_either(line.candidates)}", _ALARM))
        if line.attempt:
            pieces.append(self._paint(f"attempt={line.attempt}", _ALARM))
        if line.batch_input_ids:
            pieces.append(self._pair("batch", str(len(line.batch_input_ids))))
        for key, value in line.fields.items():
            name = quoted(key)
            if isinstance(value, str) and "\n" in value:
                blocks.append((name, value))
            else:
                pieces.append(self._pair(name, _value(value)))
        return pieces, blocks

    def _pair(self, name: str, value: str) -> str:
        return self._paint(name, _KEY) + self._paint("=", _DIM) + value

    def _block(self, rows: list[str], style: str | None) -> list[str]:
        bar = self._paint(self._bar, _DIM)
        return [f"  {bar} {self._paint(escaped(row), style)}".rstrip() for row in rows]

    def _paint(self, text: str, style: str | None) -> str:
        if not self._colour or style is None or not text:
            return text
        return f"\x1b[{style}m{text}{RESET}"


@lru_cache(maxsize=8)
def _second(seconds: int, timezone: tzinfo | None) -> str:
    moment = datetime.fromtimestamp(seconds, UTC).astimezone(timezone)
    return moment.strftime("%H:%M:%S")


def _either(candidates: tuple[str, ...]) -> str:
    """Who may have written a line, when nobody can know."""
    named = " or ".join(short(escaped(each)) for each in candidates[:_CANDIDATES_SHOWN])
    others = len(candidates) - _CANDIDATES_SHOWN
    return f"{named} or {others} others" if others > 0 else named


def _value(value: object) -> str:
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, (dict, list)):
        return escaped(orjson.dumps(value).decode())
    return repr(value)
