"""Carrying the context of an input to where Python does not: ``telemetry.carry``.

The whole context goes along, not our variable alone, so structlog's and everybody
else's variables arrive as well. It is copied when the function is handed over, which
takes constant time whatever is in it.
"""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, copy_context
from typing import Any, ParamSpec, TypeVar, cast

from telemetry.core.errors import InvalidError

_P = ParamSpec("_P")
_R = TypeVar("_R")


def carry(fn: Callable[_P, _R]) -> Callable[_P, _R]:
    """*fn*, bound to the input that runs here, wherever it is called.

    For executors that the toolkit does not know. The function runs in a copy of the
    context of this moment, a fresh one for each call: it may run many times, and in
    several threads at once, and what it sets in context variables stays with the
    call. A coroutine function runs in one such copy from its first step to its last.
    After the end of the input, what the function logs is marked ``input_late``.

        pool.schedule(telemetry.carry(work), 1, 2)

    The result works in this process; it does not promise to be picklable.

    Raises:
        InvalidError: *fn* cannot be called, or is a generator function, whose body
            runs piece by piece wherever somebody asks for the next one.
    """
    if not callable(fn):
        raise InvalidError(f"carry got {fn!r}; it must be a function")
    if _is_a(inspect.isgeneratorfunction, fn) or _is_a(inspect.isasyncgenfunction, fn):
        raise InvalidError(
            f"carry cannot bind the generator function {fn!r}; "
            "carry the function that consumes it"
        )
    context = copy_context()
    if _is_a(inspect.iscoroutinefunction, fn):
        body = cast("Callable[_P, Coroutine[Any, Any, Any]]", fn)

        @functools.wraps(fn)
        async def run_async(*args: _P.args, **kwargs: _P.kwargs) -> object:
            inside = context.copy()
            return await _driven(inside, inside.run(body, *args, **kwargs))

        return cast("Callable[_P, _R]", run_async)

    @functools.wraps(fn)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        # A context cannot be entered twice at once, so each call has its own.
        return context.copy().run(fn, *args, **kwargs)

    return run


def run_in_pool(
    context: Context, fn: Callable[..., Any], /, *args: object, **kwargs: object
) -> object:
    """Run one job of a pool of threads in *context*, which nobody else uses.

    What the pool's own initializer has set in this thread is visible to the job, as
    it is without us; where the context has a value of its own, that goes first.
    """
    for variable, value in copy_context().items():
        if variable not in context:
            context.run(variable.set, value)
    return context.run(fn, *args, **kwargs)


class Pooled:
    """*fn* for a pool of threads that may call it many times, and at once."""

    __slots__ = ("_context", "_fn")

    def __init__(self, fn: Callable[..., Any]) -> None:
        self._context = copy_context()
        self._fn = fn

    def __call__(self, *args: object, **kwargs: object) -> object:
        """Run it in a copy of the context that was current as this was made."""
        return run_in_pool(self._context.copy(), self._fn, *args, **kwargs)


def _is_a(kind: Callable[[object], bool], fn: object) -> bool:
    # An object with `async def __call__` is a coroutine function, too.
    return kind(fn) or kind(getattr(fn, "__call__", None))  # noqa: B004  # not whether it can be called


@types.coroutine
def _driven(
    context: Context, coroutine: Coroutine[Any, Any, _R]
) -> Generator[Any, Any, _R]:
    """Run each step of *coroutine* in *context*; what it waits for is passed on."""
    step: Callable[[], object] = functools.partial(coroutine.send, None)
    while True:
        try:
            awaited = context.run(step)
        except StopIteration as end:
            return cast("_R", end.value)
        try:
            sent = yield awaited
        except GeneratorExit:
            context.run(coroutine.close)
            raise
        except BaseException as error:  # noqa: BLE001  # a cancellation is one, too
            step = functools.partial(coroutine.throw, error)
        else:
            step = functools.partial(coroutine.send, sent)
