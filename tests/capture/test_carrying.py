"""telemetry.carry: a function that keeps its input wherever it is called."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import AsyncIterator, Iterator
from functools import partial

import pytest

import telemetry
from telemetry.capture.carrying import carry
from telemetry.core.errors import InvalidError
from telemetry.core.scope import SCOPE

USER: contextvars.ContextVar[str] = contextvars.ContextVar("user", default="nobody")


def told() -> str | None:
    """The id that is found where this is called."""
    return telemetry.current_input_id()


def test_a_function_keeps_its_input() -> None:
    """Called elsewhere, it finds the input and all variables of its making."""

    def body(a: int, *, b: int) -> tuple[str | None, str, int]:
        return told(), USER.get(), a + b

    with telemetry.input_scope() as current:
        token = USER.set("me")
        carried = carry(body)
        USER.reset(token)
    with telemetry.input_scope():
        assert carried(1, b=2) == (current.input_id, "me", 3)
    assert carried.__name__ == "body"


def test_what_a_call_sets_stays_with_it() -> None:
    """Neither the next call nor the caller sees it."""
    carried = carry(lambda value: (USER.get(), USER.set(value))[0])

    assert [carried("a"), carried("b"), USER.get()] == ["nobody"] * 3


def test_it_may_run_inside_itself_and_at_once() -> None:
    """Each call has a context of its own: recursion and threads are fine."""
    together = threading.Barrier(2)

    def body(depth: int) -> str | None:
        together.wait(30)
        return carried(depth - 1) if depth else told()

    found: list[str | None] = []
    with telemetry.input_scope() as current:
        carried = carry(body)
    threads = [
        threading.Thread(target=lambda: found.append(carried(2))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [current.input_id] * 2


def test_it_is_late_when_its_input_has_ended() -> None:
    """The scope that it runs in is closed then."""
    with telemetry.input_scope():
        carried = carry(SCOPE.get)
    scope = carried()

    assert scope is not None
    assert scope.closed


def test_made_outside_of_inputs_it_belongs_to_none() -> None:
    """It is bound to nobody, and does not take the id of who calls it."""
    carried = carry(told)
    with telemetry.input_scope():
        assert carried() is None


def test_a_coroutine_keeps_its_input_in_every_step() -> None:
    """From the first step to the last; the awaiting task keeps its own."""

    async def body(value: int) -> tuple[list[str | None], int]:
        found = [told()]
        await asyncio.sleep(0)
        found.append(told())
        found.append(await asyncio.create_task(asyncio.to_thread(told)))
        USER.set("body")
        return found, value

    async def main() -> None:
        with telemetry.input_scope() as first:
            carried = carry(body)
        with telemetry.input_scope() as second:
            found, value = await carried(7)
            assert told() == second.input_id
        assert found == [first.input_id] * 3
        assert (value, USER.get()) == (7, "nobody")
        assert asyncio.iscoroutinefunction(carried)

    asyncio.run(main())


def test_what_a_coroutine_sets_stays_with_its_call() -> None:
    """Two calls at once, and one after the other: none sees another's variables."""

    async def body(value: str) -> list[str]:
        found = [USER.get()]
        USER.set(value)
        await asyncio.sleep(0)
        return [*found, USER.get()]

    async def main() -> list[list[str]]:
        carried = carry(body)
        return [*await asyncio.gather(carried("a"), carried("b")), await carried("c")]

    assert asyncio.run(main()) == [["nobody", each] for each in "abc"]


def test_a_coroutine_can_be_cancelled_and_cleans_up() -> None:
    """Cancellation arrives inside, and its finally runs under its input."""
    found: list[str | None] = []

    async def body() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            found.append(told())
            raise
        finally:
            found.append(told())

    async def main() -> str:
        with telemetry.input_scope() as current:
            carried = carry(body)
        task = asyncio.ensure_future(carried())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return current.input_id

    assert asyncio.run(main()) == found[0] == found[1]


def test_a_coroutine_that_is_thrown_away_cleans_up() -> None:
    """Closed in the middle, its finally runs under its input."""
    found: list[str | None] = []

    async def body() -> None:
        try:
            await asyncio.sleep(0)
        finally:
            found.append(told())

    with telemetry.input_scope() as current:
        coroutine = carry(body)()
    coroutine.send(None)
    coroutine.close()

    assert found == [current.input_id]


def test_errors_of_a_coroutine_arrive_and_may_be_caught_inside() -> None:
    """What it raises reaches who awaits it; what it catches does not."""

    async def fail() -> None:
        await asyncio.sleep(0)
        raise LookupError("x")

    async def survive() -> str:
        try:
            await asyncio.wait_for(asyncio.Event().wait(), 0)
        except TimeoutError:
            return "survived"
        return ""

    async def main() -> None:
        with pytest.raises(LookupError):
            await carry(fail)()
        assert await carry(survive)() == "survived"

    asyncio.run(main())


class AsyncCallable:
    """An object that is called like a coroutine function."""

    async def __call__(self) -> str | None:
        await asyncio.sleep(0)
        return told()


async def told_async() -> str | None:
    """The id that is found after a step."""
    await asyncio.sleep(0)
    return told()


@pytest.mark.parametrize("fn", [AsyncCallable(), partial(told_async)])
def test_coroutine_functions_in_disguise(fn: AsyncCallable) -> None:
    """Objects with an async __call__ and partials are seen as what they are."""

    async def main() -> None:
        with telemetry.input_scope() as current:
            carried = carry(fn)
        assert await carried() == current.input_id

    asyncio.run(main())


def generator() -> Iterator[int]:
    """A generator function."""
    yield 1


async def async_generator() -> AsyncIterator[int]:
    """An async generator function."""
    yield 1


@pytest.mark.parametrize("fn", [generator, async_generator, partial(generator)])
def test_generator_functions_are_rejected(fn: partial[object]) -> None:
    """Their bodies run wherever somebody asks for the next piece."""
    with pytest.raises(InvalidError, match="generator function"):
        carry(fn)


def test_what_cannot_be_called_is_rejected() -> None:
    """carry(work()) instead of carry(work) is said at once."""
    with pytest.raises(InvalidError, match="must be a function"):
        carry(3)  # type: ignore[arg-type]  # what is tested
