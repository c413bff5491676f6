"""Interruptions hit their own body, once, or nothing at all."""

from __future__ import annotations

import contextvars
import random
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from telemetry.core.errors import InputCancellation
from telemetry.runtime.container.endings import Ended
from telemetry.runtime.container.jobs import Job
from telemetry.runtime.container.threads import ThreadLane, Worker
from telemetry.runtime.wire import messages, payload
from tests.runtime.mechanism.stand_ins import (
    LIMIT_S,
    held_back,
    joined,
    opened,
    started,
)
from tests.runtime.mechanism.worker_bench import Bench, local, spin, value


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A worker, ended at the end."""
    made = Bench()
    yield made
    made.close()


def test_interrupted_in_the_body(bench: Bench) -> None:
    """A running body is interrupted, and the next one is not."""
    entered = threading.Event()
    running = bench.start(local(lambda: spin(entered), 1))
    opened(entered, "the body")
    bench.cancel(running)
    bench.wait()
    bench.start(local(lambda: "next", 2))
    bench.wait()

    assert bench.ends["in-1"].how == messages.UNWOUND
    assert value(bench.ends["in-2"]) == "next"


def test_finally_blocks_run(bench: Bench) -> None:
    """The body unwinds: what it has to put in order, it does."""
    entered, cleaned = threading.Event(), threading.Event()

    def body() -> None:
        try:
            spin(entered)
        finally:
            cleaned.set()

    running = bench.start(local(body))
    opened(entered, "the body")
    bench.cancel(running)
    bench.wait()

    assert cleaned.is_set()


def test_except_exception_does_not_swallow(bench: Bench) -> None:
    """A body that forgives every error does not forgive its cancellation."""
    entered = threading.Event()

    def body() -> str:
        try:
            return spin(entered)
        except Exception:  # noqa: BLE001 - the point
            return "forgiven"

    running = bench.start(local(body, 1))
    opened(entered, "the body")
    bench.cancel(running)
    bench.wait()

    assert bench.ends["in-1"].how == messages.UNWOUND


def test_swallowed(bench: Bench) -> None:
    """A body that swallows its cancellation and returns has returned."""
    entered = threading.Event()

    def body() -> str:
        try:
            return spin(entered)
        except InputCancellation:
            return "swallowed"

    running = bench.start(local(body, 1))
    opened(entered, "the body")
    bench.cancel(running)
    bench.wait()

    assert value(bench.ends["in-1"]) == "swallowed"


def test_another_error_on_the_way_out(bench: Bench) -> None:
    """A body that answers its cancellation with an error has raised that error."""
    entered = threading.Event()

    def body() -> None:
        try:
            spin(entered)
        finally:
            raise ValueError("on the way out")

    running = bench.start(local(body, 1))
    opened(entered, "the body")
    bench.cancel(running)
    bench.wait()

    ended = bench.ends["in-1"]
    assert ended.how == messages.RAISED
    assert isinstance(payload.load_failure(ended.payload), ValueError)


def test_cancelled_before_it_begins(bench: Bench) -> None:
    """A job that was marked before its worker took it never begins."""
    begun: list[int] = []
    marked = local(lambda: begun.append(1), 1)
    bench.cancel(marked)
    bench.start(marked)
    bench.wait()

    assert bench.ends["in-1"].how == messages.NEVER_STARTED
    assert begun == []


class StoppingWorker(Worker):
    """Stops where a race is forced: `at` names the moments."""

    def __init__(self, *args: Any) -> None:
        self.at: dict[str, Callable[[], None]] = {}
        super().__init__(*args)

    def _enter(self, entering: Job) -> bool:
        self.at.pop("before entering", held_back)()
        entered = super()._enter(entering)
        self.at.pop("after entering", held_back)()
        return entered

    def _body(self, running: Job) -> Ended:
        ended = super()._body(running)
        self.at.pop("after the body", held_back)()
        return ended

    def _leave(self, leaving: Job) -> None:
        self.at.pop("before leaving", held_back)()
        super()._leave(leaving)
        self.at.pop("after leaving", held_back)()


MOMENTS = ["before entering", "after entering", "after the body", "before leaving"]


@pytest.mark.parametrize("moment", [*MOMENTS, "after leaving"])
def test_interrupted_at_the_edges(moment: str) -> None:
    """An interruption just outside the body escapes nowhere and hits nobody else.

    It is sent by another thread, as the transport does, while the worker stands at
    that very moment; what is pending is then raised as soon as it goes on.
    """
    bench = Bench(StoppingWorker)
    target = local(lambda: "returned", 1)
    gone = threading.Event()

    def strike() -> None:
        def cancel() -> None:
            bench.cancel(target)
            gone.set()

        thread = started(cancel)
        opened(gone, "the interrupter")
        joined(thread)

    assert isinstance(bench.worker, StoppingWorker)
    bench.worker.at[moment] = strike
    bench.start(target)
    bench.wait()
    for number in range(2, 12):
        bench.start(local(lambda: sum(range(1000)), number))
    bench.wait(10)
    bench.close()

    ended = bench.ends["in-1"]
    if moment == "before entering":
        assert ended.how == messages.NEVER_STARTED
    elif moment == "after leaving":
        assert value(ended) == "returned"
    else:
        assert ended.how == messages.UNWOUND or value(ended) == "returned"
    assert [value(bench.ends[f"in-{n}"]) for n in range(2, 12)] == [499500] * 10


@pytest.mark.parametrize("moment", ["after the body", "before leaving"])
def test_what_the_body_returned_is_kept_when_it_has_left(moment: str) -> None:
    """A body that returned keeps its result when the interruption comes too late."""
    bench = Bench(StoppingWorker)
    target = local(lambda: "returned", 1)
    assert isinstance(bench.worker, StoppingWorker)
    bench.worker.at[moment] = lambda: joined(started(lambda: bench.cancel(target)))
    bench.start(target)
    bench.wait()
    bench.close()

    if moment == "before leaving":
        assert value(bench.ends["in-1"]) == "returned"


def test_interrupted_twice(bench: Bench) -> None:
    """A second interruption of the same body is none: its clean-up is not hit."""
    entered, unwinding, cleaned = (threading.Event() for _ in range(3))
    again = threading.Event()

    def body() -> None:
        try:
            spin(entered)
        finally:
            unwinding.set()
            opened(again, "the second interruption")
            sum(range(10_000))
            cleaned.set()

    running = bench.start(local(body))
    opened(entered, "the body")
    bench.cancel(running)
    opened(unwinding, "the clean-up")
    bench.cancel(running)
    again.set()
    bench.wait()

    assert cleaned.is_set()


def test_interrupting_the_previous_job(bench: Bench) -> None:
    """An interruption of a job that has ended does not hit its successor."""
    entered, go_on = threading.Event(), threading.Event()

    def body() -> str:
        entered.set()
        opened(go_on, "the late interruption")
        return str(sum(range(10_000)))

    previous = bench.start(local(lambda: "previous", 1))
    bench.wait()
    bench.start(local(body, 2))
    opened(entered, "the successor")
    previous.cancelled = True
    bench.worker.interrupt(previous)
    go_on.set()
    bench.wait()

    assert value(bench.ends["in-2"]) == "49995000"


def test_a_generator_that_waits_for_its_consumer_is_interrupted(bench: Bench) -> None:
    """A generator without credit sits in a lock; its cancellation gets it out."""
    lane_credit = threading.Event()
    closed = threading.Event()

    def chunks() -> Iterator[int]:
        try:
            for number in range(10**9):
                if number == messages.INITIAL_CREDIT:
                    lane_credit.set()
                yield number
        finally:
            closed.set()

    from telemetry.runtime.container.generators import ThreadCredit

    made = local(chunks, 1)
    made.method = made.method._replace(is_generator=True)
    made.credit = ThreadCredit()
    bench.start(made)
    opened(lane_credit, "the generator's last chunk on credit")
    bench.cancel(made)
    bench.wait()

    assert bench.ends["in-1"].how == messages.UNWOUND
    assert closed.is_set()
    assert len(bench.sent) <= messages.INITIAL_CREDIT + 1


@pytest.mark.parametrize(
    "error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), InputCancellation()]
)
def test_control_flow_ends_only_its_input(bench: Bench, error: BaseException) -> None:
    """Whatever a body raises by itself is its own error; the thread goes on."""

    def body() -> None:
        raise error

    bench.start(local(body, 1))
    bench.start(local(lambda: "next", 2))
    bench.wait(2)

    assert bench.ends["in-1"].how == messages.RAISED
    assert value(bench.ends["in-2"]) == "next"


def test_two_thousand_short_bodies_under_fire() -> None:  # noqa: C901 - three roles, one scene
    """Interruptions at random moments hit only bodies that were cancelled, once."""
    bench, draw = Bench(), random.Random(7)
    hits: dict[int, int] = {}
    cancelled: set[int] = set()
    current: list[Job] = []
    over = threading.Event()

    def body(number: int) -> int:
        # Some wait for their interruption, so that it surely finds a body.
        rounds = 10**9 if number % 51 == 1 else draw.randrange(3000)
        try:
            for _ in range(rounds):
                pass
        except InputCancellation:
            hits[number] = hits.get(number, 0) + 1
            raise
        return number

    def fire() -> None:
        while not over.is_set():
            target = current[-1] if current else None
            if target is not None and not target.cancelled:
                for _ in range(draw.randrange(200)):
                    pass
                cancelled.add(int(target.input_id[3:]))
                bench.cancel(target)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(2e-5)
    try:
        shooter = started(fire, "shooter")
        for number in range(2000):
            each = local(lambda number=number: body(number), number)
            if number % 3:
                current.append(each)
            bench.start(each)
            bench.wait()
            current.clear()
        over.set()
        joined(shooter)
    finally:
        over.set()
        sys.setswitchinterval(interval)
    bench.close()

    assert len(bench.ends) == 2000
    assert set(hits) <= cancelled
    assert set(hits.values()) <= {1}
    for number in range(2000):
        ended = bench.ends[f"in-{number}"]
        if number not in cancelled:
            assert value(ended) == number
        assert ended.how != messages.RAISED
    assert hits, "no interruption found a body: the test has tested nothing"


def test_threads_are_made_only_when_needed() -> None:
    """One after the other needs one thread; four at once need four, named by input."""
    ends = threading.Semaphore(0)
    names: list[str] = []
    gate, all_in = threading.Event(), threading.Barrier(5)
    lane = ThreadLane(
        base=contextvars.copy_context(),
        report=lambda *_: ends.release(),
        send=held_back,
    )

    def body() -> None:
        names.append(threading.current_thread().name)
        all_in.wait(LIMIT_S)
        opened(gate, "leave to end")

    before = threading.active_count()
    for number in range(5):
        lane.start(local(lambda: None, number), 1)
        assert ends.acquire(timeout=LIMIT_S)
    assert threading.active_count() - before == 1
    for number in range(4):
        lane.start(local(body, number), number + 1)
    all_in.wait(LIMIT_S)
    gate.set()
    for _ in range(4):
        assert ends.acquire(timeout=LIMIT_S)

    assert sorted(names) == ["in-0", "in-1", "in-2", "in-3"]
    assert threading.active_count() - before == 4
