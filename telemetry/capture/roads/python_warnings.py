"""Python's warnings, as the program shows them.

The function below ``warnings.showwarning`` is wrapped, which writes to stderr. So
what the program takes for itself leaves no line here: ``catch_warnings(record=True)``,
which puts a list in its place; filters that ignore or raise; a ``showwarning`` of the
program's own; and ``logging.captureWarnings(True)``, whose records are lines of the
road ``logging``.
"""

from __future__ import annotations

import functools
import sys
import warnings
from typing import Final

from telemetry.capture import recording
from telemetry.capture.collecting import (
    ignore_collections,
    speaker,
    watch_collections,
)
from telemetry.capture.log_identity import qualified_name
from telemetry.capture.roads.elsewhere import captured_elsewhere, released
from telemetry.capture.roads.patching import Function, Layer, Patch
from telemetry.capture.roads.road import RoadState
from telemetry.capture.sink import failed
from telemetry.core.attributes import CODE_FILE_PATH, CODE_LINE_NUMBER

_STREAM_WRITERS: Final = ("warnings",)
_IMPLEMENTATION: Final = "_showwarnmsg_impl"


def _showing(layer: Layer) -> Function:
    original = layer.original

    @functools.wraps(original)
    def show(message: warnings.WarningMessage) -> object:
        # With a file, it is rendered for somebody: it is not a warning shown.
        if layer.on and message.file is None:
            try:
                _leave(message)
            except Exception as error:  # noqa: BLE001  # whoever warns is not harmed
                failed(error, "warnings")
        return original(message)

    return show


def _leave(message: warnings.WarningMessage) -> None:
    # The collector may warn at any moment, inside of this, too. That is another
    # line: the sink keeps it until the outer one is written.
    scope, candidates = speaker()
    recording.record(
        "warning",
        message.message,
        {
            "category": qualified_name(message.category),
            CODE_FILE_PATH: message.filename,
            CODE_LINE_NUMBER: message.lineno,
        },
        scope=scope,
        candidates=candidates,
        shown=sys.stderr is not None,
    )


class _Warnings:
    name = "warnings"
    covers = "Python's warnings, as far as the program shows them"

    def __init__(self) -> None:
        # Private, and the same since 3.6.
        self._patch = (
            Patch(warnings, _IMPLEMENTATION, _showing)
            if hasattr(warnings, _IMPLEMENTATION)
            else None
        )

    def install(self) -> None:
        if self._patch is None:
            return
        self._patch.install()
        watch_collections(self.name)
        captured_elsewhere(_STREAM_WRITERS)

    def uninstall(self) -> None:
        if self._patch is None:
            return
        released(_STREAM_WRITERS)
        ignore_collections(self.name)
        self._patch.uninstall()

    def state(self) -> RoadState:
        if self._patch is None:
            return RoadState(on=False, note=f"no warnings.{_IMPLEMENTATION} here")
        return self._patch.state()


ROAD: Final = _Warnings()
