"""The whole table of what becomes of an input whose execution has ended."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.core.outcome import Outcome
from telemetry.policy.retries import MAX_LOSSES, RetryRule
from telemetry.policy.settling import (
    Action,
    Cause,
    How,
    Verdict,
    observed,
    verdict,
)

SUCCESS = Verdict(Action.SETTLE, Outcome.SUCCESS)
ERROR = Verdict(Action.SETTLE, Outcome.ERROR)
CANCELLED = Verdict(Action.SETTLE, Outcome.CANCELLED)
TIMEOUT = Verdict(Action.SETTLE, Outcome.TIMEOUT)
LOST = Verdict(Action.SETTLE, Outcome.LOST)
AGAIN = Verdict(Action.RESCHEDULE)
RULE = RetryRule(2, backoff_coefficient=3.0, initial_delay_s=2.0)

# What becomes of it without a retry policy and with few losses: every pair of how
# and cause, one row per cause.
TABLE = {
    None: {
        How.RETURNED: SUCCESS,
        How.RAISED: ERROR,
        How.UNWOUND: AGAIN,
        How.NEVER_STARTED: AGAIN,
        How.STUCK: AGAIN,
        How.DIED: AGAIN,
    },
    Cause.USER: {
        How.RETURNED: SUCCESS,
        How.RAISED: ERROR,
        How.UNWOUND: CANCELLED,
        How.NEVER_STARTED: CANCELLED,
        How.STUCK: CANCELLED,
        How.DIED: CANCELLED,
    },
    Cause.SHUTDOWN: {
        How.RETURNED: SUCCESS,
        How.RAISED: ERROR,
        How.UNWOUND: CANCELLED,
        How.NEVER_STARTED: CANCELLED,
        How.STUCK: CANCELLED,
        How.DIED: CANCELLED,
    },
    Cause.TIMEOUT: {
        How.RETURNED: SUCCESS,
        How.RAISED: TIMEOUT,
        How.UNWOUND: TIMEOUT,
        How.NEVER_STARTED: TIMEOUT,
        How.STUCK: TIMEOUT,
        How.DIED: TIMEOUT,
    },
    # A neighbour's end is nobody's fault here: whatever came of it but a result
    # was brought about by the end, so it runs again.
    Cause.NEIGHBOUR: {
        How.RETURNED: SUCCESS,
        How.RAISED: AGAIN,
        How.UNWOUND: AGAIN,
        How.NEVER_STARTED: AGAIN,
        How.STUCK: AGAIN,
        How.DIED: AGAIN,
    },
}
CASES = [
    pytest.param(how, cause, expected, id=f"{cause or 'unasked'}-{how}")
    for cause, row in TABLE.items()
    for how, expected in row.items()
]


def test_table_is_whole() -> None:
    """Every way to end and every cause has a row here."""
    assert set(TABLE) == {None, *Cause}
    assert all(set(row) == set(How) for row in TABLE.values())


@pytest.mark.parametrize(("how", "cause", "expected"), CASES)
def test_verdict_without_retries(
    how: How, cause: Cause | None, expected: Verdict
) -> None:
    """Without a policy for retries, how and cause alone decide."""
    assert verdict(how, cause, rule=None, retries=0, losses=1) == expected


@pytest.mark.parametrize(("how", "cause", "expected"), CASES)
def test_retries_are_for_errors_and_timeouts(
    how: How, cause: Cause | None, expected: Verdict
) -> None:
    """A policy turns exactly a body's own error and a timeout into a retry."""
    retried = expected is TIMEOUT or (expected is ERROR and cause is None)
    wanted = Verdict(Action.RETRY, delay_s=2.0) if retried else expected

    assert verdict(how, cause, rule=RULE, retries=0, losses=1) == wanted


@pytest.mark.parametrize(
    ("retries", "expected"),
    [
        (0, Verdict(Action.RETRY, delay_s=2.0)),
        (1, Verdict(Action.RETRY, delay_s=6.0)),
        (2, ERROR),
        (3, ERROR),
    ],
)
def test_retries_are_used_up(retries: int, expected: Verdict) -> None:
    """Each retry waits as the policy says, and after the last the error stands."""
    assert verdict(How.RAISED, None, rule=RULE, retries=retries, losses=0) == expected


def test_spent_retries_leave_a_timeout() -> None:
    """A timeout without a retry left settles as a timeout, not as an error."""
    assert verdict(How.UNWOUND, Cause.TIMEOUT, rule=RULE, retries=2, losses=0) == (
        TIMEOUT
    )


@pytest.mark.parametrize("rule", [None, RULE], ids=["no rule", "rule"])
@pytest.mark.parametrize("losses", range(1, MAX_LOSSES + 3))
def test_losses(losses: int, rule: RetryRule | None) -> None:
    """A container that dies is forgiven eight times, and never with a retry."""
    expected = AGAIN if losses <= MAX_LOSSES else LOST

    assert verdict(How.DIED, None, rule=rule, retries=0, losses=losses) == expected


@pytest.mark.parametrize("cause", [*Cause])
def test_losses_count_only_unasked(cause: Cause) -> None:
    """A container that was told to end does not make its inputs lost."""
    decided = verdict(How.DIED, cause, rule=None, retries=0, losses=MAX_LOSSES + 5)

    assert decided == TABLE[cause][How.DIED]


@given(
    how=st.sampled_from(How),
    cause=st.none() | st.sampled_from(Cause),
    most=st.integers(0, 3),
    retries=st.integers(0, 5),
    losses=st.integers(0, 12),
)
def test_verdict_is_consistent(
    how: How, cause: Cause | None, most: int, retries: int, losses: int
) -> None:
    """There is an outcome exactly when it settles, and a delay only for a retry."""
    rule = RetryRule(most)
    decided = verdict(how, cause, rule=rule, retries=retries, losses=losses)

    assert (decided.outcome is not None) == (decided.action is Action.SETTLE)
    assert decided.delay_s == 0.0 or decided.action is Action.RETRY
    assert decided.action is not Action.RETRY or retries < most


@pytest.mark.parametrize("how", How)
@pytest.mark.parametrize("cause", [None, *Cause])
def test_observed(how: How, cause: Cause | None) -> None:
    """Nothing is observed unasked; one that returns has swallowed its end."""
    if cause is None:
        expected = None
    else:
        expected = "swallowed" if how is How.RETURNED else str(how)

    assert observed(how, cause) == expected
