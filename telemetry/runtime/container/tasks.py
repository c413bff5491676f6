"""Async bodies, each a task of its own on the one loop of the main thread."""

from __future__ import annotations

import asyncio
import functools
import time
from collections import deque
from contextlib import aclosing
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final, cast

from telemetry.capture import executions
from telemetry.capture.blackbox.stack_text import SLOT_NAME
from telemetry.core.scope import SCOPE
from telemetry.runtime.container import forks, jobs
from telemetry.runtime.container.endings import NEVER_STARTED, Ended
from telemetry.runtime.container.generators import LoopCredit
from telemetry.runtime.container.jobs import ENDED, RUNNING, Job
from telemetry.runtime.wire import messages, payload
from telemetry.runtime.wire.frames import outgoing

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from contextvars import Context

    from telemetry.capture.blackbox.loop_pulse import LoopPulse
    from telemetry.capture.blackbox.status import SlotTable
    from telemetry.runtime.container.outbox import Outbox

    _Execute = Callable[["LoopLane", Job], Coroutine[Any, Any, None]]

FLUSH_RESULTS: Final = 32
"""Results that leave before the loop's round is over, so that the driver works
on them while the container works on the rest."""


def new_loop() -> asyncio.AbstractEventLoop:
    """A uvloop loop when uvloop is installed, else asyncio's own."""
    try:
        import uvloop  # noqa: PLC0415 - optional, and only containers need it
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


class LoopLane:
    """Runs async bodies as tasks. `start` and `cancel` come from the transport.

    Args:
        base: Every body runs in a fresh copy of this context.
        report: Called on the loop when a body has really ended.
        outbox: Written once per round of the loop.
        status: Where it is written down what runs in which slot.
        pulse: The loop's; it tells for how long an execution stood still.
    """

    def __init__(
        self,
        *,
        base: Context,
        report: Callable[[Job, Ended, int, int], None],
        outbox: Outbox,
        loop: asyncio.AbstractEventLoop,
        status: SlotTable | None = None,
        pulse: LoopPulse | None = None,
    ) -> None:
        self._pulse = pulse
        self._note_start = _nothing if status is None else status.start
        self._note_end = _nothing if status is None else status.end
        self._held_ns = _never_held if pulse is None else pulse.blocked_ns
        self._base = base
        self._report = report
        self._outbox = outbox
        self._loop = loop
        self._flush_asked = False
        self._unsent = 0
        self._arrived: deque[Job] = deque()

    def start(self, arrived: list[Job]) -> None:
        """Run the jobs that one frame brought."""
        self._arrived.extend(arrived)
        self._loop.call_soon_threadsafe(self._start_arrived)

    def cancel(self, job: Job) -> None:
        """Cancel the body's task, if it has begun."""
        self._loop.call_soon_threadsafe(self._cancel, job)

    def send_soon(self, message: tuple[Any, ...]) -> None:
        """Put a message; it leaves at the end of the loop's round."""
        self._outbox.put(message)
        self.flush_soon()

    def flush_soon(self) -> None:
        """Write once, after everything else of this round. On the loop only."""
        if not self._flush_asked:
            self._flush_asked = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_asked = False
        self._unsent = 0
        self._outbox.flush()

    def _start_arrived(self) -> None:
        arrived, loop, base = self._arrived, self._loop, self._base
        # What loop.create_task does, without its detour, unless a user's factory
        # wants to be asked.
        make = loop.create_task
        if loop.get_task_factory() is None:
            make = functools.partial(asyncio.Task, loop=loop)
        if self._pulse is not None:
            self._pulse.begin(len(arrived))
        while arrived:
            job = arrived.popleft()
            if job.method.is_generator:
                job.credit = LoopCredit(loop)
            # The job holds its task, and the container's slot its job: a loop
            # alone would hold the task weakly.
            execute = _IN_SLOT.get(job.slot) or _in_slot(job.slot)
            coro = execute(self, job)
            job.task = make(coro, name=job.input_id, context=base.copy())

    def _cancel(self, job: Job) -> None:
        # Race: 1. the task is made; 2. the cancellation comes; 3. the task begins.
        # A task that is cancelled before its first step never runs our code and
        # nothing would be reported. So a new one is left to find its mark.
        if job.task is not None and job.state is RUNNING:
            job.delivered_ns = job.delivered_ns or time.monotonic_ns()
            job.task.cancel()

    async def _execute(self, job: Job) -> None:
        SCOPE.set(job)
        started_ns = time.monotonic_ns()
        held_before_ns = self._held_ns(started_ns)
        if job.cancelled:
            ended = NEVER_STARTED
        else:
            job.state = RUNNING
            started_unix_ns = time.time_ns()
            self._note_start(job.slot, job, started_unix_ns)
            executions.begin(job)
            try:
                if job.method.is_generator:
                    ended = await self._stream(job)
                else:
                    args, kwargs = jobs.arguments(job)
                    value = [] if job.nobody else await job.method.call(*args, **kwargs)
                    ended = jobs.returned(job, value)
            except BaseException as error:  # noqa: BLE001 - SystemExit and all: it ends this input only
                ended = jobs.ended_by(job, error)
            held_ns = self._held_ns(time.monotonic_ns()) - held_before_ns
            if held_ns:
                job.blocked_ns = held_ns
            jobs.end(job, ended, started_unix_ns)
        job.state = ENDED
        if forks.is_child:
            forks.leave()
        ended_ns = time.monotonic_ns()
        self._note_end(job.slot)  # before anybody can use the slot anew
        self._report(job, ended, started_ns, ended_ns)
        if self._pulse is not None:
            self._pulse.finish()
        self._unsent += 1
        if self._unsent >= FLUSH_RESULTS:
            self._flush()
        elif not self._flush_asked:
            self.flush_soon()

    async def _stream(self, job: Job) -> Ended:
        args, kwargs = jobs.arguments(job)
        credit = job.credit
        async with aclosing(job.method.call(*args, **kwargs)) as generator:
            async for chunk in generator:
                if isinstance(credit, LoopCredit):
                    await credit.spend()
                data = outgoing(payload.dumps(chunk))
                self.send_soon((messages.CHUNK, job.slot, data))
        return messages.RETURNED, b""


def _nothing(_slot: int, _job: Job | None = None, _unix_ns: int = 0) -> None:
    """Where there is no slot table."""


def _never_held(_now_ns: int) -> int:
    """Where there is no pulse."""
    return 0


_IN_SLOT: Final[dict[int, _Execute]] = {}


def _in_slot(slot: int) -> _Execute:
    """`LoopLane._execute`, under a name that tells the slot.

    Function names are all that the stack of a process shows to somebody outside while
    a C call holds the interpreter lock. So each slot runs the same code under a name
    of its own, and the slot table has the input to it.
    """
    name = f"{SLOT_NAME}{slot}"
    own = LoopLane._execute  # noqa: SLF001  # of this module
    code = own.__code__.replace(co_name=name, co_qualname=name)
    made = FunctionType(code, own.__globals__, name, own.__defaults__, own.__closure__)
    execute = _IN_SLOT[slot] = cast("_Execute", made)
    return execute
