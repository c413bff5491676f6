"""The span of an input, made with the tracer of a program that has its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from opentelemetry import baggage, trace
from opentelemetry import context as otel
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from telemetry.capture import otel_context
from telemetry.capture.span_records import span_of
from telemetry.core.scope import InputScope
from telemetry.core.trace_context import TraceParent, execution_span, traceparent
from tests.capture.otel_state import ID, fresh_otel, in_scope, programs_provider

PARENT = TraceParent(0xABC, 0xDEF, state="a=b", baggage="tenant=blue")
HEADERS = {
    "traceparent": traceparent(PARENT),
    "tracestate": PARENT.state,
    "baggage": PARENT.baggage,
}
OWN = execution_span(ID, 0, None)
OWN_IDS = f"{OWN.trace_id:032x}", f"{OWN.span_id:016x}"


@pytest.fixture(autouse=True)
def otel_is_fresh() -> Iterator[None]:
    """OpenTelemetry is loaded, and no provider is set."""
    with fresh_otel():
        yield


def with_exporter() -> InMemorySpanExporter:
    """The program's own provider, and what it exports."""
    exporter = InMemorySpanExporter()
    programs_provider().add_span_processor(SimpleSpanProcessor(exporter))
    return exporter


def test_the_span_that_the_program_made_for_the_input_is_no_child() -> None:
    """Nothing of the user's is open, whatever else changes in the context."""
    with_exporter()
    scope = InputScope(ID)

    def body() -> object:
        otel.attach(baggage.set_baggage("k", "v"))
        return otel_context.user_span(scope)

    assert in_scope(body, scope, as_instrumentation=True)[0] is None


def test_as_an_instrumentation_the_program_makes_the_span() -> None:
    """With its own provider, its exporters get the input's span, and we no record."""
    exporter = with_exporter()
    scope = InputScope(ID, function="resize", parent=PARENT)

    def body() -> tuple[str, str] | None:
        trace.get_current_span().set_attribute("size", 3)
        return otel_context.current_ids(scope)

    ids, settled = in_scope(body, scope, as_instrumentation=True)

    assert settled.exported
    assert settled.outcome == "success"
    assert span_of(settled) is None
    (span,) = exporter.get_finished_spans()
    assert (span.name, span.kind) == ("resize", trace.SpanKind.SERVER)
    assert span.attributes is not None
    assert span.attributes["input.id"] == ID
    assert span.attributes["input.outcome"] == "success"
    assert span.attributes["size"] == 3
    assert span.parent is not None
    assert span.parent.span_id == PARENT.span_id
    context = span.get_span_context()
    assert context is not None
    assert ids == (f"{context.trace_id:032x}", f"{context.span_id:016x}")


def test_the_programs_span_keeps_the_ids_when_it_is_full() -> None:
    """More attributes than the SDK holds push out other ones, not the ids."""
    exporter = with_exporter()

    def body() -> None:
        for number in range(1_000):
            trace.get_current_span().set_attribute(f"key{number}", number)

    in_scope(body, as_instrumentation=True)

    (span,) = exporter.get_finished_spans()
    assert span.attributes is not None
    assert span.attributes["input.id"] == ID
    assert span.attributes["faas.invocation_id"] == ID


@pytest.mark.parametrize(
    ("error", "outcome", "status"),
    [
        (ValueError("odd"), "error", StatusCode.ERROR),
        (asyncio.CancelledError(), "cancelled", StatusCode.UNSET),
        (KeyboardInterrupt(), "cancelled", StatusCode.UNSET),
    ],
)
def test_the_programs_span_says_how_it_ended(
    error: BaseException, outcome: str, status: StatusCode
) -> None:
    """An error is recorded with its type; a cancellation is no error."""
    exporter = with_exporter()

    in_scope(lambda: None, as_instrumentation=True, error=error)

    (span,) = exporter.get_finished_spans()
    assert span.attributes is not None
    assert span.attributes["input.outcome"] == outcome
    assert span.status.status_code is status
    failed = status is StatusCode.ERROR
    assert [event.name for event in span.events] == ["exception"] * failed
    assert span.attributes.get("error.type") == ("ValueError" if failed else None)


def test_a_provider_that_is_disabled_leaves_the_span_to_us(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A tracer that makes nothing is no reason for an input to have no span."""
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    programs_provider()

    _, settled = in_scope(lambda: None, as_instrumentation=True)

    assert span_of(settled) is not None


def test_a_tracer_that_raises_harms_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """The input runs, and leaves its record."""
    reasons: list[str] = []
    monkeypatch.setattr(otel_context, "failed", lambda _, why: reasons.append(why))
    provider = programs_provider()

    class Broken:
        def on_start(self, *_: object, **__: object) -> None:
            raise RuntimeError("broken")

    provider.add_span_processor(Broken())  # type: ignore[arg-type]  # all that is called

    _, settled = in_scope(lambda: None, as_instrumentation=True)

    assert span_of(settled) is not None
    assert reasons == ["span"]
