"""Finished spans as an OTLP request.

Source of the numbers of fields: opentelemetry/proto/trace/v1/trace.proto.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from struct import Struct
from typing import Final

from telemetry.capture.span_records import (
    SPAN_ID_BYTES,
    TRACE_ID_BYTES,
    FinishedSpan,
    SpanEvent,
    SpanLink,
)
from telemetry.pipeline.otlp.attributes import Attributes
from telemetry.pipeline.otlp.envelope import ITEM, encoded_scope, enveloped
from telemetry.pipeline.otlp.values import attribute, utf8
from telemetry.pipeline.otlp.wire import fixed64, framed, length, varint

_ATTRIBUTES: Final = 9
_TWO_IDS: Final = Struct("<2s16s2s8s").pack
_THREE_IDS: Final = Struct("<2s16s2s8s2s8s").pack
_TRACE_ID: Final = b"\x0a\x10"
_SPAN_ID: Final = b"\x12\x08"
_STATE: Final = b"\x1a"
_PARENT: Final = b"\x22\x08"
_NAME: Final = b"\x2a"
_KIND: Final = b"\x30"
_TIMES: Final = Struct("<cQcQ").pack
_START: Final = b"\x39"
_END: Final = b"\x41"
_DROPPED_ATTRIBUTES: Final = b"\x50"
_EVENT: Final = b"\x5a"
_DROPPED_EVENTS: Final = b"\x60"
_LINK: Final = b"\x6a"
_DROPPED_LINKS: Final = b"\x70"
_STATUS: Final = b"\x7a"
_STATUS_TEXT: Final = b"\x12"
_STATUS_CODE: Final = b"\x18"
_SAMPLED: Final = b"\x85\x01\x01\x00\x00\x00"
"""The field ``flags``: every span that is kept is of a sampled trace. Whether its
parent is remote is not known, and not said."""

_EVENT_TIME: Final = b"\x09"
_EVENT_NAME: Final = b"\x12"
_EVENT_ATTRIBUTE: Final = b"\x1a"
_EVENT_DROPPED: Final = b"\x20"
_LINK_ATTRIBUTE: Final = b"\x22"
_LINK_DROPPED: Final = b"\x28"

_REMEMBERED: Final = 1_024
_MOST_32: Final = 2**32 - 1
_MOST_64: Final = 2**64 - 1


class SpanEncoder:
    """The spans of one resource. Not safe for several threads.

    Args:
        resource: As `telemetry.pipeline.otlp.envelope.encoded_resource` gives it.

    Attributes:
        damaged: What was no span, such as one with an id of the wrong length, and
            was left out: a Collector would refuse the whole request.
    """

    def __init__(self, resource: bytes) -> None:
        self.damaged = 0
        self._resource = resource
        self._attributes = Attributes(_ATTRIBUTES)
        self._names: dict[tuple[str, int], bytes] = {}

    def request(self, spans: Sequence[FinishedSpan]) -> tuple[bytes, int]:
        """An ``ExportTraceServiceRequest``, and how many spans are in it.

        Those that the program's own exporters have are left out: `exported`.
        """
        scopes: dict[tuple[str, str], list[bytes]] = {}
        count = 0
        for span in spans:
            if span.exported:
                continue
            try:
                encoded = self._span(span)
            except Exception:  # noqa: BLE001  # a damaged box, which is no reason to stop
                self.damaged += 1
                continue
            scope = scopes.get((span.scope_name, span.scope_version))
            if scope is None:
                scope = scopes[span.scope_name, span.scope_version] = []
            scope.append(ITEM + length(len(encoded)))
            scope.append(encoded)
            count += 1
        if not count:
            return b"", 0
        each = [(encoded_scope(*scope), items) for scope, items in scopes.items()]
        return enveloped(self._resource, each), count

    def _span(self, span: FinishedSpan) -> bytes:
        trace_id, span_id, parent = span.trace_id, span.span_id, span.parent_span_id
        if len(trace_id) != TRACE_ID_BYTES or len(span_id) != SPAN_ID_BYTES:
            raise ValueError("an id of the wrong length")
        if len(parent) == SPAN_ID_BYTES:
            ids = _THREE_IDS(_TRACE_ID, trace_id, _SPAN_ID, span_id, _PARENT, parent)
        else:
            ids = _TWO_IDS(_TRACE_ID, trace_id, _SPAN_ID, span_id)
        named = self._names.get((span.name, span.kind))
        parts = [
            ids,
            self._name(span.name, span.kind) if named is None else named,
            _TIMES(_START, span.start_unix_ns, _END, span.end_unix_ns),
        ]
        own, attributes = span.own, span.attributes
        self._attributes.put(own, parts)
        if attributes:
            if not own.keys().isdisjoint(attributes):
                # Twice the same key is not allowed; whose span it is holds.
                attributes = {k: v for k, v in attributes.items() if k not in own}
            self._attributes.put(attributes, parts)
        if span.events or span.links or span.status or span.state:
            parts += _what_few_have(span)
        if span.dropped_attributes or span.dropped_events or span.dropped_links:
            parts += (
                _number(_DROPPED_ATTRIBUTES, span.dropped_attributes),
                _number(_DROPPED_EVENTS, span.dropped_events),
                _number(_DROPPED_LINKS, span.dropped_links),
            )
        parts.append(_SAMPLED)
        return b"".join(parts)

    def _name(self, name: str, kind: int) -> bytes:
        found = framed(_NAME, utf8(name)) + _number(_KIND, kind)
        if len(self._names) >= _REMEMBERED:
            self._names.clear()
        self._names[name, kind] = found
        return found


def _what_few_have(span: FinishedSpan) -> list[bytes]:
    parts = [framed(_EVENT, _event(each)) for each in span.events]
    parts += [framed(_LINK, _link(each)) for each in span.links if _is_sound(each)]
    if span.status:
        parts.append(_status(span.status, span.status_text))
    if span.state:
        parts.append(framed(_STATE, utf8(span.state)))
    return parts


def _event(event: SpanEvent) -> bytes:
    unix_ns = min(max(event.unix_ns, 0), _MOST_64)
    parts = [_EVENT_TIME, fixed64(unix_ns), framed(_EVENT_NAME, utf8(event.name))]
    parts += _all(_EVENT_ATTRIBUTE, event.attributes)
    parts.append(_number(_EVENT_DROPPED, event.dropped_attributes))
    return b"".join(parts)


def _link(link: SpanLink) -> bytes:
    parts = [_TRACE_ID, link.trace_id, _SPAN_ID, link.span_id]
    if link.state:
        parts.append(framed(_STATE, utf8(link.state)))
    parts += _all(_LINK_ATTRIBUTE, link.attributes)
    parts.append(_number(_LINK_DROPPED, link.dropped_attributes))
    return b"".join(parts)


def _is_sound(link: SpanLink) -> bool:
    return len(link.trace_id) == TRACE_ID_BYTES and len(link.span_id) == SPAN_ID_BYTES


def _all(head: bytes, attributes: Mapping[str, object]) -> list[bytes]:
    return [attribute(head, name, value) for name, value in attributes.items()]


def _status(code: int, text: str) -> bytes:
    said = framed(_STATUS_TEXT, utf8(text)) if text else b""
    return framed(_STATUS, said + _number(_STATUS_CODE, code))


def _number(head: bytes, number: int) -> bytes:
    """A field with a number of at most 32 bits; nothing for 0, as proto3 has it."""
    return head + varint(min(number, _MOST_32)) if number > 0 else b""
