"""The process that containers are forked from: everything imported, one thread.

Forking the driver would copy its threads' locks in whatever state they are;
spawning would import everything again for each container. The zygote does
nothing but fork, so its children begin in milliseconds from a clean state.

It is also the parent that reaps them, and the janitor: when the driver is gone,
it waits for the containers to end and then kills what is left.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import time
from typing import Any, Final, NoReturn

from telemetry.runtime.backends.descriptors import DescriptorSocket
from telemetry.runtime.wire.frames import ConnectionLostError, FrameReader, FrameWriter
from telemetry.runtime.wire.reactor import READ, WRITE, Reactor

# Driver to zygote.
SPAWN: Final = 0  # container id; a descriptor travels along
KILL: Final = 1  # container id

# Zygote to driver.
SPAWNED: Final = 10  # container id, pid
EXITED: Final = 11  # container id, exit code or minus the signal
NOT_SPAWNED: Final = 12  # container id, why

_REAP_S: Final = 0.05
"""How often the janitor looks again for containers that have ended."""


class Zygote:
    """Forks, reaps and kills containers on request.

    Args:
        sock: The connection to the driver.
        patience_s: How long containers may outlive the driver.
    """

    def __init__(self, sock: socket.socket, patience_s: float) -> None:
        sock.settimeout(0)
        self._sock = sock
        self._patience_s = patience_s
        self._carrier = DescriptorSocket(sock)
        self._reader = FrameReader(self._carrier)
        self._writer = FrameWriter(self._carrier)
        self._news: list[tuple[Any, ...]] = []
        self._reactor = Reactor(on_tick=self._tell, on_error=_report)
        self._children: dict[int, str] = {}
        self._pids: dict[str, int] = {}
        self._child_signal = os.pipe()

    def main(self) -> None:
        """Serve until the driver is gone and no container is left."""
        for fd in self._child_signal:
            os.set_blocking(fd, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._child_signal[1], warn_on_full_buffer=False)
        self._reactor.watch(self._child_signal[0], READ, self._on_child_signal)
        self._reactor.watch(self._sock.fileno(), READ, self._on_socket)
        gc.collect()
        gc.freeze()  # children share these pages as long as nobody counts them
        self._reactor.run()
        self._clean_up()

    def _on_socket(self, events: int) -> None:
        try:
            if events & WRITE and self._writer.flush():
                self._reactor.rewatch(self._sock.fileno(), READ, self._on_socket)
            if events & READ:
                for frame in self._reader.receive():
                    for message in frame.messages:
                        self._on_message(message)
        except ConnectionLostError:
            self._reactor.stop()

    def _on_message(self, message: list[Any]) -> None:
        if message[0] == SPAWN:
            self._spawn(message[1], self._carrier.received.popleft())
        elif message[0] == KILL and message[1] in self._pids:
            # Not reaped yet, so the number is still this container's.
            _kill_group(self._pids[message[1]])

    def _spawn(self, container_id: str, descriptor: int) -> None:
        try:
            pid = os.fork()
        except OSError as error:
            os.close(descriptor)
            self._news.append((NOT_SPAWNED, container_id, str(error)))
            return
        if pid == 0:
            self._be_container(descriptor)
        os.close(descriptor)
        self._children[pid] = container_id
        self._pids[container_id] = pid
        self._news.append((SPAWNED, container_id, pid))

    def _be_container(self, descriptor: int) -> NoReturn:
        """In the child: leave everything of the zygote behind."""
        from telemetry.runtime.container import process  # noqa: PLC0415 - imported before the first fork, see `serve`

        os.setsid()  # a group of its own: what it starts can be ended with it
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._reactor.close()
        self._sock.close()
        for fd in (*self._child_signal, *self._carrier.received):
            os.close(fd)
        process.run(socket.socket(fileno=descriptor))

    def _on_child_signal(self, _events: int) -> None:
        os.read(self._child_signal[0], 4096)
        self._reap()

    def _reap(self) -> None:
        while self._children:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            container_id = self._children.pop(pid, None)
            if container_id is None:
                continue
            del self._pids[container_id]
            _kill_group(pid)  # what the container started and left behind
            code = os.waitstatus_to_exitcode(status)
            self._news.append((EXITED, container_id, code))

    def _tell(self) -> None:
        if not self._news:
            return
        news, self._news = self._news, []
        try:
            if not self._writer.send(news):
                self._reactor.rewatch(
                    self._sock.fileno(), READ | WRITE, self._on_socket
                )
        except ConnectionLostError:
            self._reactor.stop()

    def _clean_up(self) -> None:
        """The driver is gone; its containers have noticed and are ending."""
        until_s = time.monotonic() + self._patience_s
        while self._children and time.monotonic() < until_s:
            self._reap()
            time.sleep(_REAP_S)
        for pid in list(self._children):
            _kill_group(pid)
        while self._children:
            self._reap()
            time.sleep(_REAP_S)


def _kill_group(pid: int) -> None:
    for kill, target in ((os.killpg, pid), (os.kill, pid)):
        try:
            kill(target, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass  # no such group (yet), or nothing of it is left


def _report(error: BaseException) -> None:
    print(f"telemetry.runtime: zygote: {error!r}", file=sys.stderr)  # noqa: T201 - no logger here


def serve(descriptor: int, patience_s: float) -> None:
    """Be the zygote on this descriptor; the entry point of the process."""
    import telemetry.runtime  # noqa: F401, PLC0415 - every container needs it
    from telemetry.capture.inherited import forget  # noqa: PLC0415 - as above
    from telemetry.runtime.container import process  # noqa: F401, PLC0415 - as above

    forget()  # what ran where the driver was started does not run in a container
    try:
        import uvloop  # noqa: F401, PLC0415 - optional
    except ImportError:
        pass
    Zygote(socket.socket(fileno=descriptor), patience_s).main()
