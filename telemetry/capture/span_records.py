"""Spans as plain data, as the black box holds them; encodable by msgspec.

An execution leaves one `Settled` record of its identity and its times: the ids of
its span are derived from those, and need not be written. What code wrote to the
span lies beside them as `Written`, or not at all. `span_of` makes the span of it,
wherever the record is read.
"""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

import msgspec

from telemetry.core import names
from telemetry.core.errors import InputCancellation
from telemetry.core.outcome import Outcome
from telemetry.core.trace_context import (
    QUEUE,
    derived_span_id,
    execution_span,
    unpacked,
)

# Source: the enumerations of opentelemetry/proto/trace/v1/trace.proto.
INTERNAL: Final = 1
SERVER: Final = 2
CLIENT: Final = 3

UNSET: Final = 0
OK: Final = 1
ERROR: Final = 2

TRACE_ID_BYTES: Final = 16
SPAN_ID_BYTES: Final = 8
_FAILURES: Final = frozenset({Outcome.ERROR, Outcome.TIMEOUT, Outcome.LOST})


class SpanEvent(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Something that happened during a span, at *unix_ns*."""

    name: str
    unix_ns: int
    attributes: dict[str, object] = {}  # msgspec copies an empty default
    dropped_attributes: int = 0


class SpanLink(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Another span that has to do with this one; ids are big endian."""

    trace_id: bytes
    span_id: bytes
    state: str = ""
    attributes: dict[str, object] = {}
    dropped_attributes: int = 0


class Written(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What code wrote to the span of its execution.

    Attributes:
        name: The new name, if it was given one.
        status: `UNSET`, `OK` or `ERROR`; OK was said on purpose, and is final.
        status_text: Why; with `ERROR` only.
        dropped_attributes: How many did not fit; this and the next two.
    """

    name: str | None = None
    attributes: dict[str, object] = {}
    events: tuple[SpanEvent, ...] = ()
    links: tuple[SpanLink, ...] = ()
    status: int = UNSET
    status_text: str = ""
    dropped_attributes: int = 0
    dropped_events: int = 0
    dropped_links: int = 0


class Admission(NamedTuple):
    """How its container was as an input was given its slot, this input included.

    Attributes:
        concurrency: Inputs that ran there.
        zone: A value of `telemetry.policy.bursts.Zone`.
        cold: The container was not ready when the input was enqueued.
        target: ``target_inputs`` of the container.
        limit: ``max_inputs`` of the container.
    """

    concurrency: int
    zone: str
    cold: bool
    target: int
    limit: int


class Member(NamedTuple):
    """An input that ran in a batch.

    Attributes:
        parent: A packed `TraceParent`; None begins a trace.
    """

    input_id: str
    attempt: int
    parent: str | None


Known: TypeAlias = tuple[
    dict[str, object] | None,
    tuple[int, str, bool, int, int] | None,
    tuple[Member, ...],
]
"""What the runtime knows of an execution, beside its scope: attributes by their names
in OpenTelemetry; the fields of an `Admission`; of a batch, all members but the first.
Plain tuples: to make an object with names costs as much as a tenth of an input."""

NOTHING_KNOWN: Final[Known] = (None, None, ())


class Settled(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """An execution that is over: identity, times, outcome. No ids of spans.

    Attributes:
        started_ns: Unix nanoseconds, as *ended_ns*.
        outcome: A value of `telemetry.core.outcome.Outcome`.
        parent: A packed `TraceParent`; None begins a trace.
        error_type: The type of what the body raised, or "".
        error_text: Type and message, or "".
        own: Further attributes that the runtime knows.
        written: What code wrote to the span; None when nothing.
        exported: The program's own tracer made the span, and its exporters have it.
        admission: See `Known`.
        others: See `Known`; the span is the one of the first member.
    """

    input_id: str
    started_ns: int
    ended_ns: int
    outcome: str
    attempt: int = 0
    function: str | None = None
    function_call_id: str | None = None
    container_id: str | None = None
    slot: int | None = None
    batch_input_ids: tuple[str, ...] = ()
    parent: str | None = None
    error_type: str = ""
    error_text: str = ""
    own: dict[str, object] | None = None
    written: Written | None = None
    exported: bool = False
    admission: Admission | None = None
    others: tuple[Member, ...] = ()


class FinishedSpan(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A span that is over.

    Attributes:
        trace_id: 16 bytes, big endian, as OTLP has it.
        span_id: 8 bytes.
        parent_span_id: 8 bytes; none for a root.
        state: The ``tracestate`` header.
        kind: `INTERNAL`, `SERVER`, ... as OTLP counts.
        own: Our attributes: whose span it is. They lie apart from the rest, so no
            number of other attributes can push them out; where both have a name,
            these hold.
        attributes: What code set.
        scope_name: The instrumentation that made it; ours is called "telemetry".
        exported: The program's own provider has this span as well.
    """

    trace_id: bytes
    span_id: bytes
    parent_span_id: bytes
    state: str
    name: str
    kind: int
    start_unix_ns: int
    end_unix_ns: int
    own: dict[str, object] = {}
    attributes: dict[str, object] = {}
    events: tuple[SpanEvent, ...] = ()
    links: tuple[SpanLink, ...] = ()
    status: int = UNSET
    status_text: str = ""
    dropped_attributes: int = 0
    dropped_events: int = 0
    dropped_links: int = 0
    scope_name: str = names.PROVIDER
    scope_version: str = ""
    exported: bool = False


def span_of(settled: Settled) -> FinishedSpan | None:
    """The span of an execution; None when its trace is not kept, or it has one."""
    if settled.exported:
        return None
    parent = None if settled.parent is None else unpacked(settled.parent)
    span = execution_span(settled.input_id, settled.attempt, parent)
    if not span.sampled:
        return None
    above = 0 if parent is None else parent.span_id
    if settled.container_id is not None:
        # The runtime's inputs have waited in a queue, which is a span of its own.
        above = derived_span_id(settled.input_id, settled.attempt, QUEUE)
    written = settled.written or _NOTHING
    failed = settled.outcome in _FAILURES
    status, text = written.status, written.status_text
    if status == UNSET and failed:
        status, text = ERROR, settled.error_text
    return FinishedSpan(
        span.trace_id.to_bytes(TRACE_ID_BYTES, "big"),
        span.span_id.to_bytes(SPAN_ID_BYTES, "big"),
        above.to_bytes(SPAN_ID_BYTES, "big") if above else b"",
        span.state,
        written.name or settled.function or settled.input_id,
        SERVER,
        settled.started_ns,
        settled.ended_ns,
        _own(settled, failed=failed),
        written.attributes,
        written.events,
        (*written.links, *map(_link, settled.others)),
        status,
        text,
        written.dropped_attributes,
        written.dropped_events,
        written.dropped_links,
    )


_NOTHING: Final = Written()


def _own(settled: Settled, *, failed: bool) -> dict[str, object]:
    own: dict[str, object] = {
        **(settled.own or {}),
        names.INPUT_ID: settled.input_id,
        names.FAAS_INVOCATION_ID: settled.input_id,
        names.INPUT_ATTEMPT: settled.attempt,
        names.INPUT_OUTCOME: settled.outcome,
    }
    known = {
        names.INPUT_FUNCTION: settled.function,
        names.INPUT_CALL_ID: settled.function_call_id,
        names.INPUT_CONTAINER_ID: settled.container_id,
        names.FAAS_INSTANCE: settled.container_id,
        names.INPUT_SLOT: settled.slot,
    }
    own.update({name: value for name, value in known.items() if value is not None})
    if settled.admission is not None:
        own.update(admitted(settled.admission))
    if settled.batch_input_ids:
        own[names.INPUT_BATCH_IDS] = list(settled.batch_input_ids)
    if failed:
        # Without an exception (timeout, lost) the outcome is the kind of error.
        own[names.ERROR_TYPE] = settled.error_type or settled.outcome
    return own


def admitted(admission: Admission) -> dict[str, object]:
    """The attributes of an execution that tell how full its container was."""
    concurrency, zone, cold, target, limit = admission
    return {
        names.INPUT_CONCURRENCY: concurrency,
        names.INPUT_CONCURRENCY_TARGET: target,
        names.INPUT_CONCURRENCY_LIMIT: limit,
        names.INPUT_ZONE: zone,
        names.INPUT_BURST: concurrency > target,
        names.FAAS_COLDSTART: cold,
        names.FAAS_TRIGGER: names.TRIGGER,
    }


def _link(member: Member) -> SpanLink:
    """To the span of the queue in which a member of a batch has waited."""
    input_id, attempt, packed = member
    parent = None if packed is None else unpacked(packed)
    span = execution_span(input_id, attempt, parent)
    queue = derived_span_id(input_id, attempt, QUEUE)
    return SpanLink(
        span.trace_id.to_bytes(TRACE_ID_BYTES, "big"),
        queue.to_bytes(SPAN_ID_BYTES, "big"),
        span.state,
        {names.INPUT_ID: input_id},
    )


def outcome_of(error: BaseException | None) -> Outcome:
    """How a body in a program's own hands ended, by what came out of it.

    The runtime judges more strictly, as it knows what was asked for. Here Python's
    rule holds: what is no `Exception` is a wish to end and no failure. So a
    cancelled task and Ctrl-C are `cancelled`; a generator that is closed early has
    done its work; and `SystemExit` is what its code says.
    """
    if error is None or isinstance(error, GeneratorExit):
        return Outcome.SUCCESS
    if isinstance(error, Exception):
        return Outcome.ERROR
    if isinstance(error, SystemExit):
        return Outcome.ERROR if error.code else Outcome.SUCCESS
    # The name, as importing asyncio is not for those who do not use it.
    kinds = {kind.__module__ + "." + kind.__name__ for kind in type(error).__mro__}
    if isinstance(error, InputCancellation | KeyboardInterrupt) or (
        "asyncio.exceptions.CancelledError" in kinds
    ):
        return Outcome.CANCELLED
    return Outcome.ERROR
