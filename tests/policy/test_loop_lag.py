"""The lag of a loop, sampled from its pulse."""

from __future__ import annotations

from bisect import bisect_left

import pytest

from telemetry.core.metrics import DURATION_BOUNDS_S
from telemetry.policy.loop_lag import SAMPLE_EVERY_S, LagSampler

MS = 1_000_000


def bucket(lag_s: float) -> tuple[int, ...]:
    """One sample, in its bucket."""
    counts = [0] * (len(DURATION_BOUNDS_S) + 1)
    counts[bisect_left(DURATION_BOUNDS_S, lag_s)] = 1
    return tuple(counts)


@pytest.mark.parametrize(
    ("busy_ms", "tick_ms", "lag_s"),
    [
        (None, 0, 0.0),  # it waits: what is due runs at once
        (0, 0, 0.0),
        (30, 0, 0.03),
        (5, 0, 0.005),  # a bound belongs to the bucket below it
        (10, 15, 0.0),  # a timer's next sign of life is not due yet
        (40, 15, 0.025),
        (2_000, 0, 2.0),
    ],
)
def test_the_age_of_what_it_does_is_its_lag(
    busy_ms: int | None, tick_ms: int, lag_s: float
) -> None:
    """A sample is for how long it has been busy, less than a tick is nothing."""
    sampler = LagSampler()
    sampler.begin(0)
    now_ns = 10_000 * MS
    since_ns = 0 if busy_ms is None else now_ns - busy_ms * MS
    sampler.look(since_ns, tick_ms * MS, now_ns)

    taken = sampler.take()
    assert taken is not None
    assert taken[0] == bucket(lag_s)
    assert taken[1:] == pytest.approx((lag_s, lag_s))


def test_a_look_before_its_time_is_no_sample() -> None:
    """Whoever looks oftener for other reasons does not change the distribution."""
    sampler = LagSampler()
    sampler.begin(0)
    sampler.look(1, 0, sampler.next_ns - 1)

    assert sampler.take() is None


def test_what_was_taken_is_not_given_again() -> None:
    """Each sample is told once."""
    sampler = LagSampler()
    sampler.begin(0)
    sampler.look(0, 0, 1_000 * MS)

    assert sampler.take() is not None
    assert sampler.take() is None


def test_samples_come_as_often_as_said_on_average() -> None:
    """Pauses vary between half and one and a half of the mean."""
    sampler = LagSampler()
    sampler.begin(0)
    now_ns, pauses = 0, []
    for _ in range(1_000):
        pauses.append(sampler.next_ns - now_ns)
        now_ns = sampler.next_ns
        sampler.look(0, 0, now_ns)

    assert min(pauses) >= SAMPLE_EVERY_S * 0.5e9
    assert max(pauses) <= SAMPLE_EVERY_S * 1.5e9
    assert sum(pauses) / len(pauses) == pytest.approx(SAMPLE_EVERY_S * 1e9, rel=0.01)


@pytest.mark.parametrize("round_ms", [7, 50, 80, 100, 130])
def test_the_mean_is_that_of_the_waits(round_ms: int) -> None:
    """A loop that is busy in even stretches is late by half of one on average."""
    sampler = LagSampler()
    sampler.begin(0)
    for _ in range(2_000):
        now_ns = sampler.next_ns
        since_ns = now_ns // (round_ms * MS) * (round_ms * MS) or 1
        sampler.look(since_ns, 0, now_ns)
    taken = sampler.take()

    assert taken is not None
    counts, sum_s, max_s = taken
    assert sum_s / sum(counts) == pytest.approx(round_ms / 2_000, rel=0.05)
    assert max_s <= round_ms / 1_000
