"""What the dispatcher reports as it happens: the seam for everything that observes.

``app.run(on_record=...)`` gets each record on a thread of its own, in order, so
an observer can neither stall nor break the dispatcher. Times ending in ``_s`` are
seconds of ``time.monotonic()``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from telemetry.core.outcome import Outcome
from telemetry.policy.bursts import Episode, Zone
from telemetry.policy.scaling import Decision


class Cancelled(NamedTuple):
    """What was asked of an execution, and what came of it.

    Attributes:
        cause: user, timeout, shutdown, or neighbour: its container had to go
            because of another input.
        phase: queued or running.
        mechanism: task, exception or container; None while queued.
        observed: unwound, swallowed, raised, never_started, stuck or died.
        requested_s: When it was asked for.
    """

    cause: str
    phase: str
    mechanism: str | None
    observed: str | None
    requested_s: float


class InputStarted(NamedTuple):
    """An input was given a slot.

    Attributes:
        concurrency: Inputs that run in the container now, this one included.
        wait_reason: none, cold_start, capacity or retry.
        batch_size: Inputs in its batch; 1 for any other.
        parent_id: The input whose body made the call, if one did.
    """

    at_s: float
    function: str
    input_id: str
    function_call_id: str
    attempt: int
    container_id: str
    slot: int
    concurrency: int
    zone: Zone
    wait_s: float
    wait_reason: str
    batch_size: int
    parent_id: str | None = None


class InputSettled(NamedTuple):
    """An input reached its outcome. ``run_s`` is the last execution's, if any."""

    at_s: float
    function: str
    input_id: str
    function_call_id: str
    outcome: Outcome
    attempt: int
    container_id: str | None
    slot: int | None
    zone: Zone | None
    wait_s: float
    run_s: float | None
    total_s: float
    cancelled: Cancelled | None


class InputInterrupted(NamedTuple):
    """An execution ended without an outcome; the input runs again.

    Attributes:
        reason: retry, neighbour (its container had to go), or lost (it died).
        attempt: The one that was interrupted.
    """

    at_s: float
    function: str
    input_id: str
    function_call_id: str
    attempt: int
    container_id: str
    slot: int
    elapsed_s: float
    reason: str


class ContainerStarting(NamedTuple):
    """A container was asked for."""

    at_s: float
    function: str
    container_id: str


class ContainerReady(NamedTuple):
    """A container takes inputs; the three phases make the cold start."""

    at_s: float
    function: str
    container_id: str
    pid: int | None
    spawn_s: float
    import_s: float
    enter_s: float


class ContainerExited(NamedTuple):
    """A container is gone.

    Attributes:
        reason: scaledown, cancellation, timeout, crash, shutdown or start_failed.
        status: The exit code; negative for a signal; None when unknown.
    """

    at_s: float
    function: str
    container_id: str
    reason: str
    status: int | None


class ScalingDecided(NamedTuple):
    """The autoscaler changed its mind: one record per change."""

    at_s: float
    function: str
    decision: Decision


class BurstEnded(NamedTuple):
    """A stretch above target is over."""

    at_s: float
    function: str
    episode: Episode


class PoolMeasured(NamedTuple):
    """The pool's integrals, exact up to ``at_s``; at its end and on request.

    Attributes:
        slots_s: Integral of running inputs.
        queue_s: Integral of queued inputs.
        zones_s: Container-seconds by zone.
    """

    at_s: float
    function: str
    slots_s: float
    queue_s: float
    zones_s: Mapping[str, float]


class LoopBlocked(NamedTuple):
    """An event loop stood still: told as soon as it is noticed, and when it is over.

    Attributes:
        seconds: For how long, so far or in all.
        over: It turns again, or its process is gone.
        input_id: The input that held it; None when that is not certain, as well as
            when it was none.
        candidates: Who may have held it, when that is not certain.
        line: The line of code that held it, as ``file.py:12 in name``.
        stack: The stack of the loop's thread, as `faulthandler` writes it.
        suffered: Inputs that ran on the same loop.
    """

    at_s: float
    function: str
    container_id: str
    pid: int
    seconds: float
    over: bool
    input_id: str | None
    candidates: tuple[str, ...]
    line: str | None
    stack: str | None
    suffered: tuple[str, ...]


Record = (
    InputStarted
    | InputSettled
    | InputInterrupted
    | ContainerStarting
    | ContainerReady
    | ContainerExited
    | ScalingDecided
    | BurstEnded
    | PoolMeasured
    | LoopBlocked
)
