"""Sliding windows equal what a reader would compute from the whole past."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.policy.windows import (
    MAX_STEPS,
    NS_PER_S,
    BucketMean,
    SlidingMaximum,
    SteppedMean,
    to_ns,
)

STEPS = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 9)), min_size=1, max_size=40
)


def stamped(steps: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Gaps before values, turned into stamps."""
    now, out = 100, []
    for gap, value in steps:
        now += gap
        out.append((now, value))
    return out


def area_by_hand(points: list[tuple[int, int]], low: int, high: int) -> int:
    """Area between two stamps, one nanosecond at a time."""
    area = 0
    for moment in range(low, high):
        seen = [value for stamp, value in points if stamp <= moment]
        area += seen[-1] if seen else 0
    return area


@given(STEPS, st.integers(0, 120))
def test_area_equals_brute_force(steps: list[tuple[int, int]], later: int) -> None:
    """The area over the window is exact after every change and any time later."""
    window, mean, points = 50, SteppedMean(50), stamped(steps)

    for done, (now, value) in enumerate(points, start=1):
        mean.set(now, value)
        assert mean.area(now) == area_by_hand(points[:done], now - window, now)

    end = points[-1][0] + later
    assert mean.area(end) == area_by_hand(points, end - window, end)


@given(STEPS, st.integers(0, 120))
def test_means_equal_brute_force(steps: list[tuple[int, int]], later: int) -> None:
    """Both means divide that area, by the window or by the part with values."""
    window, mean, points = 50, SteppedMean(50), stamped(steps)
    for now, value in points:
        mean.set(now, value)
    end = points[-1][0] + later
    area = area_by_hand(points, end - window, end)
    known = min(window, end - points[0][0])

    assert mean.mean(end) == float(Fraction(area, window))
    assert mean.mean_since_first(end) == pytest.approx(
        area / known if known else points[-1][1]
    )


def test_nothing_is_nothing() -> None:
    """A mean without any value is 0 at any time."""
    mean = SteppedMean(NS_PER_S)

    assert mean.mean(5) == 0.0
    assert mean.mean_since_first(5) == 0.0


def test_a_constant_is_its_own_mean() -> None:
    """A constant gives itself exactly, whatever the stamps are."""
    mean = SteppedMean(NS_PER_S)
    for tick in range(1, 3000):
        mean.set(to_ns(tick * 0.1), 7)

    assert mean.area(to_ns(300.0)) == 7 * NS_PER_S


def test_time_does_not_go_back() -> None:
    """A stamp from before counts as the last one."""
    mean = SteppedMean(100)
    mean.set(50, 4)
    mean.set(150, 6)
    mean.set(120, 8)

    assert mean.value == 8
    assert mean.area(160) == 4 * 90 + 8 * 10


def test_many_steps_are_merged() -> None:
    """Beyond its limit a mean stays near the truth and its memory stays bounded."""
    window = 10 * MAX_STEPS
    mean = SteppedMean(window)
    for now in range(0, 6 * window, 4):
        mean.set(now, now // 4 % 2 * 10)

    assert mean.mean(6 * window) == pytest.approx(5.0, rel=0.01)
    assert len(mean._steps) <= MAX_STEPS


def test_merging_keeps_the_whole_area() -> None:
    """Merged steps lose nothing as long as they lie within the window."""
    window = 10 * MAX_STEPS
    mean = SteppedMean(window)
    for now in range(2 * MAX_STEPS):
        mean.set(now, now % 3)

    assert mean.area(2 * MAX_STEPS) == sum(now % 3 for now in range(2 * MAX_STEPS))


@given(STEPS, st.integers(1, 100))
def test_maximum_equals_brute_force(steps: list[tuple[int, int]], window: int) -> None:
    """The maximum is that of all values younger than the window."""
    maximum, points = SlidingMaximum(), stamped(steps)

    for done, (now, value) in enumerate(points, start=1):
        maximum.push(now, value)
        young = [v for t, v in points[:done] if now - t < window]
        assert maximum.maximum(now, window) == max(young)


def test_maximum_remembers_different_values_only() -> None:
    """Memory is bounded by the number of different values."""
    maximum = SlidingMaximum()
    for now in range(10_000):
        maximum.push(now, (10_000 - now) // 1000)

    assert len(maximum) == 11


def test_maximum_is_gone_at_exactly_its_age() -> None:
    """A value counts for less than the window's length, and then 0 is left."""
    maximum = SlidingMaximum()
    maximum.push(10, 3)

    assert maximum.maximum(109, 100) == 3
    assert maximum.maximum(110, 100) == 0
    assert maximum.peak() is None


def test_buckets_know_no_data_from_zero() -> None:
    """Before the first report there is no mean, not a mean of 0."""
    assert BucketMean(6).mean(3) is None


@pytest.mark.parametrize(
    ("reports", "at", "expected"),
    [
        ({10: 6.0}, 10, 6.0),  # partial at the start
        ({10: 6.0, 11: 0.0}, 11, 3.0),
        ({10: 6.0, 13: 6.0}, 13, 3.0),  # gaps count as 0
        (dict.fromkeys(range(10, 20), 6.0), 19, 6.0),  # the old ones are gone
        ({10: 12.0, 15: 0.0}, 15, 2.0),  # the oldest one still counts
        ({10: 12.0, 16: 0.0}, 16, 0.0),  # and now it does not
        ({10: 6.0}, 12, 6.0),  # silent seconds are not valid ones
        ({10: 0.0, 15: 12.0}, 17, 3.0),  # two of six are silent, four are valid
        ({10: 6.0}, 16, 0.0),  # silent for a whole window
        ({10: 6.0, 16: 4.0}, 16, 4.0),  # partial again after such a silence
        ({10: 1.0, 11: 0.0, 12: 0.0}, 12, 0.333333),  # six digits, as the source
    ],
)
def test_bucket_mean(reports: dict[int, float], at: int, expected: float) -> None:
    """The mean counts valid buckets only, as Knative's windows do."""
    buckets = BucketMean(6)
    for second, value in reports.items():
        buckets.add(second, value)

    assert buckets.mean(at) == expected


def test_reports_of_one_second_add_up() -> None:
    """Several reporters of one second are one bucket."""
    buckets = BucketMean(6)
    buckets.add(4, 1.0)
    buckets.add(4, 2.0)

    assert buckets.mean(4) == 3.0
