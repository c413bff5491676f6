"""What a terminal would show of a text that moves the cursor; no I/O.

Progress bars redraw themselves: with a carriage return (tqdm), or by going up and
writing their rows anew (rich, nested tqdm bars). A log wants what is left standing.
"""

from __future__ import annotations

import re
from typing import Final

# Source: ECMA-48, 5.4 (CSI) and 8.3 (OSC, DCS, SOS, PM, APC end with ST), and
# xterm, which lets BEL end an OSC. No branch walks past the next ESC, so the time
# is linear in the text.
_SEQUENCE: Final = (
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]"
    r"|\][^\x07\x1b]*(?:\x07|\x1b\\)"
    r"|[PX^_][^\x1b]*\x1b\\"
    r"|[ -/]*[0-~])"
)
_ESCAPE: Final = re.compile(_SEQUENCE)
_UP: Final = re.compile(r"\x1b\[([0-9]*)A")
_TOKEN: Final = re.compile(rf"\n|\r|{_SEQUENCE}|[^\n\r\x1b]+|\x1b")

ROWS: Final = 200
"""Rows of a screen; those above have scrolled away and stand for good."""

_ROW_CHARS: Final = 4_096
_COUNT_DIGITS: Final = 4


def unstyled(text: str) -> str:
    """*text* without escape sequences: colours, links, cursor movements."""
    return _ESCAPE.sub("", text) if "\x1b" in text else text


def redraws(text: str) -> bool:
    """Whether *text* goes back to write over what was there."""
    return "\r" in text or ("\x1b" in text and _UP.search(text) is not None)


class Screen:
    """The rows that a progress display may still write over.

    Much less than a terminal: columns do not count, and what is written after a
    carriage return takes the place of the whole row.

    Attributes:
        moving: The cursor has gone up: a line end is a movement, and ends no row.
        shown: The state that was recorded last.
        due_s: When the next one may be.
    """

    __slots__ = ("_at", "_over", "_rows", "due_s", "moving", "shown")

    def __init__(self) -> None:
        self._rows = [""]
        self._at = 0
        self._over = False
        self.moving = False
        self.shown = ""
        self.due_s = 0.0

    def feed(self, text: str) -> list[str]:
        """Draw *text*; the rows that stand for good from now on, top down."""
        done: list[str] = []
        self.moving = self.moving or _UP.search(text) is not None
        for part in _TOKEN.findall(text):
            if part == "\n":
                self._at += 1
                self._over = True
                if self._at == len(self._rows):
                    self._rows.append("")
            elif part == "\r":
                self._over = True
            elif part.startswith("\x1b"):
                done += self._control(part)
            else:
                row = part if self._over else self._rows[self._at] + part
                self._rows[self._at] = row[:_ROW_CHARS]
                self._over = False
        settled = self._at if not self.moving else max(self._at - ROWS, 0)
        return [row for row in done + self._settle(settled) if row.strip()]

    def state(self) -> str:
        """What stands there now, without blank rows."""
        return "\n".join(row.rstrip() for row in self._rows if row.strip())

    def is_empty(self) -> bool:
        """Whether nothing is left that could be written over."""
        return not self.moving and self._rows == [""]

    def _control(self, code: str) -> list[str]:
        up = _UP.fullmatch(code)
        if up is None:
            if code == "\x1b[2K" or (code in {"\x1b[K", "\x1b[0K"} and self._over):
                self._rows[self._at] = ""
            return []
        count = max(int(up.group(1)[:_COUNT_DIGITS] or 1), 1)
        above = max(self._at - count, 0)
        self._at = above
        # What the cursor did not go back to is above what is redrawn: it stays.
        return self._settle(above)

    def _settle(self, count: int) -> list[str]:
        done, self._rows = self._rows[:count], self._rows[count:]
        self._at -= count
        return done
