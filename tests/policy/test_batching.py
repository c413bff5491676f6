"""A batch goes when it is full or when its first input has waited enough."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.policy.batching import due_in_s, release_size


@pytest.mark.parametrize(
    ("queued", "oldest_wait_s", "size", "due"),
    [
        (0, 0.0, 0, None),  # nothing waits
        (0, 9.0, 0, None),
        (1, 0.0, 0, 0.5),  # gathering
        (3, 0.375, 0, 0.125),
        (3, 0.5, 3, 0.0),  # waited long enough
        (3, 0.75, 3, 0.0),
        (4, 0.0, 4, 0.0),  # full
        (9, 0.75, 4, 0.0),  # more than full
    ],
)
def test_release(
    queued: int, oldest_wait_s: float, size: int, due: float | None
) -> None:
    """With batches of 4 and half a second, so many go now, or so soon."""
    assert release_size(queued, oldest_wait_s, 4, 0.5) == size
    assert due_in_s(queued, oldest_wait_s, 4, 0.5) == due


def test_no_wait_gathers_nothing() -> None:
    """With a wait of 0 what is there goes at once."""
    assert release_size(1, 0.0, 4, 0.0) == 1


@given(st.integers(0, 20), st.floats(0, 5), st.integers(1, 8), st.floats(0, 2))
def test_due_now_is_released_now(
    queued: int, oldest_wait_s: float, size: int, wait_s: float
) -> None:
    """A batch is due exactly when one is released, never empty, never too big."""
    released = release_size(queued, oldest_wait_s, size, wait_s)

    assert (released > 0) == (due_in_s(queued, oldest_wait_s, size, wait_s) == 0.0)
    assert released <= min(queued, size)
