"""A container's slots and tasks at the edges of their executions."""

from __future__ import annotations

import asyncio
import contextvars
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from telemetry.runtime.container.container import Container
from telemetry.runtime.container.endings import Ended
from telemetry.runtime.container.interrupts import MAIN_THREAD_SIGNAL
from telemetry.runtime.container.jobs import Job, State
from telemetry.runtime.container.outbox import Outbox
from telemetry.runtime.container.tasks import LoopLane
from telemetry.runtime.spec import Concurrency
from telemetry.runtime.wire import messages, payload
from telemetry.runtime.wire.frames import FrameWriter
from tests.runtime.mechanism.stand_ins import (
    LIMIT_S,
    End,
    FakeStream,
    held_back,
    job,
    joined,
    opened,
    spec,
    started,
)

SEEN = [1, "normal", False]
"""How full the container was, as the driver says with each input."""

GATES: dict[str, threading.Event] = {}
"""What bodies wait for, by the argument that they were given."""


def wait_for(name: str) -> str:
    """A body that ends when its gate opens."""
    GATES[f"{name} began"].set()
    opened(GATES[name], f"the gate {name}")
    return name


class QuickOutbox(Outbox):
    """Every message arrives at once, as when another thread flushes just then."""

    def __init__(self) -> None:
        super().__init__(FrameWriter(FakeStream()), held_back)
        self.on_done: Callable[[int], None] = held_back
        self.done: list[tuple[int, int]] = []
        self.reports: list[Any] = []
        self.heard = threading.Condition()

    def put(self, message: Any) -> None:
        super().put(message)
        if message[0] == messages.DONE:
            self.flush()
            with self.heard:
                self.done.append((message[1], message[2]))
                self.reports.append(message[1:])
                self.heard.notify_all()
            self.on_done(message[1])

    def wait(self, count: int) -> None:
        """Until so many executions have been reported."""
        with self.heard:
            if not self.heard.wait_for(lambda: len(self.done) >= count, 2 * LIMIT_S):
                raise TimeoutError(f"{len(self.done)} of {count} executions reported")


class Bench:
    """A container of sync bodies that is serving."""

    def __init__(self, **changes: Any) -> None:
        self.outbox = QuickOutbox()
        self.container = Container(
            container_id="ct-0",
            spec=spec(body=wait_for, **changes),
            outbox=self.outbox,
            later=held_back_twice,
            abandon=held_back,
        )
        self.container.load()
        self.container.enter()
        self.main = started(self.container.serve, "main")

    def run(self, slot: int, name: str) -> None:
        """Start an input that waits for the gate of its name."""
        for gate in (name, f"{name} began"):
            GATES[gate] = threading.Event()
        data = payload.dumps(((name,), {}))
        row = (messages.RUN, slot, 0, f"in-{name}", "fc-0", 0, data, None, None, SEEN)
        self.container.run([row], ())

    def began(self, name: str) -> None:
        """Wait until that body runs."""
        opened(GATES[f"{name} began"], f"the body {name}")


def held_back_twice(_delay_s: float, _call: Callable[[], None]) -> None:
    """A timer that never fires."""


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A container with four slots; its bodies are let go at the end."""
    made = Bench(concurrency=Concurrency(4, 4, "input"))
    yield made
    for gate in GATES.values():
        gate.set()
    made.container.drain()
    joined(made.main)


def reused(bench: Bench) -> None:
    """The driver hears of an end and uses the slot before the reporter goes on.

    1. A puts its report; 2. a neighbour's flush takes it along; 3. the driver
    starts B in A's slot; 4. A goes on with what is left to do for its own end.
    """
    used = threading.Event()

    def reuse(slot: int) -> None:
        bench.outbox.on_done = held_back
        joined(started(lambda: bench.run(slot, "second")))
        used.set()

    bench.outbox.on_done = reuse
    bench.run(0, "first")
    bench.began("first")
    GATES["first"].set()
    opened(used, "the end of the first")
    bench.began("second")


def test_a_slot_that_is_used_again_at_once_can_be_cancelled(bench: Bench) -> None:
    """The end of one input does not make its successor in the slot unreachable."""
    reused(bench)
    bench.container.cancel(0, "in-second", "user", "exception")
    GATES["second"].set()
    bench.outbox.wait(2)

    assert bench.outbox.done[1][1] == messages.UNWOUND


def test_a_slot_that_is_used_again_at_once_is_waited_for(bench: Bench) -> None:
    """A container that drains stays for the successor of the one that just ended."""
    reused(bench)
    bench.container.drain()
    bench.main.join(0.2)
    served = bench.main.is_alive()
    GATES["second"].set()
    bench.outbox.wait(2)

    assert served, "the container ended beside a running body"


def test_cancel_names_slot_and_input(bench: Bench) -> None:
    """A cancellation for an input that has left its slot hits nobody."""
    bench.run(0, "first")
    bench.began("first")
    bench.container.cancel(0, "in-somebody-else", "user", "exception")
    bench.container.cancel(1, "in-first", "user", "exception")
    GATES["first"].set()
    bench.outbox.wait(1)

    assert bench.outbox.done == [(0, messages.RETURNED)]


def test_an_input_that_comes_after_the_end_began_never_starts(bench: Bench) -> None:
    """What is dispatched while the container is told to drain is given back."""
    bench.run(0, "first")
    bench.began("first")
    bench.container.drain()
    bench.run(1, "late")
    bench.outbox.wait(1)
    assert bench.outbox.done == [(1, messages.NEVER_STARTED)]
    GATES["first"].set()
    bench.outbox.wait(2)

    assert not GATES["late began"].is_set()


def test_stop_cancels_what_runs() -> None:
    """Being told to stop interrupts every body, and then the main thread is free."""
    bench = Bench(concurrency=Concurrency(4, 4))
    for slot, name in enumerate("abc"):
        bench.run(slot, name)
        bench.began(name)
    bench.container.stop()
    for name in "abc":
        GATES[name].set()
    bench.outbox.wait(3)
    joined(bench.main)

    assert sorted(bench.outbox.done) == [(n, messages.UNWOUND) for n in range(3)]


def sleep_in_c(name: str) -> None:
    """A body that blocks in C as soon as it has begun."""
    GATES[name].set()
    time.sleep(LIMIT_S)


def test_a_cancellation_just_before_a_blocking_call() -> None:
    """On the main thread a blocking call ends, also when the signal came before it.

    1. The body is about to block; 2. the signal arrives; 3. the call begins, which
    nothing interrupts any more unless the signal is sent again.
    """
    rounds, late = 40, list[float]()
    outbox = QuickOutbox()
    container = Container(
        container_id="ct-0",
        spec=spec(body=sleep_in_c, concurrency=Concurrency(1, 1)),
        outbox=outbox,
        later=lambda delay_s, call: threading.Timer(delay_s, call).start(),
        abandon=held_back,
    )
    before = signal.getsignal(MAIN_THREAD_SIGNAL)
    container.load()
    container.enter()

    def transport() -> None:
        for number in range(rounds):
            name = f"round {number}"
            GATES[name] = threading.Event()
            data = payload.dumps(((name,), {}))
            row = (
                messages.RUN,
                0,
                0,
                f"in-{number}",
                "fc-0",
                0,
                data,
                None,
                None,
                SEEN,
            )
            container.run([row], ())
            opened(GATES[name], "the body")
            began_s = time.monotonic()
            container.cancel(0, f"in-{number}", "user", "exception")
            outbox.wait(number + 1)
            late.append(time.monotonic() - began_s)
            if late[-1] > LIMIT_S / 4:
                break
        container.drain()

    thread = started(transport, "transport")
    container.serve()
    joined(thread)
    signal.signal(MAIN_THREAD_SIGNAL, before)

    assert max(late) < LIMIT_S / 4, f"round {len(late)} slept on"
    assert outbox.done == [(0, messages.UNWOUND)] * rounds


class LoopBench:
    """A lane of async bodies on a loop that the test steps."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.ends: list[tuple[str, End]] = []
        self.loop = loop
        self.lane = LoopLane(
            base=contextvars.copy_context(),
            report=self.report,
            outbox=Outbox(FrameWriter(FakeStream()), held_back),
            loop=loop,
        )

    def report(self, ended_job: Job, ended: Ended, _start: int, _end: int) -> None:
        self.ends.append((ended_job.input_id, End(*ended)))

    def cancel(self, running: Job) -> None:
        """What a container does."""
        running.cancelled = True
        self.lane.cancel(running)


async def ended_in(bench: LoopBench) -> None:
    """Step the loop until something has ended."""
    async with asyncio.timeout(LIMIT_S):
        while not bench.ends:  # noqa: ASYNC110 - each round is a step of the race
            await asyncio.sleep(0)


BEGUN: list[int] = []


async def coroutine() -> str:
    """A body that says when it has begun."""
    BEGUN.append(1)
    await asyncio.sleep(3 * LIMIT_S)
    return "never"


def async_job(body: Callable[[], Any]) -> Job:
    """A job with an async body."""
    made = job(held_back)
    made.method = made.method._replace(call=body, is_async=True)
    return made


@pytest.mark.parametrize("rounds", range(6))
def test_cancelled_in_any_round_of_the_loop(rounds: int) -> None:
    """However early a task is cancelled, its end is reported, once.

    The race: 1. the task is made; 2. the cancellation comes; 3. it takes its first
    step. A task cancelled before that would never run our code.
    """
    BEGUN.clear()

    async def main() -> LoopBench:
        bench = LoopBench(asyncio.get_running_loop())
        target = async_job(coroutine)
        bench.lane.start([target])
        for _ in range(rounds):
            await asyncio.sleep(0)
        bench.cancel(target)
        await ended_in(bench)
        for _ in range(5):
            await asyncio.sleep(0)
        return bench

    ((name, ended),) = asyncio.run(main()).ends
    assert name == "in-0"
    assert ended.how == (messages.UNWOUND if BEGUN else messages.NEVER_STARTED)


def test_cancelled_before_it_arrives() -> None:
    """A job that is marked before the loop hears of it never begins."""
    BEGUN.clear()

    async def main() -> LoopBench:
        bench = LoopBench(asyncio.get_running_loop())
        target = async_job(coroutine)
        bench.cancel(target)
        bench.lane.start([target])
        await ended_in(bench)
        return bench

    assert [e.how for _, e in asyncio.run(main()).ends] == [messages.NEVER_STARTED]
    assert BEGUN == []


def test_cancelled_after_its_end() -> None:
    """A cancellation that comes when the body has returned changes nothing."""

    async def quick() -> str:
        return "done"

    async def main() -> LoopBench:
        bench = LoopBench(asyncio.get_running_loop())
        target = async_job(quick)
        bench.lane.start([target])
        await ended_in(bench)
        assert target.state is State.ENDED
        bench.cancel(target)
        for _ in range(5):
            await asyncio.sleep(0)
        return bench

    ((_, ended),) = asyncio.run(main()).ends
    assert ended.how == messages.RETURNED


def test_a_cancellation_of_its_own_is_an_error() -> None:
    """A body that cancels itself has raised; nobody had asked for it."""

    async def suicidal() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    async def main() -> LoopBench:
        bench = LoopBench(asyncio.get_running_loop())
        bench.lane.start([async_job(suicidal)])
        await ended_in(bench)
        return bench

    ((_, ended),) = asyncio.run(main()).ends
    assert ended.how == messages.RAISED


def test_the_end_says_when_a_cancellation_was_delivered(bench: Bench) -> None:
    """Between its request and the end of the body; nothing where there was none."""
    bench.run(0, "first")
    bench.began("first")
    asked_ns = time.monotonic_ns()
    bench.container.cancel(0, "in-first", "user", "exception")
    GATES["first"].set()
    bench.outbox.wait(1)
    bench.run(1, "second")
    bench.began("second")
    GATES["second"].set()
    bench.outbox.wait(2)
    (_, _, _, _, ended_ns, told_ns), (*_, untold_ns) = bench.outbox.reports

    assert asked_ns < told_ns <= ended_ns
    assert untold_ns == 0
