"""Logs that know which input wrote them, wherever many inputs share a process.

    import telemetry

    telemetry.configure(service_name="translate")
    log = telemetry.get_logger(__name__)

    with telemetry.input_scope(function="translate"):
        log.info("starting work", size=3)

On a terminal that reads

    14:03:07.123 INFO  K7Q2ZD translate starting work            size=3

and elsewhere it is one JSON object per line, with ``input_id`` and the rest. The id
is known in every task and thread that runs in the input's context, without being
passed along: ``telemetry.current_input_id()`` tells it.

``telemetry.runtime`` runs the inputs, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry.capture.binding import input_scope as input_scope
from telemetry.capture.carrying import carry as carry
from telemetry.capture.ending import flush as flush
from telemetry.capture.ending import shutdown as shutdown
from telemetry.capture.inherited import bind_from_environment as _bind
from telemetry.capture.log_handler import LogHandler as LogHandler
from telemetry.capture.logger import get_logger as get_logger
from telemetry.capture.settings import configure as configure
from telemetry.capture.settings import on_apply as _on_apply
from telemetry.capture.structlog_processor import add_input as add_input
from telemetry.core.scope import (
    current_function_call_id as current_function_call_id,
)
from telemetry.core.scope import current_input as current_input
from telemetry.core.scope import current_input_id as current_input_id
from telemetry.pipeline.agent.hosting import follow as _follow

if TYPE_CHECKING:
    __version__: str

__all__ = [
    "LogHandler",
    "__version__",
    "add_input",
    "carry",
    "configure",
    "current_function_call_id",
    "current_input",
    "current_input_id",
    "flush",
    "get_logger",
    "input_scope",
    "shutdown",
]

_DISTRIBUTION = "input-telemetry"


def __getattr__(name: str) -> str:
    # Looked up when asked for: reading metadata costs more than the rest of us.
    if name == "__version__":
        from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415

        try:
            return version(_DISTRIBUTION)
        except PackageNotFoundError:  # run from a source tree
            return "0+unknown"
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


_on_apply(_follow)  # what is written is delivered, as `configure` says
_bind()  # a child process belongs to the input that started it
