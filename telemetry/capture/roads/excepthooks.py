"""Exceptions that nobody caught: in the main thread, in threads, finalisers and loops.

Each hook leaves a line with the traceback, and then does what it did before.
``KeyboardInterrupt`` and ``SystemExit`` are how a program ends, and leave none.
"""

from __future__ import annotations

import asyncio
import functools
import sys
import threading
from contextvars import Context
from types import TracebackType
from typing import Any, Final

from telemetry.capture import recording
from telemetry.capture.collecting import (
    ignore_collections,
    speaker,
    watch_collections,
)
from telemetry.capture.exceptions import exception_text
from telemetry.capture.line import HERE, Here
from telemetry.capture.log_identity import qualified_name
from telemetry.capture.plain import plain_text
from telemetry.capture.roads.elsewhere import (
    OnlyInside,
    captured_elsewhere,
    released,
)
from telemetry.capture.roads.patching import Function, Layer, Patch, combined
from telemetry.capture.roads.road import RoadState
from telemetry.capture.roads.stdlib_logging import ON_THREAD
from telemetry.capture.roads.threads import scope_of_thread
from telemetry.capture.sink import failed
from telemetry.core.attributes import EXCEPTION_TYPE
from telemetry.core.scope import SCOPE, InputScope

# The hooks of Python are written in C: what writes to stderr is our own frame here.
# Since 3.13, they call the module traceback, which writes for the program as well.
_TRACEBACK: Final = OnlyInside("traceback")
_STREAM_WRITERS: Final = (__name__, _TRACEBACK)
_LOOP_LOGGER: Final = "asyncio"
_ENDINGS: Final = (KeyboardInterrupt, SystemExit)


def _leave(  # noqa: PLR0913  # one argument for each part of a line
    level: str,
    said: str,
    error: object,
    fields: dict[str, object] | None = None,
    *,
    scope: InputScope | Here | None = HERE,
    candidates: tuple[str, ...] = (),
    thread: str | None = None,
) -> None:
    event = said
    more = fields or {}
    if isinstance(error, BaseException):
        kind = qualified_name(type(error))
        text = plain_text(error)
        event = f"{said}: {kind}: {text}" if text else f"{said}: {kind}"
        more = {EXCEPTION_TYPE: kind, **more}
    recording.record(
        level,
        event,
        more,
        exception=exception_text(error),
        scope=scope,
        candidates=candidates,
        thread=thread,
        shown=sys.stderr is not None,
    )


def _uncaught(layer: Layer) -> Function:
    original = layer.original

    @functools.wraps(original)
    def excepthook(
        kind: type[BaseException],
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if layer.on and not issubclass(kind, _ENDINGS):
            try:
                # Called by hand, it may be given a traceback of another kind.
                error = (value or kind()).with_traceback(traceback)
                _leave("critical", "uncaught exception", error)
            except Exception as failure:  # noqa: BLE001  # the hook goes on
                failed(failure, "exceptions")
        with _TRACEBACK:
            original(kind, value, traceback)

    return excepthook


def _uncaught_in_thread(layer: Layer) -> Function:
    original = layer.original

    @functools.wraps(original)
    def excepthook(args: threading.ExceptHookArgs) -> None:
        if layer.on and not issubclass(args.exc_type, _ENDINGS):
            try:
                # The road of threads runs this in the context of the thread.
                scope = SCOPE.get() or scope_of_thread(args.thread)
                name = None if args.thread is None else args.thread.name
                error = args.exc_value or args.exc_type()
                said = "uncaught exception in a thread"
                _leave("error", said, error, scope=scope, thread=name)
            except Exception as failure:  # noqa: BLE001  # the hook goes on
                failed(failure, "exceptions")
        with _TRACEBACK:
            original(args)

    return excepthook


def _unraisable(layer: Layer) -> Function:
    original = layer.original

    @functools.wraps(original)
    def unraisablehook(unraisable: Any) -> None:  # noqa: ANN401  # sys.UnraisableHookArgs is for stubs only
        if layer.on and not issubclass(unraisable.exc_type, _ENDINGS):
            try:
                scope, candidates = speaker()
                # Made plain at once: who keeps the object may bring it back to life.
                _leave(
                    "error",
                    unraisable.err_msg or "exception ignored",
                    unraisable.exc_value or unraisable.exc_type(),
                    {"object": unraisable.object},
                    scope=scope,
                    candidates=candidates,
                )
            except Exception as failure:  # noqa: BLE001  # the hook goes on
                failed(failure, "exceptions")
        with _TRACEBACK:
            original(unraisable)

    return unraisablehook


def _in_loop(layer: Layer) -> Function:
    original = layer.original

    @functools.wraps(original)
    def call_exception_handler(
        self: asyncio.AbstractEventLoop, context: dict[str, Any]
    ) -> None:
        if not layer.on:
            original(self, context)
            return
        found: Context | None = None
        try:
            found = _leave_of_loop(context)
        except Exception as failure:  # noqa: BLE001  # the handler goes on
            failed(failure, "exceptions")
        before = ON_THREAD.muted
        if not isinstance(context.get("exception"), _ENDINGS):
            ON_THREAD.muted = _LOOP_LOGGER  # the default handler logs what we have left
        try:
            if found is None:
                original(self, context)
            else:
                # A copy: it may be entered already, by the very callback that failed.
                found.copy().run(original, self, context)
        finally:
            ON_THREAD.muted = before

    return call_exception_handler


def _leave_of_loop(context: dict[str, Any]) -> Context | None:
    """Leave the line, and find the context of what has failed."""
    found, certain = _context_of(context)
    error = context.get("exception")
    if isinstance(error, _ENDINGS):
        return found
    scope: InputScope | Here | None = HERE if certain else None
    if found is not None:
        scope = found.get(SCOPE)
    said = plain_text(context.get("message") or "exception in an event loop")
    subject = ("task", "future", "handle")
    fields = {f"asyncio.{name}": context[name] for name in subject if name in context}
    _leave("error", said, error, fields, scope=scope)
    return found


def _context_of(context: dict[str, Any]) -> tuple[Context | None, bool]:
    """The context of the task, future or handle, and whether this one will do."""
    for name in ("task", "future", "handle"):
        thing = context.get(name)
        if thing is None:
            continue
        get = getattr(thing, "get_context", None)  # since 3.12
        found = get() if callable(get) else getattr(thing, "_context", None)
        # Tasks of 3.11 keep theirs to themselves, and who collects one is not it.
        return (found, True) if isinstance(found, Context) else (None, False)
    return None, True


class _Excepthooks:
    name = "exceptions"
    covers = "uncaught exceptions: sys, threading, unraisable, event loops"

    def __init__(self) -> None:
        self._patches = (
            Patch(sys, "excepthook", _uncaught),
            Patch(threading, "excepthook", _uncaught_in_thread),
            Patch(sys, "unraisablehook", _unraisable),
            Patch(asyncio.BaseEventLoop, "call_exception_handler", _in_loop),
        )

    def install(self) -> None:
        for patch in self._patches:
            patch.install()
        watch_collections(self.name)
        captured_elsewhere(_STREAM_WRITERS)

    def uninstall(self) -> None:
        released(_STREAM_WRITERS)
        ignore_collections(self.name)
        for patch in reversed(self._patches):
            patch.uninstall()

    def state(self) -> RoadState:
        return combined(self._patches)


ROAD: Final = _Excepthooks()
