"""One black box, as records and spans of OpenTelemetry's SDK."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

import msgspec
from opentelemetry._logs import SeverityNumber
from opentelemetry.context import Context
from opentelemetry.sdk._logs import LoggerProvider, LogRecordLimits
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)
from opentelemetry.util.types import Attributes

from telemetry.capture.blackbox.reader import BoxReader, Found, Position
from telemetry.capture.blackbox.records import EXECUTION, LINE_KINDS, SPAN, line_of
from telemetry.capture.line import Line
from telemetry.capture.plain import NAME_CHARS
from telemetry.capture.span_records import ERROR, FinishedSpan, Settled, span_of
from telemetry.core import names
from telemetry.pipeline.otlp.envelope import resource_of
from telemetry.pipeline.otlp.line_attributes import content_of
from telemetry.pipeline.otlp.logs import uid_head

_SEVERITIES: Final = {
    "debug": (SeverityNumber.DEBUG, "DEBUG"),
    "info": (SeverityNumber.INFO, "INFO"),
    "warning": (SeverityNumber.WARN, "WARN"),
    "error": (SeverityNumber.ERROR, "ERROR"),
    "critical": (SeverityNumber.FATAL, "FATAL"),
}
_LOGGERS: Final = 1_024
_SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)


class Batch(NamedTuple):
    """Records of a box, and how far it has been read with them.

    Attributes:
        logs: Each hands one record to the processor.
    """

    logs: list[Callable[[], object]]
    spans: list[ReadableSpan]
    position: Position


class Source:
    """Reads one box. Used by one thread.

    Args:
        processor: Gets the log records; None where they go nowhere.

    Raises:
        NotABoxError, OSError: The box cannot be read.
    """

    def __init__(self, path: Path, processor: BatchLogRecordProcessor | None) -> None:
        self.path: Final = path
        self._reader = BoxReader(path, taking=True)
        attributes: Any = resource_of(self._reader.identity())
        self._resource = Resource(attributes)
        self._provider = LoggerProvider(
            self._resource,
            shutdown_on_exit=False,
            # A limit would take the first attributes away: the ids.
            log_record_limits=LogRecordLimits(
                max_log_record_attributes=LogRecordLimits.UNSET
            ),
        )
        if processor is not None:
            self._provider.add_log_record_processor(processor)
        self._loggers: dict[str, Any] = {}

    def next_batch(self, limit: int) -> Batch | None:
        """The next records, *limit* at most; None when there are none."""
        found = self._reader.poll_found(limit)
        if not found:
            return None
        logs: list[Callable[[], object]] = []
        spans: list[ReadableSpan] = []
        for each in found:
            try:
                self._add(each, logs, spans)
            except Exception:  # noqa: BLE001, S112  # a damaged box is no reason to stop
                continue
        return Batch(logs, spans, self._reader.position())

    def delivered(self, batch: Batch) -> None:
        """The box need not keep it."""
        self._reader.taken_to(batch.position)

    def has_ended_well(self) -> bool:
        """Whether its writer has closed it."""
        return self._reader.pulse().ended_unix_ns != 0

    def close(self) -> None:
        """Let go of the file."""
        self._reader.close()

    def _add(
        self,
        found: Found,
        logs: list[Callable[[], object]],
        spans: list[ReadableSpan],
    ) -> None:
        record = found.record
        if record[0] in LINE_KINDS:
            head = uid_head(self.path.stem, found.block, found.generation)
            logs.append(self._emission(line_of(record), f"{head}{found.offset:x}"))
            return
        span: FinishedSpan | None = None
        if record[0] == EXECUTION:
            span = span_of(msgspec.convert(record[3], Settled))
        elif record[0] == SPAN:
            span = msgspec.convert(record[3], FinishedSpan)
        if span is not None and not span.exported:
            spans.append(readable_span(span, self._resource))

    def _emission(self, line: Line, uid: str) -> Callable[[], object]:
        content = content_of(line, uid)
        number, text = _SEVERITIES[line.level]
        logger = self._logger(str(line.logger or "")[:NAME_CHARS])
        return lambda: logger.emit(
            timestamp=line.unix_ns,
            observed_timestamp=line.unix_ns,
            context=_context(line),
            severity_number=number,
            severity_text=text,
            body=content.body,
            attributes=content.attributes,
            event_name=line.event if line.event in names.EVENTS else None,
        )

    def _logger(self, name: str) -> Any:  # noqa: ANN401  # of a package that changes
        # Asked for each time, it would take two locks of the SDK's.
        if len(self._loggers) >= _LOGGERS:
            self._loggers.clear()
        if name not in self._loggers:
            self._loggers[name] = self._provider.get_logger(name)
        return self._loggers[name]


def readable_span(span: FinishedSpan, resource: Resource) -> ReadableSpan:
    """A span of the SDK; our attributes hold where both have a name."""
    parent = None
    if span.parent_span_id:
        parent = _span_context(span.trace_id, span.parent_span_id)
    others = {k: v for k, v in span.attributes.items() if k not in span.own}
    text = span.status_text if span.status == ERROR else None
    return ReadableSpan(
        name=span.name,
        context=_span_context(span.trace_id, span.span_id, span.state),
        parent=parent,
        resource=resource,
        attributes=_given({**span.own, **others}),
        events=[Event(e.name, _given(e.attributes), e.unix_ns) for e in span.events],
        links=[
            Link(_span_context(e.trace_id, e.span_id, e.state), _given(e.attributes))
            for e in span.links
        ],
        kind=SpanKind(span.kind - 1),  # OTLP counts from 1
        status=Status(StatusCode(span.status), text or None),
        start_time=span.start_unix_ns,
        end_time=span.end_unix_ns,
        instrumentation_scope=InstrumentationScope(
            span.scope_name, span.scope_version or None
        ),
    )


def _context(line: Line) -> Context:
    """The trace context of a line."""
    try:
        trace_id = bytes.fromhex(line.trace_id or "")
        span_id = bytes.fromhex(line.span_id or "")
    except ValueError:
        return Context()
    found = _span_context(trace_id, span_id)
    if not found.is_valid:
        return Context()
    return set_span_in_context(NonRecordingSpan(found), Context())


def _span_context(trace_id: bytes, span_id: bytes, state: str = "") -> SpanContext:
    return SpanContext(
        int.from_bytes(trace_id, "big"),
        int.from_bytes(span_id, "big"),
        is_remote=False,
        trace_flags=_SAMPLED,
        trace_state=TraceState.from_header([state]) if state else None,
    )


def _given(attributes: dict[str, object]) -> Attributes:
    return cast("Attributes", attributes)  # plain values, all of them
