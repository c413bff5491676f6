"""Inputs that containers died under: kept apart, so that they take nobody along.

Who of the inputs of a dead container killed it is not known. So those that have
been there more than once share containers with fewer and fewer others, until the
culprit runs alone (`telemetry.policy.retries.company`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry.policy.retries import company

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry.runtime.driver.containers import ContainerHandle
    from telemetry.runtime.driver.fleet import Fleet
    from telemetry.runtime.driver.inputs import Input
    from telemetry.runtime.driver.waiting_line import InputQueue


class Suspects:
    """Places suspects in containers of their own. The dispatcher's thread only.

    A container that has `company` set takes no other inputs; it is open to all
    again when it is empty.

    Args:
        start: Starts an input in a container.
    """

    def __init__(
        self,
        queue: InputQueue,
        fleet: Fleet,
        limit: int,
        start: Callable[[Input, ContainerHandle, float], None],
    ) -> None:
        self._queue = queue
        self._fleet = fleet
        self._limit = limit
        self._start = start

    def place(self, now_s: float) -> int:
        """Start the suspects that have a place; how many did."""
        for each in self._fleet.ready:
            if each.running == 0:
                each.company = None
        waiting, placed = self._queue.suspects, 0
        while waiting:
            size = company(self._limit, waiting[0].losses)
            container = self._place_for(size)
            if container is None:
                break
            container.company = min(size, container.company or size)
            self._start(waiting.pop(0), container, now_s)
            placed += 1
        return placed

    def _place_for(self, size: int) -> ContainerHandle | None:
        kept = [each for each in self._fleet.ready if each.company is not None]
        open_ = [each for each in self._fleet.ready if each.company is None]
        for each in kept:
            if each.running < min(size, each.company or size):
                return each
        for each in open_:
            if each.running == 0:
                return each
        if not kept and open_:
            # Nobody is idle: keep the least loaded one free from now on.
            min(open_, key=lambda each: each.running).company = size
        return None
