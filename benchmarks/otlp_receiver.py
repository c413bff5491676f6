"""Takes OTLP requests by HTTP and throws them away: what the senders send to.

It prints its port, and ends when its standard input does. It decodes nothing, so
that its speed is not what is measured.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_ANSWER: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\n"
    b"Content-Length: 0\r\n\r\n"
)
_BUFFER_BYTES: Final = 1 << 20
# A child of a child, whose parent ends at once: so it is nobody's descendant, and
# its CPU time is not counted with the sender's.
_ORPHAN: Final = (
    "import subprocess, sys; "
    "subprocess.Popen([sys.executable, '-m', 'benchmarks.otlp_receiver'])"
)


@contextmanager
def receiving() -> Iterator[str]:
    """The URL of a receiver, in a process of its own."""
    with subprocess.Popen(
        [sys.executable, "-c", _ORPHAN],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        if process.stdout is None:
            raise RuntimeError("the receiver has no output")
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"


def main() -> None:
    """Receive until nobody needs it any more."""
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    threading.Thread(target=_accept, args=(listener,), daemon=True).start()
    sys.stdin.read()


def _accept(listener: socket.socket) -> None:
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_serve, args=(connection,), daemon=True).start()


def _serve(connection: socket.socket) -> None:
    buffer = memoryview(bytearray(_BUFFER_BYTES))
    head, left = b"", 0
    while count := connection.recv_into(buffer):
        if left:
            left -= count
        else:
            head += bytes(buffer[:count])
            end = head.find(b"\r\n\r\n")
            if end < 0:
                continue
            left = _length(head[:end]) - (len(head) - end - 4)
            head = b""
        if left == 0:
            connection.sendall(_ANSWER)


def _length(head: bytes) -> int:
    lines = head.lower().split(b"\r\n")
    name = b"content-length:"
    return next(int(line[len(name) :]) for line in lines if line.startswith(name))


if __name__ == "__main__":
    main()
