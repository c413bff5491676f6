"""Inputs go to the least loaded container, and shrinking takes the least loaded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.policy.routing import assign, drain

LOADS = st.lists(st.integers(0, 7), max_size=6)


@pytest.mark.parametrize(
    ("loads", "target", "limit", "count", "expected"),
    [
        ([], 2, 3, 5, []),  # nobody is ready
        ([0], 2, 3, 0, []),  # nothing waits
        ([1], 2, 3, 1, [0]),
        ([3], 2, 3, 1, []),
        ([1], 2, 3, 9, [0, 0]),  # one container is filled to its limit
        ([5], 2, 3, 9, []),  # a lowered limit gives no negative count
        ([0, 0, 0], 2, 3, 3, [0, 1, 2]),  # spread, ties to the lowest
        ([2, 0, 1], 2, 4, 3, [1, 1, 2]),  # least loaded below target first
        ([2, 0, 1], 2, 4, 6, [1, 1, 2, 0, 1, 2]),  # then the burst
        ([2, 2], 2, 3, 9, [0, 1]),  # the burst ends at the limit
        ([4, 3, 3], 2, 3, 9, []),  # everything is full
        ([0, 9], 2, 3, 2, [0, 0]),  # one over its limit takes nothing
    ],
)
def test_assign(
    loads: list[int], target: int, limit: int, count: int, expected: list[int]
) -> None:
    """Each input goes to the least loaded container that has a free slot."""
    assert assign(loads, target, limit, count) == expected


@given(LOADS, st.integers(1, 4), st.integers(0, 4), st.integers(-1, 40))
def test_assign_is_the_rule_step_by_step(
    loads: list[int], target: int, burst: int, count: int
) -> None:
    """The answer is the one of the two-step rule, applied input by input."""
    limit, now, expected = target + burst, list(loads), []
    for _ in range(count):
        below = [i for i, load in enumerate(now) if load < target]
        below = below or [i for i, load in enumerate(now) if load < limit]
        if not below:
            break
        chosen = min(below, key=lambda i: (now[i], i))
        now[chosen] += 1
        expected.append(chosen)

    assert assign(loads, target, limit, count) == expected


@given(LOADS, st.integers(1, 8), st.integers(0, 40))
def test_no_slot_stays_free_while_an_input_waits(
    loads: list[int], limit: int, count: int
) -> None:
    """As many inputs are assigned as there are free slots, and no more."""
    free = sum(max(0, limit - load) for load in loads)
    chosen = assign(loads, limit, limit, count)

    assert len(chosen) == min(count, free)
    assert all(
        load + chosen.count(index) <= max(limit, load)
        for index, load in enumerate(loads)
    )


@pytest.mark.parametrize(
    ("loads", "count", "expected"),
    [
        ([], 1, []),
        ([1, 0, 2], 0, []),
        ([1, 0, 2], -1, []),
        ([1, 0, 2], 1, [1]),  # the idle one
        ([1, 0, 0], 1, [2]),  # of two idle ones the later
        ([1, 0, 2], 2, [1, 0]),
        ([1, 0], 5, [1, 0]),  # never more than there are
    ],
)
def test_drain(loads: list[int], count: int, expected: list[int]) -> None:
    """Shrinking takes idle containers first, then the least loaded ones."""
    assert drain(loads, count) == expected
