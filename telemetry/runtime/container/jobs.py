"""One execution as its container sees it: what to run, and how it ended."""

from __future__ import annotations

import inspect
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from telemetry.core.errors import InvalidError
from telemetry.core.scope import InputScope
from telemetry.runtime.wire import messages, payload
from telemetry.runtime.wire.frames import outgoing

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence

    from telemetry.runtime.container.generators import Credit
    from telemetry.runtime.container.threads import Worker
    from telemetry.runtime.wire.frames import Payload


class State(Enum):
    """Where an execution is. Only the thread or loop that runs it moves it on."""

    NEW = 0
    RUNNING = 1
    ENDED = 2


class Job(InputScope):
    """An input, or a batch of them, in a slot; also the scope of its body.

    One object per input: making it is on the path of each, so what most never set
    is a default of the class.

    Attributes:
        cancelled: Set by the transport thread before anything is delivered, so
            that a body which has not begun finds it and never begins.
    """

    cancelled: bool = False
    state: State = State.NEW
    task: asyncio.Task[None] | None = None
    worker: Worker | None = None
    credit: Credit | None = None
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


class Method(NamedTuple):
    """A bound callable of the container."""

    name: str
    full_name: str
    call: Callable[..., Any]
    is_async: bool
    is_generator: bool


Ended = tuple[int, Any]
"""How a body ended, one of the codes in `messages`, and what came of it."""

UNWOUND: Final[Ended] = (messages.UNWOUND, b"")
NEVER_STARTED: Final[Ended] = (messages.NEVER_STARTED, b"")


def arguments(job: Job) -> tuple[Sequence[Any], dict[str, Any]]:
    """What to call the body with.

    Raises:
        DeserializationError: A payload cannot be decoded here.
    """
    try:
        if job.members is None:
            args, kwargs = payload.loads(job.payload)
            return args, kwargs
        calls = [payload.loads(member) for member in job.members]
    except Exception as error:
        raise payload.unreadable("an argument", error) from error
    return _columns(job.method.call, calls), {}


def returned(job: Job, value: object) -> Ended:
    """The end of a body that returned."""
    if job.members is not None:
        return _batch_returned(job, value)
    try:
        return messages.RETURNED, outgoing(payload.dumps(value))
    except Exception as error:  # noqa: BLE001 - a user's __reduce__ may do anything
        return raised(_not_encodable(value, error))


def raised(exception: BaseException) -> Ended:
    """The end of a body that raised."""
    return messages.RAISED, outgoing(payload.dump_failure(exception))


def interrupted(job: Job, exception: BaseException) -> Ended:
    """The end of a body out of which a cancellation came: was it asked for?"""
    return UNWOUND if job.cancelled else raised(exception)


def _columns(
    body: Callable[..., Any], calls: Sequence[tuple[Sequence[Any], dict[str, Any]]]
) -> list[list[Any]]:
    """One list per parameter, in the order of the parameters."""
    signature = inspect.signature(body)
    rows = [signature.bind(*args, **kwargs).arguments for args, kwargs in calls]
    return [[row[name] for row in rows] for name in signature.parameters]


def _batch_returned(job: Job, value: object) -> Ended:
    count = len(job.members or ())
    if not isinstance(value, list) or len(value) != count:
        got = (
            f"a list of {len(value)}" if isinstance(value, list) else f"{value!r:.200}"
        )
        return raised(
            InvalidError(
                f"the batched body of {job.function!r} must return a list with "
                f"one result per input ({count}); it returned {got}"
            )
        )
    rows: list[Ended] = []
    for each in value:
        try:
            rows.append((messages.RETURNED, outgoing(payload.dumps(each))))
        except Exception as error:  # noqa: BLE001 - a user's __reduce__ may do anything
            rows.append(raised(_not_encodable(each, error)))
    return messages.RETURNED, rows


def _not_encodable(value: object, error: Exception) -> InvalidError:
    failure = InvalidError(
        f"the result, a {type(value).__qualname__}, cannot be pickled: "
        f"{type(error).__name__}: {error}"
    )
    failure.__cause__ = error
    return failure
