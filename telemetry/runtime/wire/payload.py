"""Arguments, results and exceptions as bytes, between our own processes only.

A payload is one pickle (protocol 5). Plain pickle is tried first, because it is
several times faster; cloudpickle takes what plain pickle cannot: lambdas, nested
functions, and whatever belongs to ``__main__``, which is another module in a
container than in the driver.
"""

from __future__ import annotations

import pickle
import traceback
from typing import Any, Final

import cloudpickle

from telemetry.core.errors import DeserializationError, ExecutionError, RemoteError

_PROTOCOL: Final = 5
_dumps, _loads = pickle.dumps, pickle.loads
_MAIN: Final = b"__main__"
_MESSAGE_CHARACTERS: Final = 100_000
"""An exception's text is cut here: nobody reads more, and it may be megabytes."""


def dumps(value: object) -> bytes:
    """*value* as a payload.

    Raises:
        Exception: Whatever pickling raised; the caller names the value's role.
    """
    try:
        data = _dumps(value, _PROTOCOL)
    except Exception:  # noqa: BLE001 - any failure means: not by reference
        return _by_value(value)
    # A reference to __main__ would be looked up in the container's own main
    # module. A text that merely holds the word only costs the slower way.
    return _by_value(value) if _MAIN in data else data


def loads(data: bytes | bytearray) -> Any:  # noqa: ANN401 - the user's own values
    """The value in a payload.

    Raises:
        Exception: Whatever unpickling raised.
    """
    return _loads(data)


def dump_failure(
    exception: BaseException, cause: bytes | bytearray | None = None
) -> bytes:
    """An exception with its traceback; never raises.

    Args:
        exception: What is to be raised at the caller.
        cause: A failure that becomes its ``__cause__``, instead of its traceback.

    What must not travel as itself (``SystemExit``, ``KeyboardInterrupt``,
    ``GeneratorExit``, ``CancelledError``: a caller must not exit because a body
    did) becomes a `RemoteError` that names the type.
    """
    kind = type(exception)
    name = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
    text = _text(exception)
    if not isinstance(exception, Exception):
        exception = RemoteError(f"the body raised {name}({text})")
    try:
        pickled: bytes | None = dumps(exception)
    except Exception:  # noqa: BLE001 - it travels as text instead
        pickled = None
    origin = _traceback(exception) if cause is None else bytes(cause)
    return pickle.dumps((pickled, name, text, origin), _PROTOCOL)


def failure_name(data: bytes | bytearray) -> str:
    """The type of the exception in a failure payload, by its full name.

    Nothing of the user's is run to tell it; never raises.
    """
    try:
        name = _loads(data)[1]
    except Exception:  # noqa: BLE001 - a payload of another kind
        return ""
    return name if isinstance(name, str) else ""


def load_failure(data: bytes | bytearray) -> BaseException:
    """The exception in a failure payload; never raises.

    Its ``__cause__`` shows the remote traceback, as in `concurrent.futures`. An
    exception that cannot be rebuilt here becomes an `ExecutionError` with its
    type, text and traceback.
    """
    pickled, name, text, origin = pickle.loads(data)
    exception: object = None
    why = "it cannot be pickled"
    if pickled is not None:
        try:
            exception = pickle.loads(pickled)
        except Exception as error:  # noqa: BLE001 - a user's class may do anything
            why = f"it cannot be rebuilt here: {_text(error)}"
    if not isinstance(exception, BaseException):
        exception = ExecutionError(f"the body raised {name}: {text} ({why})")
    if isinstance(origin, bytes):
        exception.__cause__ = load_failure(origin)
    else:
        exception.__cause__ = RemoteTraceback(origin)
    return exception


def unreadable(what: str, error: BaseException) -> DeserializationError:
    """The error for a payload that cannot be decoded here."""
    return DeserializationError(
        f"{what} cannot be decoded: {type(error).__name__}: {_text(error)}"
    )


class RemoteTraceback(Exception):  # noqa: N818 - it is a traceback, shown as a cause
    """Shows the traceback of the process in which an exception was raised."""

    def __str__(self) -> str:
        return f'\n"""\n{self.args[0]}"""'


def _by_value(value: object) -> bytes:
    data: bytes = cloudpickle.dumps(value, _PROTOCOL)
    return data


def _text(exception: BaseException) -> str:
    try:
        return str(exception)[:_MESSAGE_CHARACTERS]
    except Exception as error:  # noqa: BLE001 - a user's __str__ may do anything
        return f"<unprintable: {type(error).__name__}>"


def _traceback(exception: BaseException) -> str:
    try:
        return "".join(traceback.format_exception(exception))
    except Exception:  # noqa: BLE001 - __repr__ and __str__ of users run in there
        return f"{type(exception).__name__} (its traceback cannot be shown)\n"
