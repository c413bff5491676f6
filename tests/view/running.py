"""The runtime of an invented run: slots, queues, starts and ends, in virtual time."""

from __future__ import annotations

import msgspec

from telemetry.capture.runtime_records import (
    BurstEnded,
    Cancelled,
    ContainerExited,
    ContainerStarting,
    InputInterrupted,
    InputSettled,
    InputStarted,
    ScalingDecided,
)
from telemetry.core.outcome import Outcome
from telemetry.pipeline.store.processes import CONTAINER, ProcessSeen
from telemetry.policy.bursts import zone
from telemetry.policy.scaling import Decision, Reason
from tests.view.leaving import Leaving
from tests.view.sayings import TRACEBACK, Saying
from tests.view.shapes import Box, Job, Pool, Shape


class Running(Leaving):
    """Gives inputs slots, and containers to have slots in."""

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
            said: Saying = ("error", "it did not work", {})
            self._say(box, job, said, exception=TRACEBACK)
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
