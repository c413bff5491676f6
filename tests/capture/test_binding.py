"""input_scope: one input for a block, a coroutine or each call of a function."""

from __future__ import annotations

import asyncio
import contextvars
import os
import re
from collections.abc import AsyncIterator, Iterator

import pytest

import telemetry
from telemetry.capture import binding
from telemetry.core.errors import ExecutionError, InvalidError
from telemetry.core.ids import IdSource
from telemetry.core.scope import SCOPE, CurrentInput

ID = re.compile(r"in-[0-9A-HJKMNP-TV-Z]{26}")


def test_scope_of_a_block() -> None:
    """Inside there is an input, with a new id; outside there is none."""
    with telemetry.input_scope(function="resize") as current:
        assert telemetry.current_input() == current
        assert telemetry.current_input_id() == current.input_id
        assert telemetry.current_function_call_id() is None

    assert ID.fullmatch(current.input_id)
    assert current.function == "resize"
    assert telemetry.current_input() is None


def test_given_id_is_used() -> None:
    """The id that another runtime gave is kept."""
    with telemetry.input_scope(input_id="theirs"):
        assert telemetry.current_input_id() == "theirs"


def test_scopes_nest() -> None:
    """The outer input is back after the inner one, also after an exception."""
    with telemetry.input_scope(input_id="outer"):
        with (
            pytest.raises(ValueError, match="boom"),
            telemetry.input_scope(input_id="inner"),
        ):
            raise ValueError("boom")
        assert telemetry.current_input_id() == "outer"


def test_scope_is_closed_at_its_end() -> None:
    """A context that outlives the block sees that its input has settled."""
    with telemetry.input_scope():
        left = contextvars.copy_context()
        scope = SCOPE.get()
        assert scope is not None
        assert not scope.closed

    assert left[SCOPE] is scope
    assert scope.closed


def test_scope_of_a_coroutine() -> None:
    """`async with` keeps tasks apart."""

    async def body(name: str) -> str | None:
        async with telemetry.input_scope(input_id=name):
            await asyncio.sleep(0)
            return telemetry.current_input_id()

    async def main() -> list[str | None]:
        return await asyncio.gather(*(body(str(n)) for n in range(10)))

    assert asyncio.run(main()) == [str(n) for n in range(10)]


def test_decorator_makes_an_input_of_each_call() -> None:
    """Each call has an id of its own, and the name of the function."""

    @telemetry.input_scope()
    def resize(size: int) -> tuple[int, CurrentInput | None]:
        """Make it smaller."""
        return size, telemetry.current_input()

    (size, first), (_, second) = resize(3), resize(size=4)

    assert size == 3
    assert first is not None
    assert second is not None
    assert first.function == "resize"
    assert first.input_id != second.input_id
    assert (resize.__name__, resize.__doc__) == ("resize", "Make it smaller.")


def test_decorator_of_a_coroutine_function() -> None:
    """The scope lasts until the coroutine ends, calls at once stay apart."""

    @telemetry.input_scope(function="named")
    async def body() -> set[CurrentInput | None]:
        before = telemetry.current_input()
        await asyncio.sleep(0)
        return {before, telemetry.current_input()}

    async def main() -> list[set[CurrentInput | None]]:
        return await asyncio.gather(*(body() for _ in range(5)))

    seen = asyncio.run(main())

    assert asyncio.iscoroutinefunction(body)
    assert [len(one) for one in seen] == [1] * 5
    assert len(set.union(*seen)) == 5
    assert {one.function for one in set.union(*seen) if one} == {"named"}


def generator() -> Iterator[int]:
    """A generator function."""
    yield 1


async def async_generator() -> AsyncIterator[int]:
    """An async one."""
    yield 1


@pytest.mark.parametrize("body", [generator, async_generator])
def test_decorator_refuses_generators(body: object) -> None:
    """A generator runs in its consumer's contexts, so a scope would leak."""
    with pytest.raises(InvalidError, match="cannot decorate the generator function"):
        telemetry.input_scope()(body)  # type: ignore[arg-type]


def test_missing_parentheses_are_named() -> None:
    """@input_scope without parentheses says what to write."""
    with pytest.raises(InvalidError, match=r"decorate with `@input_scope\(\)`"):
        telemetry.input_scope(generator)  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", ["", 3, b"x"])
def test_bad_arguments_are_refused(bad: object) -> None:
    """Names and ids are non-empty texts."""
    with pytest.raises(InvalidError, match=r"input_id is .*; it must be a non-empty"):
        telemetry.input_scope(input_id=bad)  # type: ignore[arg-type]
    with pytest.raises(InvalidError, match=r"function is .*; it must be a non-empty"):
        telemetry.input_scope(function=bad)  # type: ignore[arg-type]


def test_scope_is_entered_once_at_a_time() -> None:
    """One object is one block at a time; one after the other is fine."""
    scope = telemetry.input_scope()
    with scope as first, pytest.raises(ExecutionError, match="entered already"):
        scope.__enter__()
    with scope as second:
        pass

    assert first.input_id != second.input_id


@pytest.mark.parametrize("outer", [None, "outer"])
def test_exit_in_another_context(outer: str | None) -> None:
    """A scope that is left in a copy of its context takes itself away there."""
    above = telemetry.input_scope(input_id=outer) if outer else None
    scope = telemetry.input_scope(input_id="inner")

    def entered() -> contextvars.Context:
        if above:
            above.__enter__()
        scope.__enter__()
        return contextvars.copy_context()

    # In a context of the test's own: what stays behind in it harms no other test.
    copy = contextvars.copy_context().run(entered)
    copy.run(scope.__exit__, None, None, None)

    assert copy.run(telemetry.current_input_id) == outer
    if above:
        copy.run(above.__exit__, None, None, None)


def test_exit_elsewhere_leaves_others_alone() -> None:
    """In a context with another input, nothing is taken away."""
    scope = telemetry.input_scope()
    contextvars.copy_context().run(scope.__enter__)

    with telemetry.input_scope(input_id="mine"):
        scope.__exit__(None, None, None)
        assert telemetry.current_input_id() == "mine"


def test_forked_child_repeats_no_id(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parent and child draw ids from sources of their own, in one millisecond too."""
    stopped = IdSource(now_ms=lambda: 2**47, random_bits=lambda count: count)
    monkeypatch.setattr(binding._Ids, "source", stopped)
    reading, writing = os.pipe()
    child = os.fork()
    with telemetry.input_scope() as current:
        if child == 0:  # pragma: no cover
            os.write(writing, current.input_id.encode())
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)

    with os.fdopen(reading) as theirs:
        assert ID.fullmatch(other := theirs.read())
    assert other != current.input_id
