"""The road of descriptors 1 and 2: C libraries, ``os.write``, children, faulthandler.

Both are pointed to files, and whoever has time reads what is there (`poll`). What was
written carries no context. It is given to an input only if that input ran alone all
the while since the read before; else the line has ``input_candidates``. A child that
outlives its input is not recognised.

In a container nothing is passed on. In library mode (``pass_through``) a small thread
copies all to where it would have gone, in order for each descriptor, up to 50 ms
later; what a killed process wrote last stays in the file, and the terminal does not
see it. ``isatty`` of both descriptors is false.
"""

from __future__ import annotations

import atexit
import codecs
import contextlib
import os
import re
import select
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextvars import Context
from pathlib import Path
from typing import Final

from telemetry.capture import open_scopes, unpatched
from telemetry.capture.assembling import Pending, Piece, assemble, leftover
from telemetry.capture.recording import record
from telemetry.capture.roads import streams
from telemetry.capture.roads.road import RoadState
from telemetry.capture.sink import failed
from telemetry.capture.tailing import READ_BYTES, Marked, Tail
from telemetry.core.scope import InputScope

LIMIT_BYTES: Final = 8 << 20
"""Unread bytes of a descriptor; of more, the oldest are dropped, and that is said."""

CANDIDATES: Final = 64
"""Ids on a line whose writer is not known; with more, it is nearly anybody's."""

_POLL_S: Final = 0.05
_WAIT_S: Final = 0.2
_STUCK_MS: Final = 1_000

_ROW: Final = re.compile(r"[^\n]*\n|[^\n]+")
_LEVELS: Final = {"stdout": "info", "stderr": "warning"}


class _Whose:
    """Who may have written some bytes: an input, nobody, or one of several."""

    __slots__ = ("candidates", "scope")

    def __init__(
        self, scope: InputScope | None = None, candidates: tuple[str, ...] = ()
    ) -> None:
        self.scope = scope
        self.candidates = candidates

    def joined(self, other: _Whose) -> _Whose:
        """Of a line that was written in two pieces."""
        if self.scope is other.scope and self.candidates == other.candidates:
            return self
        both = dict.fromkeys((*self._ids(), *other._ids()))
        return _Whose(None, tuple(both)[:CANDIDATES])

    def _ids(self) -> tuple[str, ...]:
        return self.candidates if self.scope is None else (self.scope.input_id,)


class _Stream:
    """One descriptor: its file, and the line that has been begun."""

    def __init__(self, name: str, tail: Tail) -> None:
        self.name: Final = name
        self.tail: Final = tail
        self.marked = Marked()
        self.pending: Pending | None = None
        self.whose: _Whose | None = None
        # A character may be torn by the end of a read.
        self.decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")


class DescriptorCapture:
    """Captures descriptors 1 and 2 of this process, from `install` on.

    Args:
        directory: Where the files lie, ``NAME.out`` and ``NAME.err``, mode 0600;
            what is left there is read by `telemetry.capture.tailing.leftover`.
        name: Of the files; no such files may exist.
        pass_through: Copy all to where the descriptors went before.
        limit_bytes: See `LIMIT_BYTES`.
    """

    def __init__(
        self,
        directory: Path,
        name: str,
        *,
        pass_through: bool = False,
        limit_bytes: int = LIMIT_BYTES,
    ) -> None:
        self._paths: Final = (directory / f"{name}.out", directory / f"{name}.err")
        self._pass_through = pass_through
        self._limit_bytes = limit_bytes
        self._streams: tuple[_Stream, ...] = ()
        self._lock = threading.Lock()
        self._owner: int | None = None
        self._pid = os.getpid()
        self._before = open_scopes.now()
        self.dropped_lines = 0

    @property
    def is_on(self) -> bool:
        """Whether it is installed, and by this process."""
        return bool(self._streams) and self._pid == os.getpid()

    def install(self) -> None:
        """Point both descriptors to the files; nothing when that is done.

        Raises:
            OSError: A file cannot be made; then nothing has changed.
        """
        if self._streams:
            return
        _flush()
        self._pid, self._before = os.getpid(), open_scopes.now()
        out = _Stream("stdout", Tail(1, self._paths[0]))
        try:
            err = _Stream("stderr", Tail(2, self._paths[1]))
        except OSError:
            out.tail.restore()
            out.tail.close()
            raise
        self._streams = (out, err)
        open_scopes.watch_few(
            begin=self._scope_begins, end=self._scope_ends, change=self._scope_changed
        )

    def uninstall(self) -> None:
        """Point the descriptors back, and record what is left."""
        open_scopes.unwatch(self._scope_begins, self._scope_ends, self._scope_changed)
        if not self.is_on:
            return
        _flush()
        for stream in self._streams:
            stream.tail.restore()
        self.poll(final=True)
        with self._lock:
            streams_, self._streams = self._streams, ()
            for stream in streams_:
                stream.tail.close()

    def poll(self, *, final: bool = False) -> None:
        """Record what has been written since; from any thread, and never for long.

        Args:
            final: Also the line that has been begun and not ended.
        """
        # Race: a signal handler or a finaliser polls within a poll of its thread.
        if not self.is_on or self._owner == threading.get_ident():
            return
        if not self._lock.acquire(timeout=_WAIT_S):
            return
        try:
            self._owner = threading.get_ident()
            self._read_all(final=final)
        finally:
            self._owner = None
            self._lock.release()

    def _read_all(self, *, final: bool) -> None:
        # What is read now was written after the moment before the last read, and
        # before the moment after this one.
        before = open_scopes.now()
        dropped = self.dropped_lines
        found = [(s, self._new_bytes(s)) for s in self._streams if s.tail.size() > 0]
        departed = open_scopes.departed()
        if found:
            whose = self._whose(departed)
            for stream, blocks in found:
                for block in blocks:
                    self._take(stream, block, whose)
                stream.tail.release()
        self._before = before
        if self.dropped_lines > dropped:
            record(
                "warning",
                "lines were not captured: too many at once",
                {"lines": self.dropped_lines - dropped},
                logger=__name__,
                scope=None,
            )
        if final:
            for stream in self._streams:
                self._end_line(stream)

    def _new_bytes(self, stream: _Stream) -> list[bytes]:
        blocks: list[bytes] = []
        size = stream.tail.size()
        while size > 0 and (block := stream.tail.read()):
            size -= len(block)
            blocks.append(block)
            if len(blocks) * READ_BYTES > self._limit_bytes + READ_BYTES:
                gone = blocks.pop(0)
                self.dropped_lines += gone.count(b"\n")
                self._copy(stream, gone)
                stream.tail.release()
        return blocks

    def _whose(self, departed: tuple[str, ...]) -> _Whose:
        before, after = self._before, open_scopes.now()
        if before.epoch is after.epoch:
            if len(after.scopes) == 1:
                return _Whose(after.scopes[0])
            if not after.scopes:
                return _Whose()
        ids = [scope.input_id for scope in (*before.scopes, *after.scopes)]
        return _Whose(None, tuple(dict.fromkeys((*ids, *departed)))[:CANDIDATES])

    def _take(self, stream: _Stream, block: bytes, whose: _Whose) -> None:
        plain, everything = stream.marked.feed(block)
        if self._pass_through:
            _write_out(stream.tail.saved, everything)
        for row in _ROW.findall(stream.decoder.decode(plain)):
            mine = whose if stream.whose is None else stream.whose.joined(whose)
            pieces, stream.pending = assemble(
                stream.pending, row, now_s=time.monotonic(), now_ns=time.time_ns()
            )
            self._record(stream, pieces, mine)
            stream.whose = None if stream.pending is None else mine

    def _copy(self, stream: _Stream, block: bytes) -> None:
        if self._pass_through:
            _write_out(stream.tail.saved, stream.marked.feed(block)[1])

    def _end_line(self, stream: _Stream) -> None:
        pending, stream.pending = stream.pending, None
        whose, stream.whose = stream.whose, None
        if pending is not None:
            self._record(stream, leftover(pending), whose or _Whose(), pending[1])

    def _record(
        self,
        stream: _Stream,
        pieces: list[Piece],
        whose: _Whose,
        unix_ns: int | None = None,
    ) -> None:
        for piece in pieces:
            fields: dict[str, object] = {"progress": True} if piece.progress else {}
            if piece.continued:
                fields["continued"] = True
            record(
                "info" if piece.drawn else _LEVELS[stream.name],
                piece.text,
                fields,
                stream=stream.name,
                scope=whose.scope,
                candidates=whose.candidates,
                unix_ns=unix_ns,
                thread="",
                shown=self._pass_through,
            )

    def _scope_begins(self, _scope: InputScope) -> None:
        # Each read costs a system call. It is worth it where somebody ran alone, or
        # nobody did: between two and more, no line can be given to one of them.
        if open_scopes.count() <= 1:
            self.poll(final=True)

    def _scope_ends(self, _scope: InputScope) -> None:
        if open_scopes.count() <= open_scopes.FEW:  # one of two: the other is alone
            self.poll(final=True)

    def _scope_changed(self, _scope: InputScope) -> None:
        # From this read on, the one that is open is known to be alone.
        if open_scopes.count() == 1:
            self.poll()


def _write_out(fd: int | None, data: bytes) -> None:
    view = memoryview(data)
    while fd is not None and view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:
            if not select.select([], [fd], [], _STUCK_MS / 1_000)[1]:
                return
        except OSError:  # nobody reads any more
            return


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:  # noqa: BLE001, S110  # None, closed, or broken: not ours to say
            pass


class _Descriptors:
    """The road; see the module. A container sets the attributes before `install`.

    Attributes:
        directory: Where the files lie; None for a folder of their own.
        label: Name of the files.
        pass_through: Whether the output goes on to where it went before.
    """

    name: Final = "descriptors"
    covers: Final = "descriptors 1 and 2: C code, os.write, child processes"

    def __init__(self) -> None:
        self.directory: Path | None = None
        self.label = "descriptors"
        self.pass_through = True
        self._capture: DescriptorCapture | None = None
        self._own: Path | None = None
        self._stop = threading.Event()
        self._at_exit = False

    def install(self) -> None:
        """Capture both descriptors from now on."""
        if self._capture is not None and self._capture.is_on:
            return
        directory = self.directory
        if directory is None:
            directory = self._own = Path(tempfile.mkdtemp(prefix="telemetry-"))
        capture = DescriptorCapture(
            directory, self.label, pass_through=self.pass_through
        )
        capture.install()
        self._capture = capture
        if self.pass_through:
            unpatched.mark(enabled=True)
            streams.ROAD.renew()
            self._stop = threading.Event()
            thread = threading.Thread(
                target=_keep_polling,
                args=(capture, self._stop),
                name="telemetry-descriptors",
                daemon=True,
            )
            # It serves everybody, and must not carry the id of who asked for it.
            Context().run(thread.start)
        if not self._at_exit:
            self._at_exit = True
            atexit.register(self._end)

    def uninstall(self) -> None:
        """Make both descriptors what they were."""
        capture, self._capture = self._capture, None
        if capture is None:
            return
        self._stop.set()
        unpatched.mark(enabled=False)
        streams.ROAD.renew()
        # A forked child has a copy of this object; the files are its parent's.
        mine = capture.is_on
        capture.uninstall()
        own, self._own = self._own, None
        if own is not None and mine:
            shutil.rmtree(own, ignore_errors=True)

    def state(self) -> RoadState:
        """Whether both descriptors are captured by this process."""
        capture = self._capture
        if capture is None:
            return RoadState(on=False)
        return RoadState(on=capture.is_on, note=_dropped_note(capture))

    def poll(self) -> None:
        """Record what has been written since the last call, if this road is on."""
        capture = self._capture
        if capture is not None:
            capture.poll()

    def _end(self) -> None:
        # What comes later, such as the last flush of the streams, goes its old way;
        # in a container it stays in the file, for whoever adopts it.
        capture = self._capture
        if capture is None or not capture.is_on:
            return
        if self.pass_through:
            self.uninstall()
        else:
            with _harmless():
                capture.poll(final=True)


def _dropped_note(capture: DescriptorCapture) -> str:
    dropped = capture.dropped_lines
    return f"{dropped} lines were dropped, too many at once" if dropped else ""


def _keep_polling(capture: DescriptorCapture, stop: threading.Event) -> None:
    while capture.is_on and not stop.wait(_POLL_S):
        with _harmless():
            capture.poll()


@contextlib.contextmanager
def _harmless() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # noqa: BLE001  # the program goes on
        failed(error, "descriptors")


ROAD: Final = _Descriptors()
