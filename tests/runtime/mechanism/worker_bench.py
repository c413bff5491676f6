"""A worker on a thread of its own, for tests that interrupt it."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from telemetry.runtime.container.endings import Ended
from telemetry.runtime.container.interrupts import (
    ThreadInterrupt,
)
from telemetry.runtime.container.jobs import Job
from telemetry.runtime.container.threads import Worker
from telemetry.runtime.wire import messages, payload
from tests.runtime.mechanism.stand_ins import (
    LIMIT_S,
    End,
    held_back,
    job,
    joined,
    started,
)


class Bench:
    """A worker on a thread of its own, and what it reports."""

    def __init__(self, kind: type[Worker] = Worker) -> None:
        self.ends: dict[str, End] = {}
        self.sent: list[Any] = []
        self.escaped: list[BaseException] = []
        self.queue: SimpleQueue[Job | None] = SimpleQueue()
        self.reported = threading.Semaphore(0)
        self.worker = kind(contextvars.copy_context(), self.report, self.sent.append)
        self.thread = started(self._run, "slot-0")

    def report(self, ended_job: Job, ended: Ended, _start: int, _end: int) -> None:
        self.ends[ended_job.input_id] = End(*ended)
        self.reported.release()

    def start(self, new: Job) -> Job:
        """Give it a job."""
        self.queue.put(new)
        return new

    def cancel(self, running: Job) -> None:
        """What a container does: mark it, then interrupt who runs it."""
        running.cancelled = True
        if running.worker is not None:
            running.worker.interrupt(running)

    def wait(self, reports: int = 1) -> None:
        """Until so many more jobs were reported."""
        for _ in range(reports):
            if not self.reported.acquire(timeout=LIMIT_S):
                raise TimeoutError("the worker has not reported: its body hangs")

    def close(self) -> None:
        """End the thread; what came out of it is an error of the test."""
        self.queue.put(None)
        joined(self.thread)
        assert self.escaped == []

    def _run(self) -> None:
        try:
            self.worker.interrupt_with(ThreadInterrupt())
            self.worker.run(self.queue)
        except BaseException as error:  # noqa: BLE001 - what must never be
            self.escaped.append(error)


def spin(entered: threading.Event) -> str:
    """A body that runs Python code until it is interrupted."""
    entered.set()
    until_s = time.monotonic() + LIMIT_S
    while time.monotonic() < until_s:
        pass
    return "never interrupted"


def local(body: Callable[..., Any], number: int = 0) -> Job:
    """A job whose body is called as it is, closed over the test's own objects."""
    made = job(held_back, number=number)
    made.method = made.method._replace(call=body)
    return made


def value(ended: End) -> Any:
    """What a body returned."""
    assert ended.how == messages.RETURNED
    return payload.loads(ended.payload)
