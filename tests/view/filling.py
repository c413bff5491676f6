"""Fills a store with a run that never was: always the same one, told as records are.

A small model of the runtime in virtual time, with everything in it that the view has
to show: bursts, cold starts, a cancellation that takes its neighbours along, one that
does not, a timeout, a container that is killed, a blocked loop, errors, and lines that
would like to be more than text.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple, Self

import msgspec

from telemetry.capture.blackbox.reader import Found
from telemetry.capture.blackbox.records import EXECUTION, RUNTIME
from telemetry.capture.line import LEVELS
from telemetry.capture.runtime_records import (
    BurstEnded,
    Cancelled,
    ContainerExited,
    ContainerReady,
    ContainerStarting,
    InputInterrupted,
    InputSettled,
    InputStarted,
    LoopBlocked,
    PoolDeclared,
    Record,
    ScalingDecided,
)
from telemetry.capture.span_records import Settled
from telemetry.core.outcome import Outcome
from telemetry.pipeline.store.intake import Intake
from telemetry.pipeline.store.processes import (
    CONTAINER,
    DRIVER,
    PROGRAM,
    ProcessSeen,
)
from telemetry.pipeline.store.search import SearchIndex
from telemetry.pipeline.store.writing import Store
from telemetry.policy.bursts import BurstReason, EpisodeTracker, zone
from telemetry.policy.scaling import Decision, Reason
from tests.view.sayings import HOSTILE, TRACEBACK, sayings

SECOND = 1_000_000_000
START_NS = 1_780_000_000 * SECOND
"""When the run begins; tests that need the present give another time."""

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
DRIVER_BOX = "dv-01M8Z0000000000000000DRIVER"


@dataclass(slots=True)
class Shape:
    """A function of the run."""

    name: str
    mode: str
    target: int
    limit: int
    most: int
    rate: float
    run_s: float
    cold_s: float


SHAPES = (
    Shape("translate", "async", 10, 12, 2, 14.0, 0.9, 0.4),
    Shape("resize", "sync", 4, 4, 2, 3.2, 1.4, 0.3),
    Shape("summarize", "async", 6, 9, 3, 3.0, 2.2, 1.1),
)


@dataclass(slots=True)
class Job:
    """An input on its way."""

    input_id: str
    call_id: str
    enqueued_s: float
    attempt: int = 0
    queued_s: float = 0.0
    started_s: float = 0.0
    slot: int = 0
    container: Box | None = None
    ending: str = "success"
    token: int = 0
    reason: str = "none"
    zone: str = "normal"


@dataclass(slots=True)
class Box:
    """A container of the run."""

    container_id: str
    shape: Shape
    pid: int
    asked_s: float
    ready: bool = False
    gone: bool = False
    idle_s: float = 0.0
    slots: dict[int, Job] = field(default_factory=dict)

    def free_slot(self) -> int:
        """The lowest that is free."""
        return next(at for at in range(self.shape.limit) if at not in self.slots)


@dataclass(slots=True)
class Pool:
    """A function with its queue and its containers."""

    shape: Shape
    queue: list[Job] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    tracker: EpisodeTracker = field(default_factory=EpisodeTracker)

    def living(self) -> list[Box]:
        """Those that are not gone."""
        return [box for box in self.boxes if not box.gone]


class Filling:
    """One run.

    Args:
        path: Of the store.
        seconds: How long the run lasts, in virtual time.
        lines_each: Log lines of each input, about.
        pace: More than 1 has more inputs in the same time.
    """

    def __init__(
        self,
        path: Path,
        *,
        seconds: float = 60.0,
        lines_each: float = 4.0,
        pace: float = 1.0,
        seed: int = 7,
        start_ns: int = START_NS,
    ) -> None:
        self.path = path
        self.seconds = seconds
        self.start_ns = start_ns
        self.ids: dict[str, str] = {}
        self._lines_each = lines_each
        self._pace = pace
        self._random = random.Random(seed)
        self._now = 0.0
        self._events: list[tuple[float, int, str, Any]] = []
        self._order = count()
        self._number = count(1)
        self._pools = [Pool(shape) for shape in SHAPES]
        self._found: dict[str, list[Found]] = {}
        self._seen: dict[str, ProcessSeen] = {
            DRIVER_BOX: ProcessSeen(DRIVER_BOX, DRIVER, "demo", 4000, "laptop", "demo")
        }
        self._offsets = count(0, 100)

    def run(self) -> None:
        """Live through it, and store all of it."""
        self._store = Store(self.path)
        self._intake = Intake(self._store)
        self._index = SearchIndex(self._store)
        try:
            self._begin()
            written = 0.0
            while self._events:
                self._now, _, kind, what = heappop(self._events)
                getattr(self, f"_on_{kind}")(what)
                if self._now - written > 2.0:
                    written = self._now
                    self._write()
            for pool in self._pools:
                self._close(pool)
            self._write()
            while self._index.catch_up():
                pass
        finally:
            self._store.close()

    def _begin(self) -> None:
        for pool in self._pools:
            shape = pool.shape
            self._tell(
                PoolDeclared(
                    0.0,
                    shape.name,
                    f"demo/{shape.name}",
                    "demo",
                    {shape.name: shape.mode},
                    shape.mode,
                    shape.target,
                    shape.limit,
                    0,
                    shape.most,
                    0,
                    10.0,
                    4.0,
                    "container",
                )
            )
            self._at(self._random.expovariate(shape.rate), "arrival", pool)
        middle = self.seconds * 0.45
        self._at(middle, "cancel_container", self._pools[1])
        self._at(middle + 2.2, "cancel_task", self._pools[0])
        self._at(self.seconds * 0.6, "kill", self._pools[0])
        self._at(self.seconds * 0.7, "block", self._pools[2])
        self._at(self.seconds * 0.3, "cancel_queued", self._pools[0])

    # -- what happens --------------------------------------------------------------

    def _on_arrival(self, pool: Pool) -> None:
        shape, now = pool.shape, self._now
        self._submit(pool)
        # Busy and quiet episodes take turns, and in the busy ones more comes than
        # the targets are for.
        phase = (now / 9.0 + hash_of(shape.name)) % 1.0
        factor = 1.9 if phase < 0.45 else 0.45
        wait = self._random.expovariate(shape.rate * factor * self._pace)
        if now + wait < self.seconds:
            self._at(now + wait, "arrival", pool)

    def _on_ready(self, box: Box) -> None:
        if box.gone:
            return
        box.ready = True
        total = box.shape.cold_s
        self._tell(
            ContainerReady(
                self._now,
                box.shape.name,
                box.container_id,
                box.pid,
                total * 0.5,
                total * 0.3,
                total * 0.2,
                f"demo/{box.shape.name}",
            )
        )
        self._say(box, None, "info", "ready", {"model": "small"})
        self._dispatch(self._pool(box))

    def _on_end(self, what: tuple[Job, int]) -> None:
        job, token = what
        box = job.container
        if box is None or job.token != token:
            return
        self._settle(job, job.ending)

    def _on_idle(self, box: Box) -> None:
        if not box.gone and not box.slots and self._now - box.idle_s >= 3.9:
            pool = self._pool(box)
            have = len(pool.living())
            self._decide(pool, have - 1, have, Reason.SCALEDOWN)
            self._exit(box, "scaledown", 0)

    def _on_cancel_container(self, pool: Pool) -> None:
        box = max(pool.living(), key=lambda each: len(each.slots), default=None)
        if box is None or len(box.slots) < 3:
            self._at(self._now + 0.2, "cancel_container", pool)
            return
        job = box.slots[max(box.slots)]
        self.ids["cancelled"] = job.input_id
        self.ids["cancelled container"] = box.container_id
        self._say(box, job, "warning", "cancellation asked for", {"by": "user"})
        asked = Cancelled(
            "user", "running", "container", "unwound", self._now,
            self._now + 0.004, self._now + 0.03,
        )  # fmt: skip
        asked_s = self._now
        self._now += 0.03
        self._settle(job, "cancelled", asked)
        neighbours = list(box.slots.values())
        self.ids["neighbour"] = neighbours[0].input_id
        for each in neighbours:
            self._interrupt(each, "neighbour")
        self._exit(box, "cancellation", 0)
        self._now = asked_s
        self._at(self._now + 0.05, "dispatch", pool)

    def _on_cancel_task(self, pool: Pool) -> None:
        running = [job for box in pool.living() for job in box.slots.values()]
        if not running:
            self._at(self._now + 0.1, "cancel_task", pool)
            return
        now = self._now
        asked = Cancelled("user", "running", "task", "unwound", now - 0.002, now, now)
        self._settle(running[0], "cancelled", asked)

    def _on_cancel_queued(self, pool: Pool) -> None:
        if not pool.queue:
            self._at(self._now + 0.1, "cancel_queued", pool)
            return
        job = pool.queue.pop()
        asked = Cancelled("user", "queued", None, "never_started", self._now)
        self._tell(self._settled(pool.shape, job, Outcome.CANCELLED, asked, None))

    def _on_kill(self, pool: Pool) -> None:
        box = max(pool.living(), key=lambda each: len(each.slots), default=None)
        if box is None or len(box.slots) < 4:
            self._at(self._now + 0.2, "kill", pool)
            return
        self.ids["killed"] = box.container_id
        for job in list(box.slots.values()):
            self._interrupt(job, "lost")
        self._exit(box, "crash", -9)
        self._dispatch(pool)

    def _on_block(self, pool: Pool) -> None:
        box = next((each for each in pool.living() if len(each.slots) > 1), None)
        if box is None:
            self._at(self._now + 0.2, "block", pool)
            return
        holder, *others = box.slots.values()
        self.ids["blocking"] = holder.input_id
        for over, seconds in ((False, 0.2), (True, 1.1)):
            self._tell(
                LoopBlocked(
                    self._now + seconds,
                    pool.shape.name,
                    box.container_id,
                    box.pid,
                    seconds,
                    over,
                    holder.input_id,
                    (),
                    "summary.py:41 in rank",
                    'File "summary.py", line 41, in rank',
                    tuple(job.input_id for job in others),
                ),
                at_s=self._now + seconds,
            )

    def _on_dispatch(self, pool: Pool) -> None:
        self._dispatch(pool)

    # -- the runtime ---------------------------------------------------------------

    def _submit(self, pool: Pool) -> None:
        job = Job(self._id("in"), self._id("fc"), self._now, queued_s=self._now)
        pool.queue.append(job)
        self._scale(pool)
        self._dispatch(pool)

    def _scale(self, pool: Pool) -> None:
        shape = pool.shape
        demand = len(pool.queue) + sum(len(box.slots) for box in pool.living())
        want = min(max(-(-demand // shape.target), 0), shape.most)
        have = len(pool.living())
        if want <= have:
            return
        self._decide(pool, want, have, Reason.FROM_ZERO if not have else Reason.DEMAND)
        for _ in range(want - have):
            box = Box(self._id("ct"), shape, 4001 + next(self._number), self._now)
            pool.boxes.append(box)
            self._seen[box.container_id] = ProcessSeen(
                box.container_id, CONTAINER, "demo", box.pid, "laptop", "demo",
                shape.name, box.container_id,
            )  # fmt: skip
            self._tell(
                ContainerStarting(
                    self._now,
                    shape.name,
                    box.container_id,
                    f"demo/{shape.name}",
                    shape.target,
                    shape.limit,
                )
            )
            self._at(self._now + shape.cold_s, "ready", box)

    def _decide(self, pool: Pool, want: int, have: int, reason: Reason) -> None:
        demand = float(len(pool.queue) + sum(len(b.slots) for b in pool.living()))
        decision = Decision(want=want, have=have, demand=demand, reason=reason)
        self._tell(ScalingDecided(self._now, pool.shape.name, decision))

    def _dispatch(self, pool: Pool) -> None:
        shape = pool.shape
        while pool.queue:
            ready = [box for box in pool.living() if box.ready]
            below = [box for box in ready if len(box.slots) < shape.target]
            room = below or [box for box in ready if len(box.slots) < shape.limit]
            if not room:
                break
            box = min(room, key=lambda each: len(each.slots))
            self._start(pool, box, pool.queue.pop(0))
        self._observe(pool)

    def _start(self, pool: Pool, box: Box, job: Job) -> None:
        shape, now = pool.shape, self._now
        job.container, job.slot = box, box.free_slot()
        box.slots[job.slot] = job
        job.started_s = now
        job.token = next(self._number)
        job.zone = zone(len(box.slots), shape.target, shape.limit, len(pool.queue))
        wait_s = now - job.queued_s
        cold = job.queued_s < box.asked_s + shape.cold_s
        waited = "cold_start" if cold else "capacity"
        job.reason = "none" if wait_s < 0.001 else waited
        self._tell(
            InputStarted(
                now,
                shape.name,
                job.input_id,
                job.call_id,
                job.attempt,
                box.container_id,
                job.slot,
                len(box.slots),
                zone(len(box.slots), shape.target, shape.limit, len(pool.queue)),
                wait_s,
                job.reason,
                1,
            )
        )
        run_s = min(self._random.lognormvariate(0.0, 0.6) * shape.run_s, 4.0)
        dice = self._random.random()
        job.ending = "error" if dice < 0.008 else "success"
        if run_s >= 4.0 and shape.mode == "sync":
            job.ending = "timeout"
        self._narrate(box, job, run_s)
        self._at(now + run_s, "end", (job, job.token))

    def _settle(self, job: Job, ending: str, asked: Cancelled | None = None) -> None:
        box = job.container
        assert box is not None
        shape, now = box.shape, self._now
        job.token = -1
        if ending == "timeout":
            asked = Cancelled(
                "timeout", "running", "exception", "unwound", now - 0.01, now - 0.008,
                now,
            )  # fmt: skip
        if ending == "error":
            self._say(box, job, "error", "it did not work", {}, exception=TRACEBACK)
        self._end_execution(box, job, ending)
        run_s = now - job.started_s
        self._tell(self._settled(shape, job, Outcome(ending), asked, run_s))
        if not box.slots:
            box.idle_s = now
            self._at(now + 4.0, "idle", box)
        self._dispatch(self._pool(box))

    def _settled(
        self,
        shape: Shape,
        job: Job,
        outcome: Outcome,
        asked: Cancelled | None,
        run_s: float | None,
    ) -> InputSettled:
        box = job.container
        return InputSettled(
            self._now,
            shape.name,
            job.input_id,
            job.call_id,
            outcome,
            job.attempt,
            box.container_id if box else None,
            job.slot if box else None,
            msgspec.convert(job.zone, type(zone(0, 1, 1, 0))) if box else None,
            job.started_s - job.queued_s if box else self._now - job.queued_s,
            run_s,
            self._now - job.enqueued_s,
            asked,
        )

    def _interrupt(self, job: Job, reason: str) -> None:
        box = job.container
        assert box is not None
        del box.slots[job.slot]
        self._tell(
            InputInterrupted(
                self._now,
                box.shape.name,
                job.input_id,
                job.call_id,
                job.attempt,
                box.container_id,
                job.slot,
                self._now - job.started_s,
                reason,
            )
        )
        job.attempt += 1
        job.token = -1
        job.queued_s = self._now
        self._pool(box).queue.insert(0, job)

    def _exit(self, box: Box, reason: str, status: int) -> None:
        box.gone = True
        lived = self._now - box.asked_s
        self._tell(
            ContainerExited(
                self._now, box.shape.name, box.container_id, reason, status,
                f"demo/{box.shape.name}", lived,
            )
        )  # fmt: skip
        self._at(self._now + 0.01, "rescale", self._pool(box))

    def _on_rescale(self, pool: Pool) -> None:
        self._scale(pool)

    def _close(self, pool: Pool) -> None:
        episode = pool.tracker.close(self._now)
        if episode is not None:
            self._tell(BurstEnded(self._now, pool.shape.name, episode))
        for box in pool.living():
            self._exit(box, "shutdown", 0)
        self._events.clear()

    def _observe(self, pool: Pool) -> None:
        living = pool.living()
        above = [box for box in living if len(box.slots) > pool.shape.target]
        starting = sum(not box.ready for box in living)
        episode = pool.tracker.observe(
            self._now,
            max((len(box.slots) for box in living), default=0),
            len(above),
            starting,
            may_start=len(living) < pool.shape.most,
        )
        if episode is not None:
            self._tell(BurstEnded(self._now, pool.shape.name, episode))

    # -- what is left behind -------------------------------------------------------

    def _end_execution(self, box: Box, job: Job, ending: str) -> None:
        del box.slots[job.slot]
        error = "ValueError" if ending == "error" else ""
        settled = Settled(
            job.input_id,
            self._ns(job.started_s),
            self._ns(self._now),
            ending,
            job.attempt,
            box.shape.name,
            job.call_id,
            box.container_id,
            job.slot,
            error_type=error,
            error_text=f"{error}: no such language: 'xx'" if error else "",
        )
        record = [EXECUTION, None, settled.ended_ns, msgspec.to_builtins(settled)]
        self._put(box.container_id, record, settled.ended_ns)

    def _narrate(self, box: Box, job: Job, run_s: float) -> None:
        amount = self._lines_each * self._random.uniform(0.6, 1.4)
        for at, saying in enumerate(sayings(self._random, round(amount))):
            share = (at + 0.2) / (amount + 1)
            self._say(
                box,
                job,
                *saying,
                at_s=self._now + run_s * share,
                stream="stdout" if at % 3 == 2 else None,
            )
        if self._random.random() < 0.01:
            event = self._random.choice(HOSTILE)
            self._say(box, job, "warning", event, {"<b>key</b>": "<i>value</i>"})

    def _say(
        self,
        box: Box,
        job: Job | None,
        level: str,
        event: str,
        fields: dict[str, Any],
        *,
        at_s: float | None = None,
        exception: str | None = None,
        stream: str | None = None,
    ) -> None:
        unix_ns = self._ns(self._now if at_s is None else at_s)
        who = None
        if job is not None:
            who = [
                job.input_id, job.call_id, box.shape.name, job.attempt,
                box.container_id, job.slot, None, False, None, None,
            ]  # fmt: skip
        more = {"exception": exception, "stream": stream}
        record: list[Any] = [
            LEVELS[level],
            ["demo.work", {}],
            who,
            "MainThread" if box.shape.mode == "async" else f"slot-{job and job.slot}",
            [unix_ns, event, [], fields],
        ]
        if kept := {key: value for key, value in more.items() if value}:
            record.append(kept)
        self._put(box.container_id, record, unix_ns)

    def _tell(self, record: Record, at_s: float | None = None) -> None:
        unix_ns = self._ns(self._now if at_s is None else at_s)
        fields = msgspec.to_builtins(record)
        row = [RUNTIME, None, unix_ns, type(record).__name__, list(fields)]
        self._put(DRIVER_BOX, row, unix_ns)

    def _put(self, box: str, record: list[Any], unix_ns: int) -> None:
        found = Found(unix_ns, record, 0, 1, next(self._offsets))
        self._found.setdefault(box, []).append(found)

    def _write(self) -> None:
        with self._store.transaction():
            for name, found in self._found.items():
                number = self._intake.processes.number(self._seen[name])
                self._intake.take(number, sorted(found, key=lambda each: each.when_ns))
        self._found.clear()

    # -- small things --------------------------------------------------------------

    def _at(self, at_s: float, kind: str, what: Any) -> None:
        heappush(self._events, (at_s, next(self._order), kind, what))

    def _pool(self, box: Box) -> Pool:
        return next(each for each in self._pools if each.shape is box.shape)

    def _ns(self, at_s: float) -> int:
        return self.start_ns + round(at_s * SECOND)

    def _id(self, prefix: str) -> str:
        number = next(self._number) * 7919
        tail = ""
        for _ in range(8):
            number, digit = divmod(number, 32)
            tail = _ALPHABET[digit] + tail
        return f"{prefix}-01M8Z0000000000000{tail}"


def hash_of(name: str) -> float:
    """Between 0 and 1, the same in every process."""
    return sum(name.encode()) % 17 / 17


class Line(NamedTuple):
    """A line to be stored."""

    event: str
    level: str = "info"


class Writing:
    """A store that is written bit by bit, as an agent does."""

    def __init__(self, path: Path) -> None:
        self._store = Store(path)
        self._intake = Intake(self._store)
        self._index = SearchIndex(self._store)
        self._at_ns = START_NS
        self._seen = ProcessSeen("ps-1", PROGRAM, "words")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._store.close()

    def say(self, *lines: Line) -> None:
        """Store these, in one transaction."""
        found: list[Found] = []
        for each in lines:
            self._at_ns += 1_000_000
            said = [self._at_ns, each.event, [], {}]
            record = [LEVELS[each.level], ["words", {}], None, "MainThread", said]
            found.append(Found(self._at_ns, record, 0, 1, len(found)))
        with self._store.transaction():
            self._intake.take(self._intake.processes.number(self._seen), found)

    def forget(self, input_id: str) -> None:
        """Take an input out, with all its lines, as retention does."""
        run = self._store.connection.execute
        with self._store.transaction():
            (number,) = run(
                "select id from inputs where input_id = ?", (input_id,)
            ).fetchone()
            of = "(select id from executions where input = ?)"
            run(f"delete from logs where execution in {of}", (number,))  # noqa: S608
            run(f"delete from runs where execution in {of}", (number,))  # noqa: S608
            run("delete from executions where input = ?", (number,))
            run("delete from inputs where id = ?", (number,))
