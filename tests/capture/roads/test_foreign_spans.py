"""The road ``opentelemetry``: spans and log records that the program makes itself."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator

import msgspec
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from telemetry.capture import otel_processors
from telemetry.capture.roads import foreign_spans
from telemetry.capture.roads.foreign_spans import ROAD
from telemetry.capture.span_records import ERROR, FinishedSpan
from telemetry.core.scope import SCOPE, InputScope
from telemetry.core.trace_context import execution_span
from tests.capture.otel_state import ID, fresh_otel, in_scope, programs_provider

OTHER = "in-01KAZ0M6ZJX8V1Q2W3E4R5T6Y8"


@pytest.fixture(autouse=True)
def otel_is_fresh() -> Iterator[None]:
    """OpenTelemetry is loaded, and no provider is set."""
    with fresh_otel():
        yield


@pytest.fixture
def taken() -> list[FinishedSpan]:
    """The spans that the road hands on, which is installed."""
    found: list[FinishedSpan] = []
    foreign_spans.set_sink(found.append)
    ROAD.install()
    return found


def exporting(provider: TracerProvider) -> InMemorySpanExporter:
    """What *provider* exports."""
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return exporter


def make_span(name: str = "child") -> None:
    """What an instrumentation does."""
    with trace.get_tracer("lib", "1.2").start_as_current_span(name):
        pass


def test_spans_of_the_program_carry_the_input(taken: list[FinishedSpan]) -> None:
    """The program's exporter sees the ids, and so do we, marked as exported."""
    exporter = exporting(programs_provider())
    in_scope(make_span, InputScope(ID, function="resize", container_id="ct-1", slot=2))

    (span,) = exporter.get_finished_spans()
    assert span.attributes == {
        "input.id": ID,
        "input.attempt": 0,
        "input.function": "resize",
        "input.container.id": "ct-1",
        "input.slot": 2,
    }
    (record,) = taken
    assert record.own == span.attributes
    assert record.attributes == {}
    assert record.exported
    assert (record.name, record.scope_name, record.scope_version) == (
        "child",
        "lib",
        "1.2",
    )
    own = execution_span(ID, 0, None)
    assert record.trace_id == own.trace_id.to_bytes(16, "big")
    assert record.parent_span_id == own.span_id.to_bytes(8, "big")


def test_a_span_outside_of_inputs_carries_none(taken: list[FinishedSpan]) -> None:
    """It is handed on without an owner."""
    exporter = exporting(programs_provider())
    in_scope(lambda: None)
    make_span()

    assert exporter.get_finished_spans()[0].attributes == {}
    assert taken[0].own == {}


def test_a_span_begun_in_an_input_and_ended_elsewhere_is_that_inputs(
    taken: list[FinishedSpan],
) -> None:
    """Whose a span is, is decided where it begins."""
    programs_provider()
    span, _ = in_scope(lambda: trace.get_tracer("lib").start_span("long"))
    in_scope(span.end, InputScope(OTHER))

    assert taken[0].own["input.id"] == ID


def test_ids_are_kept_when_the_span_is_full(taken: list[FinishedSpan]) -> None:
    """The SDK evicts the ids that were set first; our record has them all the same."""
    programs_provider()

    def body() -> None:
        with trace.get_tracer("lib").start_as_current_span("child") as span:
            for number in range(1_000):
                span.set_attribute(f"key{number}", number)

    in_scope(body)

    assert taken[0].own["input.id"] == ID
    assert "input.id" not in taken[0].attributes
    assert len(taken[0].attributes) == 128
    assert taken[0].dropped_attributes >= 872


def test_what_the_program_has_stamped_stays(taken: list[FinishedSpan]) -> None:
    """An attribute of that name is not overwritten; the record's owner is the scope."""
    exporter = exporting(programs_provider())

    def body() -> None:
        trace.get_tracer("lib").start_span("s", attributes={"input.id": "mine"}).end()

    in_scope(body)

    attributes = exporter.get_finished_spans()[0].attributes
    assert attributes is not None
    assert attributes["input.id"] == "mine"
    assert taken[0].own["input.id"] == ID


def test_a_finished_span_is_data(taken: list[FinishedSpan]) -> None:
    """Events, links, status and odd values survive msgpack."""
    programs_provider()

    def body() -> None:
        link = trace.Link(trace.SpanContext(1, 2, is_remote=True), {"k": b"\xff"})
        tracer = trace.get_tracer("lib")
        with tracer.start_as_current_span("child", links=[link]) as span:
            span.add_event("e", {"deep": {"x": [1, None]}})
            raise ValueError("odd")

    with pytest.raises(ValueError, match="odd"):
        in_scope(body)

    (record,) = taken
    encoded = msgspec.msgpack.encode(record)
    assert msgspec.msgpack.decode(encoded, type=FinishedSpan) == record
    assert (record.status, record.status_text) == (ERROR, "ValueError: odd")
    assert [event.name for event in record.events] == ["e", "exception"]
    assert record.links[0].trace_id == (1).to_bytes(16, "big")


def test_a_sink_that_raises_harms_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program's span ends, and its exporter has it."""
    reasons: list[str] = []
    monkeypatch.setattr(otel_processors, "failed", lambda _, why: reasons.append(why))
    foreign_spans.set_sink(lambda _: 1 / 0)
    ROAD.install()
    exporter = exporting(programs_provider())

    in_scope(make_span)

    assert len(exporter.get_finished_spans()) == 1
    assert reasons == ["span"]


def test_without_a_provider_ours_stands_in(taken: list[FinishedSpan]) -> None:
    """Spans that nobody would have kept reach us, also of tracers made before."""
    ROAD.uninstall()
    early = trace.get_tracer("early")
    ROAD.install()

    def body() -> None:
        make_span()
        early.start_span("of an early tracer").end()

    in_scope(body)

    assert [span.name for span in taken] == ["child", "of an early tracer"]
    assert [span.own["input.id"] for span in taken] == [ID, ID]
    assert not taken[0].exported


def test_our_stand_in_counts_as_unset(taken: list[FinishedSpan]) -> None:
    """Code that asks whether a provider is set learns that none is."""
    in_scope(make_span)

    assert taken
    assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


def test_a_provider_that_is_set_later_takes_over(
    taken: list[FinishedSpan], caplog: pytest.LogCaptureFixture
) -> None:
    """Without a warning; and tracers that were given out before use it, too."""
    tracer = trace.get_tracer("early")
    in_scope(lambda: tracer.start_span("ours").end())
    exporter = exporting(programs_provider())
    _, settled = in_scope(
        lambda: tracer.start_span("theirs").end(), as_instrumentation=True
    )

    assert caplog.records == []
    assert isinstance(trace.get_tracer_provider(), TracerProvider)
    assert [span.name for span in exporter.get_finished_spans()] == ["theirs", "resize"]
    assert settled.exported
    assert [(span.name, span.exported) for span in taken] == [
        ("ours", False),
        ("theirs", True),
        ("resize", True),
    ]
    assert {span.own["input.id"] for span in taken} == {ID}


def test_nobody_listens_nothing_is_made() -> None:
    """Without a sink, our stand-in makes no spans."""
    ROAD.install()

    def body() -> bool:
        with trace.get_tracer("lib").start_as_current_span("child") as span:
            return span.is_recording()

    assert in_scope(body)[0] is False


def test_installing_and_uninstalling_leaves_no_trace(
    taken: list[FinishedSpan],
) -> None:
    """Twice installed stamps once; uninstalled stamps nothing; and again once."""
    exporter = exporting(programs_provider())
    ROAD.install()
    in_scope(make_span)
    ROAD.uninstall()
    in_scope(make_span)
    ROAD.install()
    in_scope(make_span)

    first, second, third = exporter.get_finished_spans()
    assert second.attributes == {}
    assert first.attributes == third.attributes
    assert len(taken) == 2


def test_uninstalling_takes_our_stand_in_away() -> None:
    """Then the program's globals are as they were."""
    before = trace.get_tracer_provider()
    ROAD.install()
    assert trace.get_tracer_provider() is not before
    ROAD.uninstall()
    ROAD.uninstall()

    assert trace.get_tracer_provider() is before


def test_the_road_says_what_it_found() -> None:
    """Off; standing in; or in the program's provider."""
    assert not ROAD.state().on
    ROAD.install()
    assert "ours stands in" in ROAD.state().note
    programs_provider()
    assert "program's own tracer provider (TracerProvider)" in ROAD.state().note


def test_spans_that_never_end_do_not_fill_the_memory(
    taken: list[FinishedSpan], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of spans left open, the owners of the oldest are forgotten."""
    monkeypatch.setattr(otel_processors, "_OPEN_SPANS", 4)
    programs_provider(span_limits=SpanLimits())

    def body() -> list[trace.Span]:
        tracer = trace.get_tracer("lib")
        return [tracer.start_span(str(number)) for number in range(10)]

    spans, _ = in_scope(body)
    for span in spans:
        span.end()

    assert [span.name for span in taken if span.own] == ["6", "7", "8", "9"]


def test_a_late_span_says_so(taken: list[FinishedSpan]) -> None:
    """A thread that outlives its input makes spans of that input, marked late."""
    programs_provider()
    scope = InputScope(ID)
    in_scope(lambda: None, scope)

    def linger() -> None:
        SCOPE.set(scope)
        make_span()

    thread = threading.Thread(target=linger)
    thread.start()
    thread.join()

    assert taken[0].own["input.late"] is True


def test_installing_loads_nothing() -> None:
    """Without OpenTelemetry in the program, the road waits for it."""
    script = f"""
        import sys
        from telemetry.capture.roads.foreign_spans import ROAD, set_sink
        from telemetry.capture import otel_context
        from telemetry.core.scope import SCOPE, InputScope
        ROAD.install()
        assert "not loaded" in ROAD.state().note
        assert not [name for name in sys.modules if name.startswith("opentelemetry")]
        from opentelemetry import trace
        taken = []
        set_sink(taken.append)
        scope = InputScope({ID!r})
        SCOPE.set(scope)
        otel_context.attach(scope)
        assert "opentelemetry.sdk" not in sys.modules
        trace.get_tracer("lib").start_span("first").end()
        assert [span.own["input.id"] for span in taken] == [{ID!r}]
        """

    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=True)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_goes_on() -> None:
    """Its spans reach its sink, with the input's id."""
    script = f"""
        import os
        from opentelemetry import trace
        from telemetry.capture.roads.foreign_spans import ROAD, set_sink
        from telemetry.capture import otel_context
        from telemetry.core.scope import SCOPE, InputScope
        taken = []
        set_sink(taken.append)
        ROAD.install()
        trace.get_tracer("lib").start_span("first").end()
        child = os.fork()
        if child == 0:
            scope = InputScope({ID!r})
            SCOPE.set(scope)
            otel_context.attach(scope)
            trace.get_tracer("lib").start_span("second").end()
            os._exit(0 if taken[-1].own["input.id"] == {ID!r} else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        """

    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=True)
