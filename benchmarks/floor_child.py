"""The far side of the bare socket: ``python -m benchmarks.floor_child FD MODE``.

Modes: ``loop`` and ``uvloop`` run each call as a task of a loop; with ``-tick``
behind it, one pickle carries all that one round of the loop has to say.
``threads`` runs calls on a hundred threads; ``blocking`` has neither loop nor
threads: the cheapest way in which a Python process can answer.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from socket import socket
from threading import Lock, Thread
from typing import Any, Final

from benchmarks import bodies
from benchmarks.floor_frames import Frames, Message, encode, receive

ASYNC_BODIES: Final = (bodies.echo, bodies.pause)
SYNC_BODIES: Final = (bodies.echo_sync, bodies.pause_sync)


def new_loop(*, fast: bool) -> asyncio.AbstractEventLoop:
    """A uvloop loop, or asyncio's own."""
    if fast:
        import uvloop  # noqa: PLC0415 - optional

        return uvloop.new_event_loop()
    return asyncio.new_event_loop()


def serve_loop(sock: socket, mode: str) -> None:
    """Run each call as a task."""
    sock.settimeout(0)
    loop = new_loop(fast=mode.startswith("uvloop"))
    running: set[asyncio.Task[None]] = set()

    async def run(number: int, body: int, argument: int) -> None:
        frames.send((number, await ASYNC_BODIES[body](argument)))

    def start(message: Message) -> None:
        task = loop.create_task(run(*message))
        running.add(task)
        task.add_done_callback(running.discard)

    frames = Frames(start, loop, one_pickle=mode.endswith("-tick"))
    loop.run_until_complete(loop.create_connection(lambda: frames, sock=sock))
    loop.run_forever()


def serve_blocking(sock: socket, _mode: str) -> None:
    """Answer in the thread that reads."""
    for calls in receive(sock):
        answers = [
            encode((number, SYNC_BODIES[body](argument)))
            for number, body, argument in calls
        ]
        sock.sendall(b"".join(answers))


def serve_threads(sock: socket, _mode: str) -> None:
    """Run each call on a thread; whoever gets to write takes others' answers along."""
    calls: SimpleQueue[Any] = SimpleQueue()
    answers: deque[bytes] = deque()
    writing = Lock()

    def work() -> None:
        while True:
            number, body, argument = calls.get()
            answers.append(encode((number, SYNC_BODIES[body](argument))))
            while answers and writing.acquire(blocking=False):
                try:
                    ready = [answers.popleft() for _ in range(len(answers))]
                    sock.sendall(b"".join(ready))
                finally:
                    writing.release()

    for _ in range(bodies.IN_FLIGHT):
        Thread(target=work, daemon=True).start()
    for arrived in receive(sock):
        for call in arrived:
            calls.put(call)


def main(descriptor: int, mode: str) -> None:
    serve: Callable[[socket, str], None] = serve_loop
    if mode == "threads":
        serve = serve_threads
    elif mode == "blocking":
        serve = serve_blocking
    serve(socket(fileno=descriptor), mode)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
