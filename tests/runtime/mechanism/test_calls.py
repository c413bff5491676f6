"""Calls: what is delivered is taken, whoever comes first."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from telemetry.core.errors import (
    DeserializationError,
    InvalidError,
    OutputExpiredError,
)
from telemetry.core.outcome import Outcome
from telemetry.runtime import waiting
from telemetry.runtime.calls import Call, Settled
from telemetry.runtime.wire import payload
from tests.runtime.mechanism.stand_ins import (
    LIMIT_S,
    FakeLink,
    joined,
    opened,
    started,
    success,
)


@pytest.fixture
def link() -> FakeLink:
    """What calls ask for is kept."""
    return FakeLink()


def plain(link: FakeLink, inputs: int = 1, *, stream: bool = False) -> Call:
    """A closed call of so many inputs."""
    call = Call(link, "fc-0", stream=stream)
    call.submit([((n,), {}) for n in range(inputs)])
    call.close()
    return call


def kept(link: FakeLink, inputs: int = 1) -> Call:
    """A closed call that retains."""
    call = Call(link, "fc-0", retain=True)
    call.submit([((n,), {}) for n in range(inputs)])
    call.close()
    return call


def interposed(
    monkeypatch: pytest.MonkeyPatch, where: str, when: Callable[[], None]
) -> None:
    """Call *when* once, each time somebody is about to become findable.

    That is the moment between "nothing is there" and "wake me": a waiter is made
    and not yet in the call's list.
    """
    original = getattr(waiting, where)

    def made() -> Any:
        when()
        return original()

    monkeypatch.setattr(f"telemetry.runtime.calls.{where}", made)


def test_submit_numbers_its_inputs(link: FakeLink) -> None:
    """Indexes go on from one submission to the next, with the ids of the link."""
    call = Call(link, "fc-0")

    assert call.submit([((1,), {}), ((2,), {})]) == ["in-0", "in-1"]
    assert call.submit([((3,), {})]) == ["in-2"]
    assert [(i, name) for i, name, _ in link.rows] == [
        (0, "in-0"),
        (1, "in-1"),
        (2, "in-2"),
    ]
    assert call.num_inputs == 3


def test_an_argument_that_cannot_be_pickled_settles_its_input(link: FakeLink) -> None:
    """One bad argument is that input's error; the others are submitted."""
    call = Call(link, "fc-0")
    call.submit([((1,), {}), ((threading.Lock(),), {}), ((3,), {})])

    (settled,) = call.take(0)
    assert settled.index == 1
    assert [row[0] for row in link.rows] == [0, 2]
    with pytest.raises(InvalidError, match="arguments of input 1 cannot be pickled"):
        settled.value()


def test_what_cannot_be_pickled_is_on_record(link: FakeLink) -> None:
    """The dispatcher, which never sees the input, is told of it."""
    call = Call(link, "fc-0")
    ids = call.submit([((threading.Lock(),), {}), ((1,), {})])

    ((input_id, why),) = link.rejected
    assert input_id == ids[0]
    assert why.startswith("TypeError: cannot pickle")


def test_take_gives_each_once_and_then_ends(link: FakeLink) -> None:
    """Everything new comes at once, then an empty list says that it is over."""
    call = plain(link, 3)
    call.deliver([success(2), success(0)])
    assert [each.index for each in call.take(0)] == [2, 0]
    call.deliver([success(1)])
    assert [each.index for each in call.take(0)] == [1]

    assert call.take() == []
    assert call.take() == []


def test_take_of_an_open_call_waits(link: FakeLink) -> None:
    """A call that may get more inputs has not ended when all have settled."""
    call = Call(link, "fc-0")
    call.submit([((1,), {})])
    call.deliver([success(0)])
    call.take(0)

    with pytest.raises(TimeoutError, match="fc-0 has not settled within 0 s"):
        call.take(0)


def test_delivery_before_the_waiter_is_found(
    link: FakeLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The race in `take`: 1. nothing is there; 2. delivery; 3. the wait."""
    call = plain(link)
    interposed(monkeypatch, "ThreadWaiter", lambda: call.deliver([success(0)]))

    assert [each.index for each in call.take(LIMIT_S)] == [0]


def test_delivery_before_the_async_waiter_is_found(
    link: FakeLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same race for a coroutine."""
    call = plain(link)
    interposed(monkeypatch, "LoopWaiter", lambda: call.deliver([success(0)]))

    settled = asyncio.run(call.take_async(LIMIT_S))

    assert [each.index for each in settled] == [0]


def test_close_before_the_waiter_is_found(
    link: FakeLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who takes from a call that is closed just then learns that it has ended."""
    call = Call(link, "fc-0")
    interposed(monkeypatch, "ThreadWaiter", call.close)

    assert call.take(LIMIT_S) == []


@pytest.mark.parametrize("what", ["delivery", "expiry"])
def test_peek_races_like_take(
    link: FakeLink, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """What is kept, or expires, before a peeker can be found is noticed by it."""
    call = kept(link)
    change = call.expire if what == "expiry" else lambda: call.deliver([success(0, 7)])
    interposed(monkeypatch, "ThreadWaiter", change)

    if what == "delivery":
        assert call.peek(0, LIMIT_S).value() == 7
    else:
        with pytest.raises(OutputExpiredError, match="no longer kept"):
            call.peek(0, LIMIT_S)


@pytest.mark.parametrize("what", ["delivery", "expiry"])
def test_peek_async_races_like_take(
    link: FakeLink, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """The same for a coroutine that peeks."""
    call = kept(link)
    change = call.expire if what == "expiry" else lambda: call.deliver([success(0, 7)])
    interposed(monkeypatch, "LoopWaiter", change)

    if what == "delivery":
        assert asyncio.run(call.peek_async(0, LIMIT_S)).value() == 7
    else:
        with pytest.raises(OutputExpiredError, match="no longer kept"):
            asyncio.run(call.peek_async(0, LIMIT_S))


def test_a_blocked_taker_is_woken(link: FakeLink) -> None:
    """A thread that waits in take gets what another delivers."""
    call = plain(link)
    got: list[Settled] = []
    thread = started(lambda: got.extend(call.take(LIMIT_S)))
    call.deliver([success(0)])
    joined(thread)

    assert [each.index for each in got] == [0]


def test_a_delivery_for_another_index_does_not_end_a_peek(link: FakeLink) -> None:
    """Who waits for one input is woken by others and goes on waiting."""
    call = kept(link, 3)
    got: list[int] = []
    thread = started(lambda: got.append(call.peek(2, LIMIT_S).value()))
    for index in range(3):
        call.deliver([success(index, 10 * index)])
    joined(thread)

    assert got == [20]


def test_many_peekers_all_hear(link: FakeLink) -> None:
    """Forty threads that wait for their own inputs are all served."""
    call = kept(link, 40)
    got: list[int] = []

    def peek(index: int) -> None:
        got.append(call.peek(index, LIMIT_S).value())

    threads = [started(partial(peek, n)) for n in range(40)]
    for index in reversed(range(40)):
        call.deliver([success(index, index)])
    for thread in threads:
        joined(thread)

    assert sorted(got) == list(range(40))


def test_takers_share_what_comes(link: FakeLink) -> None:
    """Several takers of one call get every settlement exactly once between them."""
    call = plain(link, 400)
    got: list[int] = []

    def take() -> None:
        while batch := call.take(LIMIT_S):
            got.extend(each.index for each in batch)

    threads = [started(take) for _ in range(4)]
    for index in range(400):
        call.deliver([success(index)])
    call.close()  # wakes those whom the last delivery left with nothing
    for thread in threads:
        joined(thread)

    assert sorted(got) == list(range(400))


def test_the_last_delivery_ends_every_taker(link: FakeLink) -> None:
    """When one taker gets the last settlement, the others learn of the end."""
    call = plain(link, 1)
    ends: list[int] = []
    ready = threading.Barrier(5)

    def take() -> None:
        ready.wait(LIMIT_S)
        ends.append(len(call.take(3.0)))

    threads = [started(take) for _ in range(4)]
    ready.wait(LIMIT_S)
    call.deliver([success(0)])
    for thread in threads:
        joined(thread)

    assert sorted(ends) == [0, 0, 0, 1]


@pytest.mark.parametrize("timeout_s", [0, 0.01])
def test_timeouts(link: FakeLink, timeout_s: float) -> None:
    """Each way to wait gives up in time and says what it waited for."""
    call, lasting = plain(link), kept(link)
    message = f"fc-0 has not settled within {timeout_s} s"

    with pytest.raises(TimeoutError, match=message):
        call.take(timeout_s)
    with pytest.raises(TimeoutError, match=message):
        lasting.peek(0, timeout_s)
    with pytest.raises(TimeoutError, match=message):
        asyncio.run(call.take_async(timeout_s))
    with pytest.raises(TimeoutError, match=message):
        asyncio.run(lasting.peek_async(0, timeout_s))


def test_nothing_is_lost_to_a_timeout(link: FakeLink) -> None:
    """What arrives after one wait timed out is there for the next."""
    call = plain(link)
    with pytest.raises(TimeoutError, match="has not settled"):
        call.take(0)
    call.deliver([success(0)])

    assert len(call.take(0)) == 1


def test_polling_leaves_nothing_behind(link: FakeLink) -> None:
    """A thousand looks at a call that takes its time do not pile up waiters."""

    def waiters() -> int:
        gc.collect()
        return sum(type(o) is waiting.ThreadWaiter for o in gc.get_objects())

    call, before = kept(link), waiters()
    for _ in range(1000):
        with pytest.raises(TimeoutError, match="has not settled"):
            call.peek(0, 0)

    assert waiters() - before < 100


def test_a_cancelled_wait_leaves_the_call_usable() -> None:
    """A coroutine that is cancelled while it waits loses nothing for the next."""
    call = plain(FakeLink())

    async def main() -> list[Settled]:
        waiter = asyncio.create_task(call.take_async())
        await asyncio.sleep(0)
        waiter.cancel()
        with pytest.raises(asyncio.CancelledError, match=r"^$"):
            await waiter
        started(lambda: call.deliver([success(0)]))
        return await call.take_async(LIMIT_S)

    got = asyncio.run(main())

    assert [each.index for each in got] == [0]


def test_peek_is_repeatable(link: FakeLink) -> None:
    """A retained settlement is there for everybody, as often as asked."""
    call = kept(link)
    call.deliver([success(0, "kept")])

    assert [call.peek(0).value() for _ in range(3)] == ["kept"] * 3
    assert call.kept_bytes == len(payload.dumps("kept"))


def test_expired_is_for_good(link: FakeLink) -> None:
    """What has expired is told as such, whatever was kept before."""
    call = kept(link)
    call.deliver([success(0)])
    call.expire()

    with pytest.raises(OutputExpiredError, match=r"fc-0 \(input 0\) is no longer"):
        call.peek(0)


def test_chunks_earn_credit_only_when_taken(link: FakeLink) -> None:
    """A generator gets credit for the chunks that its consumer took, no more."""
    call = plain(link, stream=True)
    call.deliver([Settled(0, None, payload.dumps(n)) for n in range(3)])
    assert link.credits == []
    assert len(call.take(0)) == 3
    assert link.credits == [3]
    call.deliver([Settled(0, None, payload.dumps(3)), success(0)])
    call.take(0)

    assert link.credits == [3, 1]
    assert call.take() == []


def test_abandoning_cancels_and_releases(link: FakeLink) -> None:
    """Who walks away asks for a cancellation and drops what still comes."""
    plain(link).abandon()

    assert link.cancels == [False]
    assert link.released == 1


def test_values_of_settlements(link: FakeLink) -> None:
    """A success has a value, everything else raises; a bad payload says so."""
    failure = payload.dump_failure(KeyError("x"))

    assert success(0, 5).error() is None
    with pytest.raises(KeyError, match="x"):
        Settled(0, Outcome.ERROR, failure).value()
    assert isinstance(Settled(0, Outcome.CANCELLED, failure).error(), KeyError)
    with pytest.raises(DeserializationError, match="the result cannot be decoded"):
        Settled(0, Outcome.SUCCESS, b"garbage").value()


def test_adopting_never_forgets_inputs(link: FakeLink) -> None:
    """A call learns of more inputs, never of fewer."""
    call = Call(link, "fc-0", retain=True)
    call.adopt(5)
    call.adopt(3)

    assert call.num_inputs == 5


def test_delivery_in_the_middle_of_a_take(link: FakeLink) -> None:
    """While one thread delivers 5000, one by one, a taker misses none."""
    call = plain(link, 5000)
    begun = threading.Event()

    def deliver() -> None:
        begun.set()
        for index in range(5000):
            call.deliver([success(index)])

    thread = started(deliver)
    opened(begun, "the deliverer")
    got: list[int] = []
    while batch := call.take(LIMIT_S):
        got += [each.index for each in batch]
    joined(thread)

    assert got == list(range(5000))
