"""`FunctionCall`: a call whose results are fetched later, by anyone with its id."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any, ClassVar, Final, Generic, TypeVar, cast

from telemetry.core.errors import Error, ExecutionError, InvalidError
from telemetry.runtime import checks, current
from telemetry.runtime.calls import Call, Settled
from telemetry.runtime.verbs import verb

R = TypeVar("R")
T = TypeVar("T")

_LOOK_AGAIN_S: Final = 0.05
"""How late a blocking ``gather`` may notice a failure behind a slower call."""


class _Gather:
    """``FunctionCall.gather``: all results, in the order of the arguments."""

    def __call__(self, *calls: FunctionCall[T]) -> list[T]:
        """Wait for all; the first failure is raised, the others go on.

        Raises:
            InvalidError: An argument is not a `FunctionCall`.
        """
        waiting = dict(enumerate(_calls_of(calls)))
        found: dict[int, T] = {}
        while waiting:
            # Waits for one and then looks at the others, so that a failure is not
            # hidden behind a call that takes for ever.
            wait_s = _LOOK_AGAIN_S
            for position, call in list(waiting.items()):
                settled = _look(call, wait_s)
                if settled is None:
                    wait_s = 0.0
                    continue
                found[position] = cast("T", settled.value())
                del waiting[position]
        return [found[position] for position in range(len(calls))]

    async def aio(self, *calls: FunctionCall[T]) -> list[T]:
        """The same for a coroutine."""
        _check_calls(calls)
        return list(await asyncio.gather(*(call.get.aio() for call in calls)))


class FunctionCall(Generic[R]):
    """What ``spawn`` and ``spawn_map`` return; pickles as its id.

    Safe from any thread. Results are kept while the app runs and the call has not
    expired; `get` may be repeated.
    """

    gather: ClassVar[_Gather] = _Gather()

    def __init__(self, object_id: str, call: Call | None = None) -> None:
        self._object_id = object_id
        self._call = call

    @property
    def object_id(self) -> str:
        """The id: ``fc-`` and a ULID."""
        return self._object_id

    @property
    def label(self) -> str:
        """What messages call it."""
        return "call"

    @staticmethod
    def from_id(object_id: str) -> FunctionCall[Any]:
        """The call of that id; it is looked up at first use.

        Raises:
            InvalidError: It is no id.
        """
        if not str(object_id).startswith("fc-"):
            raise InvalidError(
                f"a function call's id starts with 'fc-', not {object_id!r}; take it "
                "from `call.object_id`"
            )
        return FunctionCall(object_id)

    async def _get_aio(self, timeout: float | None = None, *, index: int = 0) -> R:
        call = await self._attached_aio()
        _check_index(call, index)
        settled = await call.peek_async(index, _timeout_s(timeout))
        return cast("R", settled.value())

    @verb(_get_aio)
    def get(self, timeout: float | None = None, *, index: int = 0) -> R:
        """The result of one input; waits for it.

        Args:
            timeout: Seconds; 0 looks once, None waits for ever.
            index: Which input, from 0.

        Raises:
            TimeoutError: It is not ready in time.
            OutputExpiredError: It is no longer kept.
            InvalidError: There is no such input.
        """
        call = self._attached()
        _check_index(call, index)
        return cast("R", call.peek(index, _timeout_s(timeout)).value())

    async def _cancel_aio(self, terminate_containers: bool = False) -> None:  # noqa: FBT001, FBT002 - Modal's signature
        (await self._attached_aio()).cancel(terminate_containers=terminate_containers)

    @verb(_cancel_aio, rewrite="")
    def cancel(self, terminate_containers: bool = False) -> None:  # noqa: FBT001, FBT002 - Modal's signature
        """Cancel every input that has not settled; does not wait for them.

        Args:
            terminate_containers: Also end the containers that run them; their
                other inputs are rescheduled.
        """
        self._attached().cancel(terminate_containers=terminate_containers)

    async def _num_inputs_aio(self) -> int:
        return (await self._attached_aio()).num_inputs

    @verb(_num_inputs_aio, rewrite="")
    def num_inputs(self) -> int:
        """How many inputs the call has."""
        return self._attached().num_inputs

    async def _iter_aio(
        self, *, start: int = 0, end: int | None = None
    ) -> AsyncIterator[R]:
        call = await self._attached_aio()
        for index in _range(call, start, end):
            yield cast("R", (await call.peek_async(index)).value())

    @verb(_iter_aio, rewrite="async for result in {verb}.aio(...)")
    def iter(self, *, start: int = 0, end: int | None = None) -> Iterator[R]:
        """The results of inputs *start* to *end*, in order; waits for each.

        Raises:
            InvalidError: There are no such inputs.
        """
        call = self._attached()
        return (
            cast("R", call.peek(index).value()) for index in _range(call, start, end)
        )

    def __iter__(self) -> Iterator[R]:
        return self.iter()

    def __aiter__(self) -> AsyncIterator[R]:
        return self.iter.aio()

    def __reduce__(self) -> tuple[Any, ...]:
        return FunctionCall, (self._object_id,)

    def __repr__(self) -> str:
        return f"FunctionCall({self._object_id!r})"

    def _attached(self) -> Call:
        call = self._call
        if call is None:
            call = self._call = _attach(self._object_id)
        return call

    async def _attached_aio(self) -> Call:
        if self._call is None:
            # Asking the dispatcher from inside a container takes a round trip.
            self._call = await asyncio.to_thread(_attach, self._object_id)
        return self._call


def _calls_of(calls: tuple[FunctionCall[Any], ...]) -> list[Call]:
    _check_calls(calls)
    return [call._attached() for call in calls]  # noqa: SLF001 - of this module


def _check_calls(calls: tuple[FunctionCall[Any], ...]) -> None:
    for call in calls:
        if not isinstance(call, FunctionCall):
            raise InvalidError(
                f"`FunctionCall.gather` takes function calls, not {call!r}; spread a "
                "list with `gather(*calls)`"
            )


def _look(call: Call, wait_s: float) -> Settled | None:
    try:
        return call.peek(0, wait_s)
    except TimeoutError:
        return None


def _attach(object_id: str) -> Call:
    refused: Error | None = None
    for session in current.sessions():
        try:
            call = session.attach(object_id)
            call.peek(0, 0)
        except TimeoutError:
            return call  # known, and not ready
        except Error as error:
            refused = error  # not of this app, or not kept
        else:
            return call
    if refused is not None:
        raise refused
    raise ExecutionError(
        f"function call {object_id} cannot be looked up, since no app is running here; "
        "use it inside `with app.run():`"
    )


def _check_index(call: Call, index: int) -> None:
    checks.whole("index", index, at_least=0)
    # A call that was attached may not have heard yet how many inputs it has.
    if index >= call.num_inputs > 0:
        raise InvalidError(
            f"`index` must be below the call's number of inputs "
            f"({call.num_inputs}), not {index}"
        )


def _timeout_s(timeout: float | None) -> float | None:
    return None if timeout is None else checks.seconds("timeout", timeout, zero=True)


def _range(call: Call, start: int, end: int | None) -> range:
    count = call.num_inputs
    last = count if end is None else checks.whole("end", end, at_least=0)
    if checks.whole("start", start, at_least=0) > last or last > count:
        raise InvalidError(
            f"`start` and `end` must be in order and within the call's {count} inputs, "
            f"not {start} and {end}"
        )
    return range(start, last)
