"""The dispatcher's parts: the queue, what is kept, what is measured."""

from __future__ import annotations

import gc
import random
from collections.abc import Sequence
from itertools import count, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.capture.runtime_records import BurstEnded, PoolMeasured, Record
from telemetry.policy.bursts import zone
from telemetry.runtime.driver.inputs import Input
from telemetry.runtime.driver.meter import Meter
from telemetry.runtime.driver.retention import RetainedCall, Retention
from telemetry.runtime.driver.services import Services
from telemetry.runtime.driver.waiting_line import InputQueue
from telemetry.runtime.origin import NOWHERE
from telemetry.runtime.spec import Concurrency
from tests.runtime.mechanism.stand_ins import (
    FakeLink,
    FakeSink,
    FakeTimers,
    an_input,
    ids,
    spec,
    success,
)


def filled(number: int) -> tuple[InputQueue, list[Input]]:
    """A queue with so many inputs."""
    inputs = [an_input(index) for index in range(number)]
    queue = InputQueue()
    queue.add(inputs)
    return queue, inputs


def settle(queue: InputQueue, each: Input) -> None:
    """Cancel an input where it waits."""
    each.settled = True
    queue.settled_one(each)


def drained(queue: InputQueue) -> list[int]:
    """The indexes of what it gives, until it is empty."""
    return [queue.take().index for _ in range(len(queue))]


def test_first_in_first_out() -> None:
    """Inputs leave in the order of their coming."""
    queue, _ = filled(5)

    assert drained(queue) == [0, 1, 2, 3, 4]
    assert queue.oldest() is None
    with pytest.raises(IndexError, match="pop from an empty deque"):
        queue.take()


def test_put_back_goes_before_everybody() -> None:
    """Interrupted inputs come back to the front, in the order of their first coming."""
    queue, inputs = filled(6)
    gone = [queue.take() for _ in range(4)]
    queue.put_back([gone[3], gone[0], gone[2]])
    oldest = queue.oldest()

    assert oldest is inputs[0]
    assert drained(queue) == [0, 2, 3, 4, 5]


@given(
    st.lists(
        st.tuples(st.sampled_from(["add", "take", "settle", "back"]), st.integers(0)),
        max_size=60,
    )
)
def test_the_queue_is_a_list_without_the_settled(
    steps: list[tuple[str, int]],
) -> None:
    """Whatever is done to it, it behaves as a plain list of unsettled inputs."""
    queue, plain, taken = InputQueue(), list[Input](), list[Input]()
    numbers = count()
    for what, draw in steps:
        if what == "add":
            new = [an_input(next(numbers)) for _ in range(draw % 70)]
            queue.add(new)
            plain += new
        elif what == "take" and plain:
            taken.append(queue.take())
            assert taken[-1] is plain.pop(0)
        elif what == "settle" and plain:
            settle(queue, plain.pop(draw % len(plain)))
        elif what == "back" and taken:
            queue.put_back(taken)
            plain[:0] = sorted(taken, key=lambda each: each.index)
            taken = []
        assert len(queue) == len(plain)
        assert list(queue) == plain
        assert queue.oldest() is (plain[0] if plain else None)


def test_suspects_wait_apart() -> None:
    """Inputs that died with two containers are kept from those for any company."""
    queue, inputs = filled(4)
    gone = [queue.take() for _ in range(3)]
    gone[0].losses, gone[2].losses = 2, 3
    queue.put_back([gone[2], gone[1], gone[0]])

    assert queue.suspects == [inputs[0], inputs[2]]
    assert (len(queue), queue.regular) == (4, 2)
    assert list(queue) == [inputs[0], inputs[2], inputs[1], inputs[3]]
    assert [queue.take() for _ in range(2)] == [inputs[1], inputs[3]]


@pytest.mark.parametrize("dead", [1, 200])
def test_cancelling_beside_suspects_keeps_both(dead: int) -> None:
    """However many are cancelled, a suspect stays one, counted once."""
    queue, inputs = filled(dead + 2)
    suspect = queue.take()
    suspect.losses = 2
    queue.put_back([suspect])
    for each in inputs[1 : dead + 1]:
        settle(queue, each)

    assert (len(queue), queue.regular) == (2, 1)
    assert list(queue) == [suspect, inputs[-1]]
    assert queue.take() is inputs[-1]
    settle(queue, suspect)
    assert len(queue) == 0


class CountingInput(Input):
    """Counts how often anybody looks whether it is settled."""

    looks = 0
    _settled = False

    @property
    def settled(self) -> bool:
        CountingInput.looks += 1
        return self._settled

    @settled.setter
    def settled(self, value: bool) -> None:
        self._settled = value


@pytest.mark.parametrize("order", ["first", "last", "random"])
def test_cancelling_is_cheap_whatever_the_order(order: str) -> None:
    """Cancelling all of 10,000 waiting inputs looks at each a few times at most."""
    number = 10_000
    inputs = [
        CountingInput(FakeSink(), 0, (n, f"in-{n}", b""), NOWHERE, float(n))
        for n in range(number)
    ]
    queue = InputQueue()
    queue.add(inputs)
    victims = list(inputs)
    if order == "last":
        victims.reverse()
    elif order == "random":
        random.Random(3).shuffle(victims)
    CountingInput.looks = 0
    for each in victims:
        settle(queue, each)

    assert len(queue) == 0
    assert CountingInput.looks < 4 * number


def call_with(store: Retention, name: str, size: int) -> RetainedCall:
    """A retained call that has settled with so many bytes."""
    call = store.open(FakeLink(), name)
    call.submit([((), {})])
    call.close()
    call.deliver([success(0, b"x" * size)])
    return call


def test_a_finished_call_is_found_without_a_handle() -> None:
    """What has settled is kept for those who have only the id."""
    store = Retention()
    call_with(store, "fc-1", 10)
    gc.collect()
    found = store.find("fc-1")

    assert found is not None
    assert found.peek(0).value() == b"x" * 10


def test_an_unfinished_call_lives_by_its_handle() -> None:
    """A call that nobody holds and that has not settled is forgotten."""
    store = Retention()
    call = store.open(FakeLink(), "fc-1")
    call.submit([((), {})])
    assert store.find("fc-1") is call
    del call
    gc.collect()

    assert store.find("fc-1") is None


def test_the_number_of_finished_calls_is_bounded() -> None:
    """The oldest finished calls go first, one for each that is too many."""
    store = Retention(calls=3)
    for number in range(5):
        call_with(store, f"fc-{number}", 1)
    gc.collect()

    assert [store.find(f"fc-{n}") is not None for n in range(5)] == [
        False,
        False,
        True,
        True,
        True,
    ]


def test_their_bytes_are_bounded() -> None:
    """Calls go when together they hold too much; the newest stays however large."""
    store = Retention(size_bytes=1000)
    for number in range(4):
        call_with(store, f"fc-{number}", 400)
    gc.collect()
    assert [store.find(f"fc-{n}") is not None for n in range(4)] == [
        False,
        False,
        True,
        True,
    ]
    call_with(store, "fc-large", 5000)
    gc.collect()

    assert store.find("fc-3") is None
    assert store.find("fc-large") is not None


def test_a_living_handle_outlives_the_bounds() -> None:
    """A call with a handle is found by others, however many have finished since."""
    store = Retention(calls=2)
    held = call_with(store, "fc-held", 1)
    for number in range(10):
        call_with(store, f"fc-{number}", 1)
    gc.collect()

    assert store.find("fc-held") is held


def test_a_call_that_grows_while_it_settles_counts_once() -> None:
    """Inputs that settle as fast as they are submitted do not push out others.

    spawn_map over a generator submits one input at a time; after each of them all
    that was submitted has settled.
    """
    store = Retention(calls=3)
    call_with(store, "fc-other", 1)
    growing = store.open(FakeLink(), "fc-growing")
    for number in range(20):
        growing.submit([((), {})])
        growing.deliver([success(number)])
    growing.close()
    gc.collect()

    assert store.find("fc-other") is not None


def test_bytes_of_a_call_that_grows_are_counted_once() -> None:
    """Its bytes are what it holds, not the sum of what it held at each step."""
    store = Retention(size_bytes=50_000)
    call_with(store, "fc-other", 1)
    growing = store.open(FakeLink(), "fc-growing")
    for number in range(20):
        growing.submit([((), {})])
        growing.deliver([success(number, b"x" * 1000)])
    gc.collect()

    assert store.find("fc-other") is not None


def services(records: list[Record] | None, timers: FakeTimers) -> Services:
    """What the parts use, with timers that the test fires."""
    made = Services(at=timers.at, ids=ids(), observe=None, shutdown_grace_s=1.0)
    if records is not None:
        made.report = records.append
    return made


MOMENTS = st.lists(
    st.tuples(
        st.integers(0, 3000),  # milliseconds since the last one
        st.lists(st.integers(0, 6), max_size=4),
        st.integers(0, 5),
    ),
    min_size=1,
    max_size=30,
)


@given(MOMENTS, st.integers(0, 2000))
def test_integrals_equal_a_recomputation(
    moments: Sequence[tuple[int, list[int], int]], last_ms: int
) -> None:
    """What the meter integrates is, to a rounding error, the sum over intervals."""
    records: list[Record] = []
    target, limit = 3, 6
    meter = Meter(
        spec(concurrency=Concurrency(limit, target)), services(records, FakeTimers())
    )
    times, at_ms = [], 0
    for wait_ms, loads, queued in moments:
        at_ms += wait_ms
        times.append(at_ms / 1000)
        meter.measure(at_ms / 1000, loads, queued, starting=0, may_start=True)
    times.append((at_ms + last_ms) / 1000)
    meter.close(times[-1])

    slots_s = queue_s = 0.0
    zones_s: dict[str, float] = dict.fromkeys(
        ["idle", "normal", "burst", "saturated"], 0.0
    )
    for (begin_s, end_s), (_, loads, queued) in zip(
        pairwise(times), moments, strict=True
    ):
        slots_s += sum(loads) * (end_s - begin_s)
        queue_s += queued * (end_s - begin_s)
        for load in loads:
            zones_s[zone(load, target, limit, queued).value] += end_s - begin_s
    (measured,) = [each for each in records if isinstance(each, PoolMeasured)]
    assert measured.slots_s == pytest.approx(slots_s)
    assert measured.queue_s == pytest.approx(queue_s)
    assert dict(measured.zones_s) == pytest.approx(zones_s)


def test_zones_cover_every_container_second() -> None:
    """Container-seconds over all zones are containers times time."""
    meter = Meter(spec(concurrency=Concurrency(4, 2)), services(None, FakeTimers()))
    meter.measure(0.0, [0, 1, 3, 4], 0, starting=0, may_start=True)
    meter.measure(2.5, [], 0, starting=0, may_start=True)

    assert sum(meter.zones_s.values()) == pytest.approx(4 * 2.5)
    assert all(seconds == pytest.approx(2.5) for seconds in meter.zones_s.values())


def test_a_burst_is_told_when_it_is_over() -> None:
    """A stretch above target ends after its quiet second, without another event."""
    records: list[Record] = []
    timers = FakeTimers()
    meter = Meter(spec(concurrency=Concurrency(4, 2)), services(records, timers))
    meter.measure(0.0, [3], 0, starting=1, may_start=True)
    meter.measure(1.0, [4], 0, starting=0, may_start=True)
    meter.measure(2.0, [1], 0, starting=0, may_start=True)
    assert records == []
    timers.fire()

    (ended,) = records
    assert isinstance(ended, BurstEnded)
    assert (ended.episode.started_s, ended.episode.ended_s) == (0.0, 2.0)
    assert ended.episode.peak == 4


def test_an_open_burst_is_told_at_the_end() -> None:
    """Closing reports the burst that goes on, and the integrals after it."""
    records: list[Record] = []
    meter = Meter(spec(concurrency=Concurrency(4, 2)), services(records, FakeTimers()))
    meter.measure(0.0, [4], 0, starting=0, may_start=False)
    meter.close(3.0)

    kinds: list[Any] = [type(each) for each in records]
    assert kinds == [BurstEnded, PoolMeasured]
