"""From writes to lines: what a stream was given in pieces, put together.

One ``print("a", "b")`` is four writes. A record ends where a write ends with a line
end, so a text of several lines that is written at once (a traceback, a table,
indented JSON) stays one record. Blank lines leave none. No I/O, and no clock.
"""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

from telemetry.capture.ansi import Screen, redraws, unstyled
from telemetry.capture.plain import TEXT_CHARS

PIECE_CHARS: Final = TEXT_CHARS
"""Characters of one record; what is longer goes on in the next, marked so. The same
limit as for every text of a line, so that nothing is cut off there."""

UPDATE_S: Final = 1.0
"""Seconds between two records of a progress display."""

Pending: TypeAlias = tuple[str, int, Screen | None, bool]
"""What waits for the rest of its line: the text, the Unix nanoseconds of its first
write, the screen if it redraws itself, and whether the text goes on a record before.
A plain tuple, as one is made for most writes; never changed, always replaced."""


class Piece(NamedTuple):
    """One record to be.

    Attributes:
        text: Without escape sequences and the last line end.
        progress: A state of a progress display that will be drawn over.
        drawn: It comes from such a display; also its last state, which stays.
        continued: It goes on the record before: the line was too long for one.
    """

    text: str
    progress: bool = False
    drawn: bool = False
    continued: bool = False


def assemble(
    pending: Pending | None, text: str, *, now_s: float, now_ns: int
) -> tuple[list[Piece], Pending | None]:
    """What is complete with *text*, and what still waits.

    Args:
        now_s: A monotonic clock, in seconds; it paces the progress displays.
        now_ns: Unix nanoseconds, for the text that waits.
    """
    before, since_ns, screen, continued = pending or ("", now_ns, None, False)
    if "\r\n" in text:
        text = text.replace("\r\n", "\n")
    pieces: list[Piece] = []
    if screen is not None and screen.moving and _is_plain(text):
        pieces = _standing(screen)
        before, since_ns, screen = "", now_ns, None
    if screen is None and not redraws(text):
        lines, rest, continued = _split(before + text, continued=continued)
        return pieces + lines, (rest, since_ns, None, continued) if rest else None
    screen = screen or Screen()
    pieces += [Piece(row, drawn=True) for row in screen.feed(before + text)]
    state = screen.state()
    if state and state != screen.shown and now_s >= screen.due_s:
        screen.shown, screen.due_s = state, now_s + UPDATE_S
        pieces.append(Piece(state, progress=True, drawn=True))
    return pieces, None if screen.is_empty() else ("", since_ns, screen, False)


def leftover(pending: Pending) -> list[Piece]:
    """What *pending* comes to when the rest of its line is not waited for."""
    text, _since_ns, screen, continued = pending
    if screen is None:
        return _piece(text, continued=continued)
    state = screen.state()
    if not state or state == screen.shown:
        return []
    return [Piece(state, progress=True, drawn=True)]


def _standing(screen: Screen) -> list[Piece]:
    state = screen.state()
    return [Piece(state, drawn=True)] if state else []


def _is_plain(text: str) -> bool:
    # A display that draws several rows writes bare line ends to go down.
    return "\r" not in text and "\x1b" not in text and text.strip("\n") != ""


def _split(text: str, *, continued: bool) -> tuple[list[Piece], str, bool]:
    """The pieces, the rest, and whether that rest goes on the last piece."""
    pieces: list[Piece] = []
    at = 0
    while len(text) - at > PIECE_CHARS:
        # Between two lines if there is a place: then nothing is torn.
        end = text.rfind("\n", at, at + PIECE_CHARS) + 1 or at + PIECE_CHARS
        pieces += _piece(text[at:end], continued=continued)
        continued = text[end - 1] != "\n"
        at = end
    rest = text[at:]
    if not rest.endswith("\n"):
        return pieces, rest, continued and bool(rest)
    return pieces + _piece(rest, continued=continued), "", False


def _piece(text: str, *, continued: bool) -> list[Piece]:
    text = unstyled(text).strip("\r\n")
    return [Piece(text, continued=continued)] if text.strip() else []
