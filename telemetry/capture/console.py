"""Lines on a terminal or a pipe, and a status that stays below them.

Nobody waits for a slow terminal but the one thread that writes to it: rendered
lines go into a queue, and whoever finds the stream free writes all that is there.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final, Literal, Protocol, TypeAlias, TypeVar

from telemetry.capture.json_lines import json_line
from telemetry.capture.line import Line, stamp
from telemetry.capture.pretty import Pretty
from telemetry.capture.terminal import fitted, uncoloured
from telemetry.capture.unpatched import unpatched

_T = TypeVar("_T")

Style: TypeAlias = Literal["auto", "pretty", "json"]

WAITING_WRITES: Final = 2_000
"""Writes that wait for a blocked stream; what comes on top is dropped and counted."""

_COLUMNS: Final = 80
_ERASE_ROW: Final = "\r\x1b[2K"
_UP: Final = "\x1b[1A"


class Stream(Protocol):
    """What a console writes to: any text stream."""

    def write(self, text: str, /) -> object:
        """Take *text*."""
        ...

    def flush(self) -> object:
        """Pass on what was taken."""
        ...


@dataclass(frozen=True, slots=True)
class _Target:
    """A stream, and what was found out about it once."""

    stream: Stream | None
    terminal: bool
    colour: bool
    render: Callable[[Line], str]


class Console:
    """Shows lines on a stream, one write for each line or batch of lines.

    Safe from any thread and in a signal handler. A line is never torn and never
    mixed with another one. The order of one thread's lines is kept. When the stream
    blocks, one thread is held by it; the lines of the others wait, `WAITING_WRITES`
    writes at most, and what is dropped beyond is said on the stream afterwards. A
    forked child starts with an empty queue and no status.

    Args:
        style: ``auto`` is ``pretty`` on a terminal and ``json`` elsewhere.
        stream: None for ``sys.stderr``, whichever that is at the time.
        colour: None decides by ``NO_COLOR``, ``FORCE_COLOR``, ``TERM`` and whether
            the stream is a terminal, in this order.
        columns: Width of the status; None asks the terminal.
        timezone: Of ``pretty``; None for the local one.
        environ: Where those variables are looked up.
    """

    def __init__(
        self,
        style: Style = "auto",
        *,
        stream: Stream | None = None,
        colour: bool | None = None,
        columns: int | None = None,
        timezone: tzinfo | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self.style: Final = style
        self._given = stream
        self._colour = colour
        self._columns = columns
        self._timezone = timezone
        self._environ = environ
        self._found: _Target | None = None
        self._start_over()
        _LIVE.add(self)

    def _start_over(self) -> None:
        # Only appended to and popped, which is atomic: no lock needed.
        self._waiting: deque[str] = deque()
        self._missed: deque[int] = deque()
        self._wanted: tuple[str, ...] = ()
        # Held by who writes to the stream, never waited for. It owns _drawn: the
        # status as it stands on the terminal now.
        self._writing = threading.Lock()
        self._drawn: tuple[str, ...] = ()

    def write(self, line: Line) -> None:
        """Show one line."""
        self.show((line,))

    def show(self, lines: Sequence[Line]) -> None:
        """Show *lines*, joined into one write.

        Raises:
            Exception: The first failure of the renderer or of the stream, after
                everything else has been shown.
        """
        target = self._target()
        rendered: list[str] = []
        failure: Exception | None = None
        for line in lines:
            try:
                rendered.append(target.render(line))
            except Exception as error:  # noqa: BLE001  # the other lines are shown
                failure = failure or error
        if not rendered:
            pass
        elif len(self._waiting) < WAITING_WRITES:
            self._waiting.append("".join(rendered))
        else:
            self._missed.append(len(rendered))
        self._drain()
        if failure is not None:
            raise failure

    def set_status(self, text: str) -> None:
        """Keep *text* below the lines, until it is replaced or cleared.

        Each row is cut to the width of the terminal; colour codes are kept where
        the lines have them. Where the stream is no terminal, or the style is JSON,
        there is no status.
        """
        target = self._target()
        if target.terminal:
            shown = text if target.colour else uncoloured(text)
            self._wanted = tuple(shown.splitlines())
            self._drain()

    def clear_status(self) -> None:
        """Take the status away."""
        self._wanted = ()
        self._drain()

    def flush(self, timeout_s: float) -> bool:
        """Wait for a thread that is writing; False when some of it is left."""
        end = time.monotonic() + timeout_s
        while self._is_due():
            left_s = end - time.monotonic()
            if not self._writing.acquire(timeout=max(left_s, 0)):
                return False
            self._writing.release()
            self._drain()
        return True

    def _is_due(self) -> bool:
        return bool(self._waiting) or self._wanted != self._drawn

    def _drain(self) -> None:
        # Race: 1. we append; 2. the writer, which saw an empty queue before, is about
        # to let go; 3. we fail to get the lock and leave. It is the writer that looks
        # again after letting go, so our line is not left behind.
        while self._is_due():
            if not self._writing.acquire(blocking=False):
                return
            try:
                self._write_out()
            finally:
                self._writing.release()

    def _write_out(self) -> None:
        """Write all that waits; the caller holds `_writing`."""
        target = self._target()
        text = "".join(_taken(self._waiting))
        missed = sum(_taken(self._missed))
        if missed:
            text += target.render(
                stamp(
                    "warning",
                    "lines were not shown: the stream was blocked",
                    {"lines": missed},
                    logger=__name__,
                )
            )
        # Taken once: another thread may set it while we write.
        wanted = self._wanted
        before, self._drawn = self._drawn, wanted
        if target.stream is None:
            return
        erase = _ERASE_ROW + (_UP + _ERASE_ROW) * (len(before) - 1) if before else ""
        _put(target.stream, erase + text + self._status(target.stream, wanted))

    def _status(self, stream: Stream, rows: tuple[str, ...]) -> str:
        if not rows:
            return ""
        columns = self._columns or _width(stream)
        # One column is left free: a full last row wraps on some terminals.
        return "\n".join(fitted(row, columns - 1) for row in rows)

    def _target(self) -> _Target:
        stream = self._given or sys.stderr
        found = self._found
        if found is None or found.stream is not stream:
            found = self._found = self._look_at(stream)
        return found

    def _look_at(self, stream: Stream | None) -> _Target:
        terminal = _is_terminal(stream)
        if self.style == "json" or (self.style == "auto" and not terminal):
            return _Target(stream, terminal=False, colour=False, render=json_line)
        colour = self._colour
        if colour is None:
            colour = wants_colour(self._environ, terminal=terminal)
        encoding = str(getattr(stream, "encoding", None) or "utf-8").lower()
        bar = "│" if encoding.startswith("utf") else "|"
        pretty = Pretty(colour=colour, timezone=self._timezone, bar=bar)
        return _Target(stream, terminal, colour, pretty)


def wants_colour(environ: Mapping[str, str], *, terminal: bool) -> bool:
    """Whether to write colour codes.

    Source: no-color.org and force-color.org; where both are set, ``NO_COLOR`` wins,
    as in CPython.
    """
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return True
    return terminal and environ.get("TERM") != "dumb"


def _is_terminal(stream: Stream | None) -> bool:
    try:
        return bool(stream is not None and stream.isatty())  # type: ignore[attr-defined]  # or it is none
    except (AttributeError, ValueError):
        return False


def _width(stream: Stream) -> int:
    try:
        fd: int = stream.fileno()  # type: ignore[attr-defined]  # or it has none
        return os.get_terminal_size(fd).columns or _COLUMNS
    except (AttributeError, OSError, ValueError):
        return _COLUMNS


def _taken(queue: deque[_T]) -> list[_T]:
    return [queue.popleft() for _ in range(len(queue))]


def _put(stream: Stream, text: str) -> None:
    if not text:
        return
    # Not through our own capture of what is written: these lines are recorded.
    write = unpatched(stream)
    try:
        write(text)
    except UnicodeEncodeError as error:
        # The stream is strict, and its encoding too small for what was said.
        write(text.encode(error.encoding, "backslashreplace").decode(error.encoding))
    stream.flush()


# Both for _renew: a lock that another thread held during the fork stays held.
_LIVE: Final[weakref.WeakSet[Console]] = weakref.WeakSet()


def _renew() -> None:
    for console in list(_LIVE):
        console._start_over()  # noqa: SLF001  # this module's own


os.register_at_fork(after_in_child=_renew)
