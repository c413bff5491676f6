"""Interruptions hit their own body, once, or nothing at all."""

from __future__ import annotations

import contextvars
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Any

import pytest

from telemetry.core.errors import InputCancellation
from telemetry.runtime.container.endings import Ended
from telemetry.runtime.container.interrupts import (
    MAIN_THREAD_SIGNAL,
    SignalInterrupt,
    ThreadInterrupt,
)
from telemetry.runtime.container.jobs import Job
from telemetry.runtime.container.outbox import Outbox
from telemetry.runtime.container.threads import ThreadLane, Worker
from telemetry.runtime.wire import messages, payload
from telemetry.runtime.wire.frames import FrameReader, FrameWriter
from tests.runtime.mechanism.stand_ins import (
    LIMIT_S,
    End,
    FakeStream,
    held_back,
    job,
    joined,
    opened,
    started,
)


class Bench:
    """A worker on a thread of its own, and what it reports."""

    def __init__(self, kind: type[Worker] = Worker) -> None:
        self.ends: dict[str, End] = {}
        self.sent: list[Any] = []
        self.escaped: list[BaseException] = []
        self.queue: SimpleQueue[Job | None] = SimpleQueue()
        self.reported = threading.Semaphore(0)
        self.worker = kind(contextvars.copy_context(), self.report, self.sent.append)
        self.thread = started(self._run, "slot-0")

    def report(self, ended_job: Job, ended: Ended, _start: int, _end: int) -> None:
        self.ends[ended_job.input_id] = End(*ended)
        self.reported.release()

    def start(self, new: Job) -> Job:
        """Give it a job."""
        self.queue.put(new)
        return new

    def cancel(self, running: Job) -> None:
        """What a container does: mark it, then interrupt who runs it."""
        running.cancelled = True
        if running.worker is not None:
            running.worker.interrupt(running)

    def wait(self, reports: int = 1) -> None:
        """Until so many more jobs were reported."""
        for _ in range(reports):
            if not self.reported.acquire(timeout=LIMIT_S):
                raise TimeoutError("the worker has not reported: its body hangs")

    def close(self) -> None:
        """End the thread; what came out of it is an error of the test."""
        self.queue.put(None)
        joined(self.thread)
        assert self.escaped == []

    def _run(self) -> None:
        try:
            self.worker.interrupt_with(ThreadInterrupt())
            self.worker.run(self.queue)
        except BaseException as error:  # noqa: BLE001 - what must never be
            self.escaped.append(error)


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A worker, ended at the end."""
    made = Bench()
    yield made
    made.close()


def spin(entered: threading.Event) -> str:
    """A body that runs Python code until it is interrupted."""
    entered.set()
    until_s = time.monotonic() + LIMIT_S
    while time.monotonic() < until_s:
        pass
    return "never interrupted"


def local(body: Callable[..., Any], number: int = 0) -> Job:
    """A job whose body is called as it is, closed over the test's own objects."""
    made = job(held_back, number=number)
    made.method = made.method._replace(call=body)
    return made


def value(ended: End) -> Any:
    """What a body returned."""
    assert ended.how == messages.RETURNED
    return payload.loads(ended.payload)


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


# What a body sends goes through the outbox that it shares with its neighbours.


def test_an_interruption_inside_the_outbox_loses_nothing() -> None:
    """A body that is interrupted while it sends takes no message of others along.

    1. A neighbour puts its result; 2. A's thread flushes, with both messages in
    its hands; 3. A is interrupted there. The neighbour's result must still leave.
    """
    bench = Bench()
    stream = FakeStream()
    writer = StruckWriter(stream)
    outbox = Outbox(writer, held_back)

    def body() -> None:
        outbox.put((1, "the neighbour's result"))
        outbox.put((2, "a line of A's"))
        outbox.flush()
        spin(threading.Event())

    running = local(body, 1)
    writer.strike = lambda: joined(started(lambda: bench.cancel(running)))
    bench.start(running)
    bench.wait()
    outbox.flush()  # as the next to end does
    bench.close()

    assert bench.ends["in-1"].how == messages.UNWOUND
    assert 1 in kinds(stream), "the neighbour's result is gone"


class StruckWriter(FrameWriter):
    """Its first frame is being written when the interruption is sent."""

    strike: Callable[[], None] = staticmethod(held_back)

    def send(self, batch: Any) -> bool:
        strike, self.strike = self.strike, held_back
        strike()
        return super().send(batch)


def kinds(stream: FakeStream) -> list[int]:
    """The kinds of the messages that were written."""
    source, seen = FakeStream(), []
    source.to_read += stream.written
    reader = FrameReader(source)
    while source.to_read:
        for frame in reader.receive():
            seen += [message[0] for message in frame.messages]
    return seen


def test_a_partial_write_survives_an_interruption() -> None:
    """A body interrupted when half a frame is out does not garble the stream."""
    bench = Bench()
    stream = FakeStream(room=5)
    outbox = Outbox(FrameWriter(stream), held_back)

    def body() -> None:
        outbox.put((1, "first"))
        outbox.flush()
        spin(threading.Event())

    running = local(body, 1)

    def strike() -> None:
        stream.before_send = held_back
        joined(started(lambda: bench.cancel(running)))

    stream.before_send = strike
    bench.start(running)
    bench.wait()
    stream.room = None
    outbox.resume()
    outbox.put((2, "second"))
    outbox.flush()
    bench.close()

    assert kinds(stream) == [1, 2]


def test_the_outbox_stays_open_after_a_thousand_interruptions() -> None:
    """Bodies that write without end are cancelled at random; others still write."""
    bench, draw = Bench(), random.Random(11)
    stream = FakeStream()
    outbox = Outbox(FrameWriter(stream), held_back)

    def body(entered: threading.Event) -> None:
        entered.set()
        while True:
            outbox.put((2, "a line"))
            outbox.flush()

    rounds, interval = 300, sys.getswitchinterval()
    sys.setswitchinterval(2e-5)
    try:
        for number in range(rounds):
            entered = threading.Event()
            running = bench.start(local(lambda entered=entered: body(entered), number))
            opened(entered, "the body")
            for _ in range(draw.randrange(300)):
                pass
            outbox.put((1, number))
            bench.cancel(running)
            bench.wait()
            outbox.flush()
    finally:
        sys.setswitchinterval(interval)
    bench.close()

    assert kinds(stream).count(1) == rounds


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


@pytest.fixture
def main_worker() -> Iterator[Worker]:
    """A worker for the main thread; the signal is given back afterwards."""
    before = signal.getsignal(MAIN_THREAD_SIGNAL)
    worker = Worker(contextvars.copy_context(), ENDS.put, held_back)
    worker.interrupt_with(SignalInterrupt(worker.wants_interrupt))
    yield worker
    signal.signal(MAIN_THREAD_SIGNAL, before)


class _Ends:
    """What was reported, by input id."""

    def __init__(self) -> None:
        self.by_id: dict[str, End] = {}

    def put(self, ended_job: Job, ended: Ended, _start: int, _end: int) -> None:
        self.by_id[ended_job.input_id] = End(*ended)


ENDS = _Ends()


def served(worker: Worker, *given: Job) -> None:
    """Run these on this, the main, thread."""
    queue: SimpleQueue[Job | None] = SimpleQueue()
    for each in (*given, None):
        queue.put(each)
    worker.run(queue)


def test_a_blocking_call_on_the_main_thread_is_interrupted(main_worker: Worker) -> None:
    """A body that sleeps in C on the main thread is got out by its signal."""
    entered = threading.Event()

    def body() -> None:
        entered.set()
        time.sleep(LIMIT_S)

    target = local(body, 1)

    def strike() -> None:
        opened(entered, "the body")
        target.cancelled = True
        main_worker.interrupt(target)
        while not ENDS.by_id.get("in-1"):
            # The first may have come before the call began to block.
            signal.pthread_kill(main_id, MAIN_THREAD_SIGNAL)
            ended.wait(0.01)

    ended, main_id = threading.Event(), threading.get_ident()
    thread = started(strike)
    began_s = time.monotonic()
    served(main_worker, target, local(lambda: "next", 2))
    joined(thread)

    assert ENDS.by_id["in-1"].how == messages.UNWOUND
    assert value(ENDS.by_id["in-2"]) == "next"
    assert time.monotonic() - began_s < LIMIT_S


def test_a_late_signal_hits_nobody(main_worker: Worker) -> None:
    """A signal that arrives when its body has ended, or twice, raises nothing."""

    def body() -> str:
        for _ in range(5):
            signal.raise_signal(MAIN_THREAD_SIGNAL)
        return "unharmed"

    served(main_worker, local(body, 3))
    signal.raise_signal(MAIN_THREAD_SIGNAL)

    assert value(ENDS.by_id["in-3"]) == "unharmed"


class DelayedInterrupt(SignalInterrupt):
    """Its signal is under way for so long that the test sends it."""

    def send(self) -> None:
        """Not yet."""


def test_a_signal_that_arrives_after_its_body(main_worker: Worker) -> None:
    """A signal that was sent in the body and comes after it raises nothing."""
    main_worker.interrupt_with(DelayedInterrupt(main_worker.wants_interrupt))

    def body() -> str:
        target.cancelled = True
        main_worker.interrupt(target)
        return "returned"

    target = local(body, 4)
    served(main_worker, target)
    signal.raise_signal(MAIN_THREAD_SIGNAL)

    assert value(ENDS.by_id["in-4"]) == "returned"
