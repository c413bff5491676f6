"""A function under load, simulated: slots, a queue, containers, bursts, cancellations.

For pictures of dashboards where nothing real runs. It follows the rules of the runtime
(`telemetry.policy`) where those shape a picture: zones, routing below target first,
bursts, the autoscaler's demand over target.
"""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from telemetry.policy.bursts import Zone, zone

STEP_S: Final = 0.25
_SCALEDOWN_S: Final = 90.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a function is like.

    Attributes:
        arrivals: Inputs per second at a time in seconds.
        run_s: Median run time below the target.
        slowdown: Added share of the run time per share above the target.
        start_s: Spawn, import and enter.
    """

    name: str
    mode: str
    target: int
    limit: int
    most_containers: int
    run_s: float
    slowdown: float
    start_s: tuple[float, float, float]
    arrivals: Callable[[float], float]
    cancel_share: float = 0.0
    error_share: float = 0.003
    least_containers: int = 1


@dataclass(slots=True)
class Running:
    """One execution."""

    born_s: float
    began_s: float
    ends_s: float
    zone: Zone
    outcome: str


@dataclass(slots=True)
class Container:
    """One container."""

    name: str
    ready_s: float
    running: list[Running] = field(default_factory=list)
    idle_since_s: float = 0.0
    peak: int = 0


class Pool:
    """One function over time.

    Attributes:
        counts: Counters, by metric and labels.
        seen: What histograms saw since the last export, by metric and labels.
    """

    def __init__(self, shape: Shape, seed: int) -> None:
        self.shape: Final = shape
        self.counts: Final[Counter[tuple[str, ...]]] = Counter()
        self.seen: Final[dict[tuple[str, ...], list[float]]] = defaultdict(list)
        self.containers: Final[list[Container]] = []
        self.queue: Final[list[float]] = []
        self.want = shape.least_containers
        self.demand = 0.0
        self._random: Final = random.Random(seed)  # noqa: S311  # a picture's data
        self._began_burst_s: float | None = None
        self._names = 0

    def step(self, now_s: float) -> None:
        """A quarter of a second."""
        self._finish(now_s)
        self._arrive(now_s)
        self._scale(now_s)
        self._fill(now_s)
        self._measure(now_s)

    @property
    def active(self) -> int:
        """Inputs that run."""
        return sum(len(each.running) for each in self.containers)

    def ready(self, now_s: float) -> list[Container]:
        """Containers that take inputs."""
        return [each for each in self.containers if each.ready_s <= now_s]

    def count(self, metric: str, amount: float = 1.0, **labels: str) -> None:
        """Add to a counter."""
        key = (metric, *(f"{name}={value}" for name, value in sorted(labels.items())))
        self.counts[key] += amount  # type: ignore[assignment]  # seconds are counted too

    def see(self, metric: str, value: float, **labels: str) -> None:
        """Put into a histogram."""
        key = (metric, *(f"{name}={value}" for name, value in sorted(labels.items())))
        self.seen[key].append(value)

    # -- the parts of a step ------------------------------------------------------

    def _finish(self, now_s: float) -> None:
        for each in list(self.containers):
            for job in [job for job in each.running if job.ends_s <= now_s]:
                if job in each.running:
                    self._end(each, job, now_s)

    def _end(self, container: Container, job: Running, now_s: float) -> None:
        container.running.remove(job)
        took = now_s - job.began_s
        self.see("run", took, outcome=job.outcome, zone=job.zone)
        self._settle(job, now_s)
        if job.outcome == "cancelled":
            mechanism = {"async": "task", "sync": "container"}.get(
                self.shape.mode, "exception"
            )
            cause = self._random.choices(("user", "timeout"), (4, 1))[0]
            self.count("cancelled", cause=cause, phase="running", mechanism=mechanism)
            for stage, most in (("deliver", 0.02), ("unwind", 0.6)):
                span = self._random.expovariate(1 / most)
                self.see("stop", span, stage=stage, mechanism=mechanism)
            if mechanism == "container":
                self._lose(container)
        if not container.running:
            container.idle_since_s = now_s

    def _settle(self, job: Running, now_s: float) -> None:
        self.count("completed", outcome=job.outcome, zone=job.zone)
        self.see("total", now_s - job.born_s, outcome=job.outcome, zone=job.zone)

    def _lose(self, container: Container) -> None:
        """The container goes, and its other inputs run again."""
        self.containers.remove(container)
        self.count("exits", reason="cancellation")
        self.count("rescheduled", float(len(container.running)), reason="cancellation")
        self.queue[:0] = [job.born_s for job in container.running]
        container.running.clear()

    def _arrive(self, now_s: float) -> None:
        wanted = self.shape.arrivals(now_s) * STEP_S
        arrived = int(wanted) + (self._random.random() < wanted % 1)
        self.queue.extend([now_s] * arrived)

    def _scale(self, now_s: float) -> None:
        self.demand += 0.25 * (self.active + len(self.queue) - self.demand)
        wanted = math.ceil(self.demand / self.shape.target)
        wanted = min(
            max(wanted, self.shape.least_containers), self.shape.most_containers
        )
        if wanted > len(self.containers):
            self.count("decisions", direction="up", reason="demand")
            for _ in range(wanted - len(self.containers)):
                self._start(now_s)
        for each in self.containers[self.shape.least_containers :]:
            idle = not each.running and now_s - each.idle_since_s > _SCALEDOWN_S
            if idle and wanted < len(self.containers) and each.ready_s < now_s:
                self.containers.remove(each)
                self.count("exits", reason="scaledown")
                self.count("decisions", direction="down", reason="scaledown")
                break
        self.want = wanted

    def _start(self, now_s: float) -> None:
        parts = [part * self._random.uniform(0.8, 1.4) for part in self.shape.start_s]
        total = sum(parts)
        self._names += 1
        code = self.shape.name[:2].upper()
        name = f"ct-01KB3V8M2Q7T5Y9X3W6N{code}{self._names:04d}"
        self.containers.append(
            Container(name, now_s + total, idle_since_s=now_s + total)
        )
        self.count("starts")
        for phase, part in zip(("spawn", "import", "enter"), parts, strict=True):
            self.see("start", part, phase=phase)
        self.see("start", total, phase="total")

    def _fill(self, now_s: float) -> None:
        while self.queue:
            ready = self.ready(now_s)
            if not ready:
                return
            least = min(ready, key=lambda each: len(each.running))
            if len(least.running) >= self.shape.limit:
                return
            self._begin(least, self.queue.pop(0), now_s)

    def _begin(self, container: Container, born_s: float, now_s: float) -> None:
        shape = self.shape
        running = len(container.running) + 1
        container.peak = max(container.peak, running)
        where = zone(running, shape.target, shape.limit, len(self.queue))
        over = max(0.0, running / shape.target - 1)
        took = shape.run_s * self._random.lognormvariate(0, 0.35)
        took *= 1 + shape.slowdown * over
        draw = self._random.random()
        outcome = "success"
        if draw < shape.error_share:
            outcome = "timeout" if draw < shape.error_share / 4 else "error"
        elif draw < shape.error_share + shape.cancel_share:
            outcome, took = "cancelled", took * self._random.random()
        container.running.append(Running(born_s, now_s, now_s + took, where, outcome))
        waited = now_s - born_s
        reason = "none"
        if waited > 0:
            young = any(each.ready_s > born_s for each in self.containers)
            reason = "cold_start" if young else "capacity"
        self.count("started", zone=where)
        self.see("wait", waited, zone=where, reason=reason)
        self.see("concurrency", float(running))

    def _measure(self, now_s: float) -> None:
        shape = self.shape
        self.count("slots", self.active * STEP_S)
        self.count("queue", len(self.queue) * STEP_S)
        above = False
        for each in self.ready(now_s):
            running = len(each.running)
            where = zone(running, shape.target, shape.limit, len(self.queue))
            self.count("zone", STEP_S, zone=where)
            above = above or running > shape.target
        if above and self._began_burst_s is None:
            self._began_burst_s = now_s
            full = len(self.containers) >= shape.most_containers
            self.count("bursts", reason="max_containers" if full else "cold_start")
        elif not above and self._began_burst_s is not None:
            self.see("burst", now_s - self._began_burst_s, reason="cold_start")
            self._began_burst_s = None
