"""The execution span: what code writes to it is in the record of the execution."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent import futures
from typing import Any, cast

import msgspec
import pytest
from opentelemetry import trace
from opentelemetry.trace import Link, SpanContext, Status, StatusCode, TraceFlags

from telemetry.capture import spans
from telemetry.capture.span_draft import (
    ATTRIBUTES,
    EVENTS,
    LINKS,
    NESTED_ATTRIBUTES,
    SPAN_CHARS,
    Draft,
)
from telemetry.capture.span_records import (
    ERROR,
    OK,
    SERVER,
    UNSET,
    Settled,
    outcome_of,
    span_of,
)
from telemetry.core.errors import InputCancellation
from telemetry.core.outcome import Outcome
from telemetry.core.scope import InputScope
from telemetry.core.trace_context import (
    QUEUE,
    TraceParent,
    derived_span_id,
    execution_span,
    packed,
)
from tests.capture.otel_state import ID, fresh_otel, in_scope, span_in

PARENT = TraceParent(0xABC, 0xDEF, state="a=b")
OTHER = SpanContext(7, 8, is_remote=True, trace_flags=TraceFlags(1))


@pytest.fixture(autouse=True)
def otel() -> Iterator[None]:
    """OpenTelemetry is loaded, and no provider is set."""
    with fresh_otel():
        yield


def current() -> trace.Span:
    """What any instrumentation writes to."""
    return trace.get_current_span()


def test_everything_written_to_the_current_span_is_in_the_record() -> None:
    """Attributes, events, exceptions, status, name and links all arrive."""

    def body() -> None:
        span = current()
        span.set_attribute("size", 3)
        span.set_attributes({"files": ["a", "b"], "size": 4})
        span.add_event("halfway", {"at": 0.5}, 123)
        span.record_exception(ValueError("odd"), {"code.try": 2})
        span.set_status(StatusCode.ERROR, "gave up")
        span.update_name("shrink")
        span.add_link(OTHER, {"why": "retry"})

    span = span_in(body)

    assert span.name == "shrink"
    assert span.attributes == {"size": 4, "files": ["a", "b"]}
    assert (span.status, span.status_text) == (ERROR, "gave up")
    halfway, raised = span.events
    assert (halfway.name, halfway.unix_ns) == ("halfway", 123)
    assert halfway.attributes == {"at": 0.5}
    assert raised.name == "exception"
    assert raised.attributes["exception.type"] == "ValueError"
    assert raised.attributes["exception.message"] == "odd"
    assert "ValueError: odd" in str(raised.attributes["exception.stacktrace"])
    assert raised.attributes["code.try"] == 2
    assert span.links[0].span_id == (8).to_bytes(8, "big")
    assert span.links[0].attributes == {"why": "retry"}


def test_an_untouched_span_has_name_ids_and_times() -> None:
    """A body that knows nothing of spans leaves a complete one."""
    span = span_in(lambda: None, InputScope(ID, function="resize", parent=PARENT))

    expected = execution_span(ID, 0, PARENT)
    assert span.trace_id == PARENT.trace_id.to_bytes(16, "big")
    assert span.span_id == expected.span_id.to_bytes(8, "big")
    assert span.parent_span_id == PARENT.span_id.to_bytes(8, "big")
    assert (span.name, span.kind, span.state) == ("resize", SERVER, "a=b")
    assert (span.start_unix_ns, span.end_unix_ns) == (100, 200)
    assert span.status == UNSET
    assert span.own["input.outcome"] == "success"


def test_the_span_of_a_container_hangs_under_its_queue_span() -> None:
    """In the runtime the parent is the wait; a root has none outside of it."""
    inside = Settled(ID, 1, 2, "success", attempt=1, container_id="ct-1", slot=0)

    span = span_of(inside)

    assert span is not None
    assert span.parent_span_id == derived_span_id(ID, 1, QUEUE).to_bytes(8, "big")
    assert span.own["input.slot"] == 0
    assert span.own["faas.instance"] == "ct-1"
    assert span_in(lambda: None).parent_span_id == b""


def test_records_are_data() -> None:
    """A record with everything in it survives msgpack."""

    def body() -> None:
        current().set_attribute("odd", cast("Any", object()))
        current().add_event("e", {"k": {"n": [1, None]}})
        current().add_link(OTHER)

    _, settled = in_scope(body, InputScope(ID, parent=PARENT))

    encoded = msgspec.msgpack.encode(settled)
    assert msgspec.msgpack.decode(encoded, type=Settled) == settled


def test_ids_survive_a_thousand_attributes() -> None:
    """However much code sets, the ids are there; what did not fit is counted."""

    def body() -> None:
        for number in range(5_000):
            current().set_attribute(f"key{number}", number)
        current().set_attribute("key0", "again")

    span = span_in(body)

    assert len(span.attributes) == ATTRIBUTES
    assert span.attributes["key0"] == "again"
    assert span.dropped_attributes == 5_000 - ATTRIBUTES
    assert span.own["input.id"] == span.own["faas.invocation_id"] == ID


def test_an_attribute_of_our_name_is_not_the_identity() -> None:
    """Code that sets input.id does not become another input."""
    span = span_in(lambda: current().set_attribute("input.id", "in-spoofed"))

    assert span.own["input.id"] == ID


def test_a_span_has_a_size_that_is_known() -> None:
    """Megabytes of values are cut off, and counted."""

    def body() -> None:
        for number in range(100):
            current().set_attribute(f"key{number}", "x" * 60_000)

    span = span_in(body)

    kept = sum(len(str(value)) for value in span.attributes.values())
    assert kept <= SPAN_CHARS
    assert span.dropped_attributes == 100 - len(span.attributes) > 0


def test_the_newest_events_and_links_are_kept() -> None:
    """Older events and links give way, and are counted."""

    def body() -> None:
        for number in range(EVENTS + 10):
            current().add_event(str(number))
            current().add_link(OTHER)

    span = span_in(body)

    assert [each.name for each in span.events][0::127] == ["10", "137"]
    assert (span.dropped_events, span.dropped_links) == (10, 10)
    assert len(span.links) == LINKS


@pytest.mark.parametrize("value", [object(), b"\xff", {1: {2}}, "\ud800", 2**70, None])
def test_any_value_can_be_set(value: object) -> None:
    """A value that OpenTelemetry does not know is described, and nothing raises."""
    span = span_in(lambda: current().set_attribute("k", cast("Any", value)))

    msgspec.msgpack.encode(span)
    assert set(span.attributes) == {"k"}


@pytest.mark.parametrize("key", ["", None, 7])
def test_what_is_no_name_names_nothing(key: object) -> None:
    """Such a key is dropped and counted."""
    span = span_in(lambda: current().set_attribute(cast("Any", key), 1))

    assert (span.attributes, span.dropped_attributes) == ({}, 1)


def test_ok_is_final() -> None:
    """After OK neither an error nor Unset changes the status."""

    def body() -> None:
        current().set_status(Status(StatusCode.OK))
        current().set_status(StatusCode.ERROR, "late doubt")
        current().set_status(StatusCode.UNSET)

    span = span_in(body)

    assert (span.status, span.status_text) == (OK, "")


def test_unset_changes_no_error_and_ok_has_no_text() -> None:
    """Unset is ignored; a description goes with an error only."""

    def body() -> None:
        current().set_status(Status(StatusCode.ERROR, "first"))
        current().set_status(StatusCode.UNSET)

    assert span_in(body).status_text == "first"


def test_a_user_cannot_end_the_execution() -> None:
    """Ending the current span is tolerated: it records on until it settles."""

    def body() -> None:
        with trace.use_span(current(), end_on_exit=True):
            pass
        with current() as span:
            span.end()
        assert current().is_recording()
        current().set_attribute("after", True)

    assert span_in(body).attributes == {"after": True}


def test_leaving_it_with_an_exception_records_that() -> None:
    """`with` around the span notes what came out."""

    def body() -> None:
        with pytest.raises(KeyError), current():
            raise KeyError("k")

    span = span_in(body)

    assert span.status == ERROR
    assert [event.name for event in span.events] == ["exception"]


def test_writes_after_the_end_are_counted() -> None:
    """What comes late changes nothing and raises nothing."""
    before = spans.late_writes()
    span, settled = in_scope(current)

    span.set_attribute("late", 1)
    span.add_event("late")
    span.set_status(StatusCode.ERROR)

    assert not span.is_recording()
    assert spans.late_writes() == before + 3
    assert settled.written is None


def test_an_execution_that_is_not_sampled_keeps_nothing() -> None:
    """It has its ids, and its unsampled flag, and makes no span."""

    def body() -> SpanContext:
        current().set_attribute("k", 1)
        assert not current().is_recording()
        return current().get_span_context()

    scope = InputScope(ID, parent=PARENT._replace(sampled=False))
    context, settled = in_scope(body, scope)

    assert context.trace_id == PARENT.trace_id
    assert context.is_valid
    assert not context.trace_flags.sampled
    assert settled.written is None
    assert span_of(settled) is None


def test_twenty_threads_may_write_at_once() -> None:
    """No attribute and no event is lost, also not those of the first writers."""
    gate = threading.Barrier(20)

    def write(span: trace.Span, number: int) -> None:
        gate.wait()
        span.set_attribute(f"first{number}", number)
        for step in range(5):
            span.add_event(f"{number}.{step}")
            span.set_attribute(f"key{number}.{step}", step)

    def body() -> None:
        threads = [
            threading.Thread(target=write, args=(current(), number))
            for number in range(20)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    span = span_in(body)

    assert len(span.attributes) == 20 * 6
    assert len({event.name for event in span.events}) == 100


def test_two_first_writers_write_to_the_same_span(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both find it empty; what either of them writes is kept."""
    gate = threading.Barrier(2)

    class Meeting(Draft):
        def __init__(self) -> None:
            gate.wait()
            super().__init__()

    monkeypatch.setattr(spans, "Draft", Meeting)

    def body() -> None:
        span = current()
        thread = threading.Thread(target=span.add_event, args=("theirs",))
        thread.start()
        span.add_event("ours")
        thread.join()
        gate.abort()

    span = span_in(body)

    assert {event.name for event in span.events} == {"ours", "theirs"}


def test_events_have_a_size_that_is_known() -> None:
    """The first attributes of an event are kept, and the rest are counted."""
    many = {f"key{number}": number for number in range(200)}

    (event,) = span_in(lambda: current().add_event("e", many)).events

    assert len(event.attributes) == NESTED_ATTRIBUTES
    assert event.dropped_attributes == 200 - NESTED_ATTRIBUTES


def test_an_error_is_recorded_once() -> None:
    """An exception that code recorded itself is not recorded again."""
    error = ValueError("bad size")

    _, settled = in_scope(lambda: current().record_exception(error), error=error)

    span = span_of(settled)
    assert span is not None
    assert [event.name for event in span.events] == ["exception"]
    assert (span.status, span.status_text) == (ERROR, "ValueError: bad size")
    assert span.own["error.type"] == "ValueError"
    assert span.own["input.outcome"] == "error"


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, Outcome.SUCCESS),
        (ValueError(), Outcome.ERROR),
        (InputCancellation(), Outcome.CANCELLED),
        (KeyboardInterrupt(), Outcome.CANCELLED),
        (asyncio.CancelledError(), Outcome.CANCELLED),
        (futures.CancelledError(), Outcome.ERROR),
        (GeneratorExit(), Outcome.SUCCESS),
        (SystemExit(), Outcome.SUCCESS),
        (SystemExit(0), Outcome.SUCCESS),
        (SystemExit(2), Outcome.ERROR),
        (SystemExit("no"), Outcome.ERROR),
    ],
)
def test_what_came_out_decides_the_outcome(
    error: BaseException | None, outcome: Outcome
) -> None:
    """Failures are errors; a wish to end is none."""
    assert outcome_of(error) is outcome


@pytest.mark.parametrize("outcome", ["timeout", "lost"])
def test_an_outcome_without_an_exception_is_still_an_error(outcome: str) -> None:
    """The runtime's verdicts make the span an error of that type."""
    span = span_of(Settled(ID, 1, 2, outcome, parent=packed(PARENT)))

    assert span is not None
    assert span.status == ERROR
    assert span.own["error.type"] == outcome


def test_a_timeout_is_not_the_exception_that_brought_it() -> None:
    """The body of a timed-out input is ended by our exception; the type is timeout."""
    _, settled = in_scope(lambda: None, error=InputCancellation(), outcome="timeout")

    span = span_of(settled)
    assert span is not None
    assert (span.own["error.type"], span.status, span.events) == ("timeout", ERROR, ())


def test_a_link_that_says_nothing_is_ignored() -> None:
    """An invalid context without attributes links nothing, as the API allows."""
    nothing = Link(trace.INVALID_SPAN_CONTEXT).context

    assert span_in(lambda: current().add_link(nothing)).links == ()
