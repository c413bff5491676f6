"""Pools of threads: ``ThreadPoolExecutor``, ``run_in_executor``, ``ThreadPool``.

The context is carried per job and never per thread. Each job that is submitted while
an input's scope is open runs in a copy of the submitter's whole context, so the next
job on that thread finds nothing of it; the threads themselves are started by a
library, and so without an input: what they do between jobs is nobody's. Jobs
submitted elsewhere are left alone.

A copy of the whole context means what it means for ``asyncio.to_thread``: ``decimal``
keeps its context there, too. What the pool's initializer has set in its thread stays
visible, unless the submitter has set the same variable.

Callbacks of futures and pools run in a thread of the pool; they get the context of
whoever registered them, as asyncio's do. Other executors, in whatever process they
run their jobs, want `telemetry.carry`.
"""

from __future__ import annotations

import functools
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from multiprocessing.pool import ThreadPool
from typing import Any, Final

from telemetry.capture.carrying import Pooled, run_in_pool
from telemetry.capture.roads.patching import (
    Function,
    Layer,
    Parameters,
    Patch,
    combined,
)
from telemetry.capture.roads.road import RoadState
from telemetry.core.scope import SCOPE

POOL_METHODS: Final = (
    "apply_async",
    "imap",
    "imap_unordered",
    "map",
    "map_async",
    "starmap",
    "starmap_async",
)
"""What puts jobs into a pool of `multiprocessing.pool`; ``apply`` goes through the
first."""

CALLBACKS: Final = ("callback", "error_callback")
"""Arguments of those methods that are called in a thread of the pool."""


def _submitting(layer: Layer) -> Function:
    original = layer.original

    @functools.wraps(original)
    def submit(
        self: ThreadPoolExecutor, fn: Function, /, *args: object, **kwargs: object
    ) -> object:
        if not layer.on or SCOPE.get() is None or _is_elsewhere(self):
            return original(self, fn, *args, **kwargs)
        return original(self, run_in_pool, copy_context(), fn, *args, **kwargs)

    return submit


def _is_elsewhere(executor: ThreadPoolExecutor) -> bool:
    # 3.14: a kind of ThreadPoolExecutor that pickles its jobs for other interpreters.
    module = sys.modules.get("concurrent.futures.interpreter")
    kind = getattr(module, "InterpreterPoolExecutor", None)
    return kind is not None and isinstance(executor, kind)


def _adding_callback(layer: Layer) -> Function:
    original = layer.original

    @functools.wraps(original)
    def add_done_callback(self: Future[Any], fn: Function) -> None:
        if layer.on and SCOPE.get() is not None and callable(fn):
            fn = functools.partial(copy_context().run, fn)
        original(self, fn)

    return add_done_callback


def _pooling(layer: Layer) -> Function:
    original = layer.original
    parameters = Parameters(original)

    @functools.wraps(original)
    def put(self: ThreadPool, *args: object, **kwargs: object) -> object:
        if layer.on and SCOPE.get() is not None:
            for name in ("func", *CALLBACKS):
                fn = parameters.value(name, args, kwargs)
                if callable(fn):
                    carried = Pooled(fn)
                    args, kwargs = parameters.replaced(name, carried, args, kwargs)
        return original(self, *args, **kwargs)

    return put


class _Executors:
    """The road of pools of threads."""

    name: Final = "executors"
    covers: Final = (
        "ThreadPoolExecutor, run_in_executor, multiprocessing.pool.ThreadPool, "
        "callbacks of futures; not executors of other kinds"
    )

    def __init__(self) -> None:
        self._patches: Final = (
            Patch(ThreadPoolExecutor, "submit", _submitting),
            Patch(Future, "add_done_callback", _adding_callback),
            *(Patch(ThreadPool, name, _pooling) for name in POOL_METHODS),
        )

    def install(self) -> None:
        """Watch what puts jobs into pools of threads."""
        for patch in self._patches:
            patch.install()

    def uninstall(self) -> None:
        """Jobs that wait already run in their context; new ones do not."""
        for patch in reversed(self._patches):
            patch.uninstall()

    def state(self) -> RoadState:
        """Whether jobs are put into pools through us."""
        return combined(self._patches)


ROAD: Final = _Executors()
