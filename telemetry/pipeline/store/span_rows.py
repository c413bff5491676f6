"""Spans into the store: of executions, of code, and those that were received."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import orjson

from telemetry.capture.plain import plain_fields
from telemetry.capture.span_records import (
    SERVER,
    FinishedSpan,
    Settled,
    SpanEvent,
    span_of,
)
from telemetry.core import names
from telemetry.core.outcome import Outcome
from telemetry.pipeline.store.grouping import Exceptions
from telemetry.pipeline.store.input_rows import put_admission
from telemetry.pipeline.store.lines import encoded
from telemetry.pipeline.store.lives import Identity, Lives, identity_of
from telemetry.pipeline.store.rows import ExecutionRow, InputRow
from telemetry.pipeline.store.sorting import END_NS
from telemetry.pipeline.store.statements import Statements
from telemetry.pipeline.store.writing import Participant, Store

_SPANS: Final = Statements(
    "spans",
    "trace_id span_id parent_span_id name kind started_ns ended_ns execution process "
    "status status_text attributes events links state scope scope_version "
    "dropped",
    insert="insert or ignore into",
)
_EXCEPTION: Final = "exception"
"""Name of a span's event. Source: the semantic conventions for exceptions."""


class Spans(Participant):
    """The table ``spans``, and what it tells of executions. The writer's thread."""

    def __init__(self, store: Store, lives: Lives, exceptions: Exceptions) -> None:
        self._store = store
        self._lives = lives
        self._exceptions = exceptions
        self._waiting: list[tuple[Any, ...]] = []
        store.join(self)

    def execution(self, process: int, settled: Settled) -> None:
        """An execution is over.

        Raises:
            ValueError: It holds what cannot be: what is read may be damaged.
        """
        who = identity_of(
            Identity(
                settled.input_id,
                settled.function_call_id,
                settled.function,
                settled.attempt,
                settled.container_id,
                settled.slot,
                settled.batch_input_ids,
            )
        )
        _check_times(settled.started_ns, settled.ended_ns)
        row = self._lives.seen(who, process, settled.started_ns)
        input_ = self._lives.input(settled.input_id, settled.started_ns)
        _note_end(row, input_, settled)
        span = span_of(settled)
        told = False
        if span is not None:
            input_.trace_id = bytearray(span.trace_id)
            told = self._add(process, span, row.id)
        if settled.error_type and not told and settled.outcome == Outcome.ERROR:
            self._exceptions.occurred_untold(
                settled.error_type,
                settled.error_text.removeprefix(f"{settled.error_type}: "),
                settled.function or "",
                settled.ended_ns,
                row.id,
                process,
            )

    def add(self, process: int, span: FinishedSpan, *, foreign: bool = False) -> None:
        """A span of code.

        Args:
            foreign: It was received, or made of what somebody saw: it may tell of an
                input that never ran, and of one that ran in another process.

        Raises:
            ValueError: It holds what cannot be.
        """
        who = _identity_of(span)
        execution: int | None = None
        if who is not None and not foreign:
            execution = self._lives.seen(who, process, span.start_unix_ns).id
        elif who is not None and span.kind == SERVER:
            execution = self._lives.seen(who, None, span.start_unix_ns).id
        elif who is not None:
            execution = self._lives.known(who.input_id, who.attempt)
        self._add(process, span, execution)

    def flush(self) -> None:
        """Write what waits; a span that is there already is left out."""
        if self._waiting:
            _SPANS.insert(self._store.connection, self._waiting)
            self._waiting.clear()

    def forget(self) -> None:
        """What waits is not to be written."""
        self._waiting.clear()

    def _add(self, process: int, span: FinishedSpan, execution: int | None) -> bool:
        """Have it written; whether it tells of an exception."""
        _check_times(span.start_unix_ns, span.end_unix_ns)
        if not span.trace_id or not span.span_id:
            raise ValueError("a span without an id")
        dropped = (span.dropped_attributes, span.dropped_events, span.dropped_links)
        self._waiting.append(
            (
                bytearray(span.trace_id),
                bytearray(span.span_id),
                bytearray(span.parent_span_id) if span.parent_span_id else None,
                span.name,
                _small(span.kind),
                span.start_unix_ns,
                span.end_unix_ns,
                execution,
                process,
                _small(span.status),
                span.status_text or None,
                encoded({**span.attributes, **span.own}) or None,
                _nested(span.events),
                _nested(span.links),
                span.state or None,
                self._store.text_number(span.scope_name),
                span.scope_version or None,
                orjson.dumps(dropped).decode() if any(dropped) else None,
            )
        )
        told = False
        for event in span.events:
            if event.name == _EXCEPTION:
                told |= self._note_exception(event, execution, process)
        return told

    def _note_exception(
        self, event: SpanEvent, execution: int | None, process: int
    ) -> bool:
        trace = event.attributes.get(names.EXCEPTION_STACKTRACE)
        if not isinstance(trace, str) or not 0 < event.unix_ns < END_NS:
            return False
        self._exceptions.occurred(trace, event.unix_ns, execution, process)
        return True


def _identity_of(span: FinishedSpan) -> Identity | None:
    """Whose span it is, if it says so."""

    def found(name: str) -> Any:  # noqa: ANN401  # an attribute may be anything
        return span.own.get(name, span.attributes.get(name))

    input_id = found(names.INPUT_ID)
    if not isinstance(input_id, str):
        return None
    try:
        return identity_of(
            Identity(
                input_id,
                found(names.INPUT_CALL_ID),
                found(names.INPUT_FUNCTION),
                found(names.INPUT_ATTEMPT) or 0,
                found(names.INPUT_CONTAINER_ID),
                found(names.INPUT_SLOT),
            )
        )
    except ValueError:
        return None  # somebody uses our names for other things


def _note_end(row: ExecutionRow, input_: InputRow, settled: Settled) -> None:
    """What an execution says of itself; how its input fares is the dispatcher's."""
    row.started_ns, row.ended_ns = settled.started_ns, settled.ended_ns
    known = settled.admission
    if known is not None:
        row.zone, row.concurrency = known.zone, _small(known.concurrency)
        row.cold, row.burst = int(known.cold), int(known.concurrency > known.target)
    if input_.started_ns is None or settled.attempt == 0:
        input_.started_ns = settled.started_ns
    if settled.attempt < input_.attempts - 1:
        return  # it runs again by now
    own: Mapping[str, object] = settled.own or {}
    blocked_s = own.get(names.INPUT_LOOP_BLOCKED_S)
    if isinstance(blocked_s, int | float):
        input_.blocked_s = float(blocked_s)
    if settled.error_type:
        input_.error_type = settled.error_type
        input_.error_text = settled.error_text or None
    if row.ending is None:
        row.ending = settled.outcome
    put_admission(input_, row)
    if input_.is_settled or row.ending != settled.outcome:
        return  # it has its outcome, or the dispatcher has it run again
    # For an input without a dispatcher this is all there is; else until that says.
    run_s = (settled.ended_ns - settled.started_ns) / 1e9
    input_.outcome, input_.run_s = settled.outcome, run_s
    input_.ended_ns = settled.ended_ns
    if settled.container_id is None:
        input_.total_s = run_s
        cause = own.get(names.INPUT_CANCELLATION_CAUSE)
        input_.cancel_cause = cause if isinstance(cause, str) else None


def _check_times(*times: int) -> None:
    for each in times:
        if not 0 < each < END_NS:
            raise ValueError(f"{each} is no time of a span")


def _small(number: int) -> int:
    return number if 0 <= number < 1 << 31 else 0


def _nested(given: Sequence[msgspec.Struct]) -> str | None:
    """Events or links as JSON; ids as hexadecimal digits."""
    if not given:
        return None
    rows = [
        {
            key: value.hex() if isinstance(value, bytes) else value
            for key, value in msgspec.structs.asdict(each).items()
        }
        for each in given
    ]
    try:
        return orjson.dumps(rows).decode()
    except TypeError:
        return orjson.dumps([plain_fields(row) for row in rows]).decode()
