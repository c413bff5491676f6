"""A verb: what blocks when it is called, and awaits with ``.aio``."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar, overload

P = ParamSpec("P")
S = TypeVar("S")
A = TypeVar("A")


class AsyncUsageWarning(UserWarning):
    """A blocking verb was called where it stops a running event loop."""


class Verb(Generic[P, S, A]):
    """A verb of one function: call it, or call its ``aio`` in a coroutine."""

    __slots__ = ("_owner", "_rule")

    def __init__(self, rule: _VerbOf[P, S, A], owner: object) -> None:
        self._rule = rule
        self._owner = owner

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> S:
        """Do it, and block until it is done."""
        rule = self._rule
        if rule.rewrite and in_event_loop():
            self._warn(rule.rewrite)
        return rule.blocking(self._owner, *args, **kwargs)

    @property
    def aio(self) -> Callable[P, A]:
        """The same for a coroutine; the event loop goes on meanwhile."""
        owner, asynchronous = self._owner, self._rule.asynchronous

        def bound(*args: P.args, **kwargs: P.kwargs) -> A:
            return asynchronous(owner, *args, **kwargs)

        return bound

    def __repr__(self) -> str:
        return f"<verb {self._shown()}>"

    def _shown(self) -> str:
        label = getattr(self._owner, "label", type(self._owner).__name__)
        return f"{label}.{self._rule.name}"

    def _warn(self, rewrite: str) -> None:
        shown = self._shown()
        warnings.warn(
            f"`{shown}(...)` blocks the running event loop until it is done; write "
            f"`{rewrite.format(verb=shown)}`",
            AsyncUsageWarning,
            stacklevel=3,
        )


class _VerbOf(Generic[P, S, A]):
    """A verb in the body of a class: binds itself to the instance."""

    def __init__(
        self,
        blocking: Callable[Concatenate[Any, P], S],
        asynchronous: Callable[Concatenate[Any, P], A],
        rewrite: str,
    ) -> None:
        self.blocking = blocking
        self.asynchronous = asynchronous
        self.rewrite = rewrite
        self.name = blocking.__name__
        self.__doc__ = blocking.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type) -> Verb[P, S, A]: ...
    def __get__(self, instance: object | None, owner: type) -> Self | Verb[P, S, A]:
        return self if instance is None else Verb(self, instance)


def verb(
    asynchronous: Callable[Concatenate[Any, P], A],
    *,
    rewrite: str = "await {verb}.aio(...)",
) -> Callable[[Callable[Concatenate[Any, P], S]], _VerbOf[P, S, A]]:
    """Pair a blocking method with its twin for coroutines.

    Args:
        asynchronous: What ``.aio`` calls, with the same arguments.
        rewrite: What a caller inside an event loop should write; empty for a
            verb that may be called there, because it does not block.
    """

    def decorate(
        blocking: Callable[Concatenate[Any, P], S],
    ) -> _VerbOf[P, S, A]:
        return _VerbOf(blocking, asynchronous, rewrite)

    return decorate


def in_event_loop() -> bool:
    """Whether this thread is running an event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
