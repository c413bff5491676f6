"""Text on a terminal: escaped, measured, cut and coloured; pure functions."""

from __future__ import annotations

import re
import unicodedata
import zlib
from typing import Final

from telemetry.core.ids import short

# What moves the cursor, hides or reorders text, or ends a line: control characters,
# line and paragraph separators, bidirectional controls (Trojan Source,
# CVE-2021-42574), tags, and surrogates that no encoding takes.
_UNSAFE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufeff"
    "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
_BARE: Final = re.compile(r"[^\s\"'=\\{}\[\],]+")

RESET: Final = "\x1b[0m"

# Of the 256 colours, those that read well on a dark and on a light background.
_ID_COLOURS: Final = (33, 208, 35, 170, 37, 172, 99, 71, 204, 67, 136, 134, 73, 167)
_ID_DIGITS: Final = 36


def escaped(text: str) -> str:
    r"""*text* with what is not plainly visible written as a code, such as ``\x1b``."""
    if text.isascii() and text.isprintable():
        return text
    return _UNSAFE.sub(_code, text)


def _code(match: re.Match[str]) -> str:
    character = match.group()
    return character.encode("unicode_escape", "backslashreplace").decode("ascii")


def quoted(text: str) -> str:
    """*text* as a value behind ``key=``: bare when nothing can be mistaken."""
    if _BARE.fullmatch(text):
        return escaped(text)
    doubled = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped(doubled)}"'


def cells(text: str) -> int:
    """Columns that *text* takes on a terminal; colour codes take none."""
    if "\x1b" in text:
        text = uncoloured(text)
    if text.isascii():
        return len(text)
    return sum(_cells_of(character) for character in text)


def _cells_of(character: str) -> int:
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def uncoloured(text: str) -> str:
    """*text* without colour codes."""
    return _COLOUR.sub("", text)


def padded(text: str, columns: int) -> str:
    """*text*, filled up with spaces to *columns*."""
    return text + " " * (columns - cells(text))


def fitted(text: str, columns: int) -> str:
    """*text* cut to *columns*, colour codes kept and closed, the rest escaped."""
    if text.isascii() and text.isprintable():
        return text[:columns]
    kept: list[str] = []
    left = columns
    position = 0
    for match in [*_COLOUR.finditer(text), None]:
        end = len(text) if match is None else match.start()
        for character in escaped(text[position:end]):
            left -= _cells_of(character)
            if left < 0:
                return "".join(kept) + (RESET if "\x1b" in text else "")
            kept.append(character)
        if match is not None:
            kept.append(match.group())
            position = match.end()
    return "".join(kept)


def id_colour(identifier: str) -> str:
    """The colour of an id, as an SGR code; the same one everywhere and always.

    Ids of a burst differ in their last characters, which count up, so that
    neighbours on the screen get different colours.
    """
    tail = short(identifier)[-2:]
    if tail.isascii() and tail.isalnum():
        number = int(tail, _ID_DIGITS)
    else:
        number = zlib.crc32(identifier.encode("utf-8", "surrogatepass"))
    return f"38;5;{_ID_COLOURS[number % len(_ID_COLOURS)]}"
