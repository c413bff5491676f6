"""Drives the replay: submits what arrives, and makes trouble at the right moments."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from examples.demo.arrivals import Request
from examples.demo.observer import Container, Event, Observer
from examples.demo.status import Progress
from examples.demo.workload import (
    DECODE_S,
    EMBED,
    RESIZE,
    RESIZE_TIMEOUT_S,
    TRANSLATE,
    Embed,
    Twist,
    resize,
    translate,
)
from telemetry.capture.runtime_records import Record
from telemetry.core.ids import short
from telemetry.core.outcome import Outcome
from telemetry.runtime import FunctionCall
from telemetry.runtime.exception import (
    FunctionTimeoutError,
    InputCancelledError,
    InternalFailure,
)

T = TypeVar("T")

RESIZE_EVERY_S: Final = 0.25
EMBED_EVERY: Final = 3
_LOOK_EVERY_S: Final = 0.01
_PATIENCE_S: Final = 8.0
"""How long the director waits for its moment, before it says that it never came."""

_LAST_S: Final = 120.0
"""How long after the last arrival everything has to be settled."""


@dataclass(frozen=True, slots=True)
class Submission:
    """An input that is to be submitted: a function's name, and its arguments.

    Attributes:
        at_s: Seconds after the start of the replay, compressed.
    """

    at_s: float
    function: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is replayed, how fast, and for how long in real seconds."""

    submissions: Sequence[Submission]
    speed: float
    length_s: float


@dataclass(slots=True)
class Report:
    """What the director did and saw, beside what the records say.

    Attributes:
        tally: How each input ended for its caller, by function and outcome.
        errors: What bodies raised, by function and text; not what was retried.
        unsettled: Inputs whose caller still waited when patience was over.
        victim: The container that was killed.
        at_work: The inputs that ran in it then.
        notes: Trouble that could not be made.
    """

    tally: Counter[tuple[str, Outcome]] = field(default_factory=Counter)
    errors: Counter[tuple[str, str]] = field(default_factory=Counter)
    unsettled: int = 0
    victim: Container | None = None
    at_work: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def plan(requests: Sequence[Request], speed: float, length_s: float) -> Plan:
    """What to submit: each request is translated, some have texts and pictures."""
    submissions: list[Submission] = []
    resize_s = 0.0
    for number, each in enumerate(requests):
        at_s = each.at_s / speed
        if at_s > length_s:
            break
        size = (each.context_tokens, each.generated_tokens, speed)
        submissions.append(Submission(at_s, TRANSLATE.name, size))
        if number % EMBED_EVERY == 0:
            submissions.append(Submission(at_s, EMBED.name, (each.context_tokens,)))
        if at_s >= resize_s:
            resize_s = at_s + RESIZE_EVERY_S
            seconds = 0.1 + each.context_tokens % 300 / 1000
            submissions.append(Submission(at_s, RESIZE.name, (640, seconds)))
    return Plan(submissions, speed, length_s)


class Watch:
    """The observer, fed on the reports' thread and read on the director's."""

    def __init__(self, observer: Observer, show: Callable[[Event], None]) -> None:
        self._observer = observer
        self._show = show
        self._lock = threading.Lock()

    def on_record(self, record: Record) -> None:
        """Take in a record, and show what it means."""
        with self._lock:
            events = self._observer.add(record)
        for each in events:
            self._show(each)

    def say(self, event: Event) -> None:
        """Show what the director does itself."""
        self._show(event)

    def ask(self, question: Callable[[Observer], T]) -> T:
        """The answer to a question; nothing changes meanwhile."""
        with self._lock:
            return question(self._observer)


class Director:
    """Runs a plan while the app runs. Everything happens on one event loop.

    Args:
        on_tick: Called a few times per second with how far it is.
    """

    def __init__(
        self, plan: Plan, watch: Watch, on_tick: Callable[[Progress], None]
    ) -> None:
        self.report = Report()
        self._plan = plan
        self._watch = watch
        self._on_tick = on_tick
        self._arrived = 0
        self._started_s = 0.0
        self._callers: set[asyncio.Task[None]] = set()
        self._spawns: dict[str, Callable[..., Awaitable[FunctionCall[Any]]]] = {
            TRANSLATE.name: translate.spawn.aio,
            RESIZE.name: resize.spawn.aio,
            EMBED.name: Embed().texts.spawn.aio,
        }

    async def run(self) -> None:
        """Replay all of it, and wait until everything is settled."""
        self._started_s = time.monotonic()
        ticking = asyncio.create_task(self._tick())
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._replay())
                for share, scene in self._scenes():
                    group.create_task(self._at(share, scene))
            if self._callers:
                _, late = await asyncio.wait(self._callers, timeout=_LAST_S)
                self.report.unsettled = len(late)
        finally:
            ticking.cancel()
            for each in self._callers:
                each.cancel()

    def _scenes(
        self,
    ) -> list[tuple[float, Callable[[], Coroutine[None, None, None]]]]:
        return [
            (0.10, self._fail_twice),
            (0.20, self._cancel_running),
            (0.32, self._cancel_picture),
            (0.44, self._cancel_stubborn),
            (0.54, self._cancel_queued),
            (0.68, self._kill),
            (0.82, self._time_out),
        ]

    async def _tick(self) -> None:
        while True:
            self._on_tick(
                Progress(
                    elapsed_s=time.monotonic() - self._started_s,
                    length_s=self._plan.length_s,
                    arrived=self._arrived,
                    planned=max(self._arrived, len(self._plan.submissions)),
                )
            )
            await asyncio.sleep(0.1)

    async def _replay(self) -> None:
        for each in self._plan.submissions:
            left_s = self._started_s + each.at_s - time.monotonic()
            # Also when it is late: the callers of others want their turn.
            await asyncio.sleep(max(left_s, 0))
            await self._submit(each.function, *each.arguments)
        left_s = self._started_s + self._plan.length_s - time.monotonic()
        await asyncio.sleep(max(left_s, 0))

    async def _submit(self, function: str, *arguments: object) -> FunctionCall[Any]:
        self._watch.ask(lambda observer: observer.submitted(function))
        self._arrived += 1
        call = await self._spawns[function](*arguments)
        caller = asyncio.create_task(self._wait_for(function, call))
        self._callers.add(caller)
        caller.add_done_callback(self._callers.discard)
        return call

    async def _wait_for(self, function: str, call: FunctionCall[Any]) -> None:
        outcome, error = await _end(call)
        self.report.tally[function, outcome] += 1
        if error:
            self.report.errors[function, error] += 1

    async def _at(
        self, share: float, scene: Callable[[], Coroutine[None, None, None]]
    ) -> None:
        await asyncio.sleep(share * self._plan.length_s)
        await scene()

    async def _translate(
        self, seconds: float, twist: Twist = Twist.NONE
    ) -> FunctionCall[Any]:
        tokens = round(seconds * self._plan.speed / DECODE_S)
        return await self._submit(TRANSLATE.name, 100, tokens, self._plan.speed, twist)

    async def _moment(self, come: Callable[[Observer], bool], missed: str) -> bool:
        """Wait for a moment; False, and a note, when it does not come."""
        end_s = time.monotonic() + _PATIENCE_S
        while not self._watch.ask(come):
            if time.monotonic() > end_s:
                self.report.notes.append(missed)
                return False
            await asyncio.sleep(_LOOK_EVERY_S)
        return True

    async def _cancel_once_running(self, call: FunctionCall[Any], what: str) -> None:
        running = await self._moment(
            lambda observer: observer.call(call.object_id) is not None,
            f"{what} did not start in time, so it was not cancelled",
        )
        if running:
            await asyncio.sleep(0.15)
            await call.cancel.aio()

    async def _fail_twice(self) -> None:
        for _ in range(2):
            await self._translate(0.2, Twist.FLAKY)

    async def _cancel_running(self) -> None:
        call = await self._translate(3.0, Twist.SHOWN)
        await self._cancel_once_running(call, "the long translation")

    async def _cancel_stubborn(self) -> None:
        call = await self._translate(3.0, Twist.STUBBORN)
        await self._cancel_once_running(call, "the stubborn translation")

    async def _cancel_picture(self) -> None:
        """A sync one with neighbours: its container goes, and they run again."""
        calls = [
            await self._submit(RESIZE.name, 4000, 0.9, Twist.SHOWN) for _ in range(4)
        ]
        ids = {each.object_id for each in calls}
        met = await self._moment(
            lambda observer: _with_company(observer, ids) is not None,
            "no two pictures ran in one container, so none was cancelled",
        )
        if not met:
            return
        await asyncio.sleep(0.2)
        victim = self._watch.ask(lambda observer: _with_company(observer, ids))
        for each in calls:
            if each.object_id == victim:
                await each.cancel.aio()

    async def _cancel_queued(self) -> None:
        """The last of a crowd that is larger than all slots: it never starts."""
        crowd = 2 * TRANSLATE.containers * TRANSLATE.limit
        calls = [await self._translate(0.5) for _ in range(crowd)]
        await calls[-1].cancel.aio()

    async def _kill(self) -> None:
        """SIGKILL the container that has most to do, in mid-work."""
        for _ in range(TRANSLATE.containers * TRANSLATE.target + 2):
            await self._translate(0.8)
        busy = TRANSLATE.target - 2
        if await self._moment(
            lambda observer: _busiest(observer).running >= busy,
            "no container had enough to do, so none was killed",
        ):
            await asyncio.sleep(0.2)
            self._watch.ask(self._shoot)

    def _shoot(self, observer: Observer) -> None:
        victim = _busiest(observer)
        if victim.ready is None or victim.ready.pid is None or not victim.running:
            self.report.notes.append("the container to be killed was gone already")
            return
        at_work = sorted(set().union(*victim.slots.values()))
        self.report.victim, self.report.at_work = victim, at_work
        keys = {"container": short(victim.container_id), "running": len(at_work)}
        # Said first: what follows from it must not stand above it.
        self._watch.say(
            Event(
                mark="✖",
                text="SIGKILL",
                function=victim.pool,
                fields=keys,
                level="error",
                container_id=victim.container_id,
            )
        )
        try:
            os.kill(victim.ready.pid, signal.SIGKILL)
        except ProcessLookupError:
            self.report.notes.append("the container to be killed had just ended")

    async def _time_out(self) -> None:
        long_s = 4 * RESIZE_TIMEOUT_S
        call = await self._submit(RESIZE.name, 9000, long_s, Twist.SHOWN)
        running = await self._moment(
            lambda observer: observer.call(call.object_id) is not None,
            "the endless picture did not start in time",
        )
        if running:
            # Company for its last moment; enough of it to have some in any container.
            await asyncio.sleep(0.7 * RESIZE_TIMEOUT_S)
            for _ in range(RESIZE.containers + 1):
                await self._submit(RESIZE.name, 800, 0.8, Twist.SHOWN)


def _busiest(observer: Observer) -> Container:
    living = observer.living(observer.functions[TRANSLATE.name])
    nobody = Container("", TRANSLATE.name)
    return max(living, key=lambda each: each.running, default=nobody)


def _with_company(observer: Observer, call_ids: set[str]) -> str | None:
    """One of these calls that does not run alone in its container."""
    for call_id in sorted(call_ids):
        started = observer.call(call_id)
        if started is None:
            continue
        if observer.containers[started.container_id].running > 1:
            return call_id
    return None


async def _end(call: FunctionCall[Any]) -> tuple[Outcome, str]:
    """How a call ended for its caller, and what its body raised."""
    try:
        await call.get.aio()
    except InputCancelledError:
        return Outcome.CANCELLED, ""
    except FunctionTimeoutError:
        return Outcome.TIMEOUT, ""
    except InternalFailure:
        return Outcome.LOST, ""
    except Exception as error:  # noqa: BLE001 - whatever a body raised
        return Outcome.ERROR, f"{type(error).__name__}: {error}"
    return Outcome.SUCCESS, ""
