"""Run functions and classes, many inputs at the same time in each container."""

from telemetry.core.scope import current_attempt as current_attempt
from telemetry.core.scope import current_function_call_id as current_function_call_id
from telemetry.core.scope import current_input_id as current_input_id
from telemetry.runtime import exception as exception
from telemetry.runtime.app import App as App
from telemetry.runtime.classes import Cls as Cls
from telemetry.runtime.classes import Method as Method
from telemetry.runtime.classes import Obj as Obj
from telemetry.runtime.classes import method as method
from telemetry.runtime.declarations import batched as batched
from telemetry.runtime.declarations import concurrent as concurrent
from telemetry.runtime.declarations import enter as enter
from telemetry.runtime.declarations import exit as exit  # noqa: A004 - Modal's name
from telemetry.runtime.function_call import FunctionCall as FunctionCall
from telemetry.runtime.functions import Function as Function
from telemetry.runtime.options import Retries as Retries
from telemetry.runtime.parameters import parameter as parameter
from telemetry.runtime.session import FunctionStats as FunctionStats
from telemetry.runtime.verbs import AsyncUsageWarning as AsyncUsageWarning

__all__ = [
    "App",
    "AsyncUsageWarning",
    "Cls",
    "Function",
    "FunctionCall",
    "FunctionStats",
    "Method",
    "Obj",
    "Retries",
    "batched",
    "concurrent",
    "current_attempt",
    "current_function_call_id",
    "current_input_id",
    "enter",
    "exception",
    "exit",
    "method",
    "parameter",
]
