from __future__ import annotations

import asyncio
import gc
import random
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.core.errors import InvalidError
from telemetry.runtime.feeding import CHUNK
from tests.runtime.api.fakes import FakeLink, FakeSession, running
from tests.runtime.api.subjects import Model, add, app, double, fail


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


async def collect(results: AsyncIterator[Any]) -> list[Any]:
    """All results of a coroutine's iteration."""
    return [result async for result in results]


def both(verb: Any, *args: Any, **kwargs: Any) -> list[Any]:
    """The results of a verb that has to give the same in both of its forms."""
    blocking = list(verb(*args, **kwargs))
    assert asyncio.run(collect(verb.aio(*args, **kwargs))) == blocking
    return blocking


async def asynchronous(items: Any) -> AsyncIterator[Any]:
    """The items, asynchronously."""
    for item in items:
        yield item


@pytest.mark.usefixtures("session")
@pytest.mark.parametrize(
    "iterable",
    [
        [1, 2, 3],
        (1, 2, 3),
        range(1, 4),
        {1: "a", 2: "b", 3: "c"},
        {1: "a", 2: "b", 3: "c"}.keys(),
        [],
    ],
)
def test_iterables(iterable: Any) -> None:
    """Anything that can be iterated over is an input each."""
    assert both(double.map, iterable) == [2 * each for each in iterable]


@pytest.mark.usefixtures("session")
@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 999, 1000, 1001, 3000])
def test_any_number(count: int) -> None:
    """The end is found at any number of inputs, in memory or not."""
    expected = [2 * number for number in range(count)]

    assert both(double.map, range(count)) == expected
    assert list(double.map(iter(range(count)))) == expected
    assert asyncio.run(collect(double.map.aio(iter(range(count))))) == expected
    assert asyncio.run(collect(double.map.aio(asynchronous(range(count))))) == expected


@pytest.mark.usefixtures("session")
def test_zipped() -> None:
    """Several iterables are zipped, and end with the shortest."""
    assert both(add.map, [1, 2, 3], (10, 20)) == [11, 22]


@pytest.mark.usefixtures("session")
def test_kwargs() -> None:
    """Every input gets the same keyword arguments."""
    assert both(add.map, [1, 2], kwargs={"right": 5}) == [6, 7]
    assert both(add.starmap, [(1,), [2]], kwargs={"right": 5}) == [6, 7]


@pytest.mark.usefixtures("session")
def test_starmap() -> None:
    """Tuples are unpacked."""
    assert both(add.starmap, [(1, 2), (3, 4)]) == [3, 7]
    rows = asynchronous([(1, 2), (3, 4)])
    assert asyncio.run(collect(add.starmap.aio(rows))) == [3, 7]


@pytest.mark.usefixtures("session")
def test_mixed_iterables() -> None:
    """In a coroutine, async and sync iterables may be zipped."""
    results = add.map.aio(asynchronous([1, 2, 3]), iter([10, 20]), kwargs={})
    assert asyncio.run(collect(results)) == [11, 22]
    results = add.map.aio([10, 20, 30], asynchronous([1, 2]))
    assert asyncio.run(collect(results)) == [11, 22]


@pytest.mark.usefixtures("session")
def test_async_iterable_in_a_thread() -> None:
    """Without a loop there is no way to read one."""
    with pytest.raises(InvalidError, match=r"async iterable; use `double.map.aio`"):
        list(double.map(asynchronous([1])))


@pytest.mark.usefixtures("session")
@pytest.mark.parametrize("name", ["map", "starmap"])
def test_sync_iteration_in_a_loop(name: str) -> None:
    """It would block the loop for as long as it takes: refused, with the rewrite."""

    async def main() -> None:
        results = getattr(double, name)([1])
        with pytest.raises(InvalidError, match=f"async for .* double.{name}.aio"):
            list(results)

    asyncio.run(main())


@pytest.mark.usefixtures("session")
def test_for_each_in_a_loop() -> None:
    """`for_each` as well."""

    async def main() -> None:
        with pytest.raises(InvalidError, match=r"double\.for_each.aio"):
            double.for_each([1])

    asyncio.run(main())


@pytest.mark.usefixtures("session")
def test_no_iterable() -> None:
    """There has to be something to iterate over."""
    with pytest.raises(InvalidError, match=r"`double.map` was given no iterable"):
        double.map()
    with pytest.raises(TypeError, match="not iterable"):
        list(double.map(3))  # type: ignore[arg-type]  # the mistake


@pytest.mark.usefixtures("session")
def test_bad_kwargs() -> None:
    """Keyword arguments come in a mapping."""
    bad: Any = ["right"]
    with pytest.raises(InvalidError, match=r"`kwargs` of `add.map` must be a mapping"):
        add.map([1], kwargs=bad)


def test_is_lazy(session: FakeSession) -> None:
    """Nothing starts before the first result is asked for."""
    results = double.map([1, 2])
    assert session.opened == []

    next(results)
    assert session.opened == [("double", 0, False, False)]


@pytest.mark.usefixtures("session")
def test_methods_map() -> None:
    """A method has the same verbs."""
    made: Any = Model()

    assert both(made.score.map, [2, 4]) == [1, 2]


@given(data=st.data(), count=st.integers(0, 60), ordered=st.booleans())
def test_any_order_of_settling(data: st.DataObject, count: int, ordered: bool) -> None:
    """Results are complete, and in order where that is asked for."""
    with running(app, at_once=False) as held:
        draw = random.Random(data.draw(st.integers()))

        def settle_some(link: FakeLink) -> None:
            rows = list(link.held)
            draw.shuffle(rows)
            link.held.clear()
            link.held.extend(rows)
            # The last chunk leaves nothing behind; any other may.
            full = len(rows) + settled[0] >= count
            number = len(rows) if full else draw.randrange(len(rows) + 1)
            settled[0] += number
            link.settle(number)

        settled = [0]
        held.on_submit = settle_some
        found = list(double.map(range(count), order_outputs=ordered))

    expected = [2 * number for number in range(count)]
    assert (found if ordered else sorted(found)) == expected


def test_as_they_come(held: FakeSession) -> None:
    """Unordered results come in the order of settling."""
    held.on_submit = lambda link: link.settle(len(link.held), last=True)

    assert list(double.map([1, 2, 3], order_outputs=False)) == [6, 4, 2]


@pytest.mark.usefixtures("session")
def test_exceptions_in_place() -> None:
    """With `return_exceptions` a failure stands where its result would."""
    found = list(fail.map(range(5), return_exceptions=True))
    assert [type(each) for each in found] == [int, int, int, KeyError, int]


def test_first_failure(session: FakeSession) -> None:
    """The first failure is raised after the results before it; the rest goes."""
    results = fail.map(range(5))

    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(KeyError, match="3"):
        next(results)
    assert session.link.cancels == [False]
    assert session.link.released


def test_failure_behind_a_slow_input(held: FakeSession) -> None:
    """A failure is raised when it happens, also while earlier inputs run."""
    held.on_submit = lambda link: link.settle(last=True)

    with pytest.raises(KeyError, match="3"):
        list(fail.map([0, 1, 3]))
    assert held.link.cancels == [False]


def test_failure_aio(session: FakeSession) -> None:
    """In a coroutine too."""
    with pytest.raises(KeyError, match="3"):
        asyncio.run(collect(fail.map.aio(range(5))))
    assert session.link.cancels == [False]


def test_for_each(session: FakeSession) -> None:
    """Every input runs, and failures can be let go."""
    double.for_each([1, 2])
    assert session.link.chunks == [2]
    fail.for_each([3, 3], ignore_exceptions=True)
    asyncio.run(fail.for_each.aio([3, 3], ignore_exceptions=True))
    with pytest.raises(KeyError, match="3"):
        fail.for_each([3])


def test_spawn_map(session: FakeSession) -> None:
    """All inputs are one call's, submitted in chunks from memory."""
    call = double.spawn_map(range(2 * CHUNK + 1))

    assert session.opened == [("double", 0, True, False)]
    assert session.link.chunks == [CHUNK, CHUNK, 1]
    assert call.get(index=CHUNK) == 2 * CHUNK


@pytest.mark.usefixtures("session")
def test_spawn_map_aio() -> None:
    """In a coroutine from any kind of iterable."""

    async def main() -> list[int]:
        return [
            (await double.spawn_map.aio(items)).num_inputs()
            for items in ([1, 2], iter([1]), asynchronous([1, 2, 3]))
        ]

    assert asyncio.run(main()) == [2, 1, 3]


def test_spawn_map_of_a_failing_iterator(session: FakeSession) -> None:
    """A call of which only a part could be submitted is cancelled."""
    with pytest.raises(ZeroDivisionError, match="division"):
        double.spawn_map(1 // number for number in (1, 0))
    assert session.link.cancels == [False]

    with pytest.raises(ZeroDivisionError, match="division"):
        asyncio.run(double.spawn_map.aio(asynchronous(1 // each for each in (1, 0))))
    assert session.link.cancels == [False]


def failing(items: Any) -> Iterator[int]:
    """The items, and then a failure."""
    yield from items
    raise ZeroDivisionError("mine")


@pytest.mark.parametrize("items", [[], [1], range(500)])
def test_failing_iterator(held: FakeSession, items: Any) -> None:
    """What the user's iterator raises reaches the caller, after cancelling."""
    with pytest.raises(ZeroDivisionError, match=r"^mine$"):
        list(double.map(failing(items)))
    assert False in held.link.cancels

    with pytest.raises(ZeroDivisionError, match=r"^mine$"):
        asyncio.run(collect(double.map.aio(asynchronous(failing(items)))))
    assert False in held.link.cancels


def test_failing_conversion(session: FakeSession) -> None:
    """So does what is no tuple of arguments."""
    with pytest.raises(TypeError, match="not iterable"):
        list(add.starmap([(1, 2), 3]))
    assert session.link.cancels == [False]


def test_abandoned(held: FakeSession) -> None:
    """Leaving the iteration cancels what is left, whichever way it is left."""
    held.on_submit = lambda link: link.settle()

    results = double.map(range(50))
    next(results)
    results.close()  # type: ignore[attr-defined]  # a generator
    assert held.link.cancels == [False]

    results = double.map(range(50))
    next(results)
    del results
    gc.collect()
    assert held.link.cancels == [False]


def test_abandoned_aio(held: FakeSession) -> None:
    """In a coroutine too."""
    held.on_submit = lambda link: link.settle()

    async def main() -> None:
        results: Any = double.map.aio(range(50))
        await anext(results)
        await results.aclose()

    asyncio.run(main())

    assert held.link.cancels == [False]
