"""A stream socket that can carry descriptors along with its bytes (SCM_RIGHTS)."""

from __future__ import annotations

import fcntl
import os
import socket
from collections import deque
from typing import Any, Final

_MAX_DESCRIPTORS: Final = 64  # per read; Linux allows 253 per message

_FIRST_OWN: Final = 3  # below it are stdin, stdout and stderr


def above_standard(sock: socket.socket) -> socket.socket:
    """The socket, by a descriptor that is none of the standard ones.

    A program that has closed its stdout gives that number to what it opens next; a
    child that had such a socket for its stdout would print into it.
    """
    if sock.fileno() >= _FIRST_OWN:
        return sock
    with sock:
        moved = fcntl.fcntl(sock.fileno(), fcntl.F_DUPFD_CLOEXEC, _FIRST_OWN)
    return socket.socket(fileno=moved)


def is_inherited(descriptor: int) -> bool:
    """Whether a child has this one, too.

    It has not what is closed here, nor what took the number of a closed one since:
    Python opens files and sockets for its own process alone.
    """
    try:
        return os.get_inheritable(descriptor)
    except OSError:
        return False


class DescriptorSocket:
    """Wraps a Unix socket; has what `FrameReader` and `FrameWriter` need.

    A descriptor travels with the first byte written after `attach`, and arrives
    in `received` no later than that byte.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._attached: list[socket.socket] = []
        self.received: deque[int] = deque()

    def attach(self, sock: socket.socket) -> None:
        """Send its descriptor with the next write; then it is closed here."""
        self._attached.append(sock)

    def drop(self) -> None:
        """The socket is gone: close what waited to be sent, and what nobody took."""
        for sock in self._attached:
            sock.close()
        self._attached.clear()
        while self.received:
            os.close(self.received.popleft())

    def sendmsg(self, vectors: list[Any]) -> int:
        """Write, with the attached descriptors."""
        if not self._attached:
            return self._sock.sendmsg(vectors)
        sent = socket.send_fds(
            self._sock, vectors, [s.fileno() for s in self._attached]
        )
        for sock in self._attached:
            sock.close()
        self._attached.clear()
        return sent

    def recv(self, size: int) -> bytes:
        """Read, and keep the descriptors that came along."""
        data, descriptors, _flags, _address = socket.recv_fds(
            self._sock, size, _MAX_DESCRIPTORS
        )
        self.received.extend(descriptors)
        return data

    def recv_into(self, view: memoryview) -> int:
        """Read plain bytes."""
        return self._sock.recv_into(view)
