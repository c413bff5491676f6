"""The road of ``print``, ``sys.stdout`` and ``sys.stderr``.

The ``write`` of the stream objects that exist is replaced, and not the objects: so
what asks a stream for its terminal, its descriptor or its encoding gets the truth, and
what took hold of a stream earlier (a ``StreamHandler``, ``from sys import stdout``) is
covered. The original write comes first, with the same text and result.

Not covered: a ``write`` that was taken from the stream before, and bytes through
``sys.stdout.buffer``; the descriptors' road sees both. A stream that the program puts
in the place of ``sys.stdout`` is covered from the next scope or line on, if it writes
to descriptor 1 or 2; any other (``redirect_stdout`` to a ``StringIO`` or a file) is the
program's own business.

Level ``info`` for stdout, ``warning`` for stderr, ``info`` for progress bars on either.
"""

from __future__ import annotations

import atexit
import io
import os
import sys
import threading
import time
from asyncio import Task, current_task
from asyncio.events import _get_running_loop as running_loop
from functools import partial
from threading import get_ident
from typing import Any, Final, Literal, TypeAlias, cast

from telemetry.capture import open_scopes, recording, unpatched
from telemetry.capture.assembling import (
    PIECE_CHARS,
    Pending,
    Piece,
    assemble,
    leftover,
)
from telemetry.capture.fast_lines import leave
from telemetry.capture.line import HERE, Here
from telemetry.capture.recording import record, way
from telemetry.capture.roads.elsewhere import INSIDE
from telemetry.capture.roads.patching import Function, Layer, Patch, combined
from telemetry.capture.roads.road import RoadState
from telemetry.capture.sink import failed, is_busy
from telemetry.core.scope import SCOPE, InputScope

CAPTURED_ELSEWHERE: Final[set[str]] = set()
"""Names of modules whose writes pass through and leave no record, as the lines they
write are recorded by a road of their own: ``logging``, ``warnings``."""

IDLE_S: Final = 1.0
"""A line that is begun and not ended is recorded after this time, or twice it."""

Name: TypeAlias = Literal["stdout", "stderr"]
Key: TypeAlias = tuple[Name, int, InputScope | None, Task[Any] | None]

_NAMES: Final[tuple[Name, Name]] = ("stdout", "stderr")
_BY_DESCRIPTOR: Final[dict[int, Name]] = {1: "stdout", 2: "stderr"}

NO_LOGGER: Final = recording.named(None)

# The lines that are begun and not ended. Whoever pops one owns it: no lock is needed,
# and a signal handler or finaliser that comes in between finds none and begins its own.
_OPEN: Final[dict[Key, Pending]] = {}


class _Idle:
    """What stood in `_OPEN` when somebody looked for idle lines last."""

    seen: dict[Key, Pending]
    next_s: float

    def __init__(self) -> None:
        self.seen, self.next_s = {}, 0.0


_IDLE: Final = _Idle()


class _Tap:
    """One stream that is watched.

    Attributes:
        swallows: The write does nothing beside capturing.
        through: What it does beside that.
        lasting: It was there on install, and is watched until uninstall.
    """

    __slots__ = ("lasting", "name", "patch", "stream", "swallows", "through")

    def __init__(
        self, name: Name, stream: unpatched.Writable, *, lasting: bool
    ) -> None:
        self.name: Name = name
        self.stream = stream
        self.lasting = lasting
        self.swallows = False
        self.through: Function = stream.write
        self.patch = Patch(stream, "write", partial(_write_for, self))

    def renew(self, original: Function | None = None) -> None:
        """Choose anew what becomes of the text."""
        if original is not None:
            unpatched.remember(self.stream, original)
        self.swallows = ROAD.swallow
        self.through = _swallowed if ROAD.swallow else unpatched.unpatched(self.stream)

    def close(self) -> None:
        """Watch it no more."""
        self.patch.uninstall()
        self.through = unpatched.unpatched(self.stream)
        unpatched.forget(self.stream)


def _swallowed(text: str) -> int:
    if not isinstance(text, str):
        raise TypeError(f"write() argument must be str, not {type(text).__name__}")
    return len(text)


def _write_for(tap: _Tap, layer: Layer) -> Function:  # noqa: C901  # flat: the hot path
    """The write that takes the place of ``layer.original``."""
    tap.renew(layer.original)
    name: Final = tap.name
    level, number = ("info", 20) if name == "stdout" else ("warning", 30)
    elsewhere, frame_at, now_ns = CAPTURED_ELSEWHERE, sys._getframe, time.time_ns  # noqa: SLF001  # inspect.currentframe takes no depth
    take, put, in_context, plain = _OPEN.pop, _OPEN.setdefault, SCOPE.get, str
    more = recording.seen_as(name, shown=False)

    def write(text: str, /) -> object:  # noqa: C901  # flat: the hot path
        if tap.swallows and type(text) is plain:
            result: object = len(text)
        else:
            result = tap.through(text)
        if not layer.on or not text or (not way.is_short and is_busy()):
            return result
        try:
            # What others leave as lines has a line end in it, or is written inside
            # of what they have wrapped: only then is it worth a look who writes.
            if (
                text != "\n"
                and (INSIDE or "\n" in text)
                and frame_at(1).f_globals.get("__name__") in elsewhere
            ):
                return result
            loop = running_loop()
            task = None if loop is None else current_task(loop)
            key: Key = (name, get_ident(), in_context(), task)
            pending = take(key, None)
            if pending is None:
                if (
                    "\n" not in text
                    and "\r" not in text
                    and "\x1b" not in text
                    and len(text) <= PIECE_CHARS
                    and type(text) is plain
                ):
                    waiting: Pending = (text, now_ns(), None, False)
                    if put(key, waiting) is not waiting:
                        _put_back(key, waiting)
                    return result
            elif text == "\n":
                begun, _since, screen, continued = pending
                if screen is None and not continued and begun.isprintable():
                    if not begun.isspace() and not (
                        way.is_short and leave(number, NO_LOGGER, begun, {}, more)
                    ):
                        record(level, begun, stream=name, shown=not ROAD.swallow)
                    if (
                        _OPEN
                        or sys.stdout is not ROAD.known[0]
                        or sys.stderr is not ROAD.known[1]
                    ):
                        _look_around()
                    return result
            _take_in(key, pending, text)
        except Exception as error:  # noqa: BLE001  # who prints is not harmed
            failed(error, "streams")
        return result

    return write


def _take_in(key: Key, pending: Pending | None, text: str) -> None:
    """Everything but the plainest writes; the caller owns *pending*."""
    if type(text) is not str:
        text = str.__str__(text)  # of a subclass, which may do anything
    pieces, waiting = assemble(
        pending, text, now_s=time.monotonic(), now_ns=time.time_ns()
    )
    for piece in pieces:
        _leave(key[0], piece)
    if waiting is not None:
        _put_back(key, waiting)
    if pieces:
        _look_around()


def _put_back(key: Key, waiting: Pending) -> None:
    # Race: 1. we own the line; 2. a signal handler prints here and ends no line, so
    # that it leaves one of its own; 3. we put ours back. Theirs is then a line.
    while _OPEN.setdefault(key, waiting) is not waiting:
        _close(key)


def _leave(
    name: Name,
    piece: Piece,
    scope: InputScope | Here | None = HERE,
    unix_ns: int | None = None,
    thread: str | None = None,
) -> None:
    fields: dict[str, object] = {}
    if piece.progress:
        fields["progress"] = True
    if piece.continued:
        fields["continued"] = True
    record(
        "info" if name == "stdout" or piece.drawn else "warning",
        piece.text,
        fields,
        stream=name,
        scope=scope,
        unix_ns=unix_ns,
        thread=thread,
        shown=not ROAD.swallow,
    )


def _close(key: Key) -> None:
    """Record the line of *key* as far as it has come, whoever began it."""
    pending = _OPEN.pop(key, None)
    if pending is None:
        return
    name, ident, scope, _task = key
    thread = None if ident == get_ident() else _alive().get(ident, "")
    for piece in leftover(pending):
        _leave(name, piece, scope, pending[1], thread)


def _alive() -> dict[int | None, str]:
    return {thread.ident: thread.name for thread in threading.enumerate()}


def _look_around() -> None:
    # At the end of a line, when there is something to do.
    if sys.stdout is not ROAD.known[0] or sys.stderr is not ROAD.known[1]:
        ROAD.look_again()
    if _OPEN:
        flush_idle(time.monotonic())


def flush_idle(now_s: float) -> None:
    """Record the lines that were begun, not ended, and left alone since.

    Done at the end of other lines anyway; a thread that has time may call it too.

    Args:
        now_s: ``time.monotonic()``.
    """
    if now_s < _IDLE.next_s:
        return
    _IDLE.next_s = now_s + IDLE_S
    seen, _IDLE.seen = _IDLE.seen, {}
    for key, pending in seen.items():
        # Each write replaces the tuple: the same one means that nobody wrote.
        # Race: 1. it is the same; 2. its thread writes on; 3. we record what there
        # is then. Nothing is lost or doubled; that line comes in two.
        if _OPEN.get(key) is pending:
            _close(key)
    _IDLE.seen = dict(_OPEN)


def flush_all() -> None:
    """Record every line that was begun and not ended."""
    for key in list(_OPEN):
        _close(key)


def scope_ended(scope: InputScope) -> None:
    """*scope* is about to be closed: record what it has begun and not ended."""
    if not _OPEN:
        return
    ident, alive = get_ident(), None
    for key in list(_OPEN):
        if key[2] is not scope:
            continue
        # A thread that was left behind may be within a print: it ends its line.
        if key[1] != ident:
            alive = alive or _alive()
            if key[1] in alive:
                continue
        _close(key)


def scope_began(_scope: InputScope) -> None:
    """Look whether somebody has put another stream in place."""
    if sys.stdout is not ROAD.known[0] or sys.stderr is not ROAD.known[1]:
        ROAD.look_again()


class _Streams:
    """The road; see the module.

    Attributes:
        known: ``sys.stdout`` and ``sys.stderr`` as they were looked at last.
    """

    name: Final = "streams"
    covers: Final = "print, sys.stdout and sys.stderr, and what holds those streams"

    def __init__(self) -> None:
        self._swallow = False
        self._taps: list[_Tap] = []
        self._unfit: dict[Name, str] = {}
        self.known: tuple[object, object] = (None, None)
        self._at_exit = False

    @property
    def swallow(self) -> bool:
        """Whether the text goes nowhere but into the record, as in a container."""
        return self._swallow

    @swallow.setter
    def swallow(self, wanted: bool) -> None:
        self._swallow = wanted
        self.renew()

    def renew(self) -> None:
        """Choose anew what becomes of the text beside its record."""
        for tap in self._taps:
            tap.renew()

    def install(self) -> None:
        """Watch the streams that stand in ``sys`` now, whatever they are."""
        if self._taps:
            for tap in self._taps:
                tap.patch.install()  # somebody may have thrown ours away
            self.look_again()
            return
        self._unfit.clear()
        for name in _NAMES:
            self._add(name, getattr(sys, name, None), lasting=True)
        self.known = (sys.stdout, sys.stderr)
        open_scopes.watch(begin=scope_began, end=scope_ended)
        if not self._at_exit:
            self._at_exit = True
            atexit.register(flush_all)

    def uninstall(self) -> None:
        """Give the streams their own write back."""
        open_scopes.unwatch(scope_began, scope_ended)
        taps, self._taps = self._taps, []
        for tap in taps:
            tap.close()
        self._unfit.clear()
        flush_all()

    def state(self) -> RoadState:
        """Whether what stands in ``sys`` now is watched."""
        if not self._taps:
            return RoadState(on=False)
        notes = [f"{name}: {why}" for name, why in self._unfit.items()]
        watched = {id(tap.stream): tap for tap in self._taps}
        for name in _NAMES:
            stream = getattr(sys, name, None)
            if id(stream) not in watched and name not in self._unfit:
                notes.append(f"{name}: a {type(stream).__name__} stands in its place")
        current = [
            tap.patch
            for name in _NAMES
            if (tap := watched.get(id(getattr(sys, name, None)))) is not None
        ]
        return combined(current or [tap.patch for tap in self._taps], "; ".join(notes))

    def look_again(self) -> None:
        """Watch what has been put in the place of a stream, if it is like it."""
        self.known = current = (sys.stdout, sys.stderr)
        if not self._taps:
            return
        for tap in [*self._taps]:
            # Not to be kept alive: it may close its descriptor when it goes.
            if not tap.lasting and tap.stream not in current:
                self._taps.remove(tap)
                tap.close()
        for stream in current:
            name = _BY_DESCRIPTOR.get(_descriptor(stream))
            if name is not None:
                self._add(name, stream, lasting=False)

    def _add(self, name: Name, stream: object, *, lasting: bool) -> None:
        if stream is None or any(tap.stream is stream for tap in self._taps):
            return
        try:
            tap = _Tap(name, cast("unpatched.Writable", stream), lasting=lasting)
            tap.patch.install()
        except (AttributeError, TypeError) as error:
            self._unfit[name] = f"cannot be watched ({error})"
        else:
            self._taps.append(tap)


def _descriptor(stream: object) -> int:
    if not isinstance(stream, io.TextIOWrapper):
        return -1
    try:
        return stream.fileno()
    except (OSError, ValueError):
        return -1


ROAD: Final = _Streams()


def _forget() -> None:
    # The parent goes on with its lines; here they would come twice.
    _OPEN.clear()
    _IDLE.seen = {}


os.register_at_fork(after_in_child=_forget)
