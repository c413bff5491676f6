from __future__ import annotations

import asyncio
import math
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from telemetry.core.errors import (
    ExecutionError,
    InvalidError,
    OutputExpiredError,
)
from telemetry.runtime import AsyncUsageWarning, FunctionCall, current
from tests.runtime.api.fakes import FakeSession, running
from tests.runtime.api.subjects import app, double, fail, slow_by_name


@pytest.fixture
def session() -> Iterator[FakeSession]:
    """The app runs, and inputs settle at once."""
    with running(app) as started:
        yield started


@pytest.fixture
def held() -> Iterator[FakeSession]:
    """The app runs, and inputs wait for the test."""
    with running(app, at_once=False) as started:
        yield started


Get = Callable[..., Any]


@pytest.fixture(params=["get", "get.aio"])
def get(request: pytest.FixtureRequest) -> Get:
    """Both forms of `get`, as one that blocks."""

    def blocking(call: FunctionCall[Any], *args: Any, **kwargs: Any) -> Any:
        if request.param == "get":
            return call.get(*args, **kwargs)
        return asyncio.run(call.get.aio(*args, **kwargs))

    return blocking


def test_spawn_and_get(session: FakeSession, get: Get) -> None:
    """A spawned call keeps its result, as often as it is asked for."""
    call = double.spawn(4)

    assert [get(call), get(call, timeout=1)] == [8, 8]
    assert session.opened == [("double", 0, True, False)]


def test_get_before_it_is_ready(held: FakeSession, get: Get) -> None:
    """A timeout of 0 looks once, and later the result is there."""
    call = double.spawn(4)

    with pytest.raises(TimeoutError, match="has not settled"):
        get(call, timeout=0)
    held.link.settle()
    assert get(call, timeout=0) == 8


@pytest.mark.usefixtures("session")
def test_get_a_failure(get: Get) -> None:
    """The body's exception is raised, again and again."""
    call = fail.spawn(3)

    for _ in range(2):
        with pytest.raises(KeyError, match="3"):
            get(call)


@pytest.mark.usefixtures("session")
def test_get_by_index(get: Get) -> None:
    """A call of many inputs gives each by its number."""
    call = double.spawn_map(range(3))

    assert [get(call, index=index) for index in (2, 0)] == [4, 0]
    assert call.num_inputs() == 3
    assert asyncio.run(call.num_inputs.aio()) == 3


@pytest.mark.usefixtures("session")
@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"index": 3}, r"below the call's number of inputs \(3\), not 3"),
        ({"index": -1}, "`index` must be an integer of at least 0, not -1"),
        ({"index": True}, "`index` must be"),
        ({"timeout": -1}, "`timeout` must be"),
        ({"timeout": math.nan}, "`timeout` must be"),
        ({"timeout": "1"}, "`timeout` must be"),
    ],
)
def test_get_arguments(get: Get, given: dict[str, Any], match: str) -> None:
    """Bad arguments are refused."""
    call = double.spawn_map(range(3))

    with pytest.raises(InvalidError, match=match):
        get(call, **given)


@pytest.mark.parametrize("terminate", [False, True])
def test_cancel(held: FakeSession, terminate: bool) -> None:
    """Cancelling passes on whether containers are to go."""
    call = double.spawn(4)

    call.cancel(terminate_containers=terminate)
    asyncio.run(call.cancel.aio(terminate))

    assert held.link.cancels == [terminate, terminate]


@pytest.mark.usefixtures("session")
def test_pickled_by_id(get: Get) -> None:
    """A call that was pickled, or is known by its id, finds its results."""
    call = double.spawn(4)

    copy = pickle.loads(pickle.dumps(call))
    assert copy.object_id == call.object_id
    assert get(copy) == 8
    assert get(FunctionCall.from_id(call.object_id)) == 8


@pytest.mark.usefixtures("session")
def test_unknown_id(get: Get) -> None:
    """A call that is not kept has no result."""
    double.spawn(1)

    with pytest.raises(OutputExpiredError, match="no longer kept"):
        get(FunctionCall.from_id("fc-nobody"))


def test_id_without_a_run(get: Get) -> None:
    """An id can be looked up while an app runs."""
    with pytest.raises(ExecutionError, match="no app is running"):
        get(FunctionCall.from_id("fc-1"))


@pytest.mark.parametrize("value", ["in-1", "", None, 3])
def test_no_id(value: Any) -> None:
    """An id says what it is of."""
    with pytest.raises(InvalidError, match="starts with 'fc-'"):
        FunctionCall.from_id(value)


def test_id_of_one_of_several_apps(session: FakeSession, get: Get) -> None:
    """With several apps running, the one that has the call answers."""
    other = current.reserve("another")
    other.session = asked_first = FakeSession()
    try:
        call = double.spawn(4)
        asked_first.links += session.links
        held = current._running.pop(app.name)
        current._running[app.name] = held  # now the other one is asked first
        assert current.sessions()[0] is asked_first
        assert get(FunctionCall.from_id(call.object_id)) == 8
    finally:
        current.release("another")


@pytest.mark.usefixtures("session")
def test_iteration() -> None:
    """Results come in the order of the inputs, in both forms."""
    call = double.spawn_map(range(4))

    async def main() -> list[list[int]]:
        return [
            [result async for result in call],
            [result async for result in call.iter.aio(start=1, end=3)],
        ]

    assert list(call) == [0, 2, 4, 6]
    assert list(call.iter(start=1, end=3)) == [2, 4]
    assert asyncio.run(main()) == [[0, 2, 4, 6], [2, 4]]


@pytest.mark.usefixtures("session")
@pytest.mark.parametrize(
    "given",
    [{"start": 3, "end": 2}, {"end": 5}, {"start": 5}, {"start": -1}, {"end": True}],
)
def test_iteration_range(given: dict[str, Any]) -> None:
    """A bad range is a ValueError."""
    call = double.spawn_map(range(4))

    with pytest.raises(ValueError, match=r"`(start|end)`"):
        call.iter(**given)


@pytest.fixture(params=["gather", "gather.aio"])
def gather(request: pytest.FixtureRequest) -> Get:
    """Both forms of `gather`, as one that blocks."""

    def blocking(*calls: FunctionCall[Any]) -> Any:
        if request.param == "gather":
            return FunctionCall.gather(*calls)

        async def main() -> Any:
            return await FunctionCall.gather.aio(*calls)

        return asyncio.run(main())

    return blocking


@pytest.mark.usefixtures("session")
def test_gather(gather: Get) -> None:
    """All results, in the order of the arguments."""
    calls = [double.spawn(number) for number in (3, 1, 2)]

    assert gather(*calls) == [6, 2, 4]
    assert gather() == []


def test_gather_failure(held: FakeSession, gather: Get) -> None:
    """A failure does not wait for a slower call, and cancels nothing."""
    slow = double.spawn(1)
    slow_link = held.link
    failing = fail.spawn(3)
    held.link.settle()

    with pytest.raises(KeyError, match="3"):
        gather(slow, failing)
    assert slow_link.cancels == []


@pytest.mark.usefixtures("session")
def test_gather_a_timeout_of_the_body(gather: Get) -> None:
    """A TimeoutError that a body raised is its result, not ours."""
    with pytest.raises(TimeoutError, match="the body's own 7"):
        gather(double.spawn(1), slow_by_name.spawn(7))


@pytest.mark.usefixtures("session")
def test_gather_a_list(gather: Get) -> None:
    """A list is to be spread."""
    with pytest.raises(InvalidError, match=r"gather\(\*calls\)"):
        gather([double.spawn(1)])


@pytest.mark.usefixtures("session")
def test_get_in_a_loop() -> None:
    """Blocking verbs of a call warn in an event loop."""

    async def main() -> None:
        call = double.spawn(1)
        with pytest.warns(AsyncUsageWarning, match=r"await call.get.aio\(...\)"):
            call.get()
        with pytest.warns(AsyncUsageWarning, match="async for result in call.iter"):
            list(call)

    asyncio.run(main())
