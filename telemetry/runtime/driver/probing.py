"""Asks containers that have fallen silent whether they are still there."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from telemetry.runtime.wire import messages

if TYPE_CHECKING:
    from telemetry.runtime.driver.fleet import Fleet
    from telemetry.runtime.driver.services import Services
    from telemetry.runtime.wire.reactor import Timer

SILENCE_S: Final = 0.05
"""A container that runs several inputs and says nothing for so long is probed."""


class Prober:
    """Probes silent containers. The dispatcher's thread only.

    Results wait for the end of the round of a container's loop, so that many
    leave together. When a body blocks the loop, that end does not come: the probe
    makes the transport thread send what lies ready. A busy container is never
    silent, so this costs nothing where it would hurt.
    """

    def __init__(self, services: Services, fleet: Fleet) -> None:
        self._services = services
        self._fleet = fleet
        self._timer: Timer | None = None

    def watch(self, now_s: float) -> None:
        """Something was started: look from time to time while anything runs."""
        if self._timer is None:
            self._timer = self._services.at(now_s + SILENCE_S, self._look)

    def _look(self) -> None:
        self._timer = None
        now_s = time.monotonic()
        busy = [each for each in self._fleet.living if each.running > 1]
        for container in busy:
            if now_s - container.heard_s >= SILENCE_S:
                container.outgoing.append((messages.PROBE,))
                container.flush()
        if busy:
            self.watch(now_s)
