"""Servers that take OTLP logs, each in a process of its own, for `receiving`.

Started as a module, with the kind of server as its argument; it prints its port, and
ends with its standard input.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc

from telemetry.pipeline.receiver.decoding import decode_logs
from telemetry.pipeline.receiver.grpc_receiver import GrpcReceiver
from telemetry.pipeline.receiver.received import Inbox, Received
from telemetry.pipeline.receiver.receiver import Receiver
from telemetry.pipeline.store.intake import Intake
from telemetry.pipeline.store.processes import foreign_process
from telemetry.pipeline.store.writing import Store

Keep = Callable[[list[Received]], None]
Keeping = Callable[[], Keep]
"""Makes a `Keep` in the thread that will use it."""

_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_TURN_BYTES = 16 << 20


class Bare(asyncio.Protocol):
    """The least: finds where a request ends, and answers."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has come."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """It has sent something."""
        buffer = self._buffer
        buffer += data
        while (end := buffer.find(b"\r\n\r\n")) >= 0:
            at = buffer.find(b"Content-Length:", 0, end)
            length = int(buffer[at + 15 : buffer.find(b"\r", at)])
            if len(buffer) < end + 4 + length:
                return
            del buffer[: end + 4 + length]
            self._transport.write(_OK)


def bare() -> int:
    """The floor, over HTTP."""
    started = threading.Event()
    ports: list[int] = []

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(Bare, "127.0.0.1", 0)
        ports.append(server.sockets[0].getsockname()[1])
        started.set()
        await asyncio.Event().wait()

    threading.Thread(target=lambda: asyncio.run(serve()), daemon=True).start()
    started.wait()
    return ports[0]


class _BareMethods(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc has no types
    def service(self, _details: object) -> Any:  # noqa: ANN401  # grpc has no types
        """Whatever is called."""
        return grpc.unary_unary_rpc_method_handler(lambda _body, _context: b"")


def bare_grpc() -> int:
    """The floor, over gRPC."""
    server = grpc.server(ThreadPoolExecutor(8), handlers=[_BareMethods()])
    port = int(server.add_insecure_port("127.0.0.1:0"))
    server.start()
    _KEPT.append(server)
    return port


def ours(kind: type[Receiver | GrpcReceiver], keeping: Keeping) -> int:
    """A receiver, and a thread that keeps what it accepts, and then answers."""
    bell = threading.Event()
    inbox = Inbox(on_offer=bell.set)

    def work() -> None:
        keep = keeping()
        while True:
            bell.wait()
            bell.clear()
            while found := inbox.take(_TURN_BYTES):
                keep(found)
                for request in found:
                    request.stored()

    threading.Thread(target=work, daemon=True).start()
    receiver = kind(inbox.offer, port=0)
    receiver.start()
    _KEPT.append(receiver)
    return receiver.port


def nothing() -> Keep:
    """Keep nothing: what accepting alone costs."""
    return lambda _requests: None


def decoding() -> Keep:
    """Make lines of it, and keep nothing."""

    def keep(requests: list[Received]) -> None:
        for request in requests:
            decode_logs(request.body)

    return keep


def storing() -> Keep:
    """Into the store, as the agent does: what came meanwhile in one transaction."""
    folder = tempfile.TemporaryDirectory()
    _KEPT.append(folder)
    store = Store(Path(folder.name, "store.sqlite"))
    intake = Intake(store)

    def keep(requests: list[Received]) -> None:
        with store.transaction():
            for request in requests:
                for resource, lines in decode_logs(request.body).groups:
                    sender = foreign_process("sender", resource)
                    intake.foreign_logs(intake.processes.number(sender), lines)

    return keep


_KEPT: list[object] = []
"""What must live as long as the process."""

KINDS: dict[str, Callable[[], int]] = {
    "bare": bare,
    "bare-grpc": bare_grpc,
    "accepting": lambda: ours(Receiver, nothing),
    "decoding": lambda: ours(Receiver, decoding),
    "storing": lambda: ours(Receiver, storing),
    "accepting-grpc": lambda: ours(GrpcReceiver, nothing),
}

if __name__ == "__main__":
    print(KINDS[sys.argv[1]](), flush=True)
    sys.stdin.read()
    os._exit(0)
