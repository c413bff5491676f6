"""Zones of a container, and the episodes in which a function ran above target."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

QUIET_S: Final = 1.0
"""Seconds with nothing above target after which an episode is over."""


class Zone(StrEnum):
    """The value of the attribute ``input.zone``: how full a container is."""

    IDLE = "idle"
    NORMAL = "normal"
    BURST = "burst"
    SATURATED = "saturated"


def zone(running: int, target: int, limit: int, queued: int) -> Zone:
    """The zone of a container at a moment.

    A container whose limit is its target cannot burst: it is saturated only while
    its function has a queue.

    Args:
        running: Inputs running in the container.
        target: Inputs that it should run.
        limit: Inputs that it may run.
        queued: Inputs that wait for a slot of the function.
    """
    if running <= 0:
        return Zone.IDLE
    if running >= limit and (limit > target or queued > 0):
        return Zone.SATURATED
    return Zone.BURST if running > target else Zone.NORMAL


class BurstReason(StrEnum):
    """Why containers ran above target; the ``input.reason`` of ``input.bursts``."""

    COLD_START = "cold_start"
    MAX_CONTAINERS = "max_containers"


def burst_reason(starting: int, *, may_start: bool) -> BurstReason:
    """Why a burst begins: nobody may come to help, or help is on its way.

    Args:
        starting: Containers that are not ready yet.
        may_start: Ready and starting containers are fewer than the maximum.
    """
    if starting == 0 and not may_start:
        return BurstReason.MAX_CONTAINERS
    return BurstReason.COLD_START


@dataclass(frozen=True, slots=True)
class Episode:
    """A stretch of time in which a function had containers above target.

    Attributes:
        started_s: When the first container exceeded its target.
        ended_s: The last moment at which one did.
        peak: Most inputs that ran in any one container meanwhile.
        containers: Most containers that were above target at once.
        reason: Why it began.
    """

    started_s: float
    ended_s: float
    peak: int
    containers: int
    reason: BurstReason

    @property
    def duration_s(self) -> float:
        """Seconds from the first to the last moment above target."""
        return self.ended_s - self.started_s


@dataclass(slots=True)
class _Open:
    started_s: float
    reason: BurstReason
    peak: int = 0
    containers: int = 0
    ended_s: float | None = None  # None while a container is above its target


class EpisodeTracker:
    """Joins the bursts of one function to episodes. Not safe from several threads.

    Times are seconds of one monotonic clock of the caller's.
    """

    __slots__ = ("_open", "_quiet_s")

    def __init__(self, quiet_s: float = QUIET_S) -> None:
        self._quiet_s = quiet_s
        self._open: _Open | None = None

    @property
    def due_s(self) -> float | None:
        """When the open episode ends if nothing happens; None while it cannot."""
        if self._open is None or self._open.ended_s is None:
            return None
        return self._open.ended_s + self._quiet_s

    def observe(
        self, now_s: float, peak: int, above: int, starting: int, *, may_start: bool
    ) -> Episode | None:
        """Take in how it is from now on; the episode that is over by now, if any.

        Args:
            now_s: The present.
            peak: Highest number of inputs running in any container.
            above: Containers that run more inputs than their target.
            starting: Containers that are not ready yet.
            may_start: Ready and starting containers are fewer than the maximum.
        """
        due_s = self.due_s
        closed = self.close(now_s) if due_s is not None and now_s >= due_s else None
        current = self._open
        if above > 0:
            if current is None:
                reason = burst_reason(starting, may_start=may_start)
                self._open = current = _Open(started_s=now_s, reason=reason)
            current.peak = max(current.peak, peak)
            current.containers = max(current.containers, above)
            current.ended_s = None
        elif current is not None and current.ended_s is None:
            current.ended_s = now_s
        return closed

    def close(self, now_s: float) -> Episode | None:
        """End the open episode, as at shutdown; None when there is none."""
        current, self._open = self._open, None
        if current is None:
            return None
        return Episode(
            started_s=current.started_s,
            ended_s=now_s if current.ended_s is None else current.ended_s,
            peak=current.peak,
            containers=current.containers,
            reason=current.reason,
        )
