"""An input settles once, whatever happens to it and in whatever order."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.capture.runtime_records import InputInterrupted, InputSettled, Record
from telemetry.core.errors import (
    FunctionTimeoutError,
    InputCancelledError,
    InternalFailure,
)
from telemetry.core.outcome import Outcome
from telemetry.policy.retries import MAX_LOSSES, RetryRule
from telemetry.policy.settling import Cause, How
from telemetry.runtime.driver.containers import ContainerHandle
from telemetry.runtime.driver.inputs import Batch, Execution, Input
from telemetry.runtime.driver.services import Services
from telemetry.runtime.driver.settler import Ending, Settler
from telemetry.runtime.driver.waiting_line import InputQueue
from telemetry.runtime.wire import payload
from tests.runtime.mechanism.stand_ins import (
    FakeSink,
    FakeTimers,
    an_input,
    held_back,
    ids,
    spec,
)

RETURNED = Ending(How.RETURNED, payload.dumps("done"), 0.1)
RAISED = Ending(How.RAISED, payload.dump_failure(KeyError("x")), 0.1)
DIED = Ending(How.DIED)


class Bench:
    """A settler, and everything that it tells."""

    def __init__(self, rule: RetryRule | None = None) -> None:
        self.records: list[Record] = []
        self.timers = FakeTimers()
        self.queue = InputQueue()
        self.services = Services(
            at=self.timers.at,
            ids=ids(),
            observe=None,
            shutdown_grace_s=1.0,
        )
        self.services.report = self.records.append
        self.settler = Settler(
            spec(retries=rule, timeout_s=3.0), self.services, self.queue, held_back
        )
        self.container = ContainerHandle("ct-0", 4, 0.0)

    def dispatched(self, each: Execution) -> None:
        """Give it a slot."""
        self.container.occupy(each)
        each.dispatched_s = 0.0

    def take(self) -> Input:
        """Who runs next; those whom containers died under wait apart."""
        return self.queue.suspects.pop(0) if self.queue.suspects else self.queue.take()

    def end(self, each: Input, ending: Ending, cause: Cause | None = None) -> None:
        """Its execution ended; it goes back to the queue where it has to."""
        if cause is not None:
            each.cause = cause
        self.container.vacate(each.slot)
        self.settler.conclude(each, ending)

    def settled(self, sink: FakeSink) -> list[Outcome | None]:
        """What the caller got."""
        self.services.flush()
        return [each.outcome for each in sink.settled]

    def records_of(self, kind: type[Record]) -> list[Record]:
        """Records of one kind."""
        return [each for each in self.records if type(each) is kind]


def one(bench: Bench) -> tuple[Input, FakeSink]:
    """An input that runs."""
    sink = FakeSink()
    each = an_input(0, sink)
    bench.dispatched(each)
    return each, sink


def test_success_is_delivered_and_recorded() -> None:
    """An input that returned settles with its result, in one record."""
    bench = Bench()
    each, sink = one(bench)
    bench.container.vacate(each.slot)
    bench.settler.succeed(each, payload.dumps(7), 0.5)

    assert bench.settled(sink) == [Outcome.SUCCESS]
    assert sink.settled[0].value() == 7
    (record,) = bench.records
    assert isinstance(record, InputSettled)
    assert (record.outcome, record.attempt, record.run_s) == (Outcome.SUCCESS, 0, 0.5)


@pytest.mark.parametrize(
    ("ending", "cause", "outcome", "error", "match"),
    [
        (RAISED, None, Outcome.ERROR, KeyError, "x"),
        (Ending(How.UNWOUND), Cause.USER, Outcome.CANCELLED, InputCancelledError, "us"),
        (DIED, Cause.SHUTDOWN, Outcome.CANCELLED, InputCancelledError, "shutdown"),
        (
            Ending(How.UNWOUND),
            Cause.TIMEOUT,
            Outcome.TIMEOUT,
            FunctionTimeoutError,
            "longer than 3 s",
        ),
    ],
)
def test_what_the_caller_sees(
    ending: Ending,
    cause: Cause | None,
    outcome: Outcome,
    error: type[Exception],
    match: str,
) -> None:
    """Each outcome but success reaches the caller as its own exception."""
    bench = Bench()
    each, sink = one(bench)
    bench.end(each, ending, cause)

    assert bench.settled(sink) == [outcome]
    with pytest.raises(error, match=match):
        sink.settled[0].value()


def test_eight_losses_are_forgiven() -> None:
    """An input whose containers die is put back eight times, then it is lost."""
    bench = Bench()
    each, sink = one(bench)
    for attempt in range(MAX_LOSSES):
        bench.end(each, DIED)
        assert bench.settled(sink) == []
        assert bench.take() is each
        assert each.attempt == attempt + 1
        bench.dispatched(each)
    bench.end(each, DIED)

    assert bench.settled(sink) == [Outcome.LOST]
    with pytest.raises(InternalFailure, match="died 9 times"):
        sink.settled[0].value()
    assert len(bench.records_of(InputInterrupted)) == MAX_LOSSES


def test_a_neighbours_end_is_no_loss() -> None:
    """Being taken along by neighbours is forgiven as often as it happens."""
    bench = Bench()
    each, sink = one(bench)
    for _ in range(3 * MAX_LOSSES):
        bench.end(each, DIED, Cause.NEIGHBOUR)
        assert bench.take() is each
        bench.dispatched(each)
    bench.end(each, RETURNED)

    assert bench.settled(sink) == [Outcome.SUCCESS]


def test_retries_wait_and_then_queue() -> None:
    """An input that failed waits for its moment, then goes to the end of the queue."""
    bench = Bench(RetryRule(1))
    each, sink = one(bench)
    bench.end(each, RAISED)
    assert list(bench.settler.waiting) == [each]
    assert len(bench.queue) == 0
    bench.timers.fire()
    assert bench.take() is each
    bench.dispatched(each)
    bench.end(each, RAISED)

    assert bench.settled(sink) == [Outcome.ERROR]
    assert each.attempt == 1


def test_cancelled_while_it_waits_for_its_retry() -> None:
    """An input that is cancelled between two attempts is not run again."""
    bench = Bench(RetryRule(5))
    each, sink = one(bench)
    bench.end(each, RAISED)
    bench.settler.cancel_unstarted(each, Cause.USER)
    bench.timers.fire()

    assert bench.settled(sink) == [Outcome.CANCELLED]
    assert len(bench.queue) == 0
    assert list(bench.settler.waiting) == []


def test_members_of_a_batch_end_for_themselves() -> None:
    """One member fails, one returns, one was cancelled before: each its own outcome."""
    bench = Bench()
    sinks = [FakeSink(f"fc-{n}") for n in range(3)]
    members = [an_input(n, sink) for n, sink in enumerate(sinks)]
    batch = Batch(members)
    bench.dispatched(batch)
    bench.settler.settle(members[2], Outcome.CANCELLED, Ending(How.UNWOUND))
    for member, ending in zip(members, (RETURNED, RAISED, RETURNED), strict=True):
        bench.settler.end(member, batch, ending)

    assert [bench.settled(sink) for sink in sinks] == [
        [Outcome.SUCCESS],
        [Outcome.ERROR],
        [Outcome.CANCELLED],
    ]


def test_the_stuck_are_settled_before_their_container_dies() -> None:
    """A body that will not end is given up; its later end changes nothing."""
    bench = Bench()
    each, sink = one(bench)
    each.cause = Cause.USER
    bench.settler.give_up(each, each, Ending(How.STUCK))
    bench.end(each, RETURNED)
    bench.end(each, DIED)

    assert bench.settled(sink) == [Outcome.CANCELLED]


def test_a_late_success_changes_nothing() -> None:
    """A result that comes when its input has settled is dropped."""
    bench = Bench()
    each, sink = one(bench)
    bench.settler.settle(each, Outcome.CANCELLED, Ending(How.UNWOUND))
    bench.settler.succeed(each, payload.dumps(1), 0.1)

    assert bench.settled(sink) == [Outcome.CANCELLED]
    assert len(bench.records_of(InputSettled)) == 1


def test_the_stuck_that_run_again_wait_for_the_death() -> None:
    """A stuck body whose input is retried never runs twice at once."""
    bench = Bench(RetryRule(3, initial_delay_s=0.0))
    each, sink = one(bench)
    each.cause = Cause.TIMEOUT
    bench.settler.give_up(each, each, Ending(How.STUCK))
    bench.timers.fire()
    assert len(bench.queue) == 0
    bench.end(each, DIED)
    bench.timers.fire()

    assert bench.take() is each
    assert bench.settled(sink) == []


EVENTS = st.sampled_from(
    [
        "dispatch",
        "return",
        "succeed",
        "raise",
        "unwind",
        "die",
        "give up",
        "cancel queued",
        "user",
        "timeout",
        "shutdown",
        "neighbour",
        "timer",
        "settle",
    ]
)
ENDINGS = {
    "return": RETURNED,
    "raise": RAISED,
    "unwind": Ending(How.UNWOUND),
    "die": DIED,
}


class Story:
    """One input through a sequence of events."""

    def __init__(self, retries: int | None) -> None:
        self.bench = Bench(None if retries is None else RetryRule(retries))
        self.sink = FakeSink()
        self.input = an_input(0, self.sink)
        self.running = False
        self.bench.queue.add([self.input])

    @property
    def queued(self) -> bool:
        """It waits for a slot."""
        return self.input in list(self.bench.queue)

    def happen(self, event: str) -> None:
        """Let it happen, where it can."""
        bench, each = self.bench, self.input
        if event == "timer":
            bench.timers.fire()
        elif event == "settle":
            self._settle_unstarted(
                lambda: bench.settler.settle(
                    each, Outcome.CANCELLED, Ending(How.UNWOUND)
                )
            )
        elif event == "dispatch" and self.queued:
            bench.dispatched(bench.take())
            self.running = True
        elif event == "cancel queued" and (
            self.queued or each in bench.settler.waiting
        ):
            self._settle_unstarted(
                lambda: bench.settler.cancel_unstarted(each, Cause.USER)
            )
        elif self.running:
            self._happen_in_slot(event)

    def _settle_unstarted(self, settle: Callable[[], None]) -> None:
        queued = self.queued
        settle()
        if queued:
            self.bench.queue.settled_one(self.input)

    def _happen_in_slot(self, event: str) -> None:
        bench, each = self.bench, self.input
        if event in ENDINGS:
            self.running = False
            bench.end(each, ENDINGS[event])
        elif event == "succeed":
            self.running = False
            bench.container.vacate(each.slot)
            bench.settler.succeed(each, payload.dumps(1), 0.1)
        elif event == "give up" and each.cause is not None:
            bench.settler.give_up(each, each, Ending(How.STUCK))
        elif event in {"user", "timeout", "shutdown", "neighbour"}:
            each.cause = each.cause or Cause(event)

    def places(self) -> list[bool]:
        """Where it is; one of these, at any time."""
        return [
            self.running and not self.input.settled,
            self.queued,
            self.input in self.bench.settler.waiting,
            self.input.settled,
        ]


@settings(max_examples=300)
@given(st.lists(EVENTS, max_size=40), st.none() | st.integers(0, 2))
def test_an_input_settles_once(events: list[str], retries: int | None) -> None:
    """Any sequence of events settles an input at most once, and never resurrects it.

    At any time it is in one place: the queue, a wait, a slot, or settled.
    """
    story = Story(retries)
    for event in events:
        story.happen(event)
        assert story.places().count(True) == 1

    settled = story.input.settled
    assert len(story.bench.settled(story.sink)) == settled
    assert len(story.bench.records_of(InputSettled)) == settled
    assert sum(story.bench.settler.outcomes.values()) == settled
