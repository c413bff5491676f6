"""The identity of an input as text, written and read."""

from __future__ import annotations

import contextvars
import json

import pytest

import telemetry
from telemetry.capture.inherited import (
    VARIABLE,
    bind_from_environment,
    forget,
    identity_text,
    scope_of,
)
from telemetry.core.scope import SCOPE, CurrentInput, InputScope
from telemetry.core.trace_context import TraceParent

WHOLE = InputScope(
    "in-1",
    function_call_id="fc-1",
    function="resize",
    attempt=2,
    container_id="ct-1",
    slot=0,
    batch_input_ids=("in-1", "in-2"),
    parent=TraceParent(1, 2, sampled=False, state="a=b"),
)


def fields(scope: InputScope | None) -> tuple[object, ...]:
    """What makes two scopes the same identity."""
    assert scope is not None
    names = [*CurrentInput.__slots__, "parent", "closed"]
    return tuple(getattr(scope, name) for name in names)


@pytest.mark.parametrize("scope", [WHOLE, InputScope("in-1"), InputScope("\0\udc80é")])
def test_what_is_written_is_read(scope: InputScope) -> None:
    """Every field comes back, and the text is plain ASCII on one line."""
    text = identity_text(scope)

    assert fields(scope_of(text)) == fields(scope)
    assert text.isascii()
    assert text.isprintable()


def test_a_span_of_the_programs_own_tracer_keeps_its_trace() -> None:
    """Its ids cannot be derived: the other process hangs under that very span."""
    from opentelemetry import trace

    scope = InputScope("in-1")
    with telemetry.input_scope():  # loads the bridge to OpenTelemetry
        context = trace.SpanContext(7, 8, False, trace.TraceFlags(1))  # is_remote
        scope.span = trace.NonRecordingSpan(context)
        read = scope_of(identity_text(scope))

    assert read is not None
    assert read.parent is not None
    assert read.parent[:3] == (7, 8, True)


def test_a_closed_scope_is_read_as_open() -> None:
    """A process that was told its input does not know of its end: it is not late."""
    scope = InputScope("in-1")
    scope.close()
    read = scope_of(identity_text(scope))

    assert read is not None
    assert not read.closed


def test_a_long_text_leaves_the_members_out() -> None:
    """The id of the input itself is always there."""
    scope = InputScope("in-1", batch_input_ids=("in-1",) * 100)
    read = scope_of(identity_text(scope, max_chars=200))

    assert fields(read) == fields(InputScope("in-1"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "{",
        "null",
        "[]",
        "3",
        '"in-1"',
        "{}",
        '{"input_id":""}',
        '{"input_id":3}',
        '{"input_id":null}',
        "[" * 100_000,
        "9" * 10_000,
        "\udc80",
        None,
        b"{}",
    ],
)
def test_garbage_is_no_identity(text: object) -> None:
    """Whatever stands in the variable, nothing is raised and nobody is invented."""
    assert scope_of(text) is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("function", 3),
        ("function_call_id", ["x"]),
        ("container_id", ""),
        ("attempt", "1"),
        ("attempt", True),
        ("attempt", -1),
        ("attempt", 1.5),
        ("attempt", 2**70),
        ("slot", {}),
        ("slot", False),
        ("batch_input_ids", "in-1"),
        ("batch_input_ids", ["in-1", 3]),
        ("traceparent", "00-zz"),
        ("traceparent", 7),
        ("tracestate", 7),
        ("unknown", 1),
    ],
)
def test_bad_values_are_left_out(key: str, value: object) -> None:
    """A field that makes no sense is as good as none; the id stands."""
    read = scope_of(json.dumps({"input_id": "in-1", key: value}))

    assert fields(read) == fields(InputScope("in-1"))


def bound(environ: dict[str, str]) -> tuple[str | None, bool]:
    """What an empty context knows after binding, and whether a scope came back."""

    def bind() -> tuple[str | None, bool]:
        scope = bind_from_environment(environ)
        return telemetry.current_input_id(), scope is not None

    return contextvars.Context().run(bind)


def test_binding_from_the_environment() -> None:
    """The variable makes the context the input's; without it nothing happens."""
    assert bound({VARIABLE: identity_text(WHOLE)}) == ("in-1", True)
    assert bound({VARIABLE: "garbage"}) == (None, False)
    assert bound({}) == (None, False)


def test_an_open_scope_stays() -> None:
    """The environment says what the process began as, which is less."""
    with telemetry.input_scope() as current:
        assert bind_from_environment({VARIABLE: identity_text(WHOLE)}) is None
        assert telemetry.current_input_id() == current.input_id


def test_a_container_forgets() -> None:
    """Neither it nor what it starts belongs to the input that started it."""
    environ = {VARIABLE: identity_text(WHOLE), "A": "1"}

    def scenario() -> object:
        bind_from_environment(environ)
        forget(environ)
        forget(environ)
        return SCOPE.get()

    assert contextvars.Context().run(scenario) is None
    assert environ == {"A": "1"}
