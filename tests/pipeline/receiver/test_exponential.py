"""Exponential histograms with explicit bounds are the same distribution."""

from __future__ import annotations

import math
from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.pipeline.receiver.exponential import MOST_BUCKETS, Buckets, explicit

NONE = Buckets(0, ())


def test_nothing_but_zeros() -> None:
    """Then there is one bucket, and no bound."""
    assert explicit(3, 5, NONE, NONE) == ((), (5,))


def test_one_side_alone() -> None:
    """What is about 0 lies in the outer bucket of the other side."""
    side = Buckets(0, (1, 2))

    assert explicit(0, 5, side, NONE) == ((1.0, 2.0, 4.0), (5, 1, 2, 0))
    assert explicit(0, 5, NONE, side) == ((-4.0, -2.0, -1.0), (0, 2, 1, 5))


@given(
    scale=st.integers(-2, 8),
    indices=st.lists(st.integers(-200, 200), min_size=1, max_size=40),
)
def test_every_value_stays_in_its_bucket(scale: int, indices: list[int]) -> None:
    """Each counted value lies between the bounds of the bucket that counts it."""
    low = min(indices)
    counts = [indices.count(at) for at in range(low, max(indices) + 1)]
    middles = [2.0 ** ((at + 0.5) * 2.0**-scale) for at in indices]
    bounds, found = explicit(scale, 0, Buckets(low, counts), NONE)
    expected = [0] * len(found)
    for middle in middles:
        expected[bisect_left(bounds, middle)] += 1

    assert list(found) == expected
    assert len(found) <= MOST_BUCKETS + 2


@pytest.mark.parametrize(
    ("scale", "offset", "why"),
    [
        (21, 0, "the range is -10 to 20"),
        (-11, 0, "the range is -10 to 20"),
        (0, 5_000, "beyond the range of a double"),
        (0, -5_000, "too close to 0"),
    ],
)
def test_beyond_a_double(scale: int, offset: int, why: str) -> None:
    """Such buckets are refused, and not made infinite."""
    with pytest.raises(ValueError, match=why):
        explicit(scale, 0, Buckets(offset, (1,)), NONE)


def test_absurd_width() -> None:
    """A million buckets are refused before they are walked."""
    with pytest.raises(ValueError, match="at most"):
        explicit(0, 0, Buckets(0, range(1_000_000)), NONE)


def test_bounds_of_a_scale_are_among_the_finer_ones() -> None:
    """So that a series keeps comparable buckets when its scale changes."""
    coarse, _ = explicit(2, 0, Buckets(0, (1,) * 8), NONE)
    fine, _ = explicit(3, 0, Buckets(0, (1,) * 16), NONE)

    assert all(any(math.isclose(a, b) for b in fine) for a in coarse)
