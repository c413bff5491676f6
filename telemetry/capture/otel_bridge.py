"""What `telemetry.capture.otel_context` does once OpenTelemetry is loaded."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from opentelemetry import baggage as otel_baggage
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context, get_current
from opentelemetry.trace import (
    INVALID_SPAN,
    NonRecordingSpan,
    NoOpTracer,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    get_current_span,
    set_span_in_context,
)

from telemetry.capture import otel_providers
from telemetry.capture.identity_attributes import identity_attributes
from telemetry.capture.span_draft import error_text, error_type
from telemetry.capture.spans import ExecutionSpan, span_context
from telemetry.core import names
from telemetry.core.outcome import Outcome
from telemetry.core.scope import SCOPE, InputScope
from telemetry.core.trace_context import BAGGAGE, TraceParent

OWN_SPAN = ExecutionSpan
"""The class of the spans that are ours."""

_BAGGAGE = W3CBaggagePropagator()


def _variable() -> ContextVar[Context] | None:
    """The variable behind ``get_current`` and ``attach``; None where it is not there.

    It is private, and a tenth of the cost of those two. It is used where it is what it
    has been since OpenTelemetry 1.0.
    """
    runtime = getattr(otel_context, "_RUNTIME_CONTEXT", None)
    variable = getattr(runtime, "_current_context", None)
    try:
        if isinstance(variable, ContextVar) and variable.get() is get_current():
            return variable
    except LookupError:
        pass
    return None


_VARIABLE = _variable()
_make_current: Callable[[Context], object]
if _VARIABLE is None:
    _make_current, _get_current = otel_context.attach, get_current
else:
    _make_current, _get_current = _VARIABLE.set, _VARIABLE.get
# As `set_span_in_context` does it, which copies the context twice.
(_SPAN_KEY,) = set_span_in_context(INVALID_SPAN, Context())


def context_getter() -> Callable[[], object]:
    """What tells the current context, as quickly as it can be told."""
    return _get_current


def attach(scope: InputScope, as_instrumentation: bool) -> Context:  # noqa: FBT001  # on the path of every input
    """See `telemetry.capture.otel_context.attach`."""
    previous = context = _get_current()
    tracer = otel_providers.programs_tracer()
    parent = scope.parent
    if parent is not None and parent.baggage:
        context = _BAGGAGE.extract({BAGGAGE: parent.baggage}, context)
    span: Span | None = None
    if as_instrumentation and tracer is not None:
        span = _made_with(tracer, scope, context)
    if span is None:
        span = ExecutionSpan(scope.input_id, scope.attempt, parent)
    context = Context({**context, _SPAN_KEY: span})
    _make_current(context)
    scope.span = span
    scope.otel = context
    return previous


def _made_with(
    tracer: trace.Tracer, scope: InputScope, context: Context
) -> Span | None:
    if isinstance(tracer, NoOpTracer):
        return None  # its spans are those that are current already, or none
    parent = scope.parent
    if parent is not None:
        here = get_current_span(context).get_span_context()
        if here.span_id != parent.span_id or here.trace_id != parent.trace_id:
            remote = NonRecordingSpan(span_context(parent, is_remote=True))
            context = set_span_in_context(remote, context)
    attributes = identity_attributes(scope)
    attributes[names.FAAS_INVOCATION_ID] = scope.input_id
    span = tracer.start_span(
        scope.function or scope.input_id,
        context,
        SpanKind.SERVER,
        attributes,  # type: ignore[arg-type]  # plain values, all of them
        record_exception=False,
        set_status_on_exception=False,
    )
    # A tracer that makes nothing (the SDK is disabled): ours is better than none.
    return span if span.get_span_context().is_valid else None


def detach(scope: InputScope, previous: Context, same_context: bool) -> None:  # noqa: FBT001  # private to the floor
    """See `telemetry.capture.otel_context.detach`."""
    if same_context or get_current() is scope.otel:
        _make_current(previous)


def end_span(
    scope: InputScope,
    outcome: str,
    error: BaseException | None,
    own: dict[str, object] | None,
) -> None:
    """End a span that was made with the program's tracer."""
    span: Span = scope.span
    if span.is_recording():
        # Once more, all of them: a full span loses the attributes set first.
        final: dict[str, Any] = {
            **(own or {}),
            **identity_attributes(scope),
            names.FAAS_INVOCATION_ID: scope.input_id,
            names.INPUT_OUTCOME: str(outcome),
        }
        if outcome not in _HARMLESS:
            final[names.ERROR_TYPE] = (
                str(outcome) if error is None else error_type(error)
            )
            text = None if error is None else error_text(error)
            if error is not None:
                span.record_exception(error)
            span.set_status(Status(StatusCode.ERROR, text))
        span.set_attributes(final)
    span.end()


_HARMLESS = frozenset({Outcome.SUCCESS, Outcome.CANCELLED})


def user_span(scope: InputScope | None) -> TraceParent | None:
    """See `telemetry.capture.otel_context.user_span`."""
    span = get_current_span()
    # An execution span that is not this scope's belongs to another input.
    if isinstance(span, ExecutionSpan) or (scope is not None and span is scope.span):
        return None
    return parent_of(span)


def parent_of(span: Span) -> TraceParent | None:
    """The ids of *span*; None when it has none."""
    return _parent(span.get_span_context())


def current() -> TraceParent | None:
    """The current span, and the baggage beside it; None when there is no span."""
    context = get_current()
    span = get_current_span(context)
    if isinstance(span, ExecutionSpan) and SCOPE.get() is None:
        return None
    found = parent_of(span)
    if found is None:
        return None
    return found._replace(baggage=_baggage(context))


def extract(texts: dict[str, list[str]]) -> TraceParent | None:
    """The context that the global propagator finds in *texts*."""
    from opentelemetry import propagate  # noqa: PLC0415  # it loads what is configured

    context = propagate.extract(texts, Context())
    found = _parent(get_current_span(context).get_span_context())
    return None if found is None else found._replace(baggage=_baggage(context))


def injected(span: TraceParent | None) -> dict[str, str]:
    """The headers that the global propagator writes for *span* and this context."""
    from opentelemetry import propagate  # noqa: PLC0415  # it loads what is configured

    context = get_current()
    if span is not None and parent_of(get_current_span(context)) is None:
        context = set_span_in_context(NonRecordingSpan(span_context(span)), context)
    carrier: dict[str, str] = {}
    propagate.inject(carrier, context)
    return carrier


def _parent(context: SpanContext) -> TraceParent | None:
    if not context.is_valid:
        return None
    flags = context.trace_flags
    return TraceParent(
        context.trace_id,
        context.span_id,
        flags.sampled,
        context.trace_state.to_header() if context.trace_state else "",
        flags.random_trace_id,
    )


def _baggage(context: Context) -> str:
    if not otel_baggage.get_all(context):
        return ""
    carrier: dict[str, str] = {}
    _BAGGAGE.inject(carrier, context)
    return carrier.get(BAGGAGE, "")
