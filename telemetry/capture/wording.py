"""Times, sizes and counts in words, and tables: text for people, pure functions."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from typing import Final, TextIO

from telemetry.capture.console import wants_colour
from telemetry.capture.terminal import RESET, cells, escaped, fitted, padded

DIM: Final = "2"
BOLD: Final = "1"
GOOD: Final = "32"
ALARM: Final = "33"
BAD: Final = "31"

_NS_PER_S: Final = 1_000_000_000
_MINUTE_S: Final = 60
_HOUR_S: Final = 3_600
_DAY_S: Final = 86_400
_TWO: Final = 2
_TEN: Final = 10
_UNIT: Final = 1_024
_GAP: Final = "  "


class Ink:
    """Colours, or none.

    Args:
        colour: Write SGR colour codes.
        bar: What stands before each row of a block; one column.
    """

    def __init__(self, *, colour: bool, bar: str = "│") -> None:
        self.colour: Final = colour
        self.bar: Final = bar

    def __call__(self, text: str, style: str | None) -> str:
        """*text*, painted; it is not escaped here."""
        if not self.colour or style is None or not text:
            return text
        return f"\x1b[{style}m{text}{RESET}"


def ink_for(out: TextIO) -> Ink:
    """What this stream and the environment (``NO_COLOR`` and so on) ask for."""
    utf = (out.encoding or "").lower().startswith("utf")
    colour = wants_colour(os.environ, terminal=out.isatty())
    return Ink(colour=colour, bar="│" if utf else "|")


def duration(seconds: float) -> str:
    """Such as ``850 us``, ``12 ms``, ``1.2 s``, ``3 min 20 s``, ``5 h``, ``2 d``."""
    if seconds < 0:
        return f"-{duration(-seconds)}"
    if seconds < 0.001:  # noqa: PLR2004  # a millisecond
        return f"{seconds * 1e6:.0f} us"
    if seconds < 0.9995:  # noqa: PLR2004  # what is rounded to a second is one
        return f"{seconds * 1e3:.0f} ms"
    if seconds < 59.95:  # noqa: PLR2004  # what is rounded to a minute is one
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for unit_s, unit, part_s, part in (
        (_DAY_S, "d", _HOUR_S, "h"),
        (_HOUR_S, "h", _MINUTE_S, "min"),
    ):
        if whole >= unit_s:
            return _two_units(whole, unit_s, unit, part_s, part)
    return _two_units(whole, _MINUTE_S, "min", 1, "s")


def _two_units(whole: int, unit_s: int, unit: str, part_s: int, part: str) -> str:
    count, rest_s = divmod(whole, unit_s)
    rest = rest_s // part_s
    if count >= _TEN or not rest:
        return f"{count} {unit}"
    return f"{count} {unit} {rest} {part}"


def size(count_bytes: int) -> str:
    """Such as ``512 B``, ``1.2 MiB``."""
    if count_bytes < _UNIT:
        return f"{count_bytes} B"
    amount = float(count_bytes)
    unit, larger = "B", ["GiB", "MiB", "KiB"]
    while larger and amount >= _UNIT:
        amount /= _UNIT
        unit = larger.pop()
    return f"{amount:.0f} {unit}" if amount >= _TEN else f"{amount:.1f} {unit}"


def counted(count: int, one: str, many: str = "") -> str:
    """Such as ``1 line``, ``1,204 lines``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def counted_of(count: int, many: str) -> str:
    """The same for a word that is known in the plural: ``1 process``."""
    one = many.removesuffix("es" if many.endswith("sses") else "s")
    return counted(count, one, many)


def listed(words: Sequence[str]) -> str:
    """Such as ``a``, ``a and b``, ``a, b and c``."""
    if len(words) < _TWO:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def day_and_time(unix_ns: int, timezone: tzinfo | None = None) -> str:
    """Such as ``2026-11-24 04:40:12``; local where no *timezone* is given."""
    moment = _moment(unix_ns, timezone)
    return moment.strftime("%Y-%m-%d %H:%M:%S") if moment else "?"


def clock(unix_ns: int, timezone: tzinfo | None = None) -> str:
    """Such as ``04:40:12.345``."""
    moment = _moment(unix_ns, timezone)
    return moment.strftime("%H:%M:%S.%f")[:-3] if moment else "?"


def _moment(unix_ns: int, timezone: tzinfo | None) -> datetime | None:
    try:
        return datetime.fromtimestamp(unix_ns / _NS_PER_S, UTC).astimezone(timezone)
    except (OverflowError, OSError, ValueError):
        return None  # nonsense in a damaged file


def pairs(rows: Sequence[tuple[str, str]], ink: Ink) -> list[str]:
    """Names and values below each other; rows without a value are left out."""
    kept = [(name, value) for name, value in rows if value]
    width = max((len(name) for name, _ in kept), default=0)
    return [
        f"{_GAP}{ink(padded(name, width), DIM)}{_GAP}{value}" for name, value in kept
    ]


def table(
    header: Sequence[str], rows: Sequence[Sequence[str]], ink: Ink, right: str = ""
) -> list[str]:
    """Rows in columns under their names; a column with nothing in it is left out.

    Args:
        header: Names of the columns.
        rows: Cells; escaped already, and painted perhaps.
        right: One letter for each column; ``r`` for one that ends on the right.
    """
    used = [at for at in range(len(header)) if any(row[at] for row in rows)]
    widths = {at: max(cells(row[at]) for row in [header, *rows]) for at in used}

    def cell(at: int, text: str) -> str:
        if right[at : at + 1] == "r":
            return " " * (widths[at] - cells(text)) + text
        return padded(text, widths[at])

    lines = [ink(_GAP.join(cell(at, header[at]) for at in used).rstrip(), DIM)]
    lines += [_GAP.join(cell(at, row[at]) for at in used).rstrip() for row in rows]
    return [_GAP + line for line in lines]


def block(text: str, ink: Ink, style: str | None = None) -> list[str]:
    """*text* of others, escaped, with a bar before each row."""
    bar = ink(ink.bar, DIM)
    return [
        f"    {bar} {ink(escaped(row), style)}".rstrip() for row in text.splitlines()
    ]


def cell(value: object, columns: int = 32) -> str:
    """*value* of others, escaped and cut, for a table or a pair; "" for None."""
    text = "" if value is None else escaped(str(value))
    if cells(text) <= columns:
        return text
    return fitted(text, columns - 1) + "~"
