"""A server that answers as it is told to: well, badly, in halves, late or never.

Written on bare sockets, since no library would misbehave like that.
"""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple, Self

DONE = b"\r\n".join(
    [
        b"HTTP/1.1 200 OK",
        b"Content-Type: application/x-protobuf",
        b"Content-Length: 0",
        b"\r\n",
    ]
)


@dataclass(frozen=True)
class Request:
    """What arrived; *connection* counts from 0."""

    method: str
    target: str
    headers: dict[str, str]
    raw: bytes
    connection: int

    @property
    def body(self) -> bytes:
        """As it was before compression."""
        if self.headers.get("content-encoding") == "gzip":
            return gzip.decompress(self.raw)
        return self.raw


class Reply(NamedTuple):
    """What is sent back.

    Attributes:
        data: All of it, status line included.
        close: The connection is closed afterwards, whether or not *data* says so.
        early: It is sent before the body has been read, which is not read at all.
        hang: Nothing more is sent until the server ends.
        drip: The data comes byte by byte, for ever.
    """

    data: bytes = DONE
    close: bool = False
    early: bool = False
    hang: bool = False
    drip: bool = False


def reply(
    status: int, body: bytes = b"", kind: str = "application/x-protobuf", **headers: str
) -> Reply:
    """An answer as a server gives it."""
    lines = [f"HTTP/1.1 {status} Said", f"Content-Type: {kind}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {len(body)}", "", ""]
    return Reply("\r\n".join(lines).encode() + body)


@dataclass
class Collector:
    """The server; replies come from *script*, and when that is over from *usual*.

    Attributes:
        tls: How it encrypts, if it does.
        tunnel: It is a proxy, and encrypts what comes after ``CONNECT``.
    """

    script: deque[Reply] = field(default_factory=deque)
    usual: Callable[[Request], Reply] = lambda _request: Reply()
    tls: Callable[[], ssl.SSLContext] | None = None
    tunnel: bool = False
    requests: list[Request] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._over = threading.Event()
        self._changed = threading.Condition()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._connections: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, name="collector")]
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in self._connections:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()

    @property
    def url(self) -> str:
        """Without a path."""
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}"

    @property
    def bodies(self) -> list[bytes]:
        """Of all requests."""
        return [request.body for request in self.requests]

    def wait_for(self, count: int, timeout_s: float = 20) -> None:
        """Until so many requests have arrived."""
        with self._changed:
            assert self._changed.wait_for(
                lambda: len(self.requests) >= count, timeout_s
            )

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            number = len(self._connections)
            self._connections.append(connection)
            thread = threading.Thread(
                target=self._serve, args=(connection, number), name="collector"
            )
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        try:
            if self.tls is not None and not self.tunnel:
                connection = self.tls().wrap_socket(connection, server_side=True)
            while self._serve_all(connection, number) and self.tls is not None:
                # What is behind the tunnel: the server itself, once it is reached.
                connection = self.tls().wrap_socket(connection, server_side=True)
        except (OSError, ValueError):  # the client has gone, or does not trust us
            pass
        finally:
            connection.close()

    def _serve_all(self, connection: socket.socket, number: int) -> bool:
        """Whether a tunnel was asked for."""
        with connection.makefile("rb") as stream:
            while self._answer(connection, stream, number):
                if self.requests[-1].method == "CONNECT":
                    return True
        return False

    def _answer(self, connection: socket.socket, stream: BinaryIO, number: int) -> bool:
        first = stream.readline().decode().split()
        if not first:
            return False
        headers: dict[str, str] = {}
        while (text := stream.readline().decode().strip()) != "":
            name, _, value = text.partition(":")
            headers[name.lower()] = value.strip()
        early = bool(self.script) and self.script[0].early
        raw = b"" if early else stream.read(int(headers.get("content-length", "0")))
        request = Request(first[0], first[1], headers, raw, number)
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()
        said = self.script.popleft() if self.script else self.usual(request)
        return self._send(connection, said)

    def _send(self, connection: socket.socket, said: Reply) -> bool:
        if said.drip:
            while not self._over.is_set():
                connection.sendall(said.data)
                time.sleep(0.01)
        connection.sendall(said.data)
        if said.hang:
            self._over.wait()
        return not (said.close or said.early or said.hang)


@contextmanager
def saying(data: bytes) -> Iterator[int]:
    """The port of a server that says *data* to whoever comes, whatever he says."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.sendall(data)
                    connection.recv(1 << 16)

        thread = threading.Thread(target=answer)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)
