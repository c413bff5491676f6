"""Delays before retries, and the bound on losses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.policy.retries import (
    MAX_LOSSES,
    RetryRule,
    company,
    next_delay_s,
    survives_loss,
)


@pytest.mark.parametrize(
    ("rule", "attempt", "expected"),
    [
        (RetryRule(0), 1, None),
        (RetryRule(2), 1, 1.0),
        (RetryRule(2), 2, 1.0),  # a coefficient of 1 keeps the delay
        (RetryRule(2), 3, None),  # spent
        (RetryRule(9, 2.0), 4, 8.0),
        (RetryRule(9, 2.0), 7, 60.0),  # 64 s, capped
        (RetryRule(9, 2.0, 3.0, 10.0), 1, 3.0),
        (RetryRule(9, 2.0, 3.0, 10.0), 2, 6.0),
        (RetryRule(9, 2.0, 3.0, 10.0), 3, 10.0),
        (RetryRule(1, 2.0, 90.0), 1, 60.0),  # the cap holds for the first too
        (RetryRule(5000, 10.0), 5000, 60.0),  # beyond what a float can hold
        (RetryRule(5000, 10.0, 0.0), 5000, 0.0),
    ],
)
def test_delay(rule: RetryRule, attempt: int, expected: float | None) -> None:
    """The delay is initial x coefficient per retry, capped, and None when spent."""
    assert next_delay_s(rule, attempt) == expected


@given(st.integers(0, 10), st.floats(1, 10), st.floats(0, 60), st.floats(1, 60))
def test_delays_never_shrink(
    retries: int, coefficient: float, initial_s: float, cap_s: float
) -> None:
    """There are as many delays as retries; they grow up to the cap."""
    rule = RetryRule(retries, coefficient, initial_s, cap_s)
    delays = [next_delay_s(rule, attempt) for attempt in range(1, retries + 2)]
    known = [delay for delay in delays if delay is not None]

    assert len(known) == retries
    assert known == sorted(known)
    assert all(0.0 <= delay <= cap_s for delay in known)


def test_losses_are_bounded() -> None:
    """An input is rescheduled after 8 losses and not after the ninth."""
    assert [n for n in range(1, 12) if survives_loss(n)] == list(range(1, 9))
    assert MAX_LOSSES == 8


@pytest.mark.parametrize(
    ("losses", "expected"),
    [(0, 100), (1, 100), (2, 50), (3, 25), (4, 12), (5, 6), (6, 3), (7, 1), (8, 1)],
)
def test_company(losses: int, expected: int) -> None:
    """From the second loss on the company is halved; the last chances are alone."""
    assert company(100, losses) == expected


@given(st.integers(1, 2000), st.integers(0, MAX_LOSSES))
def test_company_is_within_the_limit(limit: int, losses: int) -> None:
    """Nobody is given more company than the limit, and everybody may run."""
    assert 1 <= company(limit, losses) <= limit
