"""structlog as the program has configured it, whenever and however it does.

The base class of all bound loggers is wrapped, and no configuration is touched: so a
later ``structlog.configure()``, loggers that are cached, and ``wrap_logger`` with
processors of its own are covered alike. In front of the program's processors, the
event dict is told its input; behind them, just before the last one, which renders,
the line is noted. It is left once the chain has run: what a processor has dropped
leaves none.

A bound logger that writes to ``logging`` is left to that road, with what was noted:
``logging`` has levels and filters that decide whether there is a line.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

import structlog

from telemetry.capture import recording
from telemetry.capture.line import LEVELS
from telemetry.capture.logger import InputLogger
from telemetry.capture.roads import stdlib_logging
from telemetry.capture.roads.elsewhere import INSIDE, captured_elsewhere, released
from telemetry.capture.roads.patching import Function, Layer, Patch, combined
from telemetry.capture.roads.road import RoadState
from telemetry.capture.roads.stdlib_logging import ON_THREAD, Said
from telemetry.capture.sink import failed
from telemetry.capture.structlog_processor import (
    Snapshot,
    Spoken,
    add_input,
    add_input_inside,
)
from telemetry.core.scope import SCOPE

_STREAM_WRITERS: Final = ("structlog._output",)

_Words = tuple[Any, Mapping[str, Any]]


def _processing(layer: Layer) -> Function:
    original = layer.original

    @functools.wraps(original)
    def process_event(
        self: structlog.BoundLoggerBase,
        method_name: str,
        event: str | None,
        event_kw: dict[str, Any],
    ) -> _Words:
        if not layer.on or isinstance(self, InputLogger):
            words: _Words = original(self, method_name, event, event_kw)
            return words
        snapshot = Snapshot()
        try:
            watched = _watched(self, snapshot)
            given = {**self._context, **event_kw}
        except Exception as error:  # noqa: BLE001  # whoever logs is not harmed
            failed(error, "structlog")
            watched, given = self, {}
        words = original(watched, method_name, event, event_kw)
        try:
            if snapshot.found is not None:
                _leave(self._logger, method_name, snapshot.found, given, words)
        except Exception as error:  # noqa: BLE001  # whoever logs is not harmed
            failed(error, "structlog")
        return words

    return process_event


def _watched(
    logger: structlog.BoundLoggerBase, snapshot: Snapshot
) -> structlog.BoundLoggerBase:
    """*logger* for this one line, with our processors between its own."""
    chain: list[Any] = [*logger._processors]  # noqa: SLF001  # for wrapper classes, structlog says
    chain.insert(max(len(chain) - 1, 0), snapshot)
    if add_input not in chain:
        chain.insert(0, add_input_inside)
    # The logger itself is shared by all threads: a stand-in has the other chain.
    watched = object.__new__(type(logger))
    vars(watched).update(vars(logger))
    watched._processors = chain
    return watched


def _leave(
    logger: object,
    method_name: str,
    found: dict[str, Any],
    given: Mapping[str, Any],
    words: _Words,
) -> None:
    spoken = Spoken(method_name, found, given, named=SCOPE.get() is not None)
    if isinstance(logger, logging.Logger):
        if stdlib_logging.ROAD.watching:
            args, kwargs = words
            message = args[0] if args else kwargs.get("msg")
            ON_THREAD.said = Said(
                logger, message, spoken.event, spoken.fields, spoken.exception
            )
            return
        if not logger.isEnabledFor(LEVELS[spoken.level]):
            return
    name = spoken.logger or getattr(logger, "name", None)
    recording.record(
        spoken.level,
        spoken.event,
        spoken.fields,
        logger=name if isinstance(name, str) else None,
        exception=spoken.exception,
        shown=True,
    )


def _proxying(layer: Layer) -> Function:
    original = layer.original

    @functools.wraps(original)
    def proxy_to_logger(
        self: structlog.BoundLoggerBase, *args: object, **kwargs: object
    ) -> object:
        if not layer.on:
            return original(self, *args, **kwargs)
        INSIDE.append(None)
        try:
            return original(self, *args, **kwargs)
        finally:
            INSIDE.pop()
            # logging may have filtered it: the next record is another line.
            ON_THREAD.said = None

    return proxy_to_logger


class _Structlog:
    name = "structlog"
    covers = "structlog: any configuration, cached loggers, wrap_logger"

    def __init__(self) -> None:
        base = structlog.BoundLoggerBase
        wraps: dict[str, Callable[[Layer], Function]] = {
            "_process_event": _processing,
            "_proxy_to_logger": _proxying,
        }
        # Private, and documented for wrapper classes since 2013.
        self._patches = [
            Patch(base, name, wrap)
            for name, wrap in wraps.items()
            if name in vars(base)
        ]

    def install(self) -> None:
        for patch in self._patches:
            patch.install()
        captured_elsewhere(_STREAM_WRITERS)

    def uninstall(self) -> None:
        released(_STREAM_WRITERS)
        for patch in reversed(self._patches):
            patch.uninstall()

    def state(self) -> RoadState:
        return combined(self._patches)


ROAD: Final = _Structlog()
