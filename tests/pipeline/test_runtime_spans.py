"""Spans that the dispatcher's records complete."""

from __future__ import annotations

from typing import Any

import pytest

from telemetry.capture.runtime_records import Record
from telemetry.capture.span_records import (
    CLIENT,
    ERROR,
    INTERNAL,
    SERVER,
    UNSET,
    Admission,
    FinishedSpan,
    Member,
    Settled,
    span_of,
)
from telemetry.core import names
from telemetry.core.outcome import Outcome
from telemetry.core.trace_context import (
    TraceParent,
    client_span,
    execution_span,
    packed,
    start_span,
)
from telemetry.pipeline.runtime_spans import spans_of
from tests.pipeline.made_records import (
    CONTAINER,
    INPUT,
    cancelled,
    declared,
    exited,
    interrupted,
    measured,
    ready,
    settled,
    started,
    starting,
    unstarted,
)

NOW_NS = 1_700_000_000_000_000_000
S = 1_000_000_000
ABOVE = TraceParent(0xABC, 0xDEF, state="vendor=1")
DROPPED = TraceParent(0xABC, 0xDEF, sampled=False)


def one(record: Record) -> FinishedSpan:
    """The one span that it completes."""
    (span,) = spans_of(record, NOW_NS)
    return span


def times(span: FinishedSpan) -> tuple[float, float]:
    """From when to when, in seconds before the record."""
    return (
        (NOW_NS - span.start_unix_ns) / S,
        (NOW_NS - span.end_unix_ns) / S,
    )


def of_container(**given: Any) -> FinishedSpan:
    """The span that a container leaves of the execution of `INPUT`."""
    values: dict[str, Any] = {
        "function": "resize",
        "container_id": CONTAINER,
        "slot": 0,
        "admission": Admission(3, "burst", False, 2, 4),
    }
    span = span_of(Settled(INPUT, 1, 2, "success", **{**values, **given}))
    assert span is not None
    return span


@pytest.mark.parametrize("parent", [None, ABOVE])
def test_the_three_spans_of_an_input_hang_together(parent: TraceParent | None) -> None:
    """Caller, queue, execution: one trace, each below the one before."""
    trace = None if parent is None else packed(parent)
    queue = one(started(trace=trace))
    client = one(settled(trace=trace))
    execution = of_container(parent=trace)

    assert {each.trace_id for each in (queue, client)} == {execution.trace_id}
    assert execution.parent_span_id == queue.span_id
    assert queue.parent_span_id == client.span_id
    above = b"" if parent is None else parent.span_id.to_bytes(8, "big")
    assert client.parent_span_id == above
    assert [each.kind for each in (client, queue, execution)] == [
        CLIENT,
        INTERNAL,
        SERVER,
    ]
    state = "" if parent is None else "vendor=1"
    assert {each.state for each in (client, queue, execution)} == {state}


def test_their_times_are_those_of_the_record() -> None:
    """The queue until the dispatch, the caller's from acceptance to outcome."""
    assert times(one(started(wait_s=0.25))) == (0.25, 0.0)
    assert times(one(settled(total_s=2.25))) == (2.25, 0.0)


def test_the_queue_says_why_it_waited() -> None:
    """And how full the container is, and is linked to the start that it waited for."""
    warm = one(started(wait_reason="capacity"))
    cold = one(started(wait_reason="cold_start", cold=True))
    start = start_span(CONTAINER)

    assert warm.own[names.INPUT_WAIT_REASON] == "capacity"
    assert warm.own[names.INPUT_ZONE] == "normal"
    assert (warm.own[names.INPUT_ID], warm.links) == (INPUT, ())
    assert cold.own[names.FAAS_COLDSTART] is True
    (link,) = cold.links
    assert link.trace_id == start.trace_id.to_bytes(16, "big")
    assert link.span_id == start.span_id.to_bytes(8, "big")


@pytest.mark.parametrize(
    "record", [started(), settled(), unstarted(), interrupted(), settled(died=True)]
)
def test_what_the_caller_does_not_sample_has_no_spans(record: Any) -> None:
    """Its decision holds for the whole trace."""
    assert spans_of(record._replace(trace=packed(DROPPED)), NOW_NS) == []
    assert spans_of(record._replace(trace=packed(ABOVE)), NOW_NS)


@pytest.mark.parametrize(
    ("given", "status", "error_type"),
    [
        ({}, UNSET, None),
        ({"outcome": Outcome.CANCELLED}, UNSET, None),
        ({"outcome": Outcome.ERROR, "error_type": "m.Oops"}, ERROR, "m.Oops"),
        ({"outcome": Outcome.TIMEOUT, "error_type": "x"}, ERROR, "timeout"),
        ({"outcome": Outcome.LOST}, ERROR, "lost"),
    ],
)
def test_the_callers_span_has_the_outcome(
    given: dict[str, Any], status: int, error_type: str | None
) -> None:
    """Cancelled is no error; the others say of which type."""
    span = one(settled(**given))

    assert span.status == status
    assert span.own.get(names.ERROR_TYPE) == error_type
    assert span.own[names.INPUT_OUTCOME] == given.get("outcome", "success")
    assert span.own[names.FAAS_INVOKED_NAME] == "resize"
    assert span.own[names.FAAS_INVOKED_PROVIDER] == "telemetry"


def test_the_callers_span_has_the_cancellation() -> None:
    """What was asked, how, and what came of it."""
    asked = cancelled(cause="timeout", mechanism="exception", observed="swallowed")
    span = one(settled(cancelled=asked))

    assert span.own[names.INPUT_CANCELLATION_CAUSE] == "timeout"
    assert span.own[names.INPUT_CANCELLATION_MECHANISM] == "exception"
    assert span.own[names.INPUT_CANCELLATION_OBSERVED] == "swallowed"
    assert span.own[names.INPUT_CANCELLATION_PHASE] == "running"


def test_one_that_never_ran_has_waited() -> None:
    """Its queue span ends with it; an execution span would be a lie."""
    client, queue = spans_of(unstarted(wait_s=0.5, total_s=0.5), NOW_NS)

    assert (client.kind, queue.name) == (CLIENT, names.SPAN_QUEUE)
    assert times(queue) == (0.5, 0.0)
    assert queue.parent_span_id == client.span_id


def test_one_that_waited_for_its_retry_has_its_queue_span_already() -> None:
    """It was started in this attempt: no span is made a second time."""
    span = one(unstarted(zone="normal", wait_s=0.5))

    assert span.kind == CLIENT


@pytest.mark.parametrize(
    ("record", "outcome", "status"),
    [
        (interrupted(), "lost", ERROR),
        (interrupted(outcome=Outcome.CANCELLED), "cancelled", UNSET),
        (settled(died=True, outcome=Outcome.LOST, run_s=0.75), "lost", ERROR),
        (
            settled(
                outcome=Outcome.CANCELLED,
                run_s=0.75,
                cancelled=cancelled(observed="stuck"),
            ),
            "cancelled",
            UNSET,
        ),
    ],
)
def test_who_can_leave_no_span_gets_it_from_the_dispatcher(
    record: Record, outcome: str, status: int
) -> None:
    """It is the span that the container would have left: same ids, same place."""
    span = spans_of(record, NOW_NS)[-1]
    own = of_container()

    assert (span.trace_id, span.span_id) == (own.trace_id, own.span_id)
    assert span.parent_span_id == own.parent_span_id
    assert (span.name, span.kind, span.status) == (own.name, SERVER, status)
    assert span.own[names.INPUT_OUTCOME] == outcome
    assert span.own[names.FAAS_INVOCATION_ID] == INPUT
    assert times(span) == (0.75, 0.0)


@pytest.mark.parametrize(
    "record",
    [
        interrupted(died=False),
        exited(),
        starting(),
        declared(),
        measured(),
    ],
)
def test_all_else_completes_no_span(record: Record) -> None:
    """An interruption that its container has told of is in that container's box."""
    assert spans_of(record, NOW_NS) == []


def test_a_start_is_a_trace_of_its_own() -> None:
    """The phases follow each other, and fill it."""
    whole, *phases = spans_of(ready(), NOW_NS)

    assert (whole.name, whole.parent_span_id) == (names.SPAN_CONTAINER_START, b"")
    assert times(whole) == (2.0, 0.0)
    assert [(each.name, *times(each)) for each in phases] == [
        ("spawn", 2.0, 1.75),
        ("import", 1.75, 0.75),
        ("enter", 0.75, 0.0),
    ]
    assert {each.parent_span_id for each in phases} == {whole.span_id}
    assert {each.trace_id for each in phases} == {whole.trace_id}
    assert len({each.span_id for each in (whole, *phases)}) == 4
    assert whole.own[names.INPUT_CONTAINER_ID] == CONTAINER


def test_a_start_that_failed_is_a_span_too() -> None:
    """With the phase in which it did."""
    span = one(exited(reason="start_failed", phase="import", lived_s=3.0))

    assert (span.status, span.own[names.INPUT_PHASE]) == (ERROR, "import")
    assert times(span) == (3.0, 0.0)
    assert span.span_id == start_span(CONTAINER).span_id.to_bytes(8, "big")


def test_an_execution_says_how_full_its_container_was() -> None:
    """What tail sampling and the dashboards look for is on the span itself."""
    own = of_container().own

    assert own[names.INPUT_CONCURRENCY] == 3
    assert own[names.INPUT_CONCURRENCY_TARGET] == 2
    assert own[names.INPUT_CONCURRENCY_LIMIT] == 4
    assert (own[names.INPUT_ZONE], own[names.INPUT_BURST]) == ("burst", True)
    assert own[names.FAAS_COLDSTART] is False
    assert own[names.FAAS_TRIGGER] == "other"


def test_a_batch_and_its_members_are_linked_both_ways() -> None:
    """One span runs for all: each waited in a queue of its own."""
    other = "in-01J00000000000000000RUNNN1"
    batch = of_container(
        batch_input_ids=(INPUT, other), others=(Member(other, 2, packed(ABOVE)),)
    )
    first = execution_span(INPUT, 0, None)
    queue = one(
        started(other, attempt=2, trace=packed(ABOVE), batch_span=packed(first))
    )
    (there,) = batch.links
    (back,) = queue.links

    assert (there.trace_id, there.span_id) == (queue.trace_id, queue.span_id)
    assert (back.trace_id, back.span_id) == (batch.trace_id, batch.span_id)
    assert there.attributes == {names.INPUT_ID: other}
    assert client_span(other, ABOVE).trace_id == ABOVE.trace_id
