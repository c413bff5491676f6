"""Giving code an input where another runtime executes it: ``input_scope``."""

from __future__ import annotations

import functools
import inspect
import os
import time
from collections.abc import Callable
from contextvars import Token
from types import TracebackType
from typing import Final, NamedTuple, ParamSpec, TypeVar, cast

from telemetry.capture import executions
from telemetry.capture.otel_context import detach, outgoing
from telemetry.core.errors import ExecutionError, InvalidError
from telemetry.core.ids import INPUT_PREFIX, IdSource
from telemetry.core.scope import SCOPE, CurrentInput, InputScope, current_input

_P = ParamSpec("_P")
_R = TypeVar("_R")

_NS_PER_MS: Final = 1_000_000
_BITS_PER_BYTE: Final = 8


def _random_bits(count: int) -> int:
    size = -(-count // _BITS_PER_BYTE)
    drawn = int.from_bytes(os.urandom(size), "big")
    return drawn >> (size * _BITS_PER_BYTE - count)


def _new_source() -> IdSource:
    return IdSource(
        now_ms=lambda: time.time_ns() // _NS_PER_MS, random_bits=_random_bits
    )


class _Ids:
    """The ids of this process. A forked child starts anew, and repeats none."""

    source: IdSource = _new_source()

    @classmethod
    def renew(cls) -> None:
        cls.source = _new_source()


os.register_at_fork(after_in_child=_Ids.renew)


class _Entered(NamedTuple):
    """What the end of a block has to take back."""

    scope: InputScope
    token: Token[InputScope | None]
    otel: object
    started_unix_ns: int


class input_scope:  # noqa: N801  # used like a function, as contextlib's are
    """Everything inside belongs to one input: its lines carry the input's id.

    For code that another runtime executes. Use it as ``with``, as ``async with``,
    or as a decorator, which opens a scope of its own for each call. Scopes nest:
    the outer one is back when the inner one ends. What still runs in a scope after
    its end (a thread that was left behind) is marked ``input_late``.

        with telemetry.input_scope(function="resize") as current:
            log.info("resizing", file=name)     # carries current.input_id

        @telemetry.input_scope()
        async def resize(name): ...

    Args:
        function: Name of the function; a decorator takes the one it decorates.
        input_id: The id that the other runtime knows it by; None makes a new one.

    Raises:
        InvalidError: An argument is not a non-empty text.
    """

    __slots__ = ("_entered", "_function", "_input_id")

    def __init__(
        self, function: str | None = None, input_id: str | None = None
    ) -> None:
        if callable(function):
            raise InvalidError(
                f"input_scope got the function {function!r} itself; "
                "decorate with `@input_scope()`, with parentheses"
            )
        self._function = _text_or_none("function", function)
        self._input_id = _text_or_none("input_id", input_id)
        self._entered: _Entered | None = None

    def __enter__(self) -> CurrentInput:
        if self._entered is not None:
            raise ExecutionError(
                "this input_scope is entered already; make one for each block"
            )
        input_id = self._input_id or _Ids.source.one(INPUT_PREFIX)
        scope = InputScope(input_id, function=self._function, parent=outgoing())
        token = SCOPE.set(scope)
        outer = executions.begin(scope, as_instrumentation=True)
        self._entered = _Entered(scope, token, outer, time.time_ns())
        return cast("CurrentInput", current_input())

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        entered, self._entered = self._entered, None
        if entered is None:
            return
        scope, token = entered.scope, entered.token
        executions.end(scope, entered.started_unix_ns, time.time_ns(), error=error)
        same_context = True
        try:
            SCOPE.reset(token)
        except ValueError:
            # Entered in another context: an async generator that is finalised by
            # the loop, a fixture. Take away what is ours here, and nothing else.
            same_context = False
            if SCOPE.get() is scope:
                outer = token.old_value
                SCOPE.set(None if outer is Token.MISSING else outer)
        detach(scope, entered.otel, same_context=same_context)

    async def __aenter__(self) -> CurrentInput:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, traceback)

    def __call__(self, body: Callable[_P, _R]) -> Callable[_P, _R]:
        """Decorate *body*: each call of it is an input.

        Raises:
            InvalidError: *body* is a generator function, which runs piece by piece
                in the contexts of those who ask for the pieces.
        """
        if inspect.isgeneratorfunction(body) or inspect.isasyncgenfunction(body):
            raise InvalidError(
                f"input_scope cannot decorate the generator function {body!r}; "
                "open `with input_scope():` around the loop that consumes it"
            )
        function = self._function or _name_of(body)
        input_id = self._input_id
        if inspect.iscoroutinefunction(body):

            @functools.wraps(body)
            async def run_async(*args: _P.args, **kwargs: _P.kwargs) -> object:
                with input_scope(function, input_id):
                    return await body(*args, **kwargs)

            return cast("Callable[_P, _R]", run_async)

        @functools.wraps(body)
        def run(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            with input_scope(function, input_id):
                return body(*args, **kwargs)

        return run


def _name_of(body: Callable[..., object]) -> str | None:
    qualname = getattr(body, "__qualname__", None) or type(body).__qualname__
    return str(qualname).rpartition("<locals>.")[2] or None


def _text_or_none(key: str, value: object) -> str | None:
    if value is None or (isinstance(value, str) and value):
        return value
    raise InvalidError(f"{key} is {value!r}; it must be a non-empty text, or None")
