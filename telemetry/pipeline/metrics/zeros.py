"""Counters that a pool may count in one day, at zero from its declaration on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from telemetry.capture.runtime_records import PoolDeclared
from telemetry.core import names
from telemetry.core.metrics import Metric
from telemetry.core.outcome import Outcome
from telemetry.pipeline.metrics.forming import Values
from telemetry.pipeline.metrics.inputs import NONE
from telemetry.policy.bursts import BurstReason, Zone

EXITS: Final = (
    "scaledown",
    "cancellation",
    "timeout",
    "crash",
    "shutdown",
    "start_failed",
)
RESCHEDULED: Final = ("cancellation", "timeout", "crash")


def prepared(pool: PoolDeclared) -> Iterator[tuple[Metric, Values]]:
    """The counters, by instrument and values."""
    key = pool.label, pool.mode
    yield names.SLOTS_SECONDS, key
    yield names.QUEUE_SECONDS, key
    yield names.CONTAINER_STARTS, key
    for zone in _zones(pool):
        yield names.ZONE_SECONDS, (*key, zone.value)
    for reason in EXITS:
        yield names.CONTAINER_EXITS, (*key, reason)
    if pool.limit > pool.target:
        for burst in BurstReason:
            yield names.BURSTS, (*key, burst.value)
    if "async" in pool.methods.values():
        yield names.LOOP_BLOCKED, key
    for function, mode in pool.methods.items():
        yield from _of_method(pool, function, mode)


def _of_method(
    pool: PoolDeclared, function: str, mode: str
) -> Iterator[tuple[Metric, Values]]:
    key = function, mode
    for zone in _zones(pool):
        if zone is Zone.IDLE:
            continue
        yield names.STARTED, (*key, zone.value)
        for outcome in Outcome:
            yield names.COMPLETED, (*key, zone.value, outcome.value)
    yield names.COMPLETED, (*key, NONE, Outcome.CANCELLED.value)
    for metric in (names.FAAS_COLDSTARTS, names.FAAS_ERRORS, names.FAAS_TIMEOUTS):
        yield metric, (*key, names.TRIGGER)
    for reason in RESCHEDULED:
        yield names.RESCHEDULED, (*key, reason)
    if pool.retries:
        for outcome in (Outcome.ERROR, Outcome.TIMEOUT):
            yield names.RETRIED, (*key, outcome.value)
    yield names.REJECTED, (*key, "arguments")
    mechanism = _mechanism(pool, mode)
    yield names.CANCELLED, (*key, "user", "queued", NONE)
    yield names.CANCELLED, (*key, "user", "running", mechanism)
    yield names.CANCELLED, (*key, "timeout", "running", mechanism)


def _zones(pool: PoolDeclared) -> Iterator[Zone]:
    for zone in Zone:
        if zone is not Zone.BURST or pool.limit > pool.target:
            yield zone


def _mechanism(pool: PoolDeclared, mode: str) -> str:
    if mode == "async":
        return "task"
    if pool.cancellation == "container" and pool.limit > 1:
        return "container"
    return "exception"
