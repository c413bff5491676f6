"""Fills a store with a run that never was: always the same one, told as records are.

A small model of the runtime in virtual time, with everything in it that the view has
to show: bursts, cold starts, a cancellation that takes its neighbours along, one that
does not, a timeout, a container that is killed, a blocked loop, errors, and lines that
would like to be more than text.
"""

from __future__ import annotations

from heapq import heappop

from telemetry.capture.runtime_records import (
    Cancelled,
    ContainerReady,
    LoopBlocked,
    PoolDeclared,
)
from telemetry.core.outcome import Outcome
from telemetry.policy.scaling import Reason
from tests.view.running import Running
from tests.view.shapes import Box, Job, Pool, hash_of


class Filling(Running):
    """One run: what is asked for, and what goes wrong."""

    def run(self) -> None:
        """Live through it, and store all of it."""
        self._open()
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
            self._shut()
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
        self._say(box, None, ("info", "ready", {"model": "small"}))
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
        self._say(box, job, ("warning", "cancellation asked for", {"by": "user"}))
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

    def _on_rescale(self, pool: Pool) -> None:
        self._scale(pool)
