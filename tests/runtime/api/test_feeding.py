from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from telemetry.runtime.feeding import CHUNK, WINDOW
from tests.runtime.api.fakes import FakeLink, FakeSession, running
from tests.runtime.api.subjects import app, double


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


def test_window_in_memory(held: FakeSession) -> None:
    """At most a window is outstanding, and it is refilled as results are taken."""
    results = double.map(range(5000))
    held.on_submit = lambda link: link.settle() if len(link.chunks) == 1 else None

    next(results)
    assert sum(held.link.chunks) <= WINDOW
    held.on_submit = lambda link: None
    held.link.settle(len(held.link.held))
    for _ in range(sum(held.link.chunks) - 1):
        next(results)
    assert max(held.link.chunks) <= CHUNK


def test_first_chunk_is_small(held: FakeSession) -> None:
    """The first result does not wait for a thousand encodings."""
    held.on_submit = lambda link: link.settle()

    next(double.map(range(5000)))

    assert held.link.chunks == [8]


def test_reordering_is_bounded(held: FakeSession) -> None:
    """While the first input takes its time, no more than a window piles up."""
    results = double.map(range(5000))
    done = threading.Event()

    def settle_all_but_the_first(link: FakeLink) -> None:
        link.settle(len(link.held) - 1, last=True)
        if sum(link.chunks) == WINDOW:
            done.set()

    held.on_submit = settle_all_but_the_first
    found: list[int] = []
    reader = threading.Thread(target=lambda: found.append(next(results)))
    reader.start()
    done.wait()
    assert sum(held.link.chunks) == WINDOW

    held.link.settle()
    reader.join()
    assert found == [0]


class Gate:
    """An iterator that gives an item whenever it is told to."""

    def __init__(self) -> None:
        self.pulled = 0
        self._items = threading.Semaphore(0)

    def give(self, number: int = 1) -> None:
        self._items.release(number)

    def __iter__(self) -> Iterator[int]:
        while True:
            self._items.acquire()
            self.pulled += 1
            yield self.pulled


@pytest.mark.usefixtures("session")
def test_slow_iterator_holds_nothing_back() -> None:
    """A result is handed out while the iterator is busy with the next input."""
    gate = Gate()
    gate.give(3)

    results = double.map(gate)

    assert [next(results) for _ in range(3)] == [2, 4, 6]
    results.close()  # type: ignore[attr-defined]  # a generator
    gate.give()


@pytest.mark.usefixtures("session")
def test_slow_iterator_holds_nothing_back_aio() -> None:
    """Nor does it hold up the event loop."""

    async def main() -> list[int]:
        gate = Gate()
        gate.give(3)
        results: Any = double.map.aio(gate)
        found = [await anext(results) for _ in range(3)]
        await results.aclose()
        gate.give()
        return found

    assert asyncio.run(main()) == [2, 4, 6]


def test_slow_async_iterator_holds_nothing_back(session: FakeSession) -> None:
    """An async iterator that waits does not delay what it gave before."""

    async def main() -> list[int]:
        never = asyncio.Event()

        async def waiting() -> AsyncIterator[int]:
            yield 1
            yield 2
            await never.wait()

        results: Any = double.map.aio(waiting())
        found = [await anext(results) for _ in range(2)]
        await results.aclose()
        return found

    assert asyncio.run(main()) == [2, 4]


@pytest.mark.parametrize("form", ["thread", "task"])
def test_back_pressure(held: FakeSession, form: str) -> None:
    """An endless iterator is pulled a window ahead, and no further."""
    pulled = 0
    full = threading.Event()

    def endless() -> Iterator[int]:
        nonlocal pulled
        while True:
            pulled += 1
            yield pulled

    def look(link: FakeLink) -> None:
        if sum(link.chunks) == WINDOW:
            link.settle()
            full.set()

    held.on_submit = look

    async def first() -> int:
        results: Any = double.map.aio(asynchronous(endless()))
        found: int = await anext(results)
        await results.aclose()
        return found

    if form == "thread":
        results = double.map(endless())
        assert next(results) == 2
    else:
        assert asyncio.run(first()) == 2
    assert full.is_set()
    assert pulled <= WINDOW + 1


def test_iterators_run_in_the_callers_context(session: FakeSession) -> None:
    """An iterator that is read on another thread sees the caller's context."""
    variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable")
    seen: list[tuple[int, str]] = []

    def looking() -> Iterator[int]:
        seen.append((variable.get(), threading.current_thread().name))
        yield 1

    variable.set(7)
    assert list(double.map(looking())) == [2]
    assert seen == [(7, "telemetry-map-pull")]


def test_stopped_threads_end(held: FakeSession) -> None:
    """After the iteration was left, neither thread stays."""
    held.on_submit = lambda link: link.settle(len(link.held))
    before = set(threading.enumerate())
    results = double.map(iter(range(100_000)))
    next(results)
    started = set(threading.enumerate()) - before

    results.close()  # type: ignore[attr-defined]  # a generator
    for thread in started:
        thread.join()

    assert {thread.name for thread in started} <= {
        "telemetry-map-pull",
        "telemetry-map-submit",
    }


def test_late_submission_is_cancelled(held: FakeSession) -> None:
    """Steps: a chunk is on its way; the caller leaves; the chunk arrives."""
    arriving, go_on, done = (threading.Event() for _ in range(3))
    gate = Gate()

    def slow_to_arrive(link: FakeLink) -> None:
        if len(link.chunks) == 1:
            link.settle()
            return
        arriving.set()
        go_on.wait()

    held.on_submit = slow_to_arrive
    gate.give()
    results = double.map(gate)
    next(results)
    gate.give()
    arriving.wait()
    link = held.link
    link.after_cancel = lambda: done.set() if len(link.cancels) == 2 else None

    results.close()  # type: ignore[attr-defined]  # a generator
    assert link.cancels == [False]
    go_on.set()
    done.wait()

    assert link.cancels == [False, False]
    gate.give()


def test_failing_submission(held: FakeSession) -> None:
    """An app that goes away under a map is an error at its caller."""

    def gone(link: FakeLink) -> None:
        raise RuntimeError("the app is gone")

    held.on_submit = gone

    with pytest.raises(RuntimeError, match="gone"):
        list(double.map(iter([1])))
    with pytest.raises(RuntimeError, match="gone"):
        asyncio.run(collect(double.map.aio(asynchronous([1]))))
