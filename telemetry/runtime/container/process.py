"""A container as a process: its transport thread, its signals, its end.

The main thread belongs to the user's code. One more thread, the transport, reads
the socket and the signals; so a cancellation, a stop and a probe get through
while a body blocks the loop or the main thread.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import time
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, Final, NoReturn

from telemetry.capture import settings as capture_settings
from telemetry.policy.settling import Cause
from telemetry.runtime import current
from telemetry.runtime.container import forks, recorder
from telemetry.runtime.container.container import Container
from telemetry.runtime.container.nested import ContainerSession
from telemetry.runtime.container.outbox import Outbox
from telemetry.runtime.identity import new_id_source
from telemetry.runtime.wire import messages, payload
from telemetry.runtime.wire.frames import (
    ConnectionLostError,
    FrameReader,
    FrameWriter,
    incoming,
)
from telemetry.runtime.wire.reactor import READ, WRITE, Reactor

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from telemetry.runtime.spec import PoolSpec
    from telemetry.runtime.wire.frames import Frame

_LAST_WORDS_S: Final = 2.0
"""How long the end waits for the socket to take the last messages."""

_GRACEFUL: Final = (signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True, slots=True)
class ContainerInit:
    """What a container is told first.

    Attributes:
        import_path: The driver's ``sys.path``.
        capture: The driver's settings for log lines.
        boxes: The folder for the black box.
    """

    container_id: str
    spec: PoolSpec
    import_path: tuple[str, ...]
    capture: capture_settings.Settings
    boxes: Path


class ContainerProcess:
    """One container in this process, connected to its driver by a socket."""

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(0)
        self._sock = sock
        self._fd = sock.fileno()
        self._reader = FrameReader(sock)
        self._reactor = Reactor(on_tick=_nothing, on_error=_report_internal)
        self._outbox = Outbox(
            FrameWriter(sock), on_blocked=lambda: self._reactor.post(self._await_room)
        )
        self._init: SimpleQueue[ContainerInit | None] = SimpleQueue()
        self._container: Container | None = None
        self._session = ContainerSession(self._outbox, new_id_source())
        self._signals = os.pipe()
        self._connected = True
        self._told_to_end = False

    def main(self) -> None:
        """Be a container until the end; call in the main thread."""
        self._prepare_process()
        self._reactor.watch(self._fd, READ, self._on_socket)
        self._reactor.watch(self._signals[0], READ, self._on_signal)
        Thread(
            target=self._reactor.run, name="telemetry-transport", daemon=True
        ).start()
        init = self._init.get()
        if init is not None:
            sys.path[:] = init.import_path
            recorder.begin(init)
            self._live(init)
        self._say_goodbye()

    def _live(self, init: ContainerInit) -> None:
        container = Container(
            container_id=init.container_id,
            spec=init.spec,
            outbox=self._outbox,
            later=lambda delay_s, call: self._reactor.at(
                time.monotonic() + delay_s, call
            ),
            abandon=lambda: _end(1),
        )
        phase, began_s = "import", time.monotonic()
        try:
            container.load()
            imported_s = time.monotonic()
            phase = "enter"
            container.enter()
        except BaseException as error:  # noqa: BLE001 - told to whoever waits for it
            self._send((messages.FAILED, phase, payload.dump_failure(error)))
            return
        entered_s = time.monotonic()
        self._container = container
        self._send((messages.READY, imported_s - began_s, entered_s - imported_s))
        if not self._connected or self._told_to_end:
            self._reactor.post(container.stop)
        container.serve()
        container.close()

    def _prepare_process(self) -> None:
        current.set_container_session(self._session)
        for fd in self._signals:
            os.set_blocking(fd, False)
        for number in _GRACEFUL:
            signal.signal(number, self._note_signal)
        # Python writes the number there at once, so the transport acts on it even
        # while the main thread sits in a C call. uvloop takes the place of this
        # descriptor while it runs; then the handler has to do.
        signal.set_wakeup_fd(self._signals[1], warn_on_full_buffer=False)
        os.register_at_fork(after_in_child=self._after_fork_in_child)

    def _note_signal(self, number: int, _frame: object) -> None:
        try:
            os.write(self._signals[1], bytes([number]))
        except BlockingIOError:
            pass  # it is full of signals that nobody has read yet

    def _after_fork_in_child(self) -> None:
        # A body forked. The child is not a container: it must neither answer for
        # one, nor hold its socket open, nor ignore a polite request to end.
        forks.is_child = True
        self._outbox.lose()
        os.close(self._fd)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def _on_socket(self, events: int) -> None:
        if events & WRITE and self._outbox.resume():
            self._reactor.rewatch(self._fd, READ, self._on_socket)
        if events & READ:
            try:
                for frame in self._reader.receive():
                    self._on_frame(frame)
            except ConnectionLostError:
                self._on_lost()

    def _await_room(self) -> None:
        if self._connected:
            self._reactor.rewatch(self._fd, READ | WRITE, self._on_socket)

    def _on_lost(self) -> None:
        """The driver is gone: end as if it had asked for it."""
        self._connected = False
        self._reactor.unwatch(self._fd)
        self._outbox.lose()
        self._init.put(None)
        if self._container is not None:
            self._container.stop(Cause.SHUTDOWN)

    def _on_signal(self, _events: int) -> None:
        numbers = os.read(self._signals[0], 256)
        if not any(number in numbers for number in _GRACEFUL):
            return
        if self._told_to_end:
            return
        self._told_to_end = True
        self._send((messages.LEAVING,))
        if self._container is not None:
            self._container.stop(Cause.SHUTDOWN)

    def _on_frame(self, frame: Frame) -> None:
        rows: list[list[Any]] = []
        for message in frame.messages:
            kind = message[0]
            if kind == messages.RUN:
                rows.append(message)
                continue
            if rows:  # what comes after a start may concern it
                self._run(rows, frame)
                rows = []
            self._on_message(kind, message, frame)
        if rows:
            self._run(rows, frame)

    def _run(self, rows: list[list[Any]], frame: Frame) -> None:
        if self._container is not None:
            self._container.run(rows, frame.blobs)

    def _on_message(self, kind: int, message: list[Any], frame: Frame) -> None:
        if kind == messages.INIT:
            self._init.put(payload.loads(incoming(message[1], frame.blobs)))
        elif kind == messages.SETTLED:
            self._session.settled(message, frame.blobs)
        elif kind == messages.ATTACHED:
            self._session.attached(message[1], message[2])
        elif kind == messages.ANSWER:
            self._session.answered(message[1], incoming(message[2], frame.blobs))
        elif kind == messages.PROBE:
            recorder.poll()
            self._send((messages.ALIVE,))  # and whatever lies ready before it
        elif self._container is not None:
            self._control(self._container, kind, message)

    @staticmethod
    def _control(container: Container, kind: int, message: list[Any]) -> None:
        if kind == messages.CANCEL:
            container.cancel(message[1], message[2], message[3], message[4])
        elif kind == messages.CREDIT:
            container.credit(message[1], message[2], message[3])
        elif kind == messages.DRAIN:
            container.drain()
        elif kind == messages.STOP:
            container.stop()

    def _send(self, message: tuple[Any, ...]) -> None:
        self._outbox.put(message)
        self._outbox.flush()

    def _say_goodbye(self) -> None:
        self._send((messages.GOODBYE,))
        until_s = time.monotonic() + _LAST_WORDS_S
        while not self._outbox.empty and time.monotonic() < until_s:
            time.sleep(0.005)  # the transport thread is writing


def run(sock: socket.socket) -> NoReturn:
    """Be a container on this socket, then end the process."""
    code = 1
    try:
        ContainerProcess(sock).main()
        code = 0
    except BaseException as error:  # noqa: BLE001 - the process ends here anyway
        _report_internal(error)
    finally:
        _end(code)


def _end(code: int) -> NoReturn:
    """Leave without waiting for threads that a user's code left behind."""
    try:
        atexit._run_exitfuncs()  # noqa: SLF001 - what os._exit skips, as multiprocessing does
        sys.stdout.flush()
        sys.stderr.flush()
        recorder.end()
    finally:
        os._exit(code)


def _nothing() -> None:
    """The transport has no end-of-round work."""


def _report_internal(error: BaseException) -> None:
    print(f"telemetry.runtime: internal error: {error!r}", file=sys.stderr)  # noqa: T201 - no logger can be trusted here
