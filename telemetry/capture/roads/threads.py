"""Threads: ``Thread``, ``Timer`` and subclasses that override ``run``.

Python starts every thread in an empty context. While an input's scope is open, a
thread that the program starts gets a copy of the starter's whole context instead;
elsewhere a thread is left alone. The copy is entered around ``_bootstrap_inner``, so
that ``threading.excepthook`` runs inside it as well.

A thread that a library starts for itself keeps the empty context: see
`telemetry.capture.roads.callers`. A pool of the program's own cannot be told from a
thread that works for one input: start its threads before the first input, or with
``contextvars.Context().run(thread.start)``. ``_thread.start_new_thread`` is not
covered, and greenlets are not.
"""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Final

from telemetry.capture.roads.callers import is_library
from telemetry.capture.roads.patching import Function, Layer, Patch, combined
from telemetry.capture.roads.road import RoadState
from telemetry.core.scope import SCOPE, InputScope

_INNER: Final = "_bootstrap_inner"
_RUN: Final = "run"
_CONTEXT: Final = "_context"
_SCOPE: Final = "_telemetry_scope"


def scope_of_thread(thread: threading.Thread | None) -> InputScope | None:
    """The scope that *thread* was started in, for an excepthook that finds none.

    Only where the interpreter has no ``_bootstrap_inner`` to enter the context
    around: elsewhere the hook runs inside it, and this is None.
    """
    found = None if thread is None else vars(thread).get(_SCOPE)
    return found if isinstance(found, InputScope) else None


def _starting(layer: Layer) -> Function:
    original = layer.original

    @functools.wraps(original)
    def start(self: threading.Thread) -> None:
        if not layer.on or SCOPE.get() is None:
            original(self)
            return
        caller = sys._getframe(1)  # noqa: SLF001  # inspect's costs a hundred times more
        if is_library(caller):
            _leave_empty(self)
            original(self)
        else:
            _start(self, original)

    return start


def _start(thread: threading.Thread, original: Function) -> None:
    restore = _carry(thread)
    try:
        original(thread)
    except BaseException:
        # "can't start new thread": it may be tried again, from somewhere else.
        restore()
        raise


def _carry(thread: threading.Thread) -> Callable[[], None]:
    """Make *thread* run in a copy of this context; gives back how to undo that."""
    attributes = vars(thread)
    # Started before (which will raise), or with a context of its own (3.14).
    if thread.ident is not None or attributes.get(_CONTEXT) is not None:
        return _nothing
    context = copy_context()
    name = _INNER
    if not hasattr(thread, _INNER):
        attributes[_SCOPE] = context[SCOPE]
        name = _RUN
    elif _CONTEXT in attributes:
        # 3.14 enters one inside of ours, which cannot be the same one.
        attributes[_CONTEXT] = context.copy()
    own = attributes.get(name)
    inner = getattr(thread, name)

    def restore() -> None:
        # Also as it begins: the thread would hold itself alive through it.
        if own is None:
            attributes.pop(name, None)
        else:
            attributes[name] = own

    def enter() -> None:
        restore()
        context.run(inner)

    attributes[name] = enter
    return restore


def _nothing() -> None:
    """Undo nothing."""


def _leave_empty(thread: threading.Thread) -> None:
    # 3.14 can be told to let every thread inherit, pools included.
    if vars(thread).get(_CONTEXT, thread) is None:
        vars(thread)[_CONTEXT] = Context()


class _Threads:
    """The road of threads."""

    name: Final = "threads"
    covers: Final = "Thread, Timer and subclasses; not _thread.start_new_thread"

    def __init__(self) -> None:
        self._patches: Final = (Patch(threading.Thread, "start", _starting),)

    def install(self) -> None:
        """Watch `threading.Thread.start`."""
        for patch in self._patches:
            patch.install()

    def uninstall(self) -> None:
        """Threads that run keep their context; new ones start empty."""
        for patch in reversed(self._patches):
            patch.uninstall()

    def state(self) -> RoadState:
        """Whether threads are started through us."""
        note = ""
        if not hasattr(threading.Thread, _INNER):
            note = "no _bootstrap_inner here: excepthooks ask scope_of_thread"
        return combined(self._patches, note)


ROAD: Final = _Threads()
