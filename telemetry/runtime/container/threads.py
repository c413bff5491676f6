"""Sync bodies, each on a thread of its own for as long as it runs."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from telemetry.capture import executions
from telemetry.capture.thread_name import rename_thread
from telemetry.core.errors import InputCancellation
from telemetry.core.scope import SCOPE
from telemetry.runtime import shield
from telemetry.runtime.container import forks, jobs
from telemetry.runtime.container.endings import NEVER_STARTED, UNWOUND, Ended
from telemetry.runtime.container.generators import ThreadCredit
from telemetry.runtime.container.interrupts import SignalInterrupt, ThreadInterrupt
from telemetry.runtime.container.jobs import ENDED, RUNNING, Job
from telemetry.runtime.wire import messages, payload
from telemetry.runtime.wire.frames import outgoing

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context

    from telemetry.capture.blackbox.status import SlotTable
    from telemetry.runtime.container.interrupts import Interrupt
    from telemetry.runtime.shield import Waker
    from telemetry.runtime.wire.frames import Message


class ThreadLane:
    """Runs sync bodies on threads; at most one per slot, made when needed.

    Args:
        base: Every body runs in a fresh copy of this context.
        report: Called in the body's thread when it has really ended.
        send: Puts a message on its way at once.
        status: Where it is written down what runs in which slot.
    """

    def __init__(
        self,
        *,
        base: Context,
        report: Callable[[Job, Ended, int, int], None],
        send: Callable[[Message], None],
        status: SlotTable | None = None,
    ) -> None:
        self._base = base
        self._report = report
        self._send = send
        self._status = status
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._threads = 0  # only the transport thread makes threads
        self._on_main = False

    def start(self, job: Job, running: int) -> None:
        """Run the job; *running* counts the inputs of the container, it included."""
        if job.method.is_generator:
            job.credit = ThreadCredit()
        self._queue.put(job)
        if self._threads < running and not self._on_main:
            self._threads += 1
            name = f"slot-{self._threads - 1}"
            threading.Thread(target=self._work, name=name, daemon=True).start()

    def cancel(self, job: Job) -> bool:
        """Raise `InputCancellation` in the body, if it is there. Never blocks.

        True when it should be called again soon, until the body has got it.
        """
        worker = job.worker
        return worker is not None and worker.interrupt(job)

    def take_main_thread(self) -> None:
        """Bodies will run on the main thread alone, in `serve_main`."""
        self._on_main = True

    def serve_main(self) -> None:
        """Run bodies on this, the main, thread until `leave_main`."""
        worker = Worker(self._base, self._report, self._send, self._status)
        worker.interrupt_with(SignalInterrupt(worker.wants_interrupt))
        worker.run(self._queue)

    def leave_main(self) -> None:
        """End `serve_main` when the body that it runs has ended."""
        self._queue.put(None)

    def _work(self) -> None:
        worker = Worker(self._base, self._report, self._send, self._status)
        worker.interrupt_with(ThreadInterrupt())
        worker.run(self._queue)


class Worker:
    """One thread that runs bodies one after the other, and can be interrupted.

    Invariant: an interruption is raised at most once per job; it is sent only
    under `_lock` and only while `_in_body`. `_leave` and `shielded` clear that
    under the same lock and take back what has not been raised. So nothing is
    raised outside of a body, and never in the next one.
    """

    def __init__(
        self,
        base: Context,
        report: Callable[[Job, Ended, int, int], None],
        send: Callable[[Message], None],
        status: SlotTable | None = None,
    ) -> None:
        self._base = base
        self._report = report
        self._send = send
        self._status = status
        self._lock = threading.Lock()
        self._interrupt: Interrupt | None = None
        self._job: Job | None = None
        self._in_body = False
        self._sent = False
        # What the body waits for in a lock of ours, such as a nested call.
        self.waiter: Waker | None = None

    def interrupt_with(self, interrupt: Interrupt) -> None:
        """How this thread is interrupted; called in the thread itself."""
        self._interrupt = interrupt

    def run(self, queue: SimpleQueue[Job | None]) -> None:
        """Run jobs until None comes."""
        shield.protect(self)
        idle_name = threading.current_thread().name
        while (job := queue.get()) is not None:
            rename_thread(job.input_id)
            started_ns = time.monotonic_ns()
            ended = self._base.copy().run(self._execute, job)
            if forks.is_child:
                forks.leave()
            rename_thread(idle_name)
            self._report(job, ended, started_ns, time.monotonic_ns())

    def interrupt(self, job: Job) -> bool:
        """Raise `InputCancellation` in the job's body; from the transport thread.

        True when it may have to be sent again. Race: 1. the body is about to enter
        a blocking call; 2. the signal comes, and its handler waits for the next
        bytecode; 3. the call blocks, and there is none. So it is repeated.
        """
        with self._lock:
            if self._job is not job or not self._in_body or self._interrupt is None:
                return self._job is job
            if self._interrupt.raised_ns:
                return False
            again, self._sent = self._sent, True
            self._interrupt.send()
        waiter = self.waiter
        if waiter is not None:
            waiter.wake()
        # A generator that waits for its consumer sits in a lock, which no
        # exception reaches: give it a way out.
        if job.credit is not None and not again:
            job.credit.add(1)
        return True

    def wants_interrupt(self) -> bool:
        """In the main thread's signal handler: was it sent, and is it in a body?"""
        return self._in_body and self._sent

    def shielded(self, call: Callable[[], None]) -> None:
        """Call it without interruptions; one that comes is raised afterwards."""
        with self._lock:
            in_body, self._in_body = self._in_body, False
            if self._sent and self._interrupt is not None:
                self._interrupt.clear()
        try:
            call()
        finally:
            if in_body:
                self._unshield()

    def _unshield(self) -> None:
        with self._lock:
            self._in_body = True
            job, interrupt = self._job, self._interrupt
            # It was taken back when the shield went up, or it came after that.
            if job is not None and job.cancelled and interrupt is not None:
                self._sent = True
                if not interrupt.raised_ns:
                    interrupt.send()

    def _execute(self, job: Job) -> Ended:
        SCOPE.set(job)
        if job.cancelled:
            return NEVER_STARTED
        started_unix_ns = time.time_ns()
        if self._status is not None:
            self._status.start(job.slot, job, started_unix_ns)
        executions.begin(job)
        ended = self._guarded_body(job)
        jobs.end(job, ended, started_unix_ns)
        if self._status is not None and not forks.is_child:
            self._status.end(job.slot)
        return ended

    def _guarded_body(self, job: Job) -> Ended:
        box = [UNWOUND]
        try:
            try:
                if self._enter(job):
                    box[0] = self._body(job)
                else:
                    box[0] = NEVER_STARTED
            finally:
                self._leave(job)
        except InputCancellation:
            # Race: 1. the body returns; 2. the interruption is sent before we
            # leave; 3. it is raised on a line of ours. It comes once, so leaving
            # again is safe, and what the body had returned is kept.
            self._leave(job)
        return box[0]

    def _enter(self, job: Job) -> bool:
        with self._lock:
            self._job = job
            self._sent = False
            if self._interrupt is not None:
                self._interrupt.raised_ns = 0
            job.worker = self
            # Race: 1. the cancellation marks the job; 2. it looks for a worker and
            # finds none; 3. we begin. So we look for its mark under the lock.
            if job.cancelled:
                return False
            job.state = RUNNING
            self._in_body = True
            return True

    def _leave(self, job: Job) -> None:
        with self._lock:
            self._in_body = False
            if self._sent and self._interrupt is not None:
                self._interrupt.clear()
                job.delivered_ns = self._interrupt.raised_ns
            self._job = None
            job.worker = None
            job.state = ENDED

    def _body(self, job: Job) -> Ended:
        try:
            args, kwargs = jobs.arguments(job)
            if job.method.is_generator:
                self._stream(job, job.method.call(*args, **kwargs))
                return messages.RETURNED, b""
            value = [] if job.nobody else job.method.call(*args, **kwargs)
            return jobs.returned(job, value)
        except BaseException as error:  # noqa: BLE001 - SystemExit and all: it ends this input only
            return jobs.ended_by(job, error)

    def _stream(self, job: Job, generator: Any) -> None:  # noqa: ANN401 - the user's own
        credit = job.credit
        with closing(generator):
            for chunk in generator:
                if isinstance(credit, ThreadCredit):
                    credit.spend()
                data = outgoing(payload.dumps(chunk))
                self._send((messages.CHUNK, job.slot, data))
