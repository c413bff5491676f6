"""When an agent ends, and when what it has stored may be overwritten."""

from __future__ import annotations

import pytest

from telemetry.policy.agent_life import (
    LINGER_S,
    LOOK_ON_S,
    SETTLE_S,
    is_over,
    may_be_taken,
)


@pytest.mark.parametrize(
    ("idle_s", "apps", "is_delivered", "expected"),
    [
        (1_000.0, 1, True, False),
        (SETTLE_S - 0.01, 0, True, False),
        (SETTLE_S, 0, True, True),
        (LINGER_S - 0.01, 0, False, False),
        (LINGER_S, 0, False, True),
    ],
)
def test_is_over(idle_s: float, apps: int, is_delivered: bool, expected: bool) -> None:
    """It goes soon when all is delivered, and some seconds later when it is not."""
    now_s = 5_000.0

    over = is_over(
        now_s, apps=apps, last_app_s=now_s - idle_s, is_delivered=is_delivered
    )

    assert over is expected


@pytest.mark.parametrize(
    ("age_s", "is_looked_at", "backlog", "expected"),
    [
        (0.0, False, 0.0, True),
        (0.0, True, 0.0, False),
        (LOOK_ON_S, True, 0.0, True),
        (0.0, True, 0.5, True),
    ],
)
def test_may_be_taken(
    age_s: float, is_looked_at: bool, backlog: float, expected: bool
) -> None:
    """Others have a second to see it, unless the box is filling up."""
    taken = may_be_taken(9.0, 9.0 - age_s, is_looked_at=is_looked_at, backlog=backlog)

    assert taken is expected
