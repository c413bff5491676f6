"""The errors that users see; the tree is drawn in `telemetry.core.errors`."""

from telemetry.core.errors import DeprecationError as DeprecationError
from telemetry.core.errors import DeserializationError as DeserializationError
from telemetry.core.errors import Error as Error
from telemetry.core.errors import ExecutionError as ExecutionError
from telemetry.core.errors import FunctionTimeoutError as FunctionTimeoutError
from telemetry.core.errors import InputCancellation as InputCancellation
from telemetry.core.errors import InputCancelledError as InputCancelledError
from telemetry.core.errors import InternalFailure as InternalFailure
from telemetry.core.errors import InvalidError as InvalidError
from telemetry.core.errors import OutputExpiredError as OutputExpiredError
from telemetry.core.errors import RemoteError as RemoteError

__all__ = [
    "DeprecationError",
    "DeserializationError",
    "Error",
    "ExecutionError",
    "FunctionTimeoutError",
    "InputCancellation",
    "InputCancelledError",
    "InternalFailure",
    "InvalidError",
    "OutputExpiredError",
    "RemoteError",
]
