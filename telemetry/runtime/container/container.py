"""The container side, the same for every backend: slots, bodies, hooks, the end.

A backend feeds it from one *transport* thread (`run`, `cancel`, `credit`,
`drain`, `stop`) and gives it an `Outbox`. The main thread loads, serves and
closes. Nothing here knows what carries the messages.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
import traceback
from typing import TYPE_CHECKING, Any, Final

from telemetry.core.trace_context import unpacked
from telemetry.policy.settling import Cause
from telemetry.runtime.container import recorder
from telemetry.runtime.container.endings import NEVER_STARTED, Ended
from telemetry.runtime.container.jobs import Job
from telemetry.runtime.container.loading import Loaded
from telemetry.runtime.container.tasks import LoopLane, new_loop
from telemetry.runtime.container.threads import ThreadLane
from telemetry.runtime.wire import messages
from telemetry.runtime.wire.frames import incoming

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from telemetry.capture.blackbox.loop_pulse import LoopPulse
    from telemetry.capture.blackbox.status import SlotTable
    from telemetry.runtime.container.jobs import Method
    from telemetry.runtime.container.outbox import Outbox
    from telemetry.runtime.spec import PoolSpec
    from telemetry.runtime.wire.frames import Message, Payload

_AGAIN_S: Final = 0.05
"""How soon an interruption is repeated that a body has not got yet."""

_RETURN_S: Final = 1.0
"""After the grace period: how long the main thread may take to come back."""


class Container:
    """Runs the inputs of one pool.

    Args:
        later: ``later(delay_s, call)`` calls in the transport thread.
        abandon: Ends the process; for a main thread that a body does not give back.
    """

    def __init__(
        self,
        *,
        container_id: str,
        spec: PoolSpec,
        outbox: Outbox,
        later: Callable[[float, Callable[[], None]], object],
        abandon: Callable[[], object],
    ) -> None:
        self._id = container_id
        self._spec = spec
        self._outbox = outbox
        self._later = later
        self._abandon = abandon
        self._served = False
        self._target = spec.concurrency.target_inputs
        self._limit = spec.concurrency.max_inputs
        self._status: SlotTable | None = None
        self._pulse: LoopPulse | None = None
        # Who was started last in each slot; the transport thread's alone.
        self._jobs: list[Job | None] = [None] * spec.concurrency.max_inputs
        # Who has not reported its end yet. Added to by the transport thread, left
        # by each job's own; both are single operations of a set.
        self._live: set[Job] = set()
        self._ending = False
        self._over = threading.Event()
        self._loaded: Loaded | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loop_thread = 0  # while the loop runs
        self._threads: ThreadLane | None = None
        self._tasks: LoopLane | None = None
        self._methods: Sequence[Method] = ()
        # All bodies are sync and run one at a time: they get the main thread,
        # where a signal can end a blocking call.
        self._main_is_worker = spec.concurrency.max_inputs == 1 and not any(
            m.is_async for m in spec.methods
        )

    def load(self) -> None:
        """Import the user's code. Main thread.

        Raises:
            BaseException: Whatever the user's module or constructor raised.
        """
        self._loaded = Loaded(self._spec)
        self._methods = self._loaded.methods
        needs_loop = any(m.is_async for m in self._spec.methods)
        if needs_loop or self._loaded.hooks_are_async:
            self._loop = new_loop()
            asyncio.set_event_loop(self._loop)

    def enter(self) -> None:
        """Run the enter hooks and be ready for inputs. Main thread.

        Raises:
            BaseException: Whatever a hook raised.
        """
        if self._loaded is None:
            raise RuntimeError("enter() before load()")
        for hook in self._loaded.enter:
            self._run_hook(hook)
        base = contextvars.copy_context()
        status = self._status = recorder.slot_table()
        self._threads = ThreadLane(
            base=base, report=self._report_now, send=self._send, status=status
        )
        if self._main_is_worker:
            self._threads.take_main_thread()
        if self._loop is not None:
            self._pulse = recorder.watch_loop(self._loop)
            self._tasks = LoopLane(
                base=base,
                report=self._report,
                outbox=self._outbox,
                loop=self._loop,
                status=status,
                pulse=self._pulse,
            )

    def serve(self) -> None:
        """Run inputs until `drain` or `stop` is through. Main thread."""
        if self._loop is not None:
            self._loop_thread = threading.get_ident()
        if self._main_is_worker and self._threads is not None:
            self._threads.serve_main()
        elif self._loop is None:
            self._over.wait()
        while self._loop is not None and not self._over.is_set():
            try:
                self._loop.run_forever()
            except (SystemExit, KeyboardInterrupt) as error:
                # Raised by a task of the user's own: it ends that task only.
                _report_unraised("a task", error)
        self._served = True
        self._loop_thread = 0
        if self._pulse is not None:
            # Exit hooks hold nobody up.
            self._pulse.uninstall()

    def close(self) -> None:
        """Run the exit hooks; one that raises does not stop the others."""
        for hook in self._loaded.exit if self._loaded is not None else ():
            try:
                self._run_hook(hook)
            except BaseException as error:  # noqa: BLE001 - the others must run
                _report_unraised("an exit hook", error)

    def run(self, started: Sequence[Sequence[Any]], blobs: Sequence[Payload]) -> None:
        """Start inputs in the slots they name. Transport thread."""
        arrived: list[Job] = []
        for message in started:
            job = self._job(message, blobs)
            self._jobs[job.slot] = job
            self._live.add(job)
            if self._ending:
                self._report_now(job, NEVER_STARTED, 0, 0)
            elif job.method.is_async:
                arrived.append(job)
            elif self._threads is not None:
                self._threads.start(job, len(self._live))
        if arrived and self._tasks is not None:
            self._tasks.start(arrived)

    def cancel(self, slot: int, input_id: str, cause: str, mechanism: str) -> None:
        """Cancel what runs in a slot, if it is still that. Transport thread."""
        job = self._jobs[slot]
        if job is not None and job.input_id == input_id and not job.cancelled:
            job.cause, job.mechanism = cause, mechanism
            self._cancel(job)

    def credit(self, slot: int, input_id: str, chunks: int) -> None:
        """Let a generator send more chunks. Transport thread."""
        job = self._jobs[slot]
        if job is not None and job.input_id == input_id and job.credit is not None:
            job.credit.add(chunks)

    def drain(self) -> None:
        """End when what runs has ended. Transport thread."""
        self._ending = True
        self._look_for_end()

    def stop(self, cause: str = Cause.NEIGHBOUR) -> None:
        """Cancel what runs, and end at most a grace period later. Transport thread.

        Args:
            cause: Why those are cancelled of whom the driver has not said it.
        """
        if not self._ending:
            self._later(self._spec.cancel_grace_s, self._finish)
            last_s = self._spec.cancel_grace_s + _RETURN_S
            self._later(last_s, self._abandon_if_stuck)
        self._ending = True
        for job in list(self._live):
            if not job.cancelled:
                job.cause, job.mechanism = cause, "container"
                self._cancel(job)
        self._look_for_end()

    def _job(self, message: Sequence[Any], blobs: Sequence[Payload]) -> Job:
        _, slot, method, input_id, call_id, attempt, field, members = message[:8]
        if members is not None:
            members = [
                (input_id, incoming(data, blobs), *trace)
                for input_id, data, *trace in members
            ]
        job = Job(
            method=self._methods[method],
            ids=(input_id, call_id, attempt),
            container_id=self._id,
            slot=slot,
            payload=field if type(field) is bytes else incoming(field, blobs),
            members=members,
        )
        trace, admitted = message[8:]
        if trace is not None:
            job.parent = unpacked(trace)
        running, zone, cold = admitted
        job.admission = running, zone, cold, self._target, self._limit
        return job

    def _cancel(self, job: Job) -> None:
        job.cancelled = True
        if self._status is not None:
            self._status.cancelled(job.slot, job)
        if job.method.is_async and self._tasks is not None:
            self._tasks.cancel(job)
        elif self._threads is not None and self._threads.cancel(job):
            self._later(_AGAIN_S, lambda: self._cancel_again(job))

    def _cancel_again(self, job: Job) -> None:
        if job in self._live and self._threads is not None:
            self._cancel(job)

    def _report(self, job: Job, ended: Ended, started_ns: int, ended_ns: int) -> None:
        how, data = ended
        told_ns = job.delivered_ns
        self._outbox.put(
            (messages.DONE, job.slot, how, data, started_ns, ended_ns, told_ns)
        )
        # Race: 1. we put the report; 2. a neighbour's flush takes it along; 3. the
        # driver starts another input in the slot; 4. we go on. So nothing of the
        # slot is touched any more, only what is our own.
        job.close()
        job.payload, job.members = b"", None
        self._live.discard(job)
        if self._ending:
            self._look_for_end()

    def _report_now(
        self, job: Job, ended: Ended, started_ns: int, ended_ns: int
    ) -> None:
        self._report(job, ended, started_ns, ended_ns)
        self._outbox.flush()

    def _send(self, message: Message) -> None:
        self._outbox.put(message)
        self._outbox.flush()

    def _look_for_end(self) -> None:
        # Race: 1. drain sets _ending and still sees the last job; 2. that job ends
        # and sees _ending. Or the other way round: one of the two always finishes.
        if not self._live:
            self._finish()

    def _finish(self) -> None:
        self._over.set()
        if self._threads is not None and self._main_is_worker:
            self._threads.leave_main()
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)

    def _abandon_if_stuck(self) -> None:
        # A body holds the main thread beyond its grace: exit hooks can never run.
        if not self._served:
            self._abandon()

    def _run_hook(self, hook: Callable[[], Any]) -> None:
        result: Coroutine[Any, Any, Any] | None = hook()
        if asyncio.iscoroutine(result) and self._loop is not None:
            self._loop.run_until_complete(result)


def _report_unraised(what: str, error: BaseException) -> None:
    print(f"telemetry.runtime: {what} of this container raised", end=" ")  # noqa: T201 - the user's own output stream
    print(time.strftime("at %H:%M:%S"))  # noqa: T201 - as above
    traceback.print_exception(error)
