"""When an event loop counts as blocked, and when to ask it for its stack."""

from __future__ import annotations

from typing import Final, NamedTuple

THRESHOLD_S: Final = 0.1
"""A loop that has not turned for so long is blocked. Source: asyncio's own
``slow_callback_duration``."""

LOOK_EVERY_S: Final = 0.015
"""How often to look while a loop is blocked: when did it end?"""

ASK_AGAIN_S: Final = (1.0, 5.0, 30.0)
"""How long a loop has been blocked when its stack is wanted again."""

ASK_EVERY_S: Final = 60.0
"""After the last of those: seconds from one stack to the next."""


class Look(NamedTuple):
    """What follows from one look at a loop.

    Attributes:
        blocked_s: For how long the loop has been blocked; None while it is not.
        ask: A stack is wanted now.
        ended_s: A blockage is over, and was so long; None when none has ended.
        next_look_ns: When to look again at the latest; clock of the pulse.
    """

    blocked_s: float | None
    ask: bool
    ended_s: float | None
    next_look_ns: int


class LoopWatch:
    """Follows one loop from look to look.

    Args:
        threshold_s: From when on it counts as blocked.
    """

    def __init__(self, threshold_s: float = THRESHOLD_S) -> None:
        self._threshold_ns = round(threshold_s * 1e9)
        self._look_every_ns = round(LOOK_EVERY_S * 1e9)
        # Of the blockage that goes on: 0 while there is none.
        self._since_ns = 0
        self._counted_ns = 0
        self._seen_ns = 0
        self._ask_at_ns = 0

    @property
    def blocked(self) -> bool:
        """A blockage goes on, as far as the last look could tell."""
        return self._since_ns != 0

    def look(self, busy_since_ns: int, counted_ns: int, now_ns: int) -> Look:
        """Take in one reading of the pulse.

        Args:
            busy_since_ns: Since when the loop has been busy; 0 while it waits.
            counted_ns: What it has counted as held so far. It is counted when the
                loop turns again, and so tells exactly how long that took.
            now_ns: A time from before the pulse was read: the other way round, a
                reader that is held up itself would see loops blocked that are not.
        """
        ended_s = None
        if self._since_ns and busy_since_ns != self._since_ns:
            ended_s = self._end(counted_ns)
        held_ns = now_ns - busy_since_ns if busy_since_ns else 0
        if held_ns < self._threshold_ns:
            due_ns = (busy_since_ns or now_ns) + self._threshold_ns
            return Look(None, ask=False, ended_s=ended_s, next_look_ns=due_ns)
        if not self._since_ns:
            self._since_ns, self._counted_ns = busy_since_ns, counted_ns
            self._ask_at_ns = busy_since_ns
        self._seen_ns = held_ns
        ask = now_ns >= self._ask_at_ns
        if ask:
            self._plan(held_ns)
        due_ns = now_ns + self._look_every_ns
        return Look(held_ns / 1e9, ask=ask, ended_s=ended_s, next_look_ns=due_ns)

    def gone(self) -> float | None:
        """The process is gone: for how long it was blocked, if it was."""
        return self._end(0) if self._since_ns else None

    def _end(self, counted_ns: int) -> float:
        exact_ns = counted_ns - self._counted_ns
        self._since_ns = 0
        return max(exact_ns, self._seen_ns) / 1e9

    def _plan(self, held_ns: int) -> None:
        """When the next stack is wanted: at the next step that is still to come."""
        steps = [round(step * 1e9) for step in ASK_AGAIN_S]
        ahead = [step for step in steps if step > held_ns]
        after = ahead[0] if ahead else held_ns + round(ASK_EVERY_S * 1e9)
        self._ask_at_ns = self._since_ns + after
