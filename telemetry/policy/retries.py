"""When a failed execution runs again, and how often a lost one may."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MAX_LOSSES: Final = 8
"""Losses with a container after which an input is still rescheduled; Modal's 8."""


@dataclass(frozen=True, slots=True)
class RetryRule:
    """How often an input that failed runs again, and after which delays.

    Attributes:
        max_retries: Executions beyond the first one.
        backoff_coefficient: Factor from one delay to the next; 1 keeps it fixed.
        initial_delay_s: Seconds before the first retry.
        max_delay_s: Upper bound of any delay, in seconds.
    """

    max_retries: int
    backoff_coefficient: float = 1.0
    initial_delay_s: float = 1.0
    max_delay_s: float = 60.0


def next_delay_s(rule: RetryRule, attempt: int) -> float | None:
    """Seconds to wait before retry *attempt*; None when the rule is spent.

    Args:
        rule: The rule of the function.
        attempt: 1 for the first retry.

    Source: modal.Retries; exponential without jitter, hence deterministic.
    """
    if attempt > rule.max_retries:
        return None
    if rule.initial_delay_s <= 0.0:
        return 0.0
    try:
        grown = rule.initial_delay_s * rule.backoff_coefficient ** (attempt - 1)
    except OverflowError:
        return rule.max_delay_s
    return min(grown, rule.max_delay_s)


def survives_loss(losses: int) -> bool:
    """Whether an input goes back to the queue after its *losses*-th loss.

    Args:
        losses: Containers it has died with so far, the present one included.
    """
    return losses <= MAX_LOSSES


def company(limit: int, losses: int) -> int:
    """How many inputs may run in a container together with one that was lost.

    One loss is bad luck. From the second on, its company is halved each time, and
    its last chances it gets alone: so an input that kills its containers is found
    out, and those who were only unlucky enough to run beside it are not lost.

    Args:
        limit: Inputs that a container may run.
        losses: Containers that the input has died with so far.
    """
    if losses <= 1:
        return limit
    if losses >= MAX_LOSSES - 1:
        return 1
    return max(1, limit >> (losses - 1))
