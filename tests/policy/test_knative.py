"""Knative's policy against worked numbers of its source."""

from __future__ import annotations

import pytest

from telemetry.policy.knative import KnativeAutoscaler, KnativeSettings
from telemetry.policy.scaling import Autoscaler, Decision, Limits, Reason, Snapshot

PLAIN = KnativeSettings(target_utilization=1.0)
WIDE = Limits(max_containers=1000)


def pool(
    running: int = 0,
    queued: int = 0,
    ready: int = 0,
    starting: int = 0,
    *,
    draining: int = 0,
    limits: Limits = WIDE,
) -> Snapshot:
    """A pool whose containers should run 10 inputs each."""
    return Snapshot(running, queued, ready, starting, draining, 10, limits)


def after(
    snapshot: Snapshot, seconds: int, settings: KnativeSettings = PLAIN
) -> tuple[KnativeAutoscaler, Decision]:
    """The decision of a new autoscaler after so many seconds of the same."""
    scaler = KnativeAutoscaler(settings)
    decisions = [scaler.decide(snapshot, float(now)) for now in range(seconds + 1)]
    return scaler, decisions[-1]


@pytest.mark.parametrize(
    ("running", "ready", "settings", "want"),
    [
        (10, 1, PLAIN, 1),
        (11, 1, PLAIN, 2),  # ceil(11 / 10), which is a panic too
        (10, 1, KnativeSettings(), 2),  # the default uses 70 % of the target
        (7, 1, KnativeSettings(), 1),
        (100, 1, KnativeSettings(max_scale_up_rate=3.0), 3),
        (100, 1, KnativeSettings(max_scale_up_rate=1.1), 2),  # ceil(1.1)
        (1, 1, KnativeSettings(activation_scale=3), 3),
        (0, 1, KnativeSettings(activation_scale=3), 1),  # only with demand
        (0, 1, PLAIN, 1),  # the grace period of the last container
    ],
)
def test_first_tick(
    running: int, ready: int, settings: KnativeSettings, want: int
) -> None:
    """The first tick with data applies target, rates and activation scale."""
    assert after(pool(running, 0, ready), 2, settings)[1].want == want


@pytest.mark.parametrize(
    ("ready", "rate", "want"), [(8, 2.0, 4), (9, 2.0, 4), (9, 3.0, 3), (8, 100.0, 1)]
)
def test_shrinking_is_rated(ready: int, rate: float, want: int) -> None:
    """A tick leaves at least floor(ready / rate) containers."""
    settings = KnativeSettings(target_utilization=1.0, max_scale_down_rate=rate)
    scaler = KnativeAutoscaler(settings)
    scaler.decide(pool(1, 0, 1), 0.0)
    scaler.decide(pool(1, 0, ready), 1.0)

    assert scaler.decide(pool(1, 0, ready), 2.0).want == want


@pytest.mark.parametrize(
    ("running", "panicking"), [(10, False), (30, False), (39, True), (31, True)]
)
def test_panic_threshold(running: int, *, panicking: bool) -> None:
    """Panic begins where the fast wish is twice the ready containers."""
    scaler = KnativeAutoscaler(PLAIN)
    scaler.decide(pool(10, 0, 1), 0.0)
    scaler.decide(pool(running, 0, 2), 0.0)
    scaler.decide(pool(running, 0, 2), 2.0)

    assert scaler.panicking is panicking


def test_panic_never_shrinks() -> None:
    """In panic the greatest wish stands until a stable window has passed."""
    scaler = KnativeAutoscaler(PLAIN)
    scaler.decide(pool(100, 0, 1), 0.0)
    wants = {2: scaler.decide(pool(100, 0, 1), 2.0)}
    for now in range(4, 75, 2):
        wants[now] = scaler.decide(pool(10, 0, 10), float(now))

    assert {wants[now].want for now in range(2, 63, 2)} == {10}
    assert wants[60].reason == Reason.PANIC
    assert wants[64].want == 5  # a stable window after the last panic, half of 10


def test_panic_grows_on() -> None:
    """In panic a greater wish is followed."""
    scaler = KnativeAutoscaler(PLAIN)
    scaler.decide(pool(100, 0, 1), 0.0)
    first = scaler.decide(pool(100, 0, 1), 2.0)
    scaler.decide(pool(400, 0, 1), 2.0)
    second = scaler.decide(pool(400, 0, 1), 4.0)

    assert (first.want, second.want) == (10, 25)  # (2 x 100 + 2 x 400) / 4 / 10
    assert second.demand == 250.0


def test_queue_counts_and_starting_containers_do_not() -> None:
    """Only ready containers count against the panic threshold."""
    scaler, decision = after(pool(10, 10, 1, 1), 4)

    assert scaler.panicking
    assert (decision.want, decision.have) == (2, 2)


def test_first_input_pokes() -> None:
    """From zero, the arrival itself brings a tick, and only the first one does."""
    scaler = KnativeAutoscaler(PLAIN)
    scaler.decide(pool(), 0.3)
    poked = scaler.decide(pool(0, 45), 0.4)
    same = scaler.decide(pool(0, 95), 0.5)

    assert (poked.want, poked.reason) == (5, Reason.FROM_ZERO)
    assert same.want == 5


def test_poke_after_a_long_silence() -> None:
    """What lies before a silent window does not thin the first report."""
    scaler = KnativeAutoscaler(PLAIN)
    scaler.decide(pool(10, 0, 1), 0.0)
    for now in range(10, 110, 2):
        scaler.decide(pool(), float(now))

    assert scaler.decide(pool(0, 200), 5000.5).want == 20


def test_wish_stands_between_ticks() -> None:
    """Nothing is decided anew within two seconds."""
    scaler = KnativeAutoscaler(PLAIN)
    scaler.decide(pool(10, 0, 1), 0.0)
    wants = [scaler.decide(pool(90, 0, 1), 0.1 * t).want for t in range(1, 20)]

    assert set(wants) == {1}


def test_starts_in_panic_with_several_containers() -> None:
    """A new autoscaler does not shrink what it finds for a stable window."""
    scaler = KnativeAutoscaler(PLAIN)
    wants = [scaler.decide(pool(10, 0, 6), float(t)).want for t in range(61)]

    assert set(wants) == {6}
    assert scaler.decide(pool(10, 0, 6), 62.0).want == 3


def test_scale_down_delay() -> None:
    """A smaller wish must last for the delay."""
    settings = KnativeSettings(target_utilization=1.0, scale_down_delay_s=120.0)
    scaler = KnativeAutoscaler(settings)
    scaler.decide(pool(19, 0, 1), 0.0)
    for now in range(2, 6, 2):
        scaler.decide(pool(19, 0, 2), float(now))
    decisions = {t: scaler.decide(pool(1, 0, 2), float(t)) for t in range(6, 260, 2)}

    assert decisions[120].reason == Reason.HOLD_WINDOW
    assert decisions[120].want == 2
    assert decisions[258].want == 1


def to_zero(grace_s: float) -> list[int]:
    """Wishes of each second after 100 s with one input and then none."""
    settings = KnativeSettings(target_utilization=1.0, to_zero_grace_s=grace_s)
    scaler = KnativeAutoscaler(settings)
    for now in range(101):
        scaler.decide(pool(1, 0, 1), float(now))
    return [scaler.decide(pool(0, 0, 1), 100.0 + t).want for t in range(120)]


@pytest.mark.parametrize(("grace_s", "last_s"), [(0.0, 60), (30.0, 90)])
def test_to_zero(grace_s: float, last_s: int) -> None:
    """The last container goes a stable window and the grace after the demand."""
    assert to_zero(grace_s) == [1] * last_s + [0] * (120 - last_s)


def test_to_zero_only_after_a_stable_window_of_activity() -> None:
    """A pool that became active a moment ago keeps one container."""
    settings = KnativeSettings(to_zero_grace_s=0.0)
    scaler = KnativeAutoscaler(settings)
    for now in range(3):
        scaler.decide(pool(0, 0, 1, limits=Limits(1, 5)), float(now))
    wants = {t: scaler.decide(pool(0, 0, 1), float(t)).want for t in range(3, 70)}

    assert (wants[4], wants[61], wants[62]) == (1, 1, 0)


def test_minimum_is_never_left() -> None:
    """With a minimum there is no way to zero."""
    limits = Limits(1, 5)
    _, decision = after(pool(0, 0, 1, limits=limits), 300)

    assert (decision.want, decision.reason) == (1, Reason.MIN_CONTAINERS)


def test_draining_containers_still_report() -> None:
    """Reports of nothing by the last containers are data, silence is none."""
    _, silent = after(pool(), 2)
    scaler, _ = after(pool(0, 0, 0, draining=1), 2)

    assert silent.want == 0
    assert scaler.decide(pool(0, 60), 2.5).want == 3  # 60 over two buckets


def test_next_change_is_the_next_tick() -> None:
    """Time alone matters at ticks, also after a long pause."""
    scaler: Autoscaler = KnativeAutoscaler(PLAIN)
    before = scaler.next_change_s(0.0)
    scaler.decide(pool(10, 0, 1), 0.5)
    first = scaler.next_change_s(0.5)
    scaler.decide(pool(10, 0, 1), 7.25)

    assert (before, first, scaler.next_change_s(7.25)) == (None, 1.5, 0.75)
