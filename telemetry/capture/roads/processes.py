"""Processes of Python: ``ProcessPoolExecutor``, ``multiprocessing`` and its ``Pool``.

A context cannot be sent to another process, so the identity alone travels, as text:
see `telemetry.capture.inherited`. With it go the settings in force, for a worker that
was not configured by its own program.

- A job of a pool brings the identity of whoever submitted it, and runs in a scope of
  its own for as long as it takes. The workers start without an input: a fork would
  otherwise keep the id of whoever made the pool grow.
- A ``Process`` that the program starts belongs to the input that starts it: by the
  fork itself, or by what is sent to a spawned child.

A worker has to be able to import `telemetry`. It runs the same interpreter, with the
``sys.path`` of its parent, which multiprocessing sends along; only
``multiprocessing.set_executable`` with another environment ends that. The toolkit is
not asked for when no input's scope is open.
"""

from __future__ import annotations

import functools
import pickle
import sys
from concurrent.futures import ProcessPoolExecutor
from contextvars import Context, copy_context
from multiprocessing.pool import Pool, ThreadPool
from multiprocessing.process import BaseProcess
from typing import Any, Final, NamedTuple

from telemetry.capture import settings
from telemetry.capture.carrying import Pooled
from telemetry.capture.inherited import identity_text, scope_of
from telemetry.capture.roads.callers import is_library
from telemetry.capture.roads.executors import CALLBACKS, POOL_METHODS
from telemetry.capture.roads.patching import (
    Function,
    Layer,
    Parameters,
    Patch,
    combined,
)
from telemetry.capture.roads.road import RoadState
from telemetry.capture.sink import failed
from telemetry.core.scope import SCOPE, InputScope

_BOARDING: Final = "_telemetry_boarding"


class Ticket(NamedTuple):
    """What goes to another process with a job.

    Attributes:
        identity: See `telemetry.capture.inherited.identity_text`.
        settings: Those in force, pickled; or None when they are the defaults, or
            cannot be sent.
    """

    identity: str
    settings: bytes | None


def run_in_worker(
    ticket: Ticket, fn: Function, /, *args: object, **kwargs: object
) -> object:
    """Run one job in a worker of a pool, as the input of *ticket*.

    The scope is not closed at the end of the job: the input goes on elsewhere, and
    what the job has left running is not late.
    """
    _adopt_settings(ticket.settings)
    token = SCOPE.set(scope_of(ticket.identity))
    try:
        return fn(*args, **kwargs)
    finally:
        SCOPE.reset(token)


def board(ticket: Ticket) -> None:
    """Make this whole process the input's; called as a spawned child is unpickled."""
    _adopt_settings(ticket.settings)
    SCOPE.set(scope_of(ticket.identity))


class _Boarding:
    """An attribute of a process object; in a spawned child it becomes `board`."""

    __slots__ = ("_ticket",)

    def __init__(self, ticket: Ticket) -> None:
        self._ticket = ticket

    def __reduce__(self) -> tuple[object, tuple[Ticket]]:
        return board, (self._ticket,)


class _Packed:
    """The settings as they were pickled last, which seldom change: both in one."""

    last: tuple[settings.Settings | None, bytes | None] = (None, None)


def _ticket(scope: InputScope) -> Ticket:
    now = settings.configured()
    of, data = _Packed.last
    if of is not now:
        data = None
        if now is not None:
            try:
                data = pickle.dumps(now)
            except Exception:  # noqa: BLE001  # a callback that only works here, say
                data = None
        _Packed.last = now, data
    return Ticket(identity_text(scope), data)


def _adopt_settings(data: bytes | None) -> None:
    if data is None or settings.configured() is not None:
        return
    try:
        settings.apply(pickle.loads(data))  # noqa: S301  # multiprocessing unpickles the job itself as well
    except Exception as error:  # noqa: BLE001  # the job is run all the same
        failed(error, "child")


def _without_input() -> Context:
    """This context, but nobody's: for what serves many inputs."""
    context = copy_context()
    context.run(SCOPE.set, None)
    otel = sys.modules.get("opentelemetry.context")
    if otel is not None and hasattr(otel, "attach"):  # not one half imported
        context.run(otel.attach, otel.Context())
    return context


def _starting(layer: Layer) -> Function:
    original = layer.original

    @functools.wraps(original)
    def start(self: BaseProcess) -> None:
        scope = SCOPE.get() if layer.on else None
        if scope is None:
            original(self)
            return
        caller = sys._getframe(1)  # noqa: SLF001  # inspect's costs a hundred times more
        if is_library(caller):
            _without_input().run(original, self)
            return
        attributes = vars(self)
        attributes[_BOARDING] = _Boarding(_ticket(scope))
        try:
            original(self)
        finally:
            attributes.pop(_BOARDING, None)

    return start


def _submitting(layer: Layer) -> Function:
    original = layer.original

    @functools.wraps(original)
    def submit(
        self: ProcessPoolExecutor, fn: Function, /, *args: object, **kwargs: object
    ) -> object:
        scope = SCOPE.get() if layer.on else None
        if scope is None:
            return original(self, fn, *args, **kwargs)
        return original(self, run_in_worker, _ticket(scope), fn, *args, **kwargs)

    return submit


def _pooling(layer: Layer) -> Function:
    original = layer.original
    parameters = Parameters(original)

    @functools.wraps(original)
    def put(self: Pool, *args: Any, **kwargs: Any) -> object:  # noqa: ANN401  # the user's own
        scope = SCOPE.get() if layer.on else None
        fn = parameters.value("func", args, kwargs)
        if scope is None or isinstance(self, ThreadPool) or not callable(fn):
            return original(self, *args, **kwargs)
        job = functools.partial(run_in_worker, _ticket(scope), fn)
        args, kwargs = parameters.replaced("func", job, args, kwargs)
        for name in CALLBACKS:
            fn = parameters.value(name, args, kwargs)
            if callable(fn):
                args, kwargs = parameters.replaced(name, Pooled(fn), args, kwargs)
        return original(self, *args, **kwargs)

    return put


class _Processes:
    """The road of processes that multiprocessing starts."""

    name: Final = "processes"
    covers: Final = (
        "ProcessPoolExecutor, multiprocessing.Process and Pool, "
        "by fork, spawn or forkserver; the identity, not the whole context"
    )

    def __init__(self) -> None:
        self._patches: Final = (
            Patch(BaseProcess, "start", _starting),
            Patch(ProcessPoolExecutor, "submit", _submitting),
            *(Patch(Pool, name, _pooling) for name in POOL_METHODS),
        )

    def install(self) -> None:
        """Watch what starts processes, and what puts jobs into pools of them."""
        for patch in self._patches:
            patch.install()

    def uninstall(self) -> None:
        """Processes that run keep their input; new ones get none from us."""
        for patch in reversed(self._patches):
            patch.uninstall()

    def state(self) -> RoadState:
        """Whether processes and their jobs are started through us."""
        return combined(self._patches)


ROAD: Final = _Processes()
