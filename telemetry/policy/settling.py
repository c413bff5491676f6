"""What becomes of an execution that has ended: settle, retry, or run it elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from telemetry.core.outcome import Outcome
from telemetry.policy.retries import RetryRule, next_delay_s, survives_loss


class How(StrEnum):
    """How an execution ended, as the container or its death tells."""

    RETURNED = "returned"
    RAISED = "raised"
    UNWOUND = "unwound"
    """The cancellation that was asked for came out of the body."""
    NEVER_STARTED = "never_started"
    STUCK = "stuck"
    """Still running when its grace period was over."""
    DIED = "died"
    """Its container is gone."""


class Cause(StrEnum):
    """Why an execution was asked to end; ``input.cancellation.cause``."""

    USER = "user"
    TIMEOUT = "timeout"
    SHUTDOWN = "shutdown"
    NEIGHBOUR = "neighbour"
    """Its container has to go because of another input."""


class Action(StrEnum):
    """What to do with the input."""

    SETTLE = "settle"
    RETRY = "retry"
    RESCHEDULE = "reschedule"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision on one input.

    Attributes:
        outcome: What it settles with, if it settles.
        delay_s: Seconds until a retry.
    """

    action: Action
    outcome: Outcome | None = None
    delay_s: float = 0.0


def verdict(
    how: How,
    cause: Cause | None,
    *,
    rule: RetryRule | None,
    retries: int,
    losses: int,
    repeatable: bool = True,
) -> Verdict:
    """What becomes of an input whose execution has ended.

    Args:
        how: How it ended.
        cause: Why it was asked to end; None when it was not.
        rule: The function's retry policy.
        retries: Retries that it has had.
        losses: Containers that died under it, this time included.
        repeatable: It may run again; a generator may not once a chunk is out, since
            its consumer would see the chunks twice.
    """
    if not repeatable:
        rule = None
    if how is How.RETURNED:
        # Also when it was asked to end: it swallowed that, and the work is done.
        return Verdict(Action.SETTLE, Outcome.SUCCESS)
    if cause is Cause.TIMEOUT:
        return _retried(Outcome.TIMEOUT, rule, retries)
    if cause in (Cause.USER, Cause.SHUTDOWN):
        outcome = Outcome.ERROR if how is How.RAISED else Outcome.CANCELLED
        return Verdict(Action.SETTLE, outcome)
    if how is How.RAISED and cause is None:
        return _retried(Outcome.ERROR, rule, retries)
    if not repeatable or (
        how is How.DIED and cause is None and not survives_loss(losses)
    ):
        return Verdict(Action.SETTLE, Outcome.LOST)
    # Interrupted for a neighbour's sake, or lost with its container.
    return Verdict(Action.RESCHEDULE)


def observed(how: How, cause: Cause | None) -> str | None:
    """What the body did with its cancellation; ``input.cancellation.observed``."""
    if cause is None:
        return None
    return "swallowed" if how is How.RETURNED else how.value


def _retried(outcome: Outcome, rule: RetryRule | None, retries: int) -> Verdict:
    delay_s = None if rule is None else next_delay_s(rule, retries + 1)
    if delay_s is None:
        return Verdict(Action.SETTLE, outcome)
    return Verdict(Action.RETRY, delay_s=delay_s)
