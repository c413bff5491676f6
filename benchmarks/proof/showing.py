"""What gauges should have shown, and since when, by the runtime's records."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

from benchmarks.proof.sums import Counted
from telemetry.capture.runtime_records import (
    ContainerExited,
    ContainerReady,
    ContainerStarting,
    PoolDeclared,
    PoolMeasured,
    Record,
)
from telemetry.core import names

STATES: Final = ("starting", "ready", "draining")
_OF_CONTAINERS: Final = (
    names.SLOTS_ACTIVE,
    names.SLOTS_TARGET,
    names.SLOTS_LIMIT,
    names.SLOTS_PEAK,
    names.SLOTS_STUCK,
)


class Showing:
    """Keeps the changes of each gauge.

    Args:
        pools: What is known of each pool; somebody else fills it.
    """

    def __init__(self, counted: Counted, pools: Mapping[str, PoolDeclared]) -> None:
        self._counted = counted
        self._pools = pools
        self._unix_s = time.time() - time.monotonic()
        self._states: dict[str, dict[str, str]] = {}

    def take(self, record: Record) -> None:
        """Take in a record, which may change a gauge."""
        match record:
            case PoolMeasured():
                self._measured(record)
            case ContainerStarting():
                self._of(record.pool)[record.container_id] = STATES[0]
            case ContainerReady():
                self._ready(record)
            case ContainerExited():
                self._exited(record)
            case _:
                return
        self._show_states(record)

    def _of(self, pool: str) -> dict[str, str]:
        """The states of a pool's containers."""
        return self._states.setdefault(pool, {})

    def _key(self, pool: str) -> tuple[str, str]:
        return self._pools[pool].label, self._pools[pool].mode

    def _show_states(
        self,
        record: PoolMeasured | ContainerStarting | ContainerReady | ContainerExited,
    ) -> None:
        key, unix_s = self._key(record.pool), record.at_s + self._unix_s
        states = list(self._of(record.pool).values())
        is_last = isinstance(record, PoolMeasured) and record.last
        for state in STATES:
            count = None if is_last else states.count(state)
            self._counted.show(names.CONTAINERS, unix_s, count, *key, state)

    def _ready(self, record: ContainerReady) -> None:
        self._of(record.pool)[record.container_id] = STATES[1]
        unix_s, declared = record.at_s + self._unix_s, self._pools[record.pool]
        mine = (*self._key(record.pool), record.container_id)
        self._counted.show(names.SLOTS_TARGET, unix_s, declared.target, *mine)
        self._counted.show(names.SLOTS_LIMIT, unix_s, declared.limit, *mine)
        for metric in (names.SLOTS_ACTIVE, names.SLOTS_PEAK, names.SLOTS_STUCK):
            self._counted.show(metric, unix_s, 0, *mine)

    def _exited(self, record: ContainerExited) -> None:
        if self._of(record.pool).pop(record.container_id, STATES[0]) == STATES[0]:
            return  # it never had slots
        mine = (*self._key(record.pool), record.container_id)
        for metric in _OF_CONTAINERS:
            self._counted.show(metric, record.at_s + self._unix_s, None, *mine)

    def _measured(self, record: PoolMeasured) -> None:
        key, unix_s = self._key(record.pool), record.at_s + self._unix_s
        for metric, value in (
            (names.ACTIVE, record.running),
            (names.QUEUED, record.queued),
            (names.QUEUE_OLDEST, record.oldest_s),
            (names.AUTOSCALER_WANT, record.want),
            (names.AUTOSCALER_DEMAND, record.demand),
        ):
            if value is not None:
                shown = None if record.last else value
                self._counted.show(metric, unix_s, shown, *key)
        states = self._of(record.pool)
        states.clear()
        for each in record.containers:
            states[each.container_id] = each.state
            if each.state != STATES[0]:
                mine = (*key, each.container_id)
                self._counted.show(names.SLOTS_ACTIVE, unix_s, each.running, *mine)
                self._counted.show(names.SLOTS_PEAK, unix_s, each.peak, *mine)
                self._counted.show(names.SLOTS_STUCK, unix_s, each.stuck, *mine)
