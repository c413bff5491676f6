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
from telemetry.capture.logger import get_logger as get_logger
from telemetry.capture.settings import configure as configure
from telemetry.core.scope import (
    current_function_call_id as current_function_call_id,
)
from telemetry.core.scope import current_input as current_input
from telemetry.core.scope import current_input_id as current_input_id

if TYPE_CHECKING:
    __version__: str

__all__ = [
    "__version__",
    "configure",
    "current_function_call_id",
    "current_input",
    "current_input_id",
    "get_logger",
    "input_scope",
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
