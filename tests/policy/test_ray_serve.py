"""Ray Serve's policy against worked numbers of its source."""

from __future__ import annotations

import pytest

from telemetry.policy.ray_serve import RayServeAutoscaler, RayServeSettings
from telemetry.policy.scaling import Autoscaler, Limits, Reason, Snapshot

PROMPT = RayServeSettings(upscale_delay_s=0.0, downscale_delay_s=0.0)
WIDE = Limits(max_containers=100)


def pool(
    running: int = 0,
    queued: int = 0,
    ready: int = 0,
    starting: int = 0,
    *,
    limits: Limits = WIDE,
) -> Snapshot:
    """A pool whose replicas should run 2 inputs each, as is Ray's default."""
    return Snapshot(running, queued, ready, starting, 0, 2, limits)


@pytest.mark.parametrize(
    ("slots", "ready", "up", "down", "want"),
    [
        (4, 2, 1.0, 1.0, 2),
        (5, 2, 1.0, 1.0, 3),  # ceil(2 + (2.5 - 2))
        (20, 2, 1.0, 1.0, 10),
        (20, 2, 0.5, 1.0, 6),  # half of the difference of 8
        (20, 2, 2.0, 1.0, 18),
        (4, 10, 1.0, 1.0, 2),
        (4, 10, 1.0, 0.5, 6),
        (16, 10, 1.0, 0.1, 9),  # ceil(9.8) is stuck at 10: minus 1
        (19, 10, 1.0, 0.1, 10),  # ceil(9.5) is 10: nothing to be stuck on
        (500, 2, 1.0, 1.0, 100),  # the maximum
        (0, 5, 1.0, 1.0, 1),  # to none only from one
        (0, 1, 1.0, 1.0, 0),
    ],
)
def test_wish(slots: int, ready: int, up: float, down: float, want: int) -> None:
    """The gain applies to the difference from the running replicas."""
    settings = RayServeSettings(
        upscale_delay_s=0.0,
        downscale_delay_s=0.0,
        upscaling_factor=up,
        downscaling_factor=down,
    )
    assert RayServeAutoscaler(settings).decide(pool(slots, 0, ready), 9.0).want == want


@pytest.mark.parametrize(
    ("snapshot", "factor", "want"),
    [
        (pool(), 1.0, 0),
        (pool(0, 1), 1.0, 1),
        (pool(0, 99), 1.0, 1),  # one at first, however many wait
        (pool(0, 99), 2.5, 3),  # ceil(factor)
        (pool(0, 99, 0, 4), 1.0, 4),  # what is on its way stays
        (pool(0, 0, 0, 4), 1.0, 4),
        (pool(0, 99, limits=Limits(0, 2)), 5.0, 2),
    ],
)
def test_from_zero(snapshot: Snapshot, factor: float, want: int) -> None:
    """Without a running replica the first request acts at once."""
    settings = RayServeSettings(upscaling_factor=factor)

    assert RayServeAutoscaler(settings).decide(snapshot, 0.0).want == want


def test_from_zero_has_its_reason() -> None:
    """The record says that the pool was empty."""
    decision = RayServeAutoscaler().decide(pool(0, 1), 0.0)

    assert decision.reason == Reason.FROM_ZERO


@pytest.mark.parametrize(
    ("slots", "ready", "delay_s", "want"), [(20, 2, 30.0, 10), (2, 4, 600.0, 1)]
)
def test_delay(slots: int, ready: int, delay_s: float, want: int) -> None:
    """A wish must last for its delay: 30 s up, 600 s down."""
    scaler = RayServeAutoscaler()
    snapshot = pool(slots, 0, ready)
    first = scaler.decide(snapshot, 0.0)
    before = scaler.decide(snapshot, delay_s - 0.1)

    assert (first.want, before.want, before.reason) == (ready, ready, Reason.DELAY)
    assert scaler.decide(snapshot, delay_s).want == want


@pytest.mark.parametrize(("to_zero_s", "goes_s"), [(None, 600.0), (5.0, 5.0)])
def test_delay_to_zero(to_zero_s: float | None, goes_s: float) -> None:
    """The last replica has a delay of its own, if one is set."""
    settings = RayServeSettings(downscale_to_zero_delay_s=to_zero_s)
    scaler = RayServeAutoscaler(settings)
    scaler.decide(pool(0, 0, 1), 0.0)

    assert scaler.decide(pool(0, 0, 1), goes_s - 0.1).want == 1
    assert scaler.decide(pool(0, 0, 1), goes_s).want == 0


@pytest.mark.parametrize("between", [pool(4, 0, 2), pool(1, 0, 2)])
def test_change_of_direction_starts_anew(between: Snapshot) -> None:
    """A wish for what there is, or the other way, resets the delay."""
    scaler = RayServeAutoscaler(RayServeSettings(look_back_period_s=0.001))
    up = pool(20, 0, 2)
    scaler.decide(up, 0.0)
    for now_s in (20.0, 21.0):
        scaler.decide(between, now_s)
    scaler.decide(up, 21.5)
    wants = [scaler.decide(up, now_s).want for now_s in (22.0, 51.9, 52.0)]

    assert wants == [2, 2, 10]


def test_demand_is_the_mean_of_the_look_back() -> None:
    """The mean covers 30 s, and at the start what there is of them."""
    scaler = RayServeAutoscaler()
    scaler.decide(pool(10, 0, 5), 0.0)
    scaler.decide(pool(40, 0, 5), 10.0)
    demands = [scaler.decide(pool(40, 0, 5), t).demand for t in (10.0, 20, 30, 35, 60)]

    assert demands == [10.0, 25.0, 30.0, 35.0, 40.0]


def test_steady_replicas_have_nothing_to_wait_for() -> None:
    """The loop matters while a mean moves or a wish waits."""
    scaler: Autoscaler = RayServeAutoscaler()
    before = scaler.next_change_s(0.0)
    scaler.decide(pool(4, 0, 2), 0.0)
    steady = scaler.next_change_s(1.0)
    scaler.decide(pool(5, 0, 2), 2.0)
    moving = scaler.next_change_s(2.0)
    scaler.decide(pool(5, 0, 2), 50.0)

    assert (before, steady, moving) == (None, None, 0.1)
    assert scaler.next_change_s(90.0) == 0.1


def test_new_limits_hold_at_once() -> None:
    """A lower maximum needs no delay."""
    scaler = RayServeAutoscaler(PROMPT)
    scaler.decide(pool(20, 0, 10), 0.0)
    decision = scaler.decide(pool(20, 0, 10, limits=Limits(0, 3)), 0.1)

    assert (decision.want, decision.reason) == (3, Reason.SCALEDOWN)
