"""The runtime's autoscaler: the rule, its windows, its reasons."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from telemetry.policy.scaling import (
    TICK_S,
    DemandAutoscaler,
    DemandHistory,
    Limits,
    Needs,
    Reason,
    Snapshot,
    decide,
)

WIDE = Limits(max_containers=50)
NEVER = 1e9


def pool(
    running: int = 0,
    queued: int = 0,
    ready: int = 0,
    starting: int = 0,
    *,
    limits: Limits = WIDE,
) -> Snapshot:
    """A pool whose containers should run 8 inputs each."""
    return Snapshot(running, queued, ready, starting, 0, 8, limits)


@pytest.mark.parametrize(
    ("have", "now", "held", "limits", "want", "reason"),
    [
        (0, 3, 3, WIDE, 3, "demand"),
        (2, 3, 3, WIDE, 3, "demand"),
        (3, 3, 3, WIDE, 3, "steady"),
        (0, 0, 0, WIDE, 0, "steady"),
        (3, 1, 3, WIDE, 3, "hold_window"),
        (3, 1, 2, WIDE, 2, "scaledown"),
        (3, 0, 0, WIDE, 0, "scaledown"),
        (2, 1, 3, WIDE, 2, "hold_window"),  # past demand starts nothing
        (0, 0, 3, WIDE, 0, "steady"),
        (0, 9, 9, Limits(max_containers=4), 4, "demand"),
        (4, 9, 9, Limits(max_containers=4), 4, "max_containers"),
        (6, 9, 9, Limits(max_containers=4), 4, "max_containers"),  # lowered
        (6, 1, 9, Limits(max_containers=4), 4, "max_containers"),
        (0, 0, 0, Limits(2, 4), 2, "min_containers"),
        (2, 0, 0, Limits(2, 4), 2, "min_containers"),
        (3, 0, 0, Limits(2, 4), 2, "scaledown"),
        (2, 2, 2, Limits(2, 4), 2, "steady"),
        (2, 2, 2, Limits(0, 9, 1), 3, "buffer"),
        (3, 2, 2, Limits(0, 9, 1), 3, "steady"),
        (2, 3, 3, Limits(0, 9, 1), 4, "demand"),
        (3, 0, 0, Limits(0, 9, 1), 0, "scaledown"),  # no demand, no buffer
        (3, 0, 2, Limits(0, 9, 1), 3, "hold_window"),  # buffers are held too
        (0, 0, 0, Limits(5, 2), 2, "min_containers"),  # the maximum wins
        (0, 1, 1, Limits(0, 0), 0, "max_containers"),
    ],
)
def test_rule(
    have: int, now: int, held: int, limits: Limits, want: int, reason: str
) -> None:
    """Growth follows what is needed now, shrinking what is held; limits clamp."""
    decision = decide(pool(ready=have, limits=limits), Needs(0.0, now, held))

    assert (decision.want, decision.have) == (want, have)
    assert decision.reason == reason


def test_starting_containers_count() -> None:
    """Containers on their way are not ordered again."""
    decision = decide(pool(ready=1, starting=2), Needs(0.0, 3, 3))

    assert (decision.have, decision.direction) == (3, "hold")


@pytest.mark.parametrize(("have", "direction"), [(1, "up"), (2, "hold"), (3, "down")])
def test_direction(have: int, direction: str) -> None:
    """The direction compares what is wanted with what there is."""
    assert decide(pool(ready=have), Needs(0.0, 2, 2)).direction == direction


def test_from_zero_acts_on_the_arrival() -> None:
    """Without containers the whole backlog counts, without any window."""
    decision = DemandAutoscaler().decide(pool(queued=200), 5.0)

    assert (decision.want, decision.reason) == (25, Reason.FROM_ZERO)
    assert decision.demand == 0.0


def test_from_zero_orders_once() -> None:
    """While the first containers start, the same backlog orders nothing more."""
    scaler = DemandAutoscaler()
    scaler.decide(pool(queued=200), 0.0)
    later = [scaler.decide(pool(0, 200, 0, 25), t / 4) for t in range(1, 40)]

    assert {d.want for d in later} == {25}


def test_growth_follows_the_mean_of_one_second() -> None:
    """With containers present, demand counts as far as it has lasted."""
    scaler = DemandAutoscaler()
    scaler.decide(pool(0, 0, 1), 0.0)
    scaler.decide(pool(8, 72, 1), 1.0)
    wants = [scaler.decide(pool(8, 72, 1), 1.0 + t / 4).want for t in range(6)]

    assert wants == [1, 3, 5, 8, 10, 10]


def test_mean_on_target_is_not_rounded_up() -> None:
    """Demand of exactly one container stays one, whatever the stamps are."""
    scaler = DemandAutoscaler()
    wants = {scaler.decide(pool(8, 0, 1), 0.1 * t + 0.2).want for t in range(500)}

    assert wants == {1}


def test_what_is_over_is_not_demand() -> None:
    """The mean never asks for more than there is, even while it is greater."""
    scaler = DemandAutoscaler()
    scaler.decide(pool(0, 0, 1), 0.0)
    scaler.decide(pool(8, 792, 1), 1.0)
    decision = scaler.decide(pool(8, 8, 1), 1.5)

    assert (decision.demand, decision.want) == (400.0, 2)


def test_what_just_ended_is_held() -> None:
    """Containers that were needed until this moment stay for the window."""
    scaler = DemandAutoscaler()
    scaler.decide(pool(80, 0, 10), 0.0)
    scaler.decide(pool(0, 0, 10), 50.0)

    assert scaler.decide(pool(0, 0, 10), 109.9).want == 10
    assert scaler.decide(pool(0, 0, 10), 110.0).want == 0


@pytest.mark.parametrize("window_s", [0.0, 0.5, 60.0])
def test_idle_container_goes_with_the_window(window_s: float) -> None:
    """It goes at exactly the window after the last demand, on a mere tick."""
    limits = Limits(0, 4, 0, window_s)
    scaler = DemandAutoscaler()
    scaler.decide(pool(0, 1, limits=limits), 0.0)
    scaler.decide(pool(1, 0, 1, limits=limits), 1.0)
    scaler.decide(pool(0, 0, 1, limits=limits), 100.0)
    idle = pool(0, 0, 1, limits=limits)
    before = scaler.decide(idle, 99.999 + window_s)

    assert before.want == (1 if window_s else 0)
    assert scaler.decide(idle, 100.0 + window_s).want == 0


def test_shrinking_follows_the_maximum_of_the_window() -> None:
    """A peak holds its containers until it leaves the window, then the next one."""
    scaler = DemandAutoscaler()
    scaler.decide(pool(queued=80), 0.0)
    scaler.decide(pool(80, 0, 10), 5.0)
    scaler.decide(pool(40, 0, 10), 10.0)
    scaler.decide(pool(8, 0, 10), 30.0)
    wants = [scaler.decide(pool(8, 0, 10), t).want for t in (69.9, 70, 89.9, 90)]

    assert wants == [10, 5, 5, 1]


def test_present_demand_is_never_given_up() -> None:
    """Inputs that came this instant keep their containers, mean or no mean."""
    scaler = DemandAutoscaler()
    scaler.decide(pool(16, 0, 2), 0.0)
    scaler.decide(pool(0, 0, 2), 1.0)

    assert scaler.decide(pool(16, 0, 2), 61.0).want == 2


@pytest.mark.parametrize(
    ("limits", "want"),
    [
        (Limits(0, 3), 3),  # a lower maximum
        (Limits(0, 50, 0, 5.0), 1),  # a shorter window
        (Limits(12, 50), 12),  # a higher minimum
        (Limits(0, 50, 4), 10),  # a buffer, as far as there are containers
    ],
)
def test_new_limits_hold_at_once(limits: Limits, want: int) -> None:
    """What update_autoscaler changed is in the next decision."""
    scaler = DemandAutoscaler()
    scaler.decide(pool(queued=80), 0.0)
    scaler.decide(pool(8, 0, 10), 10.0)
    scaler.decide(pool(8, 0, 10), 20.0)

    assert scaler.decide(pool(8, 0, 10, limits=limits), 20.0).want == want


def test_raised_maximum_does_not_bring_back_a_past_peak() -> None:
    """More room is used for demand of now only."""
    scaler = DemandAutoscaler()
    narrow = Limits(0, 2)
    scaler.decide(pool(queued=800, limits=narrow), 0.0)
    scaler.decide(pool(8, 0, 2, limits=narrow), 5.0)

    assert scaler.decide(pool(8, 0, 2), 10.0).want == 2


def test_memory_is_bounded_by_the_maximum() -> None:
    """A falling backlog of a million leaves no more entries than containers."""
    history = DemandHistory()
    for step in range(2000):
        history.observe(pool(0, 1_000_000 - 500 * step, 4), step * 0.01)

    assert len(history._needed) <= WIDE.max_containers + 1


def test_nothing_changes_by_itself_at_first() -> None:
    """Before the first decision there is nothing to wait for."""
    assert DemandAutoscaler().next_change_s(0.0) is None


@pytest.mark.parametrize(
    ("snapshot", "after_s", "expected"),
    [
        (pool(0, 0, 1), 0.0, None),  # idle since ever
        (pool(8, 0, 1), 5.0, None),  # steady
        (pool(8, 8, 1), 0.0, TICK_S),  # the mean still grows
        (pool(8, 8, 2), 5.0, None),  # and now it has
        (pool(8, 8, 1, limits=Limits()), 5.0, None),
    ],
)
def test_next_change(
    snapshot: Snapshot, after_s: float, expected: float | None
) -> None:
    """Time alone matters while the mean can still ask for a container."""
    scaler = DemandAutoscaler()
    scaler.decide(snapshot, 10.0)

    assert scaler.next_change_s(10.0 + after_s) == expected


def test_next_change_is_the_end_of_the_hold() -> None:
    """An idle pool needs one wake-up: when its last container may go."""
    scaler = DemandAutoscaler()
    scaler.decide(pool(0, 1), 0.0)
    scaler.decide(pool(1, 0, 1), 1.0)
    scaler.decide(pool(0, 0, 1), 10.0)

    assert scaler.next_change_s(12.0) == 58.0
    assert scaler.next_change_s(99.0) == 0.0


DEMAND = st.lists(
    st.tuples(st.integers(0, 600), st.integers(0, 60)), min_size=1, max_size=30
)


@given(DEMAND)
def test_mean_is_exact(steps: list[tuple[int, int]]) -> None:
    """The demand on record is the time-weighted mean of the last second."""
    scaler, now, past = DemandAutoscaler(), 0, list[tuple[int, int]]()
    for gap, slots in steps:
        now += gap
        past.append((now, slots))
        decision = scaler.decide(pool(0, slots, 1), now / 1000)
        ends = [stamp for stamp, _ in past[1:]] + [now]
        area = sum(
            value * max(0, end - max(start, now - 1000))
            for (start, value), end in zip(past, ends, strict=True)
        )
        assert decision.demand == float(Fraction(area, 1000))


@given(DEMAND, st.integers(0, 3), st.integers(0, 6), st.integers(0, 3))
def test_want_is_always_within_the_limits(
    steps: list[tuple[int, int]], least: int, room: int, buffer: int
) -> None:
    """Whatever comes, containers stay within minimum and maximum."""
    limits = Limits(least, least + room, buffer, 2.0)
    scaler, now, have = DemandAutoscaler(), 0.0, 0
    for gap, slots in steps:
        now += gap / 1000
        have = scaler.decide(pool(0, slots, have, limits=limits), now).want
        assert least <= have <= least + room


class PoolMachine(RuleBasedStateMachine):
    """A pool under any sequence of events, in virtual time of milliseconds."""

    def __init__(self) -> None:
        super().__init__()
        self.scaler = DemandAutoscaler()
        self.now_s = 0.0
        self.snapshot = pool(limits=Limits(0, 6, 0, 10.0))
        self.demand_at = [(0.0, 0)]
        self.decision = self.scaler.decide(self.snapshot, 0.0)

    def step(self, **changes: int | Limits) -> None:
        """Change the pool and decide."""
        self.snapshot = replace(self.snapshot, **changes)  # type: ignore[arg-type]  # names are literal below
        self.demand_at.append((self.now_s, self.snapshot.slots))
        self.decision = self.scaler.decide(self.snapshot, self.now_s)

    @rule(count=st.integers(1, 30))
    def arrive(self, count: int) -> None:
        """Inputs come."""
        self.step(queued=self.snapshot.queued + count)

    @precondition(lambda self: self.snapshot.queued and self.snapshot.ready)
    @rule()
    def start_inputs(self) -> None:
        """The queue goes into the containers."""
        seen = self.snapshot
        self.step(running=seen.running + seen.queued, queued=0)

    @precondition(lambda self: self.snapshot.running)
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        """Inputs end."""
        left = data.draw(st.integers(0, self.snapshot.running - 1))
        self.step(running=left)

    @rule()
    def obey(self) -> None:
        """The pool becomes what was decided."""
        want = self.decision.want
        starting = min(self.snapshot.starting, want)
        ready = min(self.snapshot.ready, want - starting)
        self.step(ready=ready, starting=want - ready)

    @rule()
    def become_ready(self) -> None:
        """All starting containers are ready."""
        self.step(ready=self.snapshot.have, starting=0)

    @precondition(lambda self: self.snapshot.ready)
    @rule()
    def die(self) -> None:
        """A container is gone."""
        self.step(ready=self.snapshot.ready - 1)

    @rule(least=st.integers(0, 2), most=st.integers(2, 8), buffer=st.integers(0, 2))
    def update(self, least: int, most: int, buffer: int) -> None:
        """The user changes the limits."""
        self.step(limits=Limits(least, most, buffer, 10.0))

    @rule(gap_ms=st.integers(1, 15_000))
    def wait(self, gap_ms: int) -> None:
        """Time goes by, and a tick comes."""
        self.now_s += gap_ms / 1000
        self.step()

    @invariant()
    def within_limits(self) -> None:
        """Never above the maximum, never below the minimum."""
        limits = self.snapshot.limits
        assert limits.min_containers <= self.decision.want <= limits.max_containers

    @invariant()
    def keeps_what_is_needed(self) -> None:
        """No container goes that the demand of this moment needs."""
        enough = min(
            self.snapshot.have,
            -(-self.snapshot.slots // 8),
            self.snapshot.limits.max_containers,
        )
        assert self.decision.want >= enough

    @invariant()
    def grows_for_demand_only(self) -> None:
        """More containers are for the highest demand of the last second at most."""
        limits, have = self.snapshot.limits, self.snapshot.have
        stamps = [stamp for stamp, _ in self.demand_at[1:]] + [NEVER]
        recent = [
            slots
            for (_, slots), end in zip(self.demand_at, stamps, strict=True)
            if end >= self.now_s - 1.0
        ]
        most = max(-(-max(recent) // 8) + limits.buffer_containers, have)
        assert self.decision.want <= max(most, limits.min_containers)

    @invariant()
    def reason_fits(self) -> None:
        """A move has a cause that moves that way."""
        rising = {"from_zero", "demand", "buffer", "min_containers"}
        falling = {"scaledown", "max_containers"}
        holding = {"steady", "hold_window", "min_containers", "max_containers"}
        fitting = {"up": rising, "down": falling, "hold": holding}
        assert self.decision.reason in fitting[self.decision.direction]


PoolMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=30)
TestPool = PoolMachine.TestCase


@given(DEMAND, st.floats(0.0, 0.999))
def test_no_change_before_it_is_announced(
    steps: list[tuple[int, int]], part: float
) -> None:
    """Up to the announced moment a tick would have answered the same."""
    scaler, now_s, have = DemandAutoscaler(), 0.0, 1
    limits = Limits(0, 6, 0, 3.0)
    for gap, slots in steps:
        now_s += gap / 100
        decision = scaler.decide(pool(0, slots, have, limits=limits), now_s)
        have = decision.want
    snapshot = pool(0, steps[-1][1], have, limits=limits)
    before = scaler.decide(snapshot, now_s)
    due_s = scaler.next_change_s(now_s)
    wait_s = 30.0 if due_s is None else due_s * part
    if due_s != TICK_S:
        assert scaler.decide(snapshot, now_s + wait_s).want == before.want
