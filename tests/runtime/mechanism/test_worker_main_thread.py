"""Interruptions of the main thread, by a signal."""

from __future__ import annotations

import contextvars
import signal
import threading
import time
from collections.abc import Iterator
from queue import SimpleQueue

import pytest

from telemetry.runtime.container.endings import Ended
from telemetry.runtime.container.interrupts import (
    MAIN_THREAD_SIGNAL,
    SignalInterrupt,
)
from telemetry.runtime.container.jobs import Job
from telemetry.runtime.container.threads import Worker
from telemetry.runtime.wire import messages
from tests.runtime.mechanism.stand_ins import (
    LIMIT_S,
    End,
    held_back,
    joined,
    opened,
    started,
)
from tests.runtime.mechanism.worker_bench import local, value


@pytest.fixture
def main_worker() -> Iterator[Worker]:
    """A worker for the main thread; the signal is given back afterwards."""
    before = signal.getsignal(MAIN_THREAD_SIGNAL)
    worker = Worker(contextvars.copy_context(), ENDS.put, held_back)
    worker.interrupt_with(SignalInterrupt(worker.wants_interrupt))
    yield worker
    signal.signal(MAIN_THREAD_SIGNAL, before)


class _Ends:
    """What was reported, by input id."""

    def __init__(self) -> None:
        self.by_id: dict[str, End] = {}

    def put(self, ended_job: Job, ended: Ended, _start: int, _end: int) -> None:
        self.by_id[ended_job.input_id] = End(*ended)


ENDS = _Ends()


def served(worker: Worker, *given: Job) -> None:
    """Run these on this, the main, thread."""
    queue: SimpleQueue[Job | None] = SimpleQueue()
    for each in (*given, None):
        queue.put(each)
    worker.run(queue)


def test_a_blocking_call_on_the_main_thread_is_interrupted(main_worker: Worker) -> None:
    """A body that sleeps in C on the main thread is got out by its signal."""
    entered = threading.Event()

    def body() -> None:
        entered.set()
        time.sleep(LIMIT_S)

    target = local(body, 1)

    def strike() -> None:
        opened(entered, "the body")
        target.cancelled = True
        main_worker.interrupt(target)
        while not ENDS.by_id.get("in-1"):
            # The first may have come before the call began to block.
            signal.pthread_kill(main_id, MAIN_THREAD_SIGNAL)
            ended.wait(0.01)

    ended, main_id = threading.Event(), threading.get_ident()
    thread = started(strike)
    began_s = time.monotonic()
    served(main_worker, target, local(lambda: "next", 2))
    joined(thread)

    assert ENDS.by_id["in-1"].how == messages.UNWOUND
    assert value(ENDS.by_id["in-2"]) == "next"
    assert time.monotonic() - began_s < LIMIT_S


def test_a_late_signal_hits_nobody(main_worker: Worker) -> None:
    """A signal that arrives when its body has ended, or twice, raises nothing."""

    def body() -> str:
        for _ in range(5):
            signal.raise_signal(MAIN_THREAD_SIGNAL)
        return "unharmed"

    served(main_worker, local(body, 3))
    signal.raise_signal(MAIN_THREAD_SIGNAL)

    assert value(ENDS.by_id["in-3"]) == "unharmed"


class DelayedInterrupt(SignalInterrupt):
    """Its signal is under way for so long that the test sends it."""

    def send(self) -> None:
        """Not yet."""


def test_a_signal_that_arrives_after_its_body(main_worker: Worker) -> None:
    """A signal that was sent in the body and comes after it raises nothing."""
    main_worker.interrupt_with(DelayedInterrupt(main_worker.wants_interrupt))

    def body() -> str:
        target.cancelled = True
        main_worker.interrupt(target)
        return "returned"

    target = local(body, 4)
    served(main_worker, target)
    signal.raise_signal(MAIN_THREAD_SIGNAL)

    assert value(ENDS.by_id["in-4"]) == "returned"
