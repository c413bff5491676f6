"""Tells how a pool is, about each second: what gauges and integrals are read from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from telemetry.capture.runtime_records import ContainerMeasured, PoolMeasured
from telemetry.policy.bursts import zone

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry.runtime.driver.containers import ContainerHandle
    from telemetry.runtime.driver.fleet import Fleet
    from telemetry.runtime.driver.meter import Meter
    from telemetry.runtime.driver.services import Services
    from telemetry.runtime.driver.settler import Settler
    from telemetry.runtime.driver.waiting_line import InputQueue
    from telemetry.runtime.spec import PoolSpec
    from telemetry.runtime.wire.reactor import Timer

EVERY_S: Final = 1.0
"""Least seconds between two measures of a pool."""

IDLE_EVERY_S: Final = 5.0
"""Most seconds between two, while containers only wait for work: the time that they
spend in the zone idle still has to be told before the next export."""


class Surveyor:
    """Reports a pool's measures. The dispatcher's thread only.

    Args:
        on_due: Time for a measure has come: bring the pool up to the present.
    """

    def __init__(
        self,
        spec: PoolSpec,
        services: Services,
        queue: InputQueue,
        fleet: Fleet,
        on_due: Callable[[], None],
    ) -> None:
        self._spec = spec
        self._services = services
        self._queue = queue
        self._fleet = fleet
        self._on_due = on_due
        self._told_s = float("-inf")
        self._timer: Timer | None = None

    def look(self, now_s: float, meter: Meter, settler: Settler) -> None:
        """Something may have changed, and *meter* has taken it in."""
        if self._services.report is None:
            return
        due_s = self._told_s + EVERY_S
        if now_s < due_s:
            self._look_at(due_s)
            return
        self._told_s = now_s
        measured = self._measured(now_s, meter, settler)
        self._services.report(measured)
        starting = any(not each.ready_s for each in self._fleet.living)
        if measured.running or measured.queued or starting:
            self._look_at(now_s + EVERY_S)
        elif self._fleet.living:
            self._look_at(now_s + IDLE_EVERY_S)

    def _look_at(self, when_s: float) -> None:
        if self._timer is not None:
            if self._timer.when_s <= when_s:
                return
            self._timer.cancel()
        self._timer = self._services.at(when_s, self._due)

    def _due(self) -> None:
        self._timer = None
        self._on_due()

    def _measured(self, now_s: float, meter: Meter, settler: Settler) -> PoolMeasured:
        queue, decision = self._queue, self._fleet.decision
        queued, rows, running = len(queue), list[ContainerMeasured](), 0
        for container in self._fleet.living:
            inputs, stuck = _inside(container)
            running += inputs
            rows.append(self._row(container, stuck, queued))
            container.peak = container.running
        return PoolMeasured(
            at_s=now_s,
            function=self._spec.function,
            slots_s=meter.slots_s,
            queue_s=meter.queue_s,
            zones_s={each.value: seconds for each, seconds in meter.zones_s.items()},
            pool=self._spec.key,
            running=running,
            queued=queued,
            delayed=len(settler.waiting),
            oldest_s=_age_s(queue, now_s),
            containers=tuple(rows),
            want=None if decision is None else decision.want,
            demand=None if decision is None else decision.demand,
        )

    def _row(
        self, container: ContainerHandle, stuck: int, queued: int
    ) -> ContainerMeasured:
        slots, running = self._spec.concurrency, container.running
        is_used = container.ready_s > 0
        return ContainerMeasured(
            container.container_id,
            container.state.value,
            running,
            container.peak,
            stuck,
            zone(running, slots.target_inputs, slots.max_inputs, queued)
            if is_used
            else None,
        )


def _inside(container: ContainerHandle) -> tuple[int, int]:
    """Inputs that run in it, and slots whose input was asked to end."""
    inputs = stuck = 0
    for execution in container.occupants():
        inputs += sum(not each.settled for each in execution.inputs)
        stuck += execution.cause is not None
    return inputs, stuck


def _age_s(queue: InputQueue, now_s: float) -> float:
    """For how long the first of those who wait has done so."""
    oldest = queue.oldest()
    first = [each.enqueued_s for each in (oldest, *queue.suspects) if each is not None]
    return max(0.0, now_s - min(first)) if first else 0.0
