"""The verbs that take many inputs: `map` and its kin."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Generic, TypeVar

from telemetry.core.errors import InvalidError
from telemetry.runtime.calls import Call
from telemetry.runtime.function_call import FunctionCall
from telemetry.runtime.handles import Handle
from telemetry.runtime.mapping import (
    AnyIterable,
    Inputs,
    results,
    results_aio,
    submit_all,
    submit_all_aio,
)
from telemetry.runtime.pools import Pool
from telemetry.runtime.verbs import verb

R = TypeVar("R")


class Mapped(Handle, Generic[R]):
    """Something that runs in a pool, with the verbs for many inputs at a time."""

    @property
    @abstractmethod
    def label(self) -> str:
        """What messages call it: ``translate`` or ``Model.predict``."""

    @property
    @abstractmethod
    def pool(self) -> Pool:
        """The pool that runs it."""

    @property
    def method(self) -> int:
        """Which of the pool's methods it is."""
        return 0

    def pool_call(self, *, retain: bool = False, stream: bool = False) -> Call:
        """A new call of this function or method, without inputs yet.

        Raises:
            ExecutionError: The app is not running.
        """
        return self.pool.open(self.method, retain=retain, stream=stream)

    def check_plain(self, name: str) -> str:
        """The name of a verb as the user typed it.

        Raises:
            InvalidError: The body is a generator, which has a verb of its own.
        """
        self.refuse_generator(name)
        return f"{self.label}.{name}"

    def refuse_generator(self, name: str) -> None:
        """Check that a verb is for this body; on the path of every call.

        Raises:
            InvalidError: The body is a generator, which has a verb of its own.
        """
        if self.pool.declaration.methods[self.method].is_generator:
            raise InvalidError(
                f"`{self.label}.{name}` is not for a generator; iterate over "
                f"`{self.label}.remote_gen(...)`"
            )

    def _map_aio(
        self,
        *iterables: AnyIterable,
        kwargs: Mapping[str, Any] | None = None,
        order_outputs: bool = True,
        return_exceptions: bool = False,
    ) -> AsyncIterator[R]:
        return results_aio(
            self.pool_call,
            Inputs(self.check_plain("map"), iterables, kwargs),
            order_outputs=order_outputs,
            return_exceptions=return_exceptions,
        )

    @verb(_map_aio, rewrite="")
    def map(
        self,
        *iterables: AnyIterable,
        kwargs: Mapping[str, Any] | None = None,
        order_outputs: bool = True,
        return_exceptions: bool = False,
    ) -> Iterator[R]:
        """The results of one input per item, lazily; iterables are zipped.

        At most 1000 inputs are outstanding, and leaving the iteration early
        cancels what is left.

        Args:
            iterables: Anything but a list or the like is read on another thread,
                so that a slow one does not hold back results.
            kwargs: Keyword arguments that every input gets.
            order_outputs: False gives results as they come.
            return_exceptions: Exceptions stand in the place of results; otherwise
                the first failure is raised and the rest cancelled.

        Raises:
            InvalidError: It is a generator, or iterated inside an event loop.
        """
        return results(
            self.pool_call,
            Inputs(self.check_plain("map"), iterables, kwargs),
            order_outputs=order_outputs,
            return_exceptions=return_exceptions,
        )

    def _starmap_aio(
        self,
        iterable: AnyIterable,
        *,
        kwargs: Mapping[str, Any] | None = None,
        order_outputs: bool = True,
        return_exceptions: bool = False,
    ) -> AsyncIterator[R]:
        return results_aio(
            self.pool_call,
            Inputs(self.check_plain("starmap"), (iterable,), kwargs, unpack=True),
            order_outputs=order_outputs,
            return_exceptions=return_exceptions,
        )

    @verb(_starmap_aio, rewrite="")
    def starmap(
        self,
        iterable: AnyIterable,
        *,
        kwargs: Mapping[str, Any] | None = None,
        order_outputs: bool = True,
        return_exceptions: bool = False,
    ) -> Iterator[R]:
        """`map` over tuples of arguments."""
        return results(
            self.pool_call,
            Inputs(self.check_plain("starmap"), (iterable,), kwargs, unpack=True),
            order_outputs=order_outputs,
            return_exceptions=return_exceptions,
        )

    async def _for_each_aio(
        self,
        *iterables: AnyIterable,
        kwargs: Mapping[str, Any] | None = None,
        ignore_exceptions: bool = False,
    ) -> None:
        async for _ in results_aio(
            self.pool_call,
            Inputs(self.check_plain("for_each"), iterables, kwargs),
            order_outputs=False,
            return_exceptions=ignore_exceptions,
        ):
            pass

    @verb(_for_each_aio, rewrite="")
    def for_each(
        self,
        *iterables: AnyIterable,
        kwargs: Mapping[str, Any] | None = None,
        ignore_exceptions: bool = False,
    ) -> None:
        """Run one input per item and wait for all; results are dropped."""
        for _ in results(
            self.pool_call,
            Inputs(self.check_plain("for_each"), iterables, kwargs),
            order_outputs=False,
            return_exceptions=ignore_exceptions,
        ):
            pass

    async def _spawn_map_aio(
        self, *iterables: AnyIterable, kwargs: Mapping[str, Any] | None = None
    ) -> FunctionCall[R]:
        inputs = Inputs(self.check_plain("spawn_map"), iterables, kwargs)
        call = self.pool_call(retain=True)
        await submit_all_aio(call, inputs)
        return FunctionCall(call.call_id, call)

    @verb(_spawn_map_aio)
    def spawn_map(
        self, *iterables: AnyIterable, kwargs: Mapping[str, Any] | None = None
    ) -> FunctionCall[R]:
        """Start one input per item; one call holds them all, by their index."""
        inputs = Inputs(self.check_plain("spawn_map"), iterables, kwargs)
        call = self.pool_call(retain=True)
        submit_all(call, inputs)
        return FunctionCall(call.call_id, call)
