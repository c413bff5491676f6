"""How a body ended, and its result or exception as it travels."""

from __future__ import annotations

from typing import Any, Final

from telemetry.core.errors import InvalidError
from telemetry.runtime.wire import messages, payload
from telemetry.runtime.wire.frames import outgoing

Ended = tuple[int, Any]
"""How a body ended, one of the codes in `messages`, and what came of it."""

UNWOUND: Final[Ended] = (messages.UNWOUND, b"")
NEVER_STARTED: Final[Ended] = (messages.NEVER_STARTED, b"")


def raised(exception: BaseException) -> Ended:
    """The end of a body that raised."""
    return messages.RAISED, outgoing(payload.dump_failure(exception))


def encoded(value: object) -> Ended:
    """The end of one input, with its result."""
    try:
        return messages.RETURNED, outgoing(payload.dumps(value))
    except Exception as error:  # noqa: BLE001 - a user's __reduce__ may do anything
        return raised(_not_encodable(value, error))


def _not_encodable(value: object, error: Exception) -> InvalidError:
    failure = InvalidError(
        f"the result, a {type(value).__qualname__}, cannot be pickled: "
        f"{type(error).__name__}: {error}"
    )
    failure.__cause__ = error
    return failure
