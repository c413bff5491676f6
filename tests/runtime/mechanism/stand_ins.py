"""What stands in for sockets, links and inputs where a race is forced."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, NamedTuple

from telemetry.core.ids import IdSource
from telemetry.core.outcome import Outcome
from telemetry.runtime.calls import Row, Settled
from telemetry.runtime.container.jobs import Job, Method
from telemetry.runtime.driver.inputs import Input
from telemetry.runtime.origin import NOWHERE
from telemetry.runtime.spec import (
    Concurrency,
    MethodSpec,
    Pickled,
    PoolSpec,
    Reference,
)
from telemetry.runtime.wire import payload
from telemetry.runtime.wire.reactor import Timer

LIMIT_S = 10.0
"""How long anything here may take before the test says what is missing."""


class End(NamedTuple):
    """How a body ended, as its worker reported it."""

    how: int
    payload: Any


def opened(gate: threading.Event, what: str) -> None:
    """Wait for a gate; say which one when it stays shut."""
    if not gate.wait(LIMIT_S):
        raise TimeoutError(f"within {LIMIT_S} s nobody came by: {what}")


def joined(thread: threading.Thread) -> None:
    """Wait for a thread's end; say which one when it does not come."""
    thread.join(LIMIT_S)
    if thread.is_alive():
        raise TimeoutError(f"{thread.name} has not ended within {LIMIT_S} s")


def started(work: Callable[[], object], name: str = "beside") -> threading.Thread:
    """A thread that does it, already running."""
    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    return thread


def held_back(_call: Any = None) -> None:
    """Does nothing: a report or a change that nobody follows."""


def method(
    body: Callable[..., Any], *, is_async: bool = False, is_generator: bool = False
) -> Method:
    """A body as a container knows it."""
    return Method(
        name="body",
        full_name="body",
        call=body,
        is_async=is_async,
        is_generator=is_generator,
    )


def job(
    body: Callable[..., Any],
    *args: Any,
    number: int = 0,
    slot: int = 0,
    is_generator: bool = False,
) -> Job:
    """An input in a slot."""
    return Job(
        method=method(body, is_generator=is_generator),
        ids=(f"in-{number}", "fc-0", 0),
        container_id="ct-0",
        slot=slot,
        payload=payload.dumps((args, {})),
        members=None,
    )


class FakeStream:
    """A socket whose appetite the test decides.

    Attributes:
        written: Everything that was taken.
        room: Bytes that it takes before it is full; None for no end.
        step: Most bytes in one write or read.
    """

    def __init__(self, *, room: int | None = None, step: int = 1 << 30) -> None:
        self.written = bytearray()
        self.room = room
        self.step = step
        self.to_read = bytearray()
        self.at_end = False
        self.before_send: Callable[[], object] = held_back

    def sendmsg(self, vectors: list[memoryview], /) -> int:
        self.before_send()
        data = b"".join(vectors)
        count = min(len(data), self.step, len(data) if self.room is None else self.room)
        if not count:
            raise BlockingIOError
        if self.room is not None:
            self.room -= count
        self.written += data[:count]
        return count

    def recv(self, size: int, /) -> bytes:
        count = min(size, self.step, len(self.to_read))
        if not count:
            return self._nothing()
        data = bytes(self.to_read[:count])
        del self.to_read[:count]
        return data

    def recv_into(self, view: memoryview, /) -> int:
        data = self.recv(len(view))
        view[: len(data)] = data
        return len(data)

    def _nothing(self) -> bytes:
        if self.at_end:
            return b""
        raise BlockingIOError


class FakeLink:
    """Remembers what a call asks for."""

    def __init__(self) -> None:
        self.numbers = count()
        self.rows: list[Row] = []
        self.rejected: list[tuple[str, str]] = []
        self.cancels: list[bool] = []
        self.credits: list[int] = []
        self.released = 0

    def new_input_ids(self, count: int) -> list[str]:
        return [f"in-{next(self.numbers)}" for _ in range(count)]

    def submit(self, call: object, rows: Sequence[Row]) -> None:
        self.rows.extend(rows)

    def reject(self, call: object, input_id: str, error: str) -> None:
        self.rejected.append((input_id, error))

    def cancel(self, call: object, *, terminate_containers: bool) -> None:
        self.cancels.append(terminate_containers)

    def credit(self, call: object, chunks: int) -> None:
        self.credits.append(chunks)

    def release(self, call: object) -> None:
        self.released += 1


class FakeSink:
    """Where settlements go; one per call."""

    def __init__(self, call_id: str = "fc-0") -> None:
        self.call_id = call_id
        self.settled: list[Settled] = []

    def deliver(self, settled: Sequence[Settled]) -> None:
        self.settled.extend(settled)


class FakeTimers:
    """Timers that fire when the test says so."""

    def __init__(self) -> None:
        self.timers: list[Timer] = []

    def at(self, when_s: float, call: Callable[[], None]) -> Timer:
        timer = Timer(when_s, call)
        self.timers.append(timer)
        return timer

    def fire(self) -> None:
        """All that were set so far, in order of their time."""
        due, self.timers = sorted(self.timers, key=lambda each: each.when_s), []
        for timer in due:
            if timer.call is not None:
                timer.call()


def success(index: int, value: object = None) -> Settled:
    """An input that returned."""
    return Settled(index, Outcome.SUCCESS, payload.dumps(value))


def ids() -> IdSource:
    """Ids that count up."""
    numbers = count()
    return IdSource(now_ms=lambda: 0, random_bits=lambda _bits: next(numbers))


def an_input(
    index: int, sink: FakeSink | None = None, enqueued_s: float | None = None
) -> Input:
    """An input as the dispatcher keeps it."""
    row = (index, f"in-{index}", b"")
    at_s = float(index) if enqueued_s is None else enqueued_s
    return Input(sink or FakeSink(), 0, row, NOWHERE, at_s)


def spec(**changes: Any) -> PoolSpec:
    """A pool of one function."""
    given: dict[str, Any] = {
        "app": "app",
        "tag": "body",
        "function": "body",
        "code": Reference("nowhere", "body"),
        "methods": (MethodSpec("body", is_async=False, is_generator=False),),
        "concurrency": Concurrency(4, 2),
    }
    code = changes.pop("body", None)
    if code is not None:
        given["code"] = Pickled(payload.dumps(code))
    return PoolSpec(**(given | changes))
