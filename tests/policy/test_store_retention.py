"""What of the store is given up, as a table of cases."""

from __future__ import annotations

import pytest

from telemetry.core.errors import InvalidError
from telemetry.policy.store_retention import (
    Limits,
    Mark,
    given_up,
    outlived,
    trusted_now_ns,
)

S = 1_000_000_000
NOW = 1_000 * S
LIMITS = Limits(max_age_s=100, max_bytes=1 << 20)


@pytest.mark.parametrize(
    ("taken_s", "expected"),
    [
        ([], None),
        ([950, 990], None),
        ([899], 1),
        ([900], None),  # exactly as old as may be
        ([100, 200, 950], 2),
        ([100, 5_000, 950], 1),  # stamped in the future: the next one tells
        ([100, 5_000, 200, 950], 3),
        ([950, 100], None),  # the clock was set back: what is before it is young
        ([5_000, 6_000], None),
    ],
)
def test_what_is_too_old(taken_s: list[int], expected: int | None) -> None:
    """The last mark that is too old counts, up to the first that is not."""
    marks = [Mark(number, at * S) for number, at in enumerate(taken_s, 1)]
    found = outlived(marks, NOW, LIMITS)

    assert (found.number if found else None) == expected


@pytest.mark.parametrize(
    ("taken_s", "used", "expected"),
    [
        ([], 1 << 30, None),
        ([950, 990], 1 << 20, None),
        ([950, 990], (1 << 20) + 1, 1),
        ([100, 200, 990], 1 << 30, 2),  # age takes more at once
    ],
)
def test_what_is_too_much(taken_s: list[int], used: int, expected: int | None) -> None:
    """Beyond the bytes the oldest mark goes, one after the other."""
    marks = [Mark(number, at * S) for number, at in enumerate(taken_s, 1)]
    found = given_up(iter(marks), NOW, used, LIMITS)

    assert (found.number if found else None) == expected


@pytest.mark.parametrize(
    ("wall_s", "elapsed_s", "expected_s"),
    [(1_010, 10, 1_010), (9_999, 10, 1_010), (5, 10, 5)],
)
def test_time_passes_no_faster_than_it_can(
    wall_s: int, elapsed_s: int, expected_s: int
) -> None:
    """A clock that leaps ahead is not believed; one that goes back is."""
    found = trusted_now_ns(wall_s * S, 1_000 * S, elapsed_s * S)

    assert found == expected_s * S


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"max_age_s": 0}, "max_age_s is 0; it must be above 0"),
        ({"max_age_s": float("nan")}, "max_age_s is nan"),
        ({"max_bytes": 5}, "max_bytes is 5; it must be at least 1048576"),
    ],
)
def test_limits_that_keep_nothing_are_refused(
    given: dict[str, float], match: str
) -> None:
    """The message says the value and what it must be."""
    with pytest.raises(InvalidError, match=match):
        Limits(**given)  # type: ignore[arg-type]  # numbers either way
