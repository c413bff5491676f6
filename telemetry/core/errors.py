"""The tree of errors; users see it as ``telemetry.runtime.exception``.

    BaseException
    ├── InputCancellation            raised inside a sync body that is cancelled
    └── Exception
        └── Error
            ├── InvalidError         a bad argument or declaration (also ValueError)
            ├── ExecutionError       called where it cannot work: app not running
            ├── DeserializationError a payload could not be decoded here
            ├── DeprecationError     an old name; the message has the new one
            ├── OutputExpiredError   the result is no longer kept
            ├── FunctionTimeoutError an execution ran longer than its ``timeout``
            ├── InternalFailure      the input was lost with its containers
            └── RemoteError          it failed elsewhere, with no type to re-raise
                └── InputCancelledError

Every class takes one message, so that each survives pickling between processes.
"""

from __future__ import annotations


class Error(Exception):
    """Base of every error of the toolkit."""


class InvalidError(Error, ValueError):
    """An argument or a declaration is not valid; the message names the range."""


class ExecutionError(Error):
    """A call was made where it cannot work, such as before ``app.run()``."""


class DeserializationError(Error):
    """An argument, a result or an exception could not be decoded here."""


class DeprecationError(Error, UserWarning):
    """A name that is gone; the message says what replaces it."""


class OutputExpiredError(Error):
    """The result of a function call is no longer kept."""


class FunctionTimeoutError(Error):
    """One execution of an input ran longer than its ``timeout``."""


class InternalFailure(Error):
    """The input was lost with its containers more often than is allowed."""


class RemoteError(Error):
    """An input failed elsewhere in a way that has no type to re-raise here."""


class InputCancelledError(RemoteError):
    """The input was cancelled; it will have no result."""


class InputCancellation(BaseException):
    """Raised inside the body of a sync input that is being cancelled.

    A ``BaseException``, so that ``except Exception`` does not swallow it, and
    ``finally`` blocks run.
    """
