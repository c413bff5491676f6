"""Records of the dispatcher made by hand, for the tests of what is derived of them."""

from __future__ import annotations

from typing import Any

from telemetry.capture.runtime_records import (
    Cancelled,
    ContainerExited,
    ContainerMeasured,
    ContainerReady,
    ContainerStarting,
    InputInterrupted,
    InputSettled,
    InputStarted,
    PoolDeclared,
    PoolMeasured,
)
from telemetry.core.outcome import Outcome
from telemetry.policy.bursts import Zone

POOL = "shop/resize"
INPUT = "in-01J00000000000000000RUNNN0"
CONTAINER = "ct-01J00000000000000000RUNNN0"


def declared(**given: Any) -> PoolDeclared:
    """A pool of one function, if nothing else is said."""
    values: dict[str, Any] = {
        "at_s": 1.0,
        "function": "resize",
        "pool": POOL,
        "app": "shop",
        "methods": {"resize": "async"},
        "mode": "async",
        "target": 2,
        "limit": 4,
        "min_containers": 0,
        "max_containers": 1,
        "buffer_containers": 0,
        "scaledown_window_s": 60.0,
        "timeout_s": 300.0,
        "cancellation": "container",
    }
    return PoolDeclared(**{**values, **given})


def started(input_id: str = INPUT, **given: Any) -> InputStarted:
    """An execution began."""
    values: dict[str, Any] = {
        "at_s": 10.0,
        "function": "resize",
        "function_call_id": "fc-0",
        "attempt": 0,
        "container_id": CONTAINER,
        "slot": 0,
        "concurrency": 1,
        "zone": Zone.NORMAL,
        "wait_s": 0.25,
        "wait_reason": "none",
        "batch_size": 1,
        "pool": POOL,
    }
    return InputStarted(input_id=input_id, **{**values, **given})


def settled(input_id: str = INPUT, **given: Any) -> InputSettled:
    """An input has its outcome."""
    values: dict[str, Any] = {
        "at_s": 12.0,
        "function": "resize",
        "function_call_id": "fc-0",
        "outcome": Outcome.SUCCESS,
        "attempt": 0,
        "container_id": CONTAINER,
        "slot": 0,
        "zone": Zone.NORMAL,
        "wait_s": 0.25,
        "run_s": 1.5,
        "total_s": 2.25,
        "cancelled": None,
        "pool": POOL,
    }
    return InputSettled(input_id=input_id, **{**values, **given})


def unstarted(input_id: str = INPUT, **given: Any) -> InputSettled:
    """An input has its outcome, and never ran."""
    values: dict[str, Any] = {
        "outcome": Outcome.CANCELLED,
        "container_id": None,
        "slot": None,
        "zone": None,
        "run_s": None,
        "cancelled": cancelled(phase="queued", mechanism=None, observed=None),
    }
    return settled(input_id, **{**values, **given})


def interrupted(input_id: str = INPUT, **given: Any) -> InputInterrupted:
    """An execution ended without an outcome."""
    values: dict[str, Any] = {
        "at_s": 11.0,
        "function": "resize",
        "function_call_id": "fc-0",
        "attempt": 0,
        "container_id": CONTAINER,
        "slot": 0,
        "elapsed_s": 1.0,
        "reason": "lost",
        "outcome": Outcome.LOST,
        "zone": Zone.NORMAL,
        "run_s": 0.75,
        "why": "crash",
        "pool": POOL,
        "died": True,
    }
    return InputInterrupted(input_id=input_id, **{**values, **given})


def cancelled(**given: Any) -> Cancelled:
    """What was asked of an execution."""
    values: dict[str, Any] = {
        "cause": "user",
        "phase": "running",
        "mechanism": "task",
        "observed": "unwound",
        "requested_s": 11.0,
    }
    return Cancelled(**{**values, **given})


def starting(container_id: str = CONTAINER, **given: Any) -> ContainerStarting:
    """A container was asked for."""
    values: dict[str, Any] = {
        "at_s": 2.0,
        "function": "resize",
        "pool": POOL,
        "target": 2,
        "limit": 4,
    }
    return ContainerStarting(container_id=container_id, **{**values, **given})


def ready(container_id: str = CONTAINER, **given: Any) -> ContainerReady:
    """A container takes inputs."""
    values: dict[str, Any] = {
        "at_s": 4.0,
        "function": "resize",
        "pid": 7,
        "spawn_s": 0.25,
        "import_s": 1.0,
        "enter_s": 0.75,
        "pool": POOL,
    }
    return ContainerReady(container_id=container_id, **{**values, **given})


def exited(container_id: str = CONTAINER, **given: Any) -> ContainerExited:
    """A container is gone."""
    values: dict[str, Any] = {
        "at_s": 20.0,
        "function": "resize",
        "reason": "crash",
        "status": -9,
        "pool": POOL,
        "lived_s": 18.0,
        "served_s": 16.0,
    }
    return ContainerExited(container_id=container_id, **{**values, **given})


def row(container_id: str = CONTAINER, **given: Any) -> ContainerMeasured:
    """A container in a measure."""
    values: dict[str, Any] = {
        "state": "ready",
        "running": 1,
        "peak": 3,
        "stuck": 0,
        "zone": Zone.NORMAL,
    }
    return ContainerMeasured(container_id=container_id, **{**values, **given})


def measured(**given: Any) -> PoolMeasured:
    """A pool at a moment: nothing runs, and nothing has run."""
    values: dict[str, Any] = {
        "at_s": 10.0,
        "function": "resize",
        "slots_s": 0.0,
        "queue_s": 0.0,
        "zones_s": dict.fromkeys(Zone, 0.0),
        "pool": POOL,
    }
    return PoolMeasured(**{**values, **given})
