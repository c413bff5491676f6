"""What the dispatcher reports as it happens: the seam for everything that observes.

``app.run(on_record=...)`` gets each record on a thread of its own, in order, so
an observer can neither stall nor break the dispatcher; the driver's black box gets
the same ones. Times ending in ``_s`` are seconds of ``time.monotonic()``, unless they
are durations.

Every metric of `telemetry.core.instruments` can be derived from these records alone.
They are made by position where each input comes by: fields are added at the end, with
a default, and readers pass over those that they do not know.

``function`` is the full name where an input is concerned (``Model.predict``), and the
name of the function or class where its containers are (``Model``). ``pool`` tells
apart what serves the same function under other options: see `PoolDeclared`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

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
        delivered_s: When the body was told; None where it never was, or where nobody
            is left who could say so.
        ended_s: When the body had ended; None while it is stuck, and where it had not
            begun.
    """

    cause: str
    phase: str
    mechanism: str | None
    observed: str | None
    requested_s: float
    delivered_s: float | None = None
    ended_s: float | None = None


class InputStarted(NamedTuple):
    """An input was given a slot.

    Attributes:
        concurrency: Inputs that run in the container now, this one included; a batch
            counts once, as it takes one slot.
        zone: Of the container, with this input in it.
        wait_s: Since it was enqueued, for this attempt: see `enqueued_s`.
        wait_reason: none, cold_start, capacity or retry.
        batch_size: Inputs in its batch; 1 for any other.
        parent_id: The input whose body made the call, if one did.
        trace: The span that it hangs under, packed: see `trace_context.packed`; None
            when it begins a trace.
        cold: Its container was not ready when it was enqueued.
        batch_index: Its place in its batch. The batch runs under the id of the first.
        batch_span: The span of that execution, packed, for all members but the first.
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
    pool: str = ""
    trace: str | None = None
    cold: bool = False
    batch_index: int = 0
    batch_span: str | None = None

    @property
    def enqueued_s(self) -> float:
        """When it began to wait for this attempt."""
        return self.at_s - self.wait_s


class InputSettled(NamedTuple):
    """An input reached its outcome.

    Attributes:
        zone: At the start of its last execution; None if it has had none.
        wait_s: Before the last execution, or until now if it never got there.
        run_s: Of the last execution; None if it has had none.
        total_s: Since it was first enqueued, all attempts included.
        trace: See `InputStarted`.
        died: It ran as its process died.
        error: Why, where there was no container that could say so.
        error_type: Of the exception that the caller gets; "" after a success.
    """

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
    pool: str = ""
    trace: str | None = None
    died: bool = False
    error: str = ""
    error_type: str = ""

    @property
    def first_enqueued_s(self) -> float:
        """When it was accepted."""
        return self.at_s - self.total_s


class InputInterrupted(NamedTuple):
    """An execution ended without an outcome of the input; it runs again.

    Attributes:
        reason: retry, neighbour (its container had to go), or lost (it died).
        attempt: The one that was interrupted.
        elapsed_s: Since it was given its slot.
        outcome: Of this execution: error, timeout, cancelled or lost.
        run_s: How long its body ran.
        why: Of a retry: error or timeout. Else why the container went: cancellation,
            timeout, crash, scaledown or shutdown.
        trace: See `InputStarted`.
        died: It ran as its process died.
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
    outcome: Outcome = Outcome.LOST
    zone: Zone | None = None
    run_s: float = 0.0
    why: str = ""
    cancelled: Cancelled | None = None
    pool: str = ""
    trace: str | None = None
    died: bool = False


class InputRejected(NamedTuple):
    """An input was never accepted: it has its outcome, and no other record.

    Attributes:
        reason: arguments: they could not be encoded.
        error: Type and message of what prevented it.
    """

    at_s: float
    function: str
    input_id: str
    function_call_id: str
    reason: str
    error: str
    pool: str = ""
    parent_id: str | None = None


class PoolDeclared(NamedTuple):
    """The containers of one function or class, and the rules that hold for them.

    Said when the pool is first used, and again when its limits have changed.

    Attributes:
        pool: App, ``/``, and the function's name; under options of its own, with
            parameters of its own, a suffix. The same in all records of the pool.
        methods: The mode of each method (sync, async or batch) by its full name.
        mode: Of the pool: batch; async if all methods are; else sync.
        target: ``target_inputs`` of a container.
        limit: ``max_inputs`` of a container.
        timeout_s: Bound of one execution.
        cancellation: What a cancelled sync input takes along: container or input.
        retries: Most retries of one input.
        max_batch_size: None unless it gathers batches.
        batch_wait_s: How long it gathers.
    """

    at_s: float
    function: str
    pool: str
    app: str
    methods: Mapping[str, str]
    mode: str
    target: int
    limit: int
    min_containers: int
    max_containers: int
    buffer_containers: int
    scaledown_window_s: float
    timeout_s: float
    cancellation: str
    retries: int = 0
    max_batch_size: int | None = None
    batch_wait_s: float | None = None

    @property
    def label(self) -> str:
        """What the pool's metrics call it: its one method, or the whole class."""
        return next(iter(self.methods)) if len(self.methods) == 1 else self.function


class ContainerStarting(NamedTuple):
    """A container was asked for."""

    at_s: float
    function: str
    container_id: str
    pool: str = ""
    target: int = 1
    limit: int = 1


class ContainerReady(NamedTuple):
    """A container takes inputs; the three phases make the cold start."""

    at_s: float
    function: str
    container_id: str
    pid: int | None
    spawn_s: float
    import_s: float
    enter_s: float
    pool: str = ""

    @property
    def total_s(self) -> float:
        """The whole cold start."""
        return self.spawn_s + self.import_s + self.enter_s


class ContainerExited(NamedTuple):
    """A container is gone.

    Attributes:
        reason: scaledown, cancellation, timeout, crash, shutdown or start_failed.
        status: The exit code; negative for a signal; None when unknown.
        lived_s: Since it was asked for.
        served_s: Since it was ready; None if it never was.
        phase: Where its start failed, as far as it could say: import or enter.
    """

    at_s: float
    function: str
    container_id: str
    reason: str
    status: int | None
    pool: str = ""
    lived_s: float = 0.0
    served_s: float | None = None
    phase: str = ""


class ContainerMeasured(NamedTuple):
    """A living container, in a `PoolMeasured`.

    Attributes:
        state: starting, ready or draining.
        running: Slots that are taken.
        peak: Most that were taken at once since the measure before.
        stuck: Slots whose input is cancelled and still runs.
        zone: None until it is ready for the first time.
    """

    container_id: str
    state: str
    running: int
    peak: int
    stuck: int
    zone: Zone | None = None


class ScalingDecided(NamedTuple):
    """The autoscaler changed its mind: one record per change."""

    at_s: float
    function: str
    decision: Decision
    pool: str = ""


class BurstEnded(NamedTuple):
    """A stretch above target is over."""

    at_s: float
    function: str
    episode: Episode
    pool: str = ""


class PoolMeasured(NamedTuple):
    """The pool at a moment, and its integrals, exact up to then.

    Made about each second while something runs, waits or changes, seldom while
    containers only wait for work, and at the end.

    Attributes:
        slots_s: Integral of the slots that were taken.
        queue_s: Integral of queued inputs.
        zones_s: Container-seconds by zone.
        running: Inputs that run now; each member of a batch counts.
        queued: Inputs that wait for a slot.
        delayed: Inputs that wait for the moment of their retry.
        oldest_s: How long the first of those queued has waited; 0 without any.
        containers: Those that live.
        want: Containers that the autoscaler wants; None before it has decided.
        demand: Slots in demand, averaged as it does.
        last: The pool is closed, and no container is left.
    """

    at_s: float
    function: str
    slots_s: float
    queue_s: float
    zones_s: Mapping[str, float]
    pool: str = ""
    running: int = 0
    queued: int = 0
    delayed: int = 0
    oldest_s: float = 0.0
    containers: tuple[ContainerMeasured, ...] = ()
    want: int | None = None
    demand: float | None = None
    last: bool = False


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
    pool: str = ""


class LoopMeasured(NamedTuple):
    """How late an event loop ran what was due, in samples since the record before.

    Attributes:
        counts: Samples by bucket of `telemetry.core.metrics.DURATION_BOUNDS_S`; the
            last one is for what is above them all.
        sum_s: Of all samples.
        max_s: The greatest of them.
    """

    at_s: float
    function: str
    container_id: str
    counts: tuple[int, ...]
    sum_s: float
    max_s: float
    pool: str = ""


Record = (
    InputStarted
    | InputSettled
    | InputInterrupted
    | InputRejected
    | PoolDeclared
    | PoolMeasured
    | ContainerStarting
    | ContainerReady
    | ContainerExited
    | ScalingDecided
    | BurstEnded
    | LoopBlocked
    | LoopMeasured
)

KINDS: Final[Mapping[str, type[Record]]] = {
    kind.__name__: kind
    for kind in (
        InputStarted,
        InputSettled,
        InputInterrupted,
        InputRejected,
        PoolDeclared,
        PoolMeasured,
        ContainerStarting,
        ContainerReady,
        ContainerExited,
        ScalingDecided,
        BurstEnded,
        LoopBlocked,
        LoopMeasured,
    )
}
"""All of them, by the name under which a black box has them."""


def record_of(name: str, fields: Sequence[Any]) -> Record | None:
    """The record that a black box has as *name* and *fields*.

    Returns:
        None for a kind that a later version has added.

    Raises:
        msgspec.ValidationError: The fields are not those of that kind.
    """
    kind = KINDS.get(name)
    if kind is None:
        return None
    known: Record = msgspec.convert(fields[: len(kind._fields)], kind)
    return known
