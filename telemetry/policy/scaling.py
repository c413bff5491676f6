"""How many containers a pool should have: the rule that the runtime follows.

Demand is known exactly here (the dispatcher owns the queue and every slot), so
windows are for damping and not for measuring: a mean over one second damps growth,
a maximum over ``scaledown_window_s`` holds containers. What is compared with the
wish is ready plus starting: counting ready ones alone orders the same containers
again while they start.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, Protocol

from telemetry.policy.windows import NS_PER_S, SlidingMaximum, SteppedMean, to_ns

DEMAND_WINDOW_S: Final = 1.0
"""Seconds over which demand is averaged before it asks for more containers."""

TICK_S: Final = 0.25
"""Seconds between decisions while the mean moves and no event comes."""

Direction = Literal["up", "down", "hold"]


@dataclass(frozen=True, slots=True)
class Limits:
    """The autoscaler's bounds, as the user gave them; replaceable at any moment.

    Attributes:
        min_containers: Never fewer than these, also without demand.
        max_containers: Never more than these; it wins over every other field.
        buffer_containers: Containers beyond demand, while there is demand.
        scaledown_window_s: Seconds that demand must stay low before shrinking.
    """

    min_containers: int = 0
    max_containers: int = 1
    buffer_containers: int = 0
    scaledown_window_s: float = 60.0

    def clamp(self, containers: int) -> int:
        """The nearest number of containers within the bounds."""
        return min(max(containers, self.min_containers), self.max_containers)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A pool at one moment, as an autoscaler sees it.

    Attributes:
        running: Slots taken in ready containers. What runs in a draining one ends
            there and needs no room elsewhere, so it is not counted.
        queued: Slots that the queue needs: inputs, or batches of them.
        ready: Containers that take inputs.
        starting: Containers that will take inputs once they are ready.
        draining: Containers that finish what they have; no policy counts on them.
        target: Slots that a container should use, at least 1.
        limits: The bounds that hold now.
    """

    running: int
    queued: int
    ready: int
    starting: int
    draining: int
    target: int
    limits: Limits

    @property
    def have(self) -> int:
        """Containers that a decision is compared with."""
        return self.ready + self.starting

    @property
    def slots(self) -> int:
        """Demand at this moment, in slots."""
        return self.running + self.queued


class Reason(StrEnum):
    """For a move, what caused it; for a hold, what prevented one."""

    FROM_ZERO = "from_zero"
    DEMAND = "demand"
    BUFFER = "buffer"
    MIN_CONTAINERS = "min_containers"
    MAX_CONTAINERS = "max_containers"
    HOLD_WINDOW = "hold_window"
    SCALEDOWN = "scaledown"
    STEADY = "steady"
    PANIC = "panic"
    """Knative's: containers are only added until the surge is over."""
    DELAY = "delay"
    """Ray Serve's: the wish has not lasted long enough to be acted on."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The record of one decision.

    Attributes:
        want: Containers there should be, within the limits.
        have: Containers there are: ready and starting.
        demand: Slots in demand, averaged as the policy does.
        reason: Why *want* differs from *have*, or why it does not.
    """

    want: int
    have: int
    demand: float
    reason: Reason

    @property
    def direction(self) -> Direction:
        """Which way the number of containers should go."""
        if self.want > self.have:
            return "up"
        return "down" if self.want < self.have else "hold"


class Autoscaler(Protocol):
    """Decides for one pool. Not safe from several threads; reads no clock."""

    def decide(self, snapshot: Snapshot, now_s: float) -> Decision:
        """What to do now; call it after each change and when time has made one.

        Args:
            snapshot: The pool after the change.
            now_s: Seconds of a monotonic clock of the caller's.
        """
        ...

    def next_change_s(self, now_s: float) -> float | None:
        """Seconds until time alone may change the answer; None when it cannot.

        Speaks of the snapshot that was decided on last.
        """
        ...


@dataclass(frozen=True, slots=True)
class Needs:
    """What the past and the present ask for, in containers without buffer.

    Attributes:
        demand: Slots in demand, averaged.
        now: Containers that it takes; growth follows this.
        held: Containers that may not be given up yet.
        from_zero: There is no container and an input waits for one.
    """

    demand: float
    now: int
    held: int
    from_zero: bool = False


def containers_for(slots: int, target: int) -> int:
    """Containers that hold so many slots at their target."""
    return -(-slots // target)


def decide(snapshot: Snapshot, needs: Needs) -> Decision:
    """The rule itself: growth at once, shrinking only below what is held.

    Held containers are kept and never replaced: past demand alone starts nothing.
    """
    have, limits = snapshot.have, snapshot.limits
    now = _with_buffer(needs.now, limits)
    wanted = max(now, min(have, _with_buffer(needs.held, limits)))
    rise = Reason.DEMAND if needs.now > have else Reason.BUFFER
    return explained(
        snapshot,
        wanted=wanted,
        demand=needs.demand,
        rise=Reason.FROM_ZERO if needs.from_zero else rise,
        hold=Reason.HOLD_WINDOW if now < have else Reason.STEADY,
    )


def explained(
    snapshot: Snapshot, *, wanted: int, demand: float, rise: Reason, hold: Reason
) -> Decision:
    """The decision for a wish: clamped to the limits, with its reason.

    Args:
        snapshot: The pool as it is.
        wanted: Containers that the policy would have without limits.
        demand: Slots in demand, for the record.
        rise: The reason if the wish itself makes the pool grow.
        hold: The reason if the wish is what the pool has.
    """
    have, want = snapshot.have, snapshot.limits.clamp(wanted)
    if want > have:
        reason = Reason.MIN_CONTAINERS if want > wanted else rise
    elif want < have:
        reason = Reason.MAX_CONTAINERS if want < wanted else Reason.SCALEDOWN
    elif want < wanted:
        reason = Reason.MAX_CONTAINERS
    elif want > wanted:
        reason = Reason.MIN_CONTAINERS
    else:
        reason = hold
    return Decision(want=want, have=have, demand=demand, reason=reason)


def _with_buffer(containers: int, limits: Limits) -> int:
    return containers + limits.buffer_containers if containers else 0


class DemandHistory:
    """The state behind `DemandAutoscaler`: a mean of demand, a maximum of needs.

    Memory is bounded by the mean's step limit and by ``max_containers``.
    """

    __slots__ = ("_mean", "_needed")

    def __init__(self) -> None:
        self._mean = SteppedMean(to_ns(DEMAND_WINDOW_S))
        # Numbers of containers, never more than max_containers at their time:
        # a backlog beyond it could not have been followed by containers anyway.
        self._needed = SlidingMaximum()

    def observe(self, snapshot: Snapshot, now_s: float) -> Needs:
        """Take in the pool as it is from now on, and say what it needs."""
        now_ns, limits = to_ns(now_s), snapshot.limits
        slots, target, mean = snapshot.slots, snapshot.target, self._mean
        just_before = mean.value
        mean.set(now_ns, slots)
        area = mean.area(now_ns)
        from_zero = snapshot.have == 0 and snapshot.queued > 0
        present = containers_for(slots, target)
        averaged = containers_for(area, target * mean.window_ns)
        # The mean only delays growth: a second after a burst it still speaks of
        # slots that nobody asks for any more. So it asks for no more than there is,
        # and holds no more than there was until now.
        until_now = max(present, containers_for(just_before, target))
        needed = present if from_zero else min(averaged, present)
        passed = needed if from_zero else min(averaged, until_now)
        self._needed.push(now_ns, min(passed, limits.max_containers))
        held = self._needed.maximum(now_ns, to_ns(limits.scaledown_window_s))
        return Needs(
            demand=area / mean.window_ns,
            now=needed,
            # What runs now is not given up only because its second is not over.
            held=max(held, present),
            from_zero=from_zero,
        )

    def next_change_s(self, snapshot: Snapshot, now_s: float) -> float | None:
        """Seconds until `observe` may answer otherwise for the same snapshot."""
        now_ns, limits = to_ns(now_s), snapshot.limits
        present = min(
            containers_for(snapshot.slots, snapshot.target), limits.max_containers
        )
        waits: list[float] = []
        averaged_ns = snapshot.target * self._mean.window_ns
        if containers_for(self._mean.area(now_ns), averaged_ns) < present:
            waits.append(TICK_S)
        peak = self._needed.peak()
        if peak is not None and peak[1] > present:
            end_ns = peak[0] + to_ns(limits.scaledown_window_s)
            waits.append(max(0, end_ns - now_ns) / NS_PER_S)
        return min(waits, default=None)


class DemandAutoscaler:
    """The runtime's own policy: exact demand, fast up, slow down.

    Growth follows the mean demand over one second; from zero it follows the first
    arrival itself. A container goes ``scaledown_window_s`` after it was last needed.
    """

    __slots__ = ("_history", "_last")

    def __init__(self) -> None:
        self._history = DemandHistory()
        self._last: Snapshot | None = None

    def decide(self, snapshot: Snapshot, now_s: float) -> Decision:
        """What to do now; amortised constant time, cheap enough for each event."""
        self._last = snapshot
        return decide(snapshot, self._history.observe(snapshot, now_s))

    def next_change_s(self, now_s: float) -> float | None:
        """Seconds until time alone may change the answer; None when it cannot."""
        if self._last is None:
            return None
        return self._history.next_change_s(self._last, now_s)
