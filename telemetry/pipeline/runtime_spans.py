"""Spans that no container can leave, made of what the dispatcher saw.

    caller's CLIENT span          from acceptance to outcome
      queue INTERNAL              from each enqueue to its dispatch
        execution SERVER          left by the container; by us where its process died

    container.start               a trace of its own, linked from who waited for it
      spawn, import, enter

All ids are derived from those of inputs and containers, so a span that is made twice
is the same one. What its caller does not sample is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from telemetry.capture.runtime_records import (
    Cancelled,
    ContainerExited,
    ContainerReady,
    InputInterrupted,
    InputSettled,
    InputStarted,
    Record,
)
from telemetry.capture.span_records import (
    CLIENT,
    ERROR,
    INTERNAL,
    SERVER,
    SPAN_ID_BYTES,
    TRACE_ID_BYTES,
    UNSET,
    FinishedSpan,
    SpanLink,
)
from telemetry.core import names
from telemetry.core.outcome import Outcome
from telemetry.core.trace_context import (
    EXECUTION,
    QUEUE,
    TraceParent,
    client_span,
    derived_span_id,
    start_span,
    unpacked,
)

PHASES: Final = ("spawn", "import", "enter")

_FAILURES: Final = frozenset({Outcome.ERROR, Outcome.TIMEOUT, Outcome.LOST})
_START_FAILED: Final = "start_failed"
_STUCK: Final = "stuck"

_OfInput = InputStarted | InputSettled | InputInterrupted


def spans_of(record: Record, unix_ns: int) -> list[FinishedSpan]:
    """The spans that *record* completes.

    Args:
        unix_ns: When it was, by the clock that the spans are to have.
    """
    make = _MAKERS.get(type(record))
    return [] if make is None else make(record, unix_ns)


class _Trace(NamedTuple):
    """Where the spans of an input hang.

    Attributes:
        above: The span that its caller's hangs under; 0 for a root.
        client: The caller's span.
    """

    above: int
    client: TraceParent


def _trace_of(record: _OfInput) -> _Trace | None:
    """None where the caller does not sample."""
    parent = None if record.trace is None else unpacked(record.trace)
    if parent is not None and not parent.sampled:
        return None
    above = 0 if parent is None else parent.span_id
    return _Trace(above, client_span(record.input_id, parent))


def _started(record: InputStarted, unix_ns: int) -> list[FinishedSpan]:
    trace = _trace_of(record)
    if trace is None:
        return []
    links = []
    if record.cold:
        links.append(_link(start_span(record.container_id)))
    batch = None if record.batch_span is None else unpacked(record.batch_span)
    if batch is not None:
        links.append(_link(batch))
    own = {
        **_identity(record),
        names.INPUT_WAIT_REASON: record.wait_reason,
        # Of a batch, only the first member has a span of the execution that says it.
        names.INPUT_ZONE: record.zone.value,
        names.INPUT_CONTAINER_ID: record.container_id,
        names.FAAS_COLDSTART: record.cold,
    }
    if record.parent_id is not None:
        own[names.INPUT_PARENT_ID] = record.parent_id
    return [_queue(record, trace, unix_ns, own, tuple(links))]


def _settled(record: InputSettled, unix_ns: int) -> list[FinishedSpan]:
    trace = _trace_of(record)
    if trace is None:
        return []
    spans = [_client(record, trace, unix_ns)]
    if record.container_id is None and record.zone is None:
        # It has waited, and nothing came of it.
        own = {**_identity(record), names.INPUT_OUTCOME: record.outcome.value}
        spans.append(_queue(record, trace, unix_ns, own))
    elif record.died or (record.cancelled and record.cancelled.observed == _STUCK):
        spans.append(_execution(record, trace, unix_ns))
    return spans


def _interrupted(record: InputInterrupted, unix_ns: int) -> list[FinishedSpan]:
    trace = _trace_of(record)
    if trace is None or not record.died:
        return []  # its container has left it
    return [_execution(record, trace, unix_ns)]


def _client(record: InputSettled, trace: _Trace, unix_ns: int) -> FinishedSpan:
    own = {
        **_identity(record),
        names.FAAS_INVOKED_NAME: record.function,
        names.FAAS_INVOKED_PROVIDER: names.PROVIDER,
        names.INPUT_OUTCOME: record.outcome.value,
        **_cancellation(record.cancelled),
    }
    text = ""
    if record.outcome in _FAILURES:
        own[names.ERROR_TYPE] = record.outcome.value
        if record.outcome is Outcome.ERROR and record.error_type:
            own[names.ERROR_TYPE] = record.error_type
        text = record.error
    return FinishedSpan(
        *_ids(trace.client, trace.client.span_id, trace.above),
        trace.client.state,
        record.function,
        CLIENT,
        _before(unix_ns, record.total_s),
        unix_ns,
        own,
        status=ERROR if record.outcome in _FAILURES else UNSET,
        status_text=text,
    )


def _queue(
    record: InputStarted | InputSettled,
    trace: _Trace,
    unix_ns: int,
    own: dict[str, object],
    links: tuple[SpanLink, ...] = (),
) -> FinishedSpan:
    span_id = derived_span_id(record.input_id, record.attempt, QUEUE)
    return FinishedSpan(
        *_ids(trace.client, span_id, trace.client.span_id),
        trace.client.state,
        names.SPAN_QUEUE,
        INTERNAL,
        _before(unix_ns, record.wait_s),
        unix_ns,
        own,
        links=links,
    )


def _execution(
    record: InputSettled | InputInterrupted, trace: _Trace, unix_ns: int
) -> FinishedSpan:
    """Of one that has left no record: its process died, or it never ended."""
    # Race: 1. a container leaves the record of an execution; 2. it is killed before
    # its report has arrived; 3. we make the span as well. It has the same id, and
    # whoever keeps spans keeps one of the two.
    own = {
        **_identity(record),
        names.FAAS_INVOCATION_ID: record.input_id,
        names.FAAS_TRIGGER: names.TRIGGER,
        names.FAAS_INSTANCE: record.container_id or "",
        names.INPUT_CONTAINER_ID: record.container_id or "",
        names.INPUT_SLOT: record.slot or 0,
        names.INPUT_OUTCOME: record.outcome.value,
        **_cancellation(record.cancelled),
    }
    if record.zone is not None:
        own[names.INPUT_ZONE] = record.zone.value
    failed = record.outcome in _FAILURES
    if failed:
        own[names.ERROR_TYPE] = record.outcome.value
    queue_id = derived_span_id(record.input_id, record.attempt, QUEUE)
    span_id = derived_span_id(record.input_id, record.attempt, EXECUTION)
    return FinishedSpan(
        *_ids(trace.client, span_id, queue_id),
        trace.client.state,
        record.function,
        SERVER,
        _before(unix_ns, record.run_s or 0.0),
        unix_ns,
        own,
        status=ERROR if failed else UNSET,
        status_text="the process died" if failed and record.died else "",
    )


def _ready(record: ContainerReady, unix_ns: int) -> list[FinishedSpan]:
    own = {**_container(record), names.PROCESS_PID: record.pid or 0}
    began_ns = _before(unix_ns, record.total_s)
    whole = start_span(record.container_id)
    spans = [_start(whole, 0, names.SPAN_CONTAINER_START, (began_ns, unix_ns), own)]
    lasted_s = 0.0
    for number, phase in enumerate(PHASES, 1):
        start_ns = began_ns + round(lasted_s * 1e9)
        lasted_s += (record.spawn_s, record.import_s, record.enter_s)[number - 1]
        times = start_ns, min(began_ns + round(lasted_s * 1e9), unix_ns)
        span = start_span(record.container_id, number)
        spans.append(_start(span, whole.span_id, phase, times, _container(record)))
    return spans


def _exited(record: ContainerExited, unix_ns: int) -> list[FinishedSpan]:
    if record.reason != _START_FAILED:
        return []
    own = {**_container(record), names.ERROR_TYPE: _START_FAILED}
    if record.phase:
        own[names.INPUT_PHASE] = record.phase
    times = _before(unix_ns, record.lived_s), unix_ns
    span = start_span(record.container_id)
    return [_start(span, 0, names.SPAN_CONTAINER_START, times, own, ERROR)]


def _start(
    span: TraceParent,
    above: int,
    name: str,
    times: tuple[int, int],
    own: dict[str, object],
    status: int = UNSET,
) -> FinishedSpan:
    ids = _ids(span, span.span_id, above)
    return FinishedSpan(*ids, "", name, INTERNAL, *times, own, status=status)


def _identity(record: _OfInput) -> dict[str, object]:
    return {
        names.INPUT_ID: record.input_id,
        names.INPUT_CALL_ID: record.function_call_id,
        names.INPUT_FUNCTION: record.function,
        names.INPUT_ATTEMPT: record.attempt,
    }


def _container(record: ContainerReady | ContainerExited) -> dict[str, object]:
    return {
        names.INPUT_FUNCTION: record.function,
        names.INPUT_CONTAINER_ID: record.container_id,
        names.FAAS_INSTANCE: record.container_id,
    }


def _cancellation(asked: Cancelled | None) -> dict[str, object]:
    if asked is None:
        return {}
    own: dict[str, object] = {
        names.INPUT_CANCELLATION_CAUSE: asked.cause,
        names.INPUT_CANCELLATION_PHASE: asked.phase,
    }
    if asked.mechanism is not None:
        own[names.INPUT_CANCELLATION_MECHANISM] = asked.mechanism
    if asked.observed is not None:
        own[names.INPUT_CANCELLATION_OBSERVED] = asked.observed
    return own


def _ids(trace: TraceParent, span_id: int, above: int) -> tuple[bytes, bytes, bytes]:
    return (
        trace.trace_id.to_bytes(TRACE_ID_BYTES, "big"),
        span_id.to_bytes(SPAN_ID_BYTES, "big"),
        above.to_bytes(SPAN_ID_BYTES, "big") if above else b"",
    )


def _link(span: TraceParent) -> SpanLink:
    trace_id, span_id, _ = _ids(span, span.span_id, 0)
    return SpanLink(trace_id, span_id, span.state)


def _before(unix_ns: int, seconds: float) -> int:
    return unix_ns - round(max(seconds, 0.0) * 1e9)


_MAKERS: Final[dict[type[Any], Callable[[Any, int], list[FinishedSpan]]]] = {
    InputStarted: _started,
    InputSettled: _settled,
    InputInterrupted: _interrupted,
    ContainerReady: _ready,
    ContainerExited: _exited,
}
