"""The verbs that a function and a method of a class have in common."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Generic, ParamSpec, TypeVar, cast

from telemetry.core.errors import InvalidError
from telemetry.core.outcome import Outcome
from telemetry.runtime.calls import Call
from telemetry.runtime.function_call import FunctionCall
from telemetry.runtime.mapped import Mapped
from telemetry.runtime.session import FunctionStats
from telemetry.runtime.verbs import verb

P = ParamSpec("P")
R = TypeVar("R")
O = TypeVar("O")  # noqa: E741 - P, R, O: parameters, result, what the body returns


class Callee(Mapped[R], Generic[P, R, O]):
    """What can be called in a container. Safe from any thread.

    Every verb but `local` has an ``.aio``, to be awaited or iterated with
    ``async for``. A blocking verb inside a running event loop works, and emits
    an `AsyncUsageWarning`.
    """

    @abstractmethod
    def local(self, /, *args: P.args, **kwargs: P.kwargs) -> O:
        """Call the body here; an async body gives its coroutine. No input id."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.label}>"

    async def _remote_aio(self, /, *args: P.args, **kwargs: P.kwargs) -> R:
        call = self._start("remote", args, kwargs, awaited=True)
        try:
            settled = await call.take_async()
        except BaseException:
            call.abandon()
            raise
        return cast("R", settled[0].value())

    @verb(_remote_aio)
    def remote(self, /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run one input in a container and wait for its result.

        An interrupt or a cancellation of the wait cancels the input.

        Raises:
            InvalidError: It is a generator.
            ExecutionError: The app is not running.
        """
        call = self._start("remote", args, kwargs)
        try:
            settled = call.take()
        except BaseException:
            call.abandon()
            raise
        return cast("R", settled[0].value())

    def _remote_gen_aio(self, /, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[R]:
        self._check_generator()
        return _chunks_aio(lambda: self._submitted(args, kwargs, stream=True))

    @verb(_remote_gen_aio, rewrite="async for chunk in {verb}.aio(...)")
    def remote_gen(self, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[R]:
        """Run a generator in a container; its chunks come as they are made.

        It starts when the first chunk is asked for, and leaving it early cancels
        it.

        Raises:
            InvalidError: It is not a generator.
            ExecutionError: The app is not running.
        """
        self._check_generator()
        return _chunks(lambda: self._submitted(args, kwargs, stream=True))

    async def _spawn_aio(self, /, *args: P.args, **kwargs: P.kwargs) -> FunctionCall[R]:
        call = self._start("spawn", args, kwargs, retain=True)
        return FunctionCall(call.call_id, call)

    @verb(_spawn_aio, rewrite="")
    def spawn(self, /, *args: P.args, **kwargs: P.kwargs) -> FunctionCall[R]:
        """Start one input and return at once.

        Raises:
            InvalidError: It is a generator.
            ExecutionError: The app is not running.
        """
        call = self._start("spawn", args, kwargs, retain=True)
        return FunctionCall(call.call_id, call)

    async def _get_current_stats_aio(self) -> FunctionStats:
        return await asyncio.to_thread(self.pool.stats)

    @verb(_get_current_stats_aio)
    def get_current_stats(self) -> FunctionStats:
        """How many inputs wait and run now, and in how many containers."""
        return self.pool.stats()

    def _start(
        self,
        name: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        retain: bool = False,
        awaited: bool = False,
    ) -> Call:
        self.refuse_generator(name)
        return self._submitted(args, kwargs, retain=retain, awaited=awaited)

    def _submitted(
        self,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        retain: bool = False,
        stream: bool = False,
        awaited: bool = False,
    ) -> Call:
        call = self.pool_call(retain=retain, stream=stream)
        call.awaited = awaited
        try:
            call.submit([(args, kwargs)])
            call.close()
        except BaseException:
            call.abandon()
            raise
        return call

    def _check_generator(self) -> None:
        if not self.pool.declaration.methods[self.method].is_generator:
            raise InvalidError(
                f"`{self.label}.remote_gen` needs a generator, and {self.label!r} is "
                f"none; call `{self.label}.remote(...)`"
            )
        self.pool.check_running()


def _chunks(start: Callable[[], Call]) -> Iterator[Any]:
    call = start()
    finished = False
    try:
        while settled := call.take():
            for each in settled:
                if each.outcome is None:
                    yield each.value()
                    continue
                finished = True
                if each.outcome is not Outcome.SUCCESS:
                    each.value()  # raises what the body raised
                return
    finally:
        if not finished:
            call.abandon()


async def _chunks_aio(start: Callable[[], Call]) -> AsyncIterator[Any]:
    call = start()
    finished = False
    try:
        while settled := await call.take_async():
            for each in settled:
                if each.outcome is None:
                    yield each.value()
                    continue
                finished = True
                if each.outcome is not Outcome.SUCCESS:
                    each.value()  # raises what the body raised
                return
    finally:
        if not finished:
            call.abandon()
