"""Waiting for another thread: on a lock, or in an event loop."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from functools import partial

import pytest

from telemetry.runtime.waiting import LoopWaiter, ThreadWaiter
from tests.runtime.mechanism.stand_ins import LIMIT_S, joined, started


def test_a_wake_before_the_wait_counts() -> None:
    """A thread that was woken before it began to wait does not wait."""
    waiter = ThreadWaiter()
    waiter.wake()

    assert waiter.wait(0)


def test_a_wait_of_no_time_looks_once() -> None:
    """Without a wake, no time is over at once."""
    assert not ThreadWaiter().wait(0)


@pytest.mark.parametrize("timeout_s", [None, 1e12])
def test_a_thread_is_woken_from_another(timeout_s: float | None) -> None:
    """A thread waits for ever, or as good as, until another wakes it."""
    waiter = ThreadWaiter()
    woken: list[bool] = []
    thread = started(lambda: woken.append(waiter.wait(timeout_s)))
    waiter.wake()
    joined(thread)

    assert woken == [True]


def test_many_futures_of_one_loop_are_woken_from_threads() -> None:
    """Each of 2000 coroutines is woken, by eight threads at once."""

    def wake(waiters: list[LoopWaiter]) -> None:
        for waiter in waiters:
            waiter.wake()

    async def main() -> int:
        waiters = [LoopWaiter() for _ in range(2000)]
        for first in range(8):
            started(partial(wake, waiters[first::8]))
        async with asyncio.timeout(LIMIT_S):
            await asyncio.gather(*(waiter.future for waiter in waiters))
        return sum(waiter.future.done() for waiter in waiters)

    assert asyncio.run(main()) == 2000


def test_a_wake_while_the_loop_empties_its_box() -> None:
    """Who is woken by a callback of the very round that wakes others is woken too."""

    async def main() -> None:
        first, second = LoopWaiter(), LoopWaiter()
        first.future.add_done_callback(lambda _future: second.wake())
        started(first.wake)
        async with asyncio.timeout(LIMIT_S):
            await second.future

    asyncio.run(main())


def test_waking_one_who_has_gone_is_harmless() -> None:
    """A future that was cancelled is woken without an error, and others with it."""

    async def main() -> None:
        gone, there = LoopWaiter(), LoopWaiter()
        gone.future.cancel()
        gone.wake()
        there.wake()
        async with asyncio.timeout(LIMIT_S):
            await there.future

    asyncio.run(main())


def test_waking_in_a_closed_loop_is_harmless() -> None:
    """Who waited in a loop that is closed is woken by nobody, without an error."""
    left: list[LoopWaiter] = []

    async def main() -> None:
        left.append(LoopWaiter())

    asyncio.run(main())
    left[0].wake()
    left[0].wake()


def test_a_new_loop_is_served_after_a_closed_one() -> None:
    """Each loop has its own box: one that was closed leaves nothing behind."""

    async def main() -> None:
        waiter = LoopWaiter()
        started(waiter.wake)
        async with asyncio.timeout(LIMIT_S):
            await waiter.future

    for _ in range(20):
        asyncio.run(main())


def test_a_loop_is_not_kept_alive() -> None:
    """Waiting in a loop does not keep it after it is closed."""
    loop = asyncio.new_event_loop()
    found = weakref.ref(loop)

    async def main() -> None:
        waiter = LoopWaiter()
        waiter.wake()
        await waiter.future

    loop.run_until_complete(main())
    loop.close()
    del loop
    gc.collect()

    assert found() is None


def test_waiters_of_two_loops_do_not_mix() -> None:
    """Two threads with a loop each wake each other a hundred times."""
    rounds, turns = 100, threading.Barrier(2)
    waiters: dict[int, LoopWaiter] = {}

    async def main(me: int) -> None:
        for _ in range(rounds):
            waiters[me] = LoopWaiter()
            await asyncio.to_thread(turns.wait, LIMIT_S)
            waiters[1 - me].wake()
            async with asyncio.timeout(LIMIT_S):
                await waiters[me].future
            await asyncio.to_thread(turns.wait, LIMIT_S)

    def run(me: int) -> None:
        asyncio.run(main(me))

    threads = [started(partial(run, me)) for me in range(2)]
    for thread in threads:
        joined(thread)

    assert all(waiter.future.done() for waiter in waiters.values())
