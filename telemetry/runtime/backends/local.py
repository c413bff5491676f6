"""Containers as processes of this machine, forked by a zygote.

Each container has one connected pair of Unix stream sockets, whose other end
reaches it as a descriptor through the zygote. Nothing has a name in the file
system: nothing to protect, to collide, to outgrow ``sun_path`` or to clean up.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final

from telemetry.runtime.backends import zygote
from telemetry.runtime.backends.descriptors import (
    DescriptorSocket,
    above_standard,
    is_inherited,
)
from telemetry.runtime.wire.frames import ConnectionLostError, FrameReader, FrameWriter
from telemetry.runtime.wire.reactor import READ, WRITE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telemetry.runtime.backends.backend import ContainerEvents
    from telemetry.runtime.wire.frames import Message
    from telemetry.runtime.wire.reactor import Reactor

_BUFFER_BYTES: Final = 1024 * 1024
"""Asked of the kernel per direction: a burst of frames should not wait for a
reader. The kernel may give less (``net.core.wmem_max``)."""


class LocalBackend:
    """Starts containers on this machine. Belongs to the dispatcher's thread.

    Args:
        patience_s: How long containers may outlive a driver that died.
    """

    def __init__(self, reactor: Reactor, patience_s: float) -> None:
        self._reactor = reactor
        self._patience_s = patience_s
        self._containers: dict[str, LocalContainer] = {}
        self._zygote: _ZygoteClient | None = None
        self._start_zygote()

    def start(self, container_id: str, events: ContainerEvents) -> LocalContainer:
        """Begin to start a container."""
        if self._zygote is None:
            self._start_zygote()
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
        container = LocalContainer(self, container_id, ours, events)
        self._containers[container_id] = container
        if self._zygote is not None:
            container.zygote = self._zygote
            self._zygote.spawn(container_id, theirs)
        return container

    def close(self) -> None:
        """Let the zygote end, which ends what is left."""
        for container in list(self._containers.values()):
            container.kill()
            container.forget()
        if self._zygote is not None:
            self._zygote.close()
            self._zygote = None

    def watch(self, container: LocalContainer, *, writing: bool) -> None:
        """Wait for the container's socket."""
        events = READ | WRITE if writing else READ
        self._reactor.rewatch(container.fd, events, container.on_ready)

    def watch_new(self, container: LocalContainer) -> None:
        """Begin to wait for the container's socket."""
        self._reactor.watch(container.fd, READ, container.on_ready)

    def unwatch(self, container: LocalContainer) -> None:
        """Wait no longer for the container's socket."""
        self._reactor.unwatch(container.fd)

    def remove(self, container_id: str) -> None:
        """The container is gone."""
        self._containers.pop(container_id, None)

    def _start_zygote(self) -> None:
        self._zygote = _ZygoteClient(self._reactor, self._patience_s, self._on_news)

    def _on_news(self, message: list[Any] | None) -> None:
        """News of the zygote; None when it is gone itself."""
        if message is None:
            self._zygote = None
            for orphan in list(self._containers.values()):
                orphan.on_zygote_lost()
            return
        container = self._containers.get(message[1])
        if container is None:
            return
        if message[0] == zygote.SPAWNED:
            container.pid = message[2]
        elif message[0] == zygote.EXITED:
            container.on_exit(message[2])
        elif message[0] == zygote.NOT_SPAWNED:
            container.on_exit(None, f"it could not be forked: {message[2]}")


class LocalContainer:
    """The link to one container process."""

    def __init__(
        self,
        backend: LocalBackend,
        container_id: str,
        sock: socket.socket,
        events: ContainerEvents,
    ) -> None:
        sock.settimeout(0)
        self._backend = backend
        self._id = container_id
        self._sock = sock
        self._events = events
        self._reader = FrameReader(sock)
        self._writer = FrameWriter(sock)
        self._gone = False
        self._lost = False
        self.fd = sock.fileno()
        self.pid: int | None = None
        self.zygote: _ZygoteClient | None = None
        backend.watch_new(self)

    def send(self, messages: Sequence[Message]) -> None:
        """Send a frame; what the socket does not take now follows by itself."""
        if self._lost or self._gone:
            return
        try:
            if not self._writer.send(messages):
                self._backend.watch(self, writing=True)
        except ConnectionLostError:
            self._on_lost()

    def kill(self) -> None:
        """SIGKILL the container and its process group."""
        if self._gone:
            return
        if self.zygote is not None and not self.zygote.lost:
            self.zygote.kill(self._id)
        elif self.pid is not None:
            # Nobody reaps it but init; its number may be another's only if it is
            # dead already, and then its socket has told us so.
            try:
                os.killpg(self.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass

    def on_ready(self, events: int) -> None:
        """Its socket can be read or written."""
        try:
            if events & WRITE and self._writer.flush():
                self._backend.watch(self, writing=False)
            if events & READ:
                for frame in self._reader.receive():
                    self._events.on_frame(frame)
        except ConnectionLostError:
            self._on_lost()

    def on_exit(self, status: int | None, why: str | None = None) -> None:
        """The process has ended; hear it out, then tell."""
        if self._gone:
            return
        while not self._lost:
            # What it wrote lies in the socket. A child of its own may hold the
            # other end open, so there is not always an end of stream.
            try:
                before = self._reader.bytes_read
                for frame in self._reader.receive():
                    self._events.on_frame(frame)
                if self._reader.bytes_read == before:
                    break
            except ConnectionLostError:
                break
        self.forget()
        self._events.on_death(status, why)

    def on_zygote_lost(self) -> None:
        """Nobody will report its end any more: its socket has to."""
        if self._lost or self.pid is None:
            self.on_exit(None)

    def forget(self) -> None:
        """Free what belongs to it."""
        self._gone = True
        if not self._lost:
            self._backend.unwatch(self)
        self._backend.remove(self._id)
        self._sock.close()

    def _on_lost(self) -> None:
        """It closed its socket: it is ending, or a body closed it."""
        self._lost = True
        self._backend.unwatch(self)
        # Alive or not, nothing can be heard of it any more. Its inputs go back to
        # the queue only when it is really gone, so that none runs twice at once.
        self.kill()
        if self.zygote is None or self.zygote.lost:
            self.on_exit(None)


class _ZygoteClient:
    """The driver's side of the zygote's socket."""

    def __init__(self, reactor: Reactor, patience_s: float, on_news: Any) -> None:  # noqa: ANN401 - a bound method
        ours, theirs = map(above_standard, socket.socketpair())
        ours.settimeout(0)
        with theirs:
            self._process = subprocess.Popen(
                _command(theirs.fileno(), patience_s),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                # Containers take the place of these two. Were one closed, a socket of
                # theirs would have its number, and be replaced by a file.
                stdout=_inherited(1),
                stderr=_inherited(2),
                # Ctrl-C is for the driver alone; it ends the rest in order.
                start_new_session=True,
            )
        self._reactor = reactor
        self._on_news = on_news
        self._sock = ours
        self._carrier = DescriptorSocket(ours)
        self._reader = FrameReader(self._carrier)
        self._writer = FrameWriter(self._carrier)
        self.lost = False
        reactor.watch(ours.fileno(), READ, self._on_ready)

    def spawn(self, container_id: str, sock: socket.socket) -> None:
        """Fork a container that talks on this socket."""
        if self.lost:
            sock.close()
            return
        self._carrier.attach(sock)
        self._send((zygote.SPAWN, container_id))

    def kill(self, container_id: str) -> None:
        """SIGKILL a container."""
        self._send((zygote.KILL, container_id))

    def close(self) -> None:
        """End it. It stays only for containers that have not ended yet."""
        if not self.lost:
            self._disconnect()
        self._process.wait()

    def _disconnect(self) -> None:
        self.lost = True
        self._reactor.unwatch(self._sock.fileno())
        self._sock.close()
        self._carrier.drop()

    def _send(self, message: tuple[Any, ...]) -> None:
        if self.lost:
            return
        try:
            if not self._writer.send([message]):
                self._reactor.rewatch(self._sock.fileno(), READ | WRITE, self._on_ready)
        except ConnectionLostError:
            self._reactor.post(self._on_lost)

    def _on_ready(self, events: int) -> None:
        try:
            if events & WRITE and self._writer.flush():
                self._reactor.rewatch(self._sock.fileno(), READ, self._on_ready)
            if events & READ:
                for frame in self._reader.receive():
                    for message in frame.messages:
                        self._on_news(message)
        except ConnectionLostError:
            self._on_lost()

    def _on_lost(self) -> None:
        if self.lost:
            return
        self._disconnect()
        self._process.wait()
        self._on_news(None)


def _inherited(descriptor: int) -> int | None:
    """What a child is to have there: the same, or a place where all is forgotten."""
    return None if is_inherited(descriptor) else subprocess.DEVNULL


def _command(descriptor: int, patience_s: float) -> list[str]:
    """A fresh interpreter with this one's flags and import path."""
    code = (
        f"import sys; sys.path[:] = {sys.path!r}; "
        "from telemetry.runtime.backends.zygote import serve; "
        f"serve({descriptor}, {patience_s!r})"
    )
    flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]  # noqa: SLF001 - as multiprocessing does
    return [sys.executable, *flags, "-c", code]
