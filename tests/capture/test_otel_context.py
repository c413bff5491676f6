"""The execution span in OpenTelemetry's context, and W3C context in and out."""

from __future__ import annotations

import asyncio
import contextvars
import json
import logging
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from opentelemetry import baggage, propagate, trace
from opentelemetry import context as otel
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from telemetry.capture import otel_context, sink
from telemetry.core.scope import SCOPE, InputScope
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


def without_opentelemetry(code: str) -> Any:
    """What *code* prints as JSON, in a process that has not loaded OpenTelemetry."""
    script = "import json, sys\n" + textwrap.dedent(code)
    script += "\nassert 'opentelemetry' not in sys.modules"
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout)


def test_the_execution_span_is_current_in_its_scope_alone() -> None:
    """Within the input its span is current, and afterwards what was before."""
    before = trace.get_current_span()
    scope = InputScope(ID)

    previous = otel_context.attach(scope)
    inside = trace.get_current_span()
    otel_context.detach(scope, previous, same_context=True)

    assert inside is scope.span
    assert inside.get_span_context().trace_id == OWN.trace_id
    assert trace.get_current_span() is before


def test_other_values_of_the_context_stay() -> None:
    """Baggage and keys of the program are there within the input."""

    def run() -> tuple[object, object]:
        otel.attach(baggage.set_baggage("tenant", "blue"))
        otel.attach(otel.set_value("mine", 7))
        otel_context.attach(InputScope(ID))
        return baggage.get_baggage("tenant"), otel.get_value("mine")

    assert contextvars.copy_context().run(run) == ("blue", 7)


def test_detach_elsewhere_touches_only_what_is_ours() -> None:
    """In another context, a span that the program has made current stays so."""
    scope = InputScope(ID)

    def elsewhere(previous: object) -> object:
        mine = otel.set_value("mine", 7)
        otel.attach(mine)
        otel_context.detach(scope, previous, same_context=False)
        return otel.get_current() is mine

    def run() -> object:
        previous = otel_context.attach(scope)
        return contextvars.copy_context().run(elsewhere, previous)

    assert contextvars.copy_context().run(run) is True


def test_an_async_generator_closed_early_logs_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Abandoned by its task and closed by the loop, it leaves no error behind."""
    left: list[object] = []

    async def numbers() -> AsyncIterator[int]:
        scope = InputScope(ID)
        token = SCOPE.set(scope)
        previous = otel_context.attach(scope)
        try:
            yield 1
            yield 2
        finally:
            try:
                SCOPE.reset(token)
                same = True
            except ValueError:
                same = False
            left.append(same)
            otel_context.detach(scope, previous, same_context=same)

    async def abandon(generator: AsyncIterator[int]) -> None:
        await anext(generator)

    async def main() -> None:
        generator = numbers()
        await asyncio.create_task(abandon(generator))
        await generator.aclose()  # type: ignore[attr-defined]  # it is a generator

    with caplog.at_level(logging.WARNING):
        asyncio.run(main())

    assert left == [False]
    assert caplog.records == []


def test_ids_of_a_line_are_those_of_the_open_span() -> None:
    """The program's own span while one is open, else the execution's."""
    with_exporter()
    tracer = trace.get_tracer("t")

    def body() -> list[tuple[str, str] | None]:
        scope = SCOPE.get()
        found = [otel_context.current_ids(scope)]
        with tracer.start_as_current_span("child") as child:
            found.append(otel_context.current_ids(scope))
            context = child.get_span_context()
            expected = f"{context.trace_id:032x}", f"{context.span_id:016x}"
        otel.attach(baggage.set_baggage("k", "v"))
        found.append(otel_context.current_ids(scope))
        assert found[1] == expected
        return found

    found, _ = in_scope(body)

    assert found[0] == found[2] == OWN_IDS
    assert found[1] is not None
    assert found[1][0] == OWN_IDS[0]
    assert found[1] != OWN_IDS


def test_a_line_of_another_scope_gets_the_ids_of_that_scope() -> None:
    """What is current here says nothing about a line that was noted elsewhere."""
    with_exporter()
    other = InputScope("in-other", parent=PARENT)

    def body() -> tuple[str, str] | None:
        with trace.get_tracer("t").start_as_current_span("child"):
            return otel_context.current_ids(other)

    ids, _ = in_scope(body)

    expected = execution_span("in-other", 0, PARENT)
    assert ids == (f"{expected.trace_id:032x}", f"{expected.span_id:016x}")


def test_outside_of_inputs_a_span_of_the_program_counts() -> None:
    """A line without an input carries the program's span, or no ids."""
    with_exporter()

    assert otel_context.current_ids(None) is None
    with trace.get_tracer("t").start_as_current_span("lone") as span:
        ids = otel_context.current_ids(None)
    assert ids is not None
    assert int(ids[1], 16) == span.get_span_context().span_id


def test_child_spans_hang_under_the_execution() -> None:
    """A span of any SDK tracer is in the input's trace, under its span."""
    exporter = with_exporter()
    scope = InputScope(ID, parent=PARENT)

    def body() -> None:
        with trace.get_tracer("t").start_as_current_span("child"):
            pass

    in_scope(body, scope)

    (child,) = exporter.get_finished_spans()
    assert child.parent is not None
    assert child.parent.trace_id == PARENT.trace_id
    assert child.parent.span_id == execution_span(ID, 0, PARENT).span_id
    assert child.parent.trace_state.to_header() == "a=b"


def test_a_decision_not_to_sample_is_inherited() -> None:
    """Under an unsampled parent, the program's own child spans are not kept."""
    exporter = with_exporter()
    scope = InputScope(ID, parent=PARENT._replace(sampled=False))

    def body() -> None:
        with trace.get_tracer("t").start_as_current_span("child") as child:
            assert not child.is_recording()

    in_scope(body, scope)

    assert exporter.get_finished_spans() == ()


def test_calls_hang_under_what_is_current() -> None:
    """Under the program's span, else under the execution, else under nothing."""
    with_exporter()
    assert otel_context.outgoing() is None

    def body() -> None:
        assert otel_context.outgoing() == OWN
        with trace.get_tracer("t").start_as_current_span("child") as child:
            found = otel_context.outgoing()
            assert found is not None
            assert found.span_id == child.get_span_context().span_id

    in_scope(body)


def test_headers_make_the_round_trip() -> None:
    """Trace, state and baggage that came in go out with the next call."""
    parent = otel_context.extract({name.title(): v for name, v in HEADERS.items()})
    assert parent == PARENT

    def body() -> tuple[dict[str, str], dict[str, str], object]:
        headers: dict[str, str] = {}
        environ: dict[str, str] = {}
        otel_context.inject(headers)
        otel_context.inject_environ(environ)
        return headers, environ, baggage.get_baggage("tenant")

    (headers, environ, tenant), _ = in_scope(body, InputScope(ID, parent=parent))

    own = execution_span(ID, 0, PARENT)
    assert headers == {**HEADERS, "traceparent": traceparent(own)}
    assert environ == {name.upper(): value for name, value in headers.items()}
    assert tenant == "blue"
    assert otel_context.extract(headers) == own
    assert otel_context.extract_environ({**environ, "PATH": "/bin"}) == own


@pytest.mark.parametrize(
    "headers", [{}, {"traceparent": "junk"}, {"traceparent": 7}, {"x": b"\xff"}]
)
def test_bad_headers_begin_a_new_trace(headers: dict[str, object]) -> None:
    """What strangers send never raises."""
    assert otel_context.extract(headers) is None


def test_headers_may_be_bytes_and_lists() -> None:
    """Headers as servers of other kinds hold them are read as well."""
    listed = {name: [value.encode()] for name, value in HEADERS.items()}

    assert otel_context.extract(listed) == PARENT


def test_a_propagator_that_raises_harms_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Then W3C context is read and written all the same."""

    class Broken(TextMapPropagator):
        fields: Any = set()  # noqa: RUF012  # of the interface

        def extract(self, *args: object, **kwargs: object) -> Any:
            raise RuntimeError("broken")

        def inject(self, *args: object, **kwargs: object) -> Any:
            raise RuntimeError("broken")

    monkeypatch.setattr(propagate, "_HTTP_TEXT_FORMAT", Broken())
    monkeypatch.setattr(otel_context, "failed", lambda *_: None)
    headers: dict[str, str] = {}

    assert otel_context.extract(dict(HEADERS)) == PARENT
    in_scope(lambda: otel_context.inject(headers))
    assert headers == {"traceparent": traceparent(OWN)}


def test_without_opentelemetry_ids_are_the_same() -> None:
    """A program that has not loaded it gets the same ids, and loads nothing."""
    found = without_opentelemetry(
        f"""
        from telemetry.capture import otel_context as oc
        from telemetry.core.scope import SCOPE, InputScope
        parent = oc.extract({HEADERS!r})
        scope = InputScope({ID!r}, parent=parent)
        SCOPE.set(scope)
        assert oc.attach(scope) is None
        oc.detach(scope, None, same_context=True)
        headers = {{}}
        oc.inject(headers)
        settled = oc.finished(scope, started_ns=1, ended_ns=2, error=KeyError("k"))
        events = settled.written.events
        print(json.dumps([oc.current_ids(scope), headers, events[0].attributes]))
        """
    )

    own = execution_span(ID, 0, PARENT)
    ids, headers, event = found
    assert ids == [f"{own.trace_id:032x}", f"{own.span_id:016x}"]
    assert headers == {**HEADERS, "traceparent": traceparent(own)}
    assert (event["exception.type"], event["exception.message"]) == ("KeyError", "'k'")


def test_what_is_loaded_later_holds_from_the_next_input_on() -> None:
    """Importing OpenTelemetry in a body gives the next body a current span."""
    code = f"""
        from telemetry.capture import otel_context as oc
        from telemetry.core.scope import SCOPE, InputScope
        scope = InputScope({ID!r})
        assert oc.attach(scope) is None
        from opentelemetry import trace
        oc.finished(scope, started_ns=1, ended_ns=2)
        oc.attach(scope)
        assert trace.get_current_span() is scope.span
        assert "opentelemetry.sdk" not in sys.modules
        """
    script = "import sys\n" + textwrap.dedent(code)

    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_module_that_is_still_being_imported_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody waits for an import that another thread is in the middle of."""
    half = type(sys)("opentelemetry.trace")
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", half)
    monkeypatch.setattr(otel_context._Loaded, "bridge", None)

    assert otel_context.loaded() is None
    assert otel_context.attach(InputScope(ID)) is None
    assert sink.dropped().get("span") is None
