"""Our processors for the program's own providers, and for the spans of ours.

Imported when there is an SDK provider to put them into, and not before: the SDK is
slow to load.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from opentelemetry.context import Context
from opentelemetry.sdk._logs import LogRecordProcessor, ReadWriteLogRecord
from opentelemetry.sdk.trace import Event, ReadableSpan, Span, SpanProcessor
from opentelemetry.trace import Link, SpanContext

from telemetry.capture.identity_attributes import identity_attributes
from telemetry.capture.plain import plain_fields, plain_text
from telemetry.capture.sink import failed
from telemetry.capture.span_draft import ATTRIBUTES, NESTED_ATTRIBUTES
from telemetry.capture.span_records import (
    SPAN_ID_BYTES,
    TRACE_ID_BYTES,
    FinishedSpan,
    SpanEvent,
    SpanLink,
)
from telemetry.core.scope import SCOPE

_OPEN_SPANS: Final = 16_384
"""Spans whose ids are remembered until they end; some are never ended."""


class Stamper(SpanProcessor):
    """Stamps the spans that begin within an input, and takes those that end.

    Whose a span is, is noted as it begins, apart from its attributes: they lose the
    first ones when they are full, and they are frozen before anybody is told that
    the span ends.

    Args:
        take: Gets each sampled span that has ended; None while nobody wants them.
        exported: The provider is the program's own, and exports them itself.
    """

    def __init__(
        self,
        take: Callable[[], Callable[[FinishedSpan], object] | None],
        *,
        exported: bool,
    ) -> None:
        self.on = True
        self._take = take
        self._exported = exported
        self._owners: dict[int, dict[str, object]] = {}

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002  # OpenTelemetry's
        """Note and stamp whose span it is."""
        if not self.on:
            return
        try:
            scope = SCOPE.get()
            if scope is not None:
                self._stamp(span, identity_attributes(scope))
        except Exception as error:  # noqa: BLE001  # the span goes on without ids
            failed(error, "span")

    def on_end(self, span: ReadableSpan) -> None:
        """Hand the span on as plain data."""
        context = span.get_span_context()
        if context is None:
            return
        owner = self._owners.pop(context.span_id, None)
        take = self._take()
        if not self.on or take is None or not context.trace_flags.sampled:
            return
        try:
            take(finished_span(span, context, owner or {}, exported=self._exported))
        except Exception as error:  # noqa: BLE001  # whoever ends a span is not harmed
            failed(error, "span")

    def shutdown(self) -> None:
        """The provider ends; nothing is held back here."""
        self._owners.clear()

    def _stamp(self, span: Span, owner: dict[str, object]) -> None:
        present = span.attributes or {}
        span.set_attributes({k: v for k, v in owner.items() if k not in present})  # type: ignore[misc]  # plain values
        owners = self._owners
        owners[span.get_span_context().span_id] = owner
        if len(owners) > _OPEN_SPANS:
            # Race: 1. two threads find too many; 2. both take the oldest; 3. one
            # finds it gone.
            owners.pop(next(iter(owners.copy())), None)


class LogStamper(LogRecordProcessor):
    """Stamps the log records that others make within an input.

    A record that is full is left as it is: making room costs what was said.
    """

    def __init__(self) -> None:
        self.on = True

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Stamp it, and never raise: the SDK would let that reach who logs."""
        scope = SCOPE.get()
        if scope is None or not self.on:
            return
        try:
            attributes = log_record.log_record.attributes
            room = getattr(attributes, "maxlen", None)
            for name, value in identity_attributes(scope).items():
                if name in attributes or (room is not None and len(attributes) >= room):  # type: ignore[operator, arg-type]  # set by the SDK
                    continue
                attributes[name] = value  # type: ignore[index]  # the SDK's own mapping can be written
        except Exception as error:  # noqa: BLE001  # the record goes on without ids
            failed(error, "span")

    def enabled(self, **_asked: object) -> bool:
        """Never: whether a record is wanted is for the others to say."""
        return False

    def shutdown(self) -> None:
        """Nothing is held back here."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002  # OpenTelemetry's
        """Nothing is held back here."""
        return True


def finished_span(
    span: ReadableSpan,
    context: SpanContext,
    owner: dict[str, object],
    *,
    exported: bool,
) -> FinishedSpan:
    """A span of the SDK as plain data.

    Args:
        owner: Whose it is, as noted when it began.
    """
    attributes, cut_off = _attributes(span.attributes, ATTRIBUTES)
    scope = span.instrumentation_scope
    parent = span.parent
    return FinishedSpan(
        context.trace_id.to_bytes(TRACE_ID_BYTES, "big"),
        context.span_id.to_bytes(SPAN_ID_BYTES, "big"),
        b"" if parent is None else parent.span_id.to_bytes(SPAN_ID_BYTES, "big"),
        context.trace_state.to_header() if context.trace_state else "",
        plain_text(span.name),
        span.kind.value + 1,  # OTLP counts from 1
        span.start_time or 0,
        span.end_time or 0,
        owner,
        {name: value for name, value in attributes.items() if name not in owner},
        tuple(_event(each) for each in span.events),
        tuple(_link(each) for each in span.links),
        span.status.status_code.value,
        span.status.description or "",
        span.dropped_attributes + cut_off,
        span.dropped_events,
        span.dropped_links,
        "" if scope is None else scope.name,
        ("" if scope is None else scope.version) or "",
        exported,
    )


def _event(event: Event) -> SpanEvent:
    attributes, cut_off = _attributes(event.attributes, NESTED_ATTRIBUTES)
    return SpanEvent(
        plain_text(event.name),
        event.timestamp,
        attributes,
        event.dropped_attributes + cut_off,
    )


def _link(link: Link) -> SpanLink:
    attributes, cut_off = _attributes(link.attributes, NESTED_ATTRIBUTES)
    return SpanLink(
        link.context.trace_id.to_bytes(TRACE_ID_BYTES, "big"),
        link.context.span_id.to_bytes(SPAN_ID_BYTES, "big"),
        link.context.trace_state.to_header() if link.context.trace_state else "",
        attributes,
        link.dropped_attributes + cut_off,
    )


def _attributes(
    given: Mapping[str, object] | None, limit: int
) -> tuple[dict[str, object], int]:
    if not given:
        return {}, 0
    kept = dict(list(given.items())[:limit])
    return {**plain_fields(kept)}, len(given) - len(kept)
