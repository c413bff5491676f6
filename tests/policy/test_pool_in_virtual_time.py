"""All policies drive one pool in virtual time, as the dispatcher does."""

from __future__ import annotations

import heapq
import random
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.policy.batching import due_in_s, release_size
from telemetry.policy.knative import KnativeAutoscaler
from telemetry.policy.ray_serve import RayServeAutoscaler
from telemetry.policy.retries import RetryRule, next_delay_s, survives_loss
from telemetry.policy.routing import assign, drain
from telemetry.policy.scaling import Autoscaler, DemandAutoscaler, Limits, Snapshot

ONCE = RetryRule(0)


@dataclass(eq=False)
class Input:
    """One input and its fate."""

    number: int
    arrived_s: float
    service_s: float
    failures: int = 0
    retries: int = 0
    losses: int = 0
    starts_s: list[float] = field(default_factory=list)
    outcomes: list[str] = field(default_factory=list)


@dataclass(eq=False)
class Container:
    """One container: what runs in it, batch by batch."""

    state: str = "starting"
    batches: dict[int, list[Input]] = field(default_factory=dict)


@dataclass(frozen=True)
class Rules:
    """What holds for a pool of the simulation."""

    limits: Limits
    target: int = 2
    limit: int = 3
    retry: RetryRule = ONCE
    batch_size: int = 1
    batch_wait_s: float = 0.0


class Pool:
    """A dispatcher without I/O: events, a clock that jumps, and the policies."""

    def __init__(
        self, rules: Rules, scaler: Autoscaler, cold_start_s: Callable[[], float]
    ) -> None:
        self.rules, self.scaler, self.cold_start_s = rules, scaler, cold_start_s
        self.events: list[tuple[float, int, Callable[[], None]]] = []
        self.numbers = count()
        self.now_s = 0.0
        self.wake_s = float("inf")
        self.queue: deque[tuple[Input, float]] = deque()
        self.containers: list[Container] = []
        self.started: list[tuple[int, int]] = []

    def at(self, when_s: float, act: Callable[[], None]) -> None:
        """Do something at a time."""
        heapq.heappush(self.events, (when_s, next(self.numbers), act))

    def run(self, until_s: float = 1e9) -> None:
        """Let time pass until nothing is left to do."""
        while self.events and self.events[0][0] <= until_s:
            self.now_s, _, act = heapq.heappop(self.events)
            act()
            self.pump()

    def submit(self, item: Input) -> None:
        """An input joins the queue."""
        self.queue.append((item, self.now_s))

    def crash(self, victim: int) -> None:
        """A container dies; its inputs go back to the head of the queue, or fail."""
        if not self.containers:
            return
        dead = self.containers.pop(victim % len(self.containers))
        lost = [item for batch in dead.batches.values() for item in batch]
        for item in reversed(lost):
            item.losses += 1
            if survives_loss(item.losses):
                self.queue.appendleft((item, self.now_s))
            else:
                item.outcomes.append("lost")

    def pump(self) -> None:
        """Dispatch, scale, and see when to look again."""
        self.dispatch()
        self.scale()
        self.check()
        waits = [self.scaler.next_change_s(self.now_s), self.batch_due_s()]
        due_s = min((w for w in waits if w is not None), default=None)
        if due_s is not None and not self.now_s < self.wake_s <= self.now_s + due_s:
            self.wake_s = self.now_s + max(due_s, 1e-6)
            self.at(self.wake_s, lambda: None)

    def ready(self) -> list[Container]:
        """Containers that take inputs."""
        return [c for c in self.containers if c.state == "ready"]

    def releasable(self) -> int:
        """Inputs that the next batch would take now."""
        oldest_s = self.now_s - self.queue[0][1] if self.queue else 0.0
        rules = self.rules
        return release_size(
            len(self.queue), oldest_s, rules.batch_size, rules.batch_wait_s
        )

    def batch_due_s(self) -> float | None:
        """When a gathering batch goes; nothing to wait for while slots are full."""
        if not self.queue or self.releasable():
            return None
        oldest_s, rules = self.now_s - self.queue[0][1], self.rules
        return due_in_s(len(self.queue), oldest_s, rules.batch_size, rules.batch_wait_s)

    def dispatch(self) -> None:
        """Batches of the queue go into the slots that `assign` names."""
        ready, rules = self.ready(), self.rules
        loads = [len(c.batches) for c in ready]
        batches = -(-len(self.queue) // rules.batch_size)
        for index in assign(loads, rules.target, rules.limit, batches):
            size = self.releasable()
            if size == 0:
                break
            batch = [self.queue.popleft()[0] for _ in range(size)]
            self.execute(ready[index], batch)

    def execute(self, container: Container, batch: list[Input]) -> None:
        """A batch takes a slot until its slowest member is done."""
        key = next(self.numbers)
        container.batches[key] = batch
        for item in batch:
            item.starts_s.append(self.now_s)
            self.started.append((len(item.starts_s), item.number))
        took_s = max(item.service_s for item in batch)
        self.at(self.now_s + took_s, partial(self.settle, container, key))

    def settle(self, container: Container, key: int) -> None:
        """A batch is done, unless its container died; failures are retried."""
        if container not in self.containers:
            return
        for item in container.batches.pop(key):
            if item.failures <= item.retries:
                item.outcomes.append("success")
                continue
            delay_s = next_delay_s(self.rules.retry, item.retries + 1)
            if delay_s is None:
                item.outcomes.append("error")
                continue
            item.retries += 1
            self.at(self.now_s + delay_s, partial(self.submit, item))

    def snapshot(self) -> Snapshot:
        """What the autoscaler sees; the queue is counted in batches."""
        states = Counter(c.state for c in self.containers)
        return Snapshot(
            running=sum(len(c.batches) for c in self.ready()),
            queued=-(-len(self.queue) // self.rules.batch_size),
            ready=states["ready"],
            starting=states["starting"],
            draining=states["draining"],
            target=self.rules.target,
            limits=self.rules.limits,
        )

    def scale(self) -> None:
        """Start what is missing; give up starting containers, then the idlest."""
        decision = self.scaler.decide(self.snapshot(), self.now_s)
        for _ in range(decision.want - decision.have):
            fresh = Container()
            self.containers.append(fresh)
            self.at(self.now_s + self.cold_start_s(), partial(self.arrive, fresh))
        surplus = decision.have - decision.want
        starting = [c for c in self.containers if c.state == "starting"]
        for container in starting[: max(0, surplus)]:
            self.containers.remove(container)
        ready = self.ready()
        loads = [len(c.batches) for c in ready]
        for index in drain(loads, surplus - len(starting)):
            ready[index].state = "draining"
        self.containers = [
            c for c in self.containers if c.state != "draining" or c.batches
        ]

    def arrive(self, container: Container) -> None:
        """A container is ready, unless it was given up."""
        if container in self.containers:
            container.state = "ready"

    def check(self) -> None:
        """What must hold after every event."""
        seen = self.snapshot()
        assert seen.have <= self.rules.limits.max_containers
        assert all(len(c.batches) <= self.rules.limit for c in self.containers)
        free = any(len(c.batches) < self.rules.limit for c in self.ready())
        assert not (free and self.releasable()), "an input waits beside a free slot"


ARRIVALS = st.lists(
    st.tuples(
        st.floats(0, 5), st.floats(0.01, 4), st.integers(0, 3)
    ),  # gap, service, failures
    min_size=1,
    max_size=40,
)
RULES = st.builds(
    lambda least, room, buffer, window, target, burst, retries, size, wait: Rules(
        Limits(least, max(1, least + room), buffer, window),
        target,
        target + burst,
        RetryRule(retries, 2.0),
        size,
        wait if size > 1 else 0.0,
    ),
    st.integers(0, 2),
    st.integers(0, 3),
    st.integers(0, 2),
    st.floats(0, 10),
    st.integers(1, 3),
    st.integers(0, 2),
    st.integers(0, 2),
    st.integers(1, 4),
    st.floats(0, 0.5),
)


def play(
    rules: Rules,
    arrivals: list[tuple[float, float, int]],
    crashes: list[tuple[float, int]],
) -> tuple[Pool, list[Input]]:
    """A pool that has worked through all arrivals and crashes."""
    pool = Pool(rules, DemandAutoscaler(), lambda: 1.5)
    inputs, now_s = [], 0.0
    for number, (gap_s, service_s, failures) in enumerate(arrivals):
        now_s += gap_s
        inputs.append(Input(number, now_s, service_s, failures))
        pool.at(now_s, partial(pool.submit, inputs[-1]))
    for when_s, victim in crashes:
        pool.at(when_s, partial(pool.crash, victim))
    pool.run()
    return pool, inputs


@settings(max_examples=60, deadline=None)
@given(
    RULES,
    ARRIVALS,
    st.lists(st.tuples(st.floats(0, 60), st.integers(0, 9)), max_size=8),
)
def test_every_input_settles_once(
    rules: Rules,
    arrivals: list[tuple[float, float, int]],
    crashes: list[tuple[float, int]],
) -> None:
    """Under crashes, failures and scaling no input is lost or settled twice."""
    pool, inputs = play(rules, arrivals, crashes)

    assert [len(item.outcomes) for item in inputs] == [1] * len(inputs)
    assert not pool.queue
    allowed = rules.retry.max_retries
    assert all(
        item.outcomes == ["success" if item.failures <= allowed else "error"]
        for item in inputs
    )


@settings(max_examples=40, deadline=None)
@given(RULES, ARRIVALS)
def test_first_starts_are_in_the_order_of_arrival(
    rules: Rules, arrivals: list[tuple[float, float, int]]
) -> None:
    """The queue is first in, first out."""
    pool, _ = play(rules, arrivals, [])
    firsts = [number for attempt, number in pool.started if attempt == 1]

    assert firsts == sorted(firsts)


@settings(max_examples=40, deadline=None)
@given(RULES, ARRIVALS)
def test_shrinking_interrupts_nothing(
    rules: Rules, arrivals: list[tuple[float, float, int]]
) -> None:
    """Without crashes each execution runs to its end, and the pool shrinks after."""
    pool, inputs = play(rules, arrivals, [])

    assert all(len(item.starts_s) == 1 + item.retries for item in inputs)
    assert len(pool.containers) == rules.limits.min_containers


def test_the_ninth_loss_settles() -> None:
    """An input whose containers always die is given up as lost."""
    rules = Rules(Limits(max_containers=1))
    crashes = [(5.0 + 5.0 * number, 0) for number in range(12)]
    _, (item,) = play(rules, [(0.0, 1000.0, 0)], crashes)

    assert (item.outcomes, item.losses, len(item.starts_s)) == (["lost"], 9, 9)


def step_wait_s(scaler: Autoscaler, seed: int) -> float:
    """99th percentile of the queue wait in the step 4, 60, 4 per second."""
    draw = random.Random(seed)
    rules = Rules(Limits(min_containers=1, max_containers=200), target=8, limit=12)
    pool = Pool(rules, scaler, lambda: 5.0 * draw.uniform(0.8, 1.2))
    inputs, now_s = list[Input](), 0.0
    while now_s < 45.0:
        now_s += draw.expovariate(60.0 if 15.0 < now_s < 32.0 else 4.0)
        inputs.append(Input(len(inputs), now_s, draw.expovariate(1.0)))
        pool.at(now_s, partial(pool.submit, inputs[-1]))
    pool.run(until_s=200.0)
    waits = sorted(item.starts_s[0] - item.arrived_s for item in inputs)
    return waits[len(waits) * 99 // 100]


@pytest.fixture(scope="module")
def waits_s() -> dict[str, float]:
    """The wait under each policy, for the same arrivals."""
    policies: dict[str, Callable[[], Autoscaler]] = {
        "demand": DemandAutoscaler,
        "knative": KnativeAutoscaler,
        "ray_serve": RayServeAutoscaler,
    }
    return {name: step_wait_s(policy(), 1) for name, policy in policies.items()}


@pytest.mark.parametrize("peer", ["knative", "ray_serve"])
def test_demand_waits_less_than_peers(waits_s: dict[str, float], peer: str) -> None:
    """On a step, exact demand answers before windows and delays do."""
    assert waits_s["demand"] < waits_s[peer]


def test_panic_waits_less_than_delay(waits_s: dict[str, float]) -> None:
    """Knative's panic answers a step before Ray Serve's delay does."""
    assert waits_s["knative"] < waits_s["ray_serve"]
