"""A pool as its records tell it: what is counted of it, and how it is now."""

from __future__ import annotations

from typing import Final

import msgspec

from telemetry.capture.runtime_records import (
    BurstEnded,
    ContainerExited,
    ContainerMeasured,
    ContainerReady,
    ContainerStarting,
    LoopBlocked,
    LoopMeasured,
    PoolDeclared,
    PoolMeasured,
    ScalingDecided,
)
from telemetry.core import names
from telemetry.pipeline.metrics.ledger import Ledger

UNKNOWN: Final = "unknown"
"""The mode of a pool that was never declared: its declaration was given up."""

STARTING: Final = "starting"
READY: Final = "ready"
DRAINING: Final = "draining"
STATES: Final = (STARTING, READY, DRAINING)


class ContainerNow(msgspec.Struct):
    """A living container.

    Attributes:
        peak: Most slots that were taken at once since the last collection.
        stuck: Slots whose input is cancelled and still runs.
    """

    target: int
    limit: int
    state: str = STARTING
    running: int = 0
    peak: int = 0
    stuck: int = 0


class PoolNow(msgspec.Struct):
    """What is known of a pool.

    Attributes:
        function: As its records have it.
        declared: None when that was given up before anybody read it.
        slots_s: The integrals as they were counted last.
        is_open: It has been measured, and not for the last time.
    """

    function: str
    declared: PoolDeclared | None = None
    slots_s: float = 0.0
    queue_s: float = 0.0
    zones_s: dict[str, float] = {}
    is_open: bool = False
    running: int = 0
    queued: int = 0
    oldest_s: float = 0.0
    want: int | None = None
    demand: float | None = None
    containers: dict[str, ContainerNow] = {}

    @property
    def label(self) -> str:
        """``input.function`` of what belongs to its containers and its queue."""
        return self.function if self.declared is None else self.declared.label

    @property
    def mode(self) -> str:
        """``input.mode`` of the same."""
        return UNKNOWN if self.declared is None else self.declared.mode

    def mode_of(self, function: str) -> str:
        """``input.mode`` of an input of one of its methods."""
        declared = self.declared
        return UNKNOWN if declared is None else declared.methods.get(function, UNKNOWN)


def take_declared(_ledger: Ledger, pool: PoolNow, record: PoolDeclared) -> None:
    """Rules that hold from now on."""
    pool.declared = record


def take_measured(ledger: Ledger, pool: PoolNow, record: PoolMeasured) -> None:
    """How it is, and what its integrals have grown by."""
    key = pool.label, pool.mode
    ledger.add(names.SLOTS_SECONDS, key, record.slots_s - pool.slots_s)
    ledger.add(names.QUEUE_SECONDS, key, record.queue_s - pool.queue_s)
    pool.slots_s, pool.queue_s = record.slots_s, record.queue_s
    for zone, seconds in record.zones_s.items():
        grown_s = seconds - pool.zones_s.get(zone, 0.0)
        ledger.add(names.ZONE_SECONDS, (*key, str(zone)), grown_s)
        pool.zones_s[str(zone)] = seconds
    pool.is_open = not record.last
    pool.running, pool.queued = record.running, record.queued
    pool.oldest_s = record.oldest_s
    pool.want, pool.demand = record.want, record.demand
    before, pool.containers = pool.containers, {}
    for row in record.containers:
        pool.containers[row.container_id] = _renewed(pool, before, row)


def _renewed(
    pool: PoolNow, before: dict[str, ContainerNow], row: ContainerMeasured
) -> ContainerNow:
    now = before.get(row.container_id)
    if now is None:
        # Its start was given up. All containers of a pool have the same slots.
        declared = pool.declared
        slots = (0, 0) if declared is None else (declared.target, declared.limit)
        now = ContainerNow(*slots)
    now.state, now.running, now.stuck = row.state, row.running, row.stuck
    now.peak = max(now.peak, row.peak)
    return now


def take_starting(ledger: Ledger, pool: PoolNow, record: ContainerStarting) -> None:
    """A container was asked for."""
    ledger.add(names.CONTAINER_STARTS, (pool.label, pool.mode))
    pool.containers[record.container_id] = ContainerNow(record.target, record.limit)


def take_ready(ledger: Ledger, pool: PoolNow, record: ContainerReady) -> None:
    """A container takes inputs."""
    key = pool.label, pool.mode
    phases = {
        "spawn": record.spawn_s,
        "import": record.import_s,
        "enter": record.enter_s,
        "total": record.total_s,
    }
    for phase, seconds in phases.items():
        ledger.observe(names.CONTAINER_START_DURATION, (*key, phase), seconds)
    ledger.observe(names.FAAS_INIT_DURATION, (*key, names.TRIGGER), record.total_s)
    now = pool.containers.get(record.container_id)
    if now is not None:
        now.state = READY


def take_exited(ledger: Ledger, pool: PoolNow, record: ContainerExited) -> None:
    """A container is gone."""
    ledger.add(names.CONTAINER_EXITS, (pool.label, pool.mode, record.reason))
    pool.containers.pop(record.container_id, None)


def take_decided(ledger: Ledger, pool: PoolNow, record: ScalingDecided) -> None:
    """The autoscaler changed its mind."""
    decision = record.decision
    values = pool.label, pool.mode, decision.direction, str(decision.reason)
    ledger.add(names.AUTOSCALER_DECISIONS, values)


def take_burst(ledger: Ledger, pool: PoolNow, record: BurstEnded) -> None:
    """A stretch above target is over."""
    values = pool.label, pool.mode, str(record.episode.reason)
    ledger.add(names.BURSTS, values)
    ledger.observe(names.BURST_DURATION, values, record.episode.duration_s)


def take_blocked(ledger: Ledger, pool: PoolNow, record: LoopBlocked) -> None:
    """A loop stood still; told several times while it does, counted at its end."""
    if record.over:
        ledger.add(names.LOOP_BLOCKED, (pool.label, pool.mode))


def take_lag(ledger: Ledger, pool: PoolNow, record: LoopMeasured) -> None:
    """How late a loop was."""
    values = pool.label, pool.mode
    ledger.observe_many(
        names.LOOP_LAG, values, record.counts, record.sum_s, record.max_s
    )
