"""Which block of a full box is given up: tables."""

from __future__ import annotations

import pytest

from telemetry.policy.box_retention import (
    MAX_AGE_S,
    MAX_BYTES,
    MAX_FILES,
    MAX_UNREAD_FILES,
    DeadBox,
    superfluous,
)
from telemetry.policy.eviction import SHARED, victim


@pytest.mark.parametrize(
    ("closed", "open_owners", "expected"),
    [
        ([], ["a"], None),
        ([SHARED], [], 0),
        # The one that holds most, and of its blocks the oldest.
        ([SHARED, "a", "b", "a"], [], 1),
        (["b", "a", "a"], ["b", "b"], 0),
        # What is written to now counts as held.
        ([SHARED, "a"], ["a"], 1),
        # The last block of an input is kept, as long as anything else is there.
        ([SHARED, "a", "b"], [SHARED], 0),
        (["a", SHARED], [], 0),
        # Shared blocks are many inputs', however many there are.
        ([SHARED, SHARED, SHARED, "a", "a"], [], 3),
    ],
)
def test_victim(
    closed: list[str], open_owners: list[str], expected: int | None
) -> None:
    """The oldest block of the owner that has most, if that has two; else the oldest."""
    assert victim(closed, open_owners) == expected


def test_boxes_of_the_dead_are_kept_within_bounds() -> None:
    """Too old, too many or too large in all: the youngest stay."""
    young = DeadBox("young", 10, 1.0)
    assert superfluous([young, DeadBox("old", 10, MAX_AGE_S + 1)]) == ["old"]
    assert superfluous([DeadBox("large", MAX_BYTES, 2.0), young]) == ["large"]
    many = [DeadBox(str(age), 1, float(age)) for age in range(MAX_FILES + 2)]
    assert superfluous(many) == [str(MAX_FILES), str(MAX_FILES + 1)]


def test_boxes_that_nobody_has_read_stay_longest() -> None:
    """What they hold is nowhere else: they do not give way to those that are read."""
    unread = [
        DeadBox(f"u{age}", 1, 10.0 + age, is_unread=True)
        for age in range(MAX_UNREAD_FILES + 1)
    ]
    read = [DeadBox(f"r{age}", 1, float(age)) for age in range(MAX_FILES + 1)]

    assert superfluous([*read, *unread]) == [f"u{MAX_UNREAD_FILES}", f"r{MAX_FILES}"]

    half = MAX_BYTES // 2 + 1
    large = [DeadBox("new", half, 1.0), DeadBox("unread", half, 2.0, is_unread=True)]
    assert superfluous(large) == ["new"]
