"""What is measured of a pool, exactly: integrals, zones, bursts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry.capture.runtime_records import BurstEnded, PoolMeasured
from telemetry.policy.bursts import EpisodeTracker, Zone, zone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telemetry.policy.bursts import Episode
    from telemetry.runtime.driver.services import Services
    from telemetry.runtime.spec import PoolSpec
    from telemetry.runtime.wire.reactor import Timer


class Meter:
    """Integrates what a pool does over time. The dispatcher's thread only.

    A round of the dispatcher has one moment; what changes within it has no
    duration, so measuring at the end of each round is exact.
    """

    def __init__(self, spec: PoolSpec, services: Services) -> None:
        self._function = spec.function
        self._pool = spec.key
        self._target = spec.concurrency.target_inputs
        self._limit = spec.concurrency.max_inputs
        self._services = services
        self._episodes = EpisodeTracker()
        self._quiet_timer: Timer | None = None
        self._at_s: float | None = None
        self._running = 0
        self._queued = 0
        self.zones = dict.fromkeys(Zone, 0)
        self.slots_s = 0.0
        self.queue_s = 0.0
        self.zones_s = dict.fromkeys(Zone, 0.0)

    def measure(
        self,
        now_s: float,
        loads: Sequence[int],
        queued: int,
        *,
        starting: int,
        may_start: bool,
    ) -> None:
        """Take in how the pool is from *now_s* on.

        Args:
            loads: Running inputs of every living container that was ready.
            queued: Inputs that wait.
        """
        if self._at_s is not None:
            self._integrate(now_s - self._at_s)
        self._at_s = now_s
        self._running, self._queued = sum(loads), queued
        zones = self.zones = dict.fromkeys(Zone, 0)
        target, peak, above = self._target, 0, 0
        for load in loads:
            zones[zone(load, target, self._limit, queued)] += 1
            above += load > target
            peak = max(peak, load)
        if above or self._quiet_timer is not None or self._bursting:
            self._observe(now_s, peak, above, starting, may_start=may_start)

    def close(self, now_s: float) -> None:
        """Report what is open, and the integrals."""
        if self._at_s is not None:
            self._integrate(now_s - self._at_s)
            self._at_s = now_s
        self._tell(now_s, self._episodes.close(now_s))
        if self._services.report is not None:
            zones_s = {each.value: seconds for each, seconds in self.zones_s.items()}
            self._services.report(
                PoolMeasured(
                    now_s,
                    self._function,
                    self.slots_s,
                    self.queue_s,
                    zones_s,
                    self._pool,
                    want=0,
                    demand=0.0,
                    last=True,
                )
            )

    _bursting = False

    def _integrate(self, elapsed_s: float) -> None:
        self.slots_s += self._running * elapsed_s
        self.queue_s += self._queued * elapsed_s
        for each, containers in self.zones.items():
            if containers:
                self.zones_s[each] += containers * elapsed_s

    def _observe(
        self, now_s: float, peak: int, above: int, starting: int, *, may_start: bool
    ) -> None:
        self._bursting = above > 0
        ended = self._episodes.observe(
            now_s, peak, above, starting, may_start=may_start
        )
        self._tell(now_s, ended)
        due_s = self._episodes.due_s
        if due_s is not None and self._quiet_timer is None:
            self._quiet_timer = self._services.at(due_s, self._look_for_quiet)

    def _look_for_quiet(self) -> None:
        self._quiet_timer = None
        due_s = self._episodes.due_s
        if due_s is None or self._at_s is None:
            return
        # Nothing was above target since; observing zero again closes what is due.
        now_s = max(self._at_s, due_s)
        self._tell(now_s, self._episodes.observe(now_s, 0, 0, 0, may_start=False))

    def _tell(self, now_s: float, episode: Episode | None) -> None:
        if episode is not None and self._services.report is not None:
            self._services.report(
                BurstEnded(now_s, self._function, episode, self._pool)
            )
