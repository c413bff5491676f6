"""HTTP as tests speak it: to the byte."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

from telemetry.pipeline.receiver.receiver import Receiver

DEADLINE_S = 20.0
PROTOBUF = "application/x-protobuf"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: bytes
    headers: dict[str, str]


def connect(receiver: Receiver) -> socket.socket:
    """A connection to a receiver."""
    return socket.create_connection(("127.0.0.1", receiver.port), DEADLINE_S)


def head(
    path: str = "/v1/logs", method: str = "POST", **headers: str | int | None
) -> bytes:
    """A head with the usual headers and *headers*; None removes one."""
    given: dict[str, str | int | None] = {"Host": "localhost", "Content-Type": PROTOBUF}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{name}: {value}" for name, value in given.items() if value is not None]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode("latin-1")


def request(body: bytes = b"", path: str = "/v1/logs", **headers: str) -> bytes:
    """A request with a body."""
    return head(path, Content_Length=len(body), **headers) + body


def read_answer(connection: socket.socket) -> Answer:
    """The next answer of a connection."""
    response = http.client.HTTPResponse(connection)
    response.begin()
    body = response.read()
    return Answer(response.status, body, dict(response.getheaders()))


def post(
    receiver: Receiver, body: bytes, path: str = "/v1/logs", **headers: str
) -> Answer:
    """The answer to one request on a connection of its own."""
    with connect(receiver) as connection:
        connection.sendall(request(body, path, **headers))
        return read_answer(connection)


def rest(connection: socket.socket) -> bytes:
    """Everything until the other side closes; a reset counts as closing."""
    parts = []
    try:
        while part := connection.recv(65_536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def until(is_so: Callable[[], bool]) -> None:
    """Wait for something that another thread does."""
    end_s = time.monotonic() + DEADLINE_S
    while not is_so():
        assert time.monotonic() < end_s, "it did not happen"
        time.sleep(0.002)
