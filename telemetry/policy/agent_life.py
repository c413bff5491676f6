"""When an agent ends, and when the space of what it has stored may be used anew.

Times are seconds of one monotonic clock of the caller's.
"""

from __future__ import annotations

from typing import Final

LINGER_S: Final = 15.0
"""Most seconds that an agent of apps goes on for deliveries after its last app."""

SETTLE_S: Final = 1.0
"""Least seconds for which it goes on: the next app may be about to start."""

LOOK_EVERY_S: Final = 2.0
"""Seconds between two looks for the agent of an app: one that was killed is missed for
so long. Until then the boxes keep what is written."""

MOST_LOOK_S: Final = 60.0
"""The same, where each agent ends as soon as it has begun: starting one costs a third
of a second."""

LOOK_ON_S: Final = 1.0
"""Seconds for which stored records stay in a box for those who look on, such as the
driver that shows its containers' lines."""

_CROWDED: Final = 0.5
"""The part of its budget from which a box cannot wait for them."""


def is_over(now_s: float, *, apps: int, last_app_s: float, is_delivered: bool) -> bool:
    """Whether an agent that was started for apps has nothing left to do.

    Args:
        apps: Drivers that live.
        last_app_s: When one was last seen alive, or the agent began.
        is_delivered: Everything accepted is stored, and delivered where it goes.
    """
    if apps:
        return False
    idle_s = now_s - last_app_s
    return idle_s >= (SETTLE_S if is_delivered else LINGER_S)


def look_after_s(failures: int) -> float:
    """Seconds until the next look for the agent of an app.

    Args:
        failures: Looks in a row that have found it ended as soon as it had begun.
    """
    return min(LOOK_EVERY_S * 2.0 ** min(failures, 16), MOST_LOOK_S)


def may_be_taken(
    now_s: float, stored_s: float, *, is_looked_at: bool, backlog: float
) -> bool:
    """Whether the writer may use the space of records stored at *stored_s* again.

    Args:
        is_looked_at: Somebody else reads the box as it is written.
        backlog: What is not taken, as a part of the budget.
    """
    if not is_looked_at or backlog >= _CROWDED:
        return True
    return now_s - stored_s >= LOOK_ON_S
