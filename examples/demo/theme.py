"""Colours, bars and marks of the demo; each has a form for plain terminals."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from telemetry.capture.console import Stream

_RESET: Final = "\x1b[0m"
_STYLES: Final = {
    "title": "1",
    "dim": "2",
    "good": "32",
    "warn": "33",
    "bad": "31",
    "info": "36",
    "strong": "1;36",
}

_ASCII: Final = str.maketrans(
    {
        "█": "#",
        "▓": "%",
        "▒": "=",
        "░": ".",
        "─": "-",
        "·": "|",
        "…": "~",
        "✓": "v",
        "✗": "x",
        "○": "o",
        "●": "*",
        "◌": ".",
        "▲": "^",
        "▼": "v",
        "✕": "x",
        "↻": "@",
        "✖": "!",
    }
)

MARK_STYLES: Final = {
    "○": "2;36",
    "●": "1;36",
    "◌": "2;36",
    "▲": "1;33",
    "▼": "33",
    "✕": "1;35",
    "↻": "35",
    "✖": "1;31",
}
"""What stands before each kind of lifecycle event, and its colour."""

_MARKED: Final = re.compile(f"([{''.join(MARK_STYLES)}]) [^\x1b\n]+")


@dataclass(frozen=True, slots=True)
class Theme:
    """What the place that text is shown at can do."""

    colour: bool
    unicode: bool

    def paint(self, text: str, style: str) -> str:
        """*text* in one of the styles, where there are colours."""
        if not self.colour or not text:
            return text
        return f"\x1b[{_STYLES[style]}m{text}{_RESET}"

    def plain(self, text: str) -> str:
        """*text* in characters that can be shown; none gets wider."""
        return text if self.unicode else text.translate(_ASCII)

    def bar(self, share: float, columns: int) -> str:
        """A bar of *columns*, filled to *share* of them; the rest is blank."""
        filled = round(min(max(share, 0.0), 1.0) * columns)
        if share > 0:
            filled = max(filled, 1)
        return self.plain("█" * filled + "░" * (columns - filled))

    def gauge(self, running: int, target: int, limit: int) -> str:
        """A cell per slot of a container; those above target stand out."""
        below = min(running, target)
        above = max(running - target, 0)
        rest_target, rest = target - below, limit - target - above
        return (
            self.paint(self.plain("█" * below), "good")
            + self.paint(self.plain("░" * rest_target), "dim")
            + self.paint(self.plain("▓" * above), "bad")
            + self.paint(self.plain("▒" * rest), "dim")
        )


def can_show_unicode(encoding: str | None) -> bool:
    """Whether a stream of that encoding takes the bars and marks."""
    try:
        "█▓▒░─✓●↻".encode(encoding or "ascii")
    except (LookupError, UnicodeEncodeError):
        return False
    return True


class Accents:
    """A stream that colours rows which begin with a mark of `MARK_STYLES`.

    Stands between a console and the stream that it writes to.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.encoding = getattr(stream, "encoding", None)

    def write(self, text: str, /) -> object:
        """Pass *text* on, with colours."""
        return self._stream.write(_MARKED.sub(_painted, text))

    def flush(self) -> object:
        """Flush the stream."""
        return self._stream.flush()

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return bool(self._stream.isatty())  # type: ignore[attr-defined]  # a text file

    def fileno(self) -> int:
        """The descriptor; a console asks it for the width."""
        number: int = self._stream.fileno()  # type: ignore[attr-defined]  # a text file
        return number


def _painted(match: re.Match[str]) -> str:
    return f"\x1b[{MARK_STYLES[match[1]]}m{match[0]}{_RESET}"
