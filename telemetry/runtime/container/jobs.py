"""One execution as its container sees it: what to run, and how it ended."""

from __future__ import annotations

import time
from asyncio import CancelledError
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from telemetry.capture import executions
from telemetry.capture.span_records import Member
from telemetry.core import names
from telemetry.core.errors import InputCancellation
from telemetry.core.outcome import Outcome
from telemetry.core.scope import InputScope
from telemetry.policy.settling import Cause
from telemetry.runtime.container import batches
from telemetry.runtime.container.endings import UNWOUND, Ended, encoded, raised
from telemetry.runtime.wire import messages, payload

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence

    from telemetry.core.trace_context import TraceParent
    from telemetry.runtime.container.generators import Credit
    from telemetry.runtime.container.threads import Worker
    from telemetry.runtime.wire.frames import Payload


class State(Enum):
    """Where an execution is. Only the thread or loop that runs it moves it on."""

    NEW = 0
    RUNNING = 1
    ENDED = 2


# Found once: Python 3.11 takes as long to find a member of an enumeration as to call a
# function.
RUNNING: Final = State.RUNNING
ENDED: Final = State.ENDED


class Job(InputScope):
    """An input, or a batch of them, in a slot; also the scope of its body.

    One object per input: making it is on the path of each, so what most never set
    is a default of the class.

    Attributes:
        unfit: Members of a batch that the body is not called for, by their index,
            with their ends; `nobody` is set when those are all.
        cancelled: Set by the transport thread before anything is delivered, so
            that a body which has not begun finds it and never begins.
        blocked_ns: For how long the loop was held while it ran; set at its end.
        error: What came out of the body, until its record is written.
        cause: Why it was cancelled: a value of `Cause`.
        mechanism: How: task, exception or container.
        delivered_ns: When its body was told; ``time.monotonic_ns()``, 0 if it was not.
        admission: How full the container was, as the driver counts: the fields of an
            `Admission`.
        others: Of a batch, all members but the first.
    """

    cancelled: bool = False
    cause: str | None = None
    mechanism: str | None = None
    nobody: bool = False
    state: State = State.NEW
    task: asyncio.Task[None] | None = None
    worker: Worker | None = None
    credit: Credit | None = None
    blocked_ns: int = 0
    delivered_ns: int = 0
    admission: tuple[int, str, bool, int, int] | None = None
    others: tuple[Member, ...] = ()
    error: BaseException | None = None
    parent: TraceParent | None = None
    span: Any = None
    otel: Any = None
    ids: tuple[str, str] | None = None
    head: Any = None
    named: Any = None
    write: Callable[[bytes], object] | None = None
    slot: int

    def __init__(
        self,
        *,
        method: Method,
        ids: tuple[str, str, int],
        container_id: str,
        slot: int,
        payload: Payload,
        members: Sequence[Sequence[Any]] | None,
    ) -> None:
        self.input_id, self.function_call_id, self.attempt = ids
        self.function = method.full_name
        self.container_id = container_id
        self.slot = slot
        self.closed = False
        self.method = method
        self.payload = payload
        if members is None:
            self.batch_input_ids = ()
            self.members: Sequence[Payload] | None = None
        else:
            self.batch_input_ids = tuple(each[0] for each in members)
            self.members = [each[1] for each in members]
            self.others = tuple(Member(each[0], *each[2:]) for each in members[1:])
            self.unfit: dict[int, Ended] = {}


class Method(NamedTuple):
    """A bound callable of the container."""

    name: str
    full_name: str
    call: Callable[..., Any]
    is_async: bool
    is_generator: bool


def arguments(job: Job) -> tuple[Sequence[Any], dict[str, Any]]:
    """What to call the body with; for a batch, one list per parameter.

    Raises:
        DeserializationError: The arguments of an input cannot be decoded here.
    """
    if job.members is not None:
        return batches.columns(job, job.members), {}
    try:
        args, kwargs = payload.loads(job.payload)
    except Exception as error:
        raise payload.unreadable("an argument", error) from error
    return args, kwargs


def returned(job: Job, value: object) -> Ended:
    """The end of a body that returned."""
    if job.members is not None:
        return batches.returned(job, job.members, value)
    return encoded(value)


def ended_by(job: Job, error: BaseException) -> Ended:
    """The end of a body out of which *error* came: SystemExit and all.

    A cancellation counts as one only if it was asked for.
    """
    job.error = error
    if job.cancelled and isinstance(error, InputCancellation | CancelledError):
        return UNWOUND
    return raised(error)


def end(job: Job, ended: Ended, started_unix_ns: int) -> None:
    """The body of a job is over: leave the record of its execution."""
    error, job.error = job.error, None
    own: dict[str, object] | None = None
    if job.cause is not None:
        own = {
            names.INPUT_CANCELLATION_CAUSE: job.cause,
            names.INPUT_CANCELLATION_MECHANISM: job.mechanism,
            names.INPUT_CANCELLATION_OBSERVED: _OBSERVED[ended[0]],
        }
    if job.blocked_ns:
        own = {**(own or {}), names.INPUT_LOOP_BLOCKED_S: job.blocked_ns / 1e9}
    executions.end(
        job,
        started_unix_ns,
        time.time_ns(),
        error=error,
        outcome=_outcome(job, ended[0]),
        known=(own, job.admission, job.others),
    )


_OBSERVED: Final = {
    messages.RETURNED: "swallowed",
    messages.RAISED: "raised",
    messages.UNWOUND: "unwound",
    messages.NEVER_STARTED: "never_started",
}
"""What a body made of its cancellation. See `telemetry.policy.settling.observed`."""


_SUCCESS: Final = Outcome.SUCCESS  # found once, see `RUNNING`


def _outcome(job: Job, how: int) -> Outcome:
    if how == messages.RETURNED:
        return _SUCCESS
    if how == messages.RAISED:
        return Outcome.ERROR
    return Outcome.TIMEOUT if job.cause == Cause.TIMEOUT else Outcome.CANCELLED
