"""What a runtime is compared with: the same bodies, by other means.

Each peer does ``run(inputs, in_flight, pausing)``: so many inputs, so many of them
at a time, and bodies that either return at once or pause for 10 ms.
"""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, wait
from functools import partial
from itertools import count
from multiprocessing import get_context

from benchmarks import bodies
from benchmarks.bodies import IN_FLIGHT
from benchmarks.floor_child import new_loop
from benchmarks.floor_frames import Frames, Message, encode, receive


class Peer(ABC):
    """Something that runs inputs.

    Attributes:
        concurrent: It can run many inputs at the same time.
    """

    concurrent = True

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def run(self, inputs: int, in_flight: int, *, pausing: bool) -> None:
        """Run inputs, and wait for the last."""

    def close(self) -> None:  # noqa: B027 - most hold nothing
        """Free what it holds."""


async def in_lanes(
    call: Callable[[int], Awaitable[object]], inputs: int, in_flight: int
) -> None:
    """So many coroutines, each of which awaits one call after the other."""
    numbers = iter(range(inputs))

    async def lane() -> None:
        for number in numbers:
            await call(number)

    await asyncio.gather(*(lane() for _ in range(min(in_flight, inputs))))


class InProcess(Peer):
    """A task per input on a loop of this process."""

    def __init__(self, name: str, *, fast: bool) -> None:
        super().__init__(name)
        self._loop = new_loop(fast=fast)

    def run(self, inputs: int, in_flight: int, *, pausing: bool) -> None:
        """Run inputs, and wait for the last."""
        body = bodies.pause if pausing else bodies.echo

        async def call(number: int) -> None:
            await asyncio.create_task(body(number))

        self._loop.run_until_complete(in_lanes(call, inputs, in_flight))

    def close(self) -> None:
        """Close the loop."""
        self._loop.close()


class Child:
    """A process on the other end of a socket."""

    def __init__(self, mode: str) -> None:
        self.sock, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "benchmarks.floor_child"),
                    *(str(theirs.fileno()), mode),
                ],
                pass_fds=[theirs.fileno()],
            )

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait()
        self.sock.close()


class SocketLoop(Peer):
    """A socket to a child, driven by a loop on this side."""

    def __init__(self, name: str, mode: str) -> None:
        super().__init__(name)
        self._child = Child(mode)
        self._loop = new_loop(fast=mode.startswith("uvloop"))
        self._waiting: dict[int, asyncio.Future[object]] = {}
        self._numbers = count()
        self._frames = Frames(
            self._on_answer, self._loop, one_pickle=mode.endswith("-tick")
        )
        self._child.sock.settimeout(0)
        self._loop.run_until_complete(
            self._loop.create_connection(lambda: self._frames, sock=self._child.sock)
        )

    def run(self, inputs: int, in_flight: int, *, pausing: bool) -> None:
        """Run inputs, and wait for the last."""
        call = partial(self._call, int(pausing))
        self._loop.run_until_complete(in_lanes(call, inputs, in_flight))

    def close(self) -> None:
        """End the child."""
        self._child.close()

    async def _call(self, body: int, argument: int) -> object:
        number = next(self._numbers)
        future: asyncio.Future[object] = self._loop.create_future()
        self._waiting[number] = future
        self._frames.send((number, body, argument))
        return await future

    def _on_answer(self, message: Message) -> None:
        number, value = message
        self._waiting.pop(number).set_result(value)


class SocketBlocking(Peer):
    """A blocking socket to a child: no loop and no thread on this side."""

    concurrent = False

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._child = Child("blocking")
        self._answers = receive(self._child.sock)

    def run(self, inputs: int, in_flight: int, *, pausing: bool) -> None:
        """Run inputs, and wait for the last."""
        sent = answered = 0
        while answered < inputs:
            calls = []
            while sent < inputs and sent - answered < in_flight:
                calls.append(encode((sent, int(pausing), sent)))
                sent += 1
            self._child.sock.sendall(b"".join(calls))
            answered += len(next(self._answers))

    def close(self) -> None:
        """End the child."""
        self._child.close()


class ThreadPool(Peer):
    """A thread pool of this process, with a thread per input in flight."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._executor = ThreadPoolExecutor(IN_FLIGHT)
        wait([self._executor.submit(bodies.pause_sync, i) for i in range(IN_FLIGHT)])

    def run(self, inputs: int, in_flight: int, *, pausing: bool) -> None:
        """Run inputs, and wait for the last."""
        body = bodies.pause_sync if pausing else bodies.echo_sync
        if in_flight == 1:
            for number in range(inputs):
                self._executor.submit(body, number).result()
        else:
            wait([self._executor.submit(body, number) for number in range(inputs)])

    def close(self) -> None:
        """End the threads."""
        self._executor.shutdown()


class ProcessPool(Peer):
    """A process pool of one."""

    concurrent = False

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._executor = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
        self._executor.submit(bodies.echo_sync, 1).result()

    def run(self, inputs: int, in_flight: int, *, pausing: bool) -> None:
        """Run inputs, and wait for the last."""
        body = bodies.pause_sync if pausing else bodies.echo_sync
        if in_flight == 1:
            for number in range(inputs):
                self._executor.submit(body, number).result()
        else:
            wait([self._executor.submit(body, number) for number in range(inputs)])

    def close(self) -> None:
        """End the process."""
        self._executor.shutdown()
