"""Spans of OTLP, as finished spans."""

from __future__ import annotations

from typing import Final

from telemetry.capture.span_records import (
    ERROR,
    INTERNAL,
    OK,
    SPAN_ID_BYTES,
    TRACE_ID_BYTES,
    UNSET,
    FinishedSpan,
    SpanEvent,
    SpanLink,
)
from telemetry.core import names
from telemetry.pipeline.otlp.wire import MalformedError
from telemetry.pipeline.receiver.attribute_reading import (
    bounded,
    read_all,
    text,
)
from telemetry.pipeline.receiver.placing import (
    FIELD,
    HEAVY,
    OWN,
    Placed,
    Places,
    is_heavy,
)
from telemetry.pipeline.receiver.reading import (
    INT64_MAX,
    NO_SPAN,
    NO_TRACE,
    Attributes,
    Tally,
    parsed,
    sane_ns,
    strict_mapping,
)
from telemetry.pipeline.receiver.schema import ITEMS, Message

# Source: opentelemetry/proto/trace/v1/trace.proto; 0 of a kind is "unspecified".
_LAST_KIND: Final = 5

_event: Final = ITEMS.message("trace.v1.Span.Event").FromString
_link: Final = ITEMS.message("trace.v1.Span.Link").FromString


class SpanReader:
    """Makes finished spans of spans, and mends these where that is needed.

    Spans without ids of the right length are refused: nothing can refer to them, and
    the Collector refuses the whole request for one of them.

    Args:
        received_ns: What stands in for a time that is missing or absurd.
    """

    __slots__ = ("_name", "_received_ns", "_tally", "_version")

    def __init__(self, received_ns: int, tally: Tally) -> None:
        self._received_ns = received_ns
        self._tally = tally
        self._name = self._version = ""

    def read(self, of_scope: Message) -> list[FinishedSpan]:
        """The spans in a ``ScopeSpans``."""
        self._name = text(of_scope.scope.name)
        self._version = text(of_scope.scope.version)
        found = [self._span(each) for each in of_scope.spans]
        if None in found:
            _remove(of_scope.spans, found, self._tally)
        spans = [span for span in found if span is not None]
        self._tally.items += len(spans)
        return spans

    def _span(self, span: Message) -> FinishedSpan | None:
        trace_id: bytes = span.trace_id
        span_id: bytes = span.span_id
        if not _is_id(trace_id, TRACE_ID_BYTES) or not _is_id(span_id, SPAN_ID_BYTES):
            return None
        start_ns: int = span.start_time_unix_nano
        end_ns: int = span.end_time_unix_nano
        if not 0 < start_ns <= end_ns <= INT64_MAX:
            start_ns, end_ns = self._sane(start_ns, end_ns)
        own, attributes = self._attributes(span.attributes)
        kind: int = span.kind
        status, status_text = (
            _status(span.status) if span.HasField("status") else _NO_STATUS
        )
        return FinishedSpan(
            trace_id,
            span_id,
            self._parent(span),
            text(span.trace_state),
            text(span.name),
            kind if 0 < kind <= _LAST_KIND else INTERNAL,
            start_ns,
            end_ns,
            own,
            attributes,
            self._events(span.events, end_ns) if span.events else (),
            self._links(span.links) if span.links else (),
            status,
            status_text,
            span.dropped_attributes_count,
            span.dropped_events_count,
            span.dropped_links_count,
            self._name,
            self._version,
        )

    def _sane(self, start_ns: int, end_ns: int) -> tuple[int, int]:
        """Times that can be used: no span ends before it starts."""
        end_ns = sane_ns(end_ns, 0)
        start_ns = sane_ns(start_ns, end_ns or self._received_ns)
        return start_ns, max(start_ns, end_ns)

    def _parent(self, span: Message) -> bytes:
        found: bytes = span.parent_span_id
        if len(found) not in (0, SPAN_ID_BYTES):
            span.ClearField("parent_span_id")
            self._tally.mended(1)
            return b""
        return b"" if found == NO_SPAN else found

    def _attributes(self, raws: Message) -> tuple[Attributes, Attributes]:
        own: Attributes = {}
        others: Attributes = {}
        heavy = False
        found, left_out = read_all(raws, _read)
        for place, name, value in found:
            if place == OWN:
                own[name] = value
            else:
                others[name] = value
                heavy = heavy or place == HEAVY
        if left_out:
            self._tally.mended(left_out)
        return own, bounded(others) if heavy else others

    def _events(self, raws: Message, end_ns: int) -> tuple[SpanEvent, ...]:
        found, left_out = read_all(raws, lambda raw: _span_event(raw, end_ns))
        self._tally.mended(left_out)
        return tuple(found)

    def _links(self, raws: Message) -> tuple[SpanLink, ...]:
        found, left_out = read_all(raws, _span_link)
        self._tally.mended(left_out)
        return tuple(found)


def _remove(spans: Message, found: list[FinishedSpan | None], tally: Tally) -> None:
    kept = [each for each, span in zip(spans, found, strict=True) if span is not None]
    tally.refused += len(found) - len(kept)
    tally.changed = True
    # Copies: a field that is cleared takes what lies in it along.
    kept = [each.SerializeToString() for each in kept]
    del spans[:]
    for raw in kept:
        spans.add().MergeFromString(raw)


def _is_id(found: bytes, length: int) -> bool:
    return len(found) == length and found not in _ZEROS


def _status(status: Message) -> tuple[int, str]:
    code: int = status.code
    return (code if code in _STATUSES else UNSET), text(status.message)


def _span_event(raw: bytes, end_ns: int) -> SpanEvent:
    event = parsed(_event, raw)
    return SpanEvent(
        text(event.name),
        sane_ns(event.time_unix_nano, end_ns),
        strict_mapping(event.attributes),
        event.dropped_attributes_count,
    )


def _span_link(raw: bytes) -> SpanLink:
    link = parsed(_link, raw)
    if len(link.trace_id) != TRACE_ID_BYTES or len(link.span_id) != SPAN_ID_BYTES:
        raise MalformedError("a link has ids of another length")
    return SpanLink(
        link.trace_id,
        link.span_id,
        text(link.trace_state),
        strict_mapping(link.attributes),
        link.dropped_attributes_count,
    )


def _placed(name: str, value: object) -> Placed:
    if name in _OUR_NAMES:
        return OWN, name, value
    return HEAVY if is_heavy(name, value) else FIELD, name, value


_ZEROS: Final = (NO_TRACE, NO_SPAN)
_STATUSES: Final = (UNSET, OK, ERROR)
_NO_STATUS: Final = (UNSET, "")
_OUR_NAMES: Final = frozenset(
    name for name in names.ATTRIBUTES if name.startswith("input.")
) | {names.FAAS_INVOCATION_ID}
_read: Final = Places(_OUR_NAMES, _placed).__getitem__
