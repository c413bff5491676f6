"""A log line as OTLP's ``LogRecord``, thoroughly: whatever it holds.

Source of the numbers of fields: opentelemetry/proto/logs/v1/logs.proto.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from telemetry.capture.line import LEVELS, Line
from telemetry.core import names
from telemetry.pipeline.otlp.line_attributes import content_of
from telemetry.pipeline.otlp.values import any_value, attribute, utf8
from telemetry.pipeline.otlp.wire import framed

ATTRIBUTES: Final = 6
"""The field."""
ATTRIBUTE: Final = b"\x32"
"""Its tag."""

TIMES: Final = Struct("<cQcQ").pack
"""Takes `TIME`, Unix nanoseconds, `OBSERVED`, and the same again: who makes a record
has observed it at that moment."""
TIME: Final = b"\x09"
OBSERVED: Final = b"\x59"

_BODY: Final = b"\x2a"
_EVENT_NAME: Final = b"\x62"
_TRACE_ID: Final = b"\x4a\x10"
_SPAN_ID: Final = b"\x52\x08"
_TRACE_ID_BYTES: Final = 16
_SPAN_ID_BYTES: Final = 8
_MOST_NS: Final = 2**64 - 1


def _severity(number: int, text: str) -> bytes:
    return b"\x10" + bytes((number,)) + framed(b"\x1a", text.encode())


SEVERITIES: Final = {
    LEVELS["debug"]: _severity(5, "DEBUG"),
    LEVELS["info"]: _severity(9, "INFO"),
    LEVELS["warning"]: _severity(13, "WARN"),
    LEVELS["error"]: _severity(17, "ERROR"),
    LEVELS["critical"]: _severity(21, "FATAL"),
}
"""Number and text of the severity, by the number of our level. Source: the table
"Displaying Severity" of OpenTelemetry's logs data model."""


def encoded_line(line: Line, uid: str) -> bytes:
    """The message of *line*.

    Args:
        uid: Names the line, for ever.
    """
    content = content_of(line, uid)
    unix_ns = min(max(line.unix_ns, 0), _MOST_NS)
    parts = [
        TIMES(TIME, unix_ns, OBSERVED, unix_ns),
        SEVERITIES[LEVELS[line.level]],
        body(content.body, line.event),
    ]
    parts += [attribute(ATTRIBUTE, *each) for each in content.attributes.items()]
    parts.append(trace_context(line.trace_id, line.span_id))
    return b"".join(parts)


def body(text: str, event: str) -> bytes:
    """The fields that say what happened; an event of ours has its name beside it."""
    found = framed(_BODY, any_value(text))
    if event in names.EVENTS:
        found += framed(_EVENT_NAME, utf8(event))
    return found


def trace_context(trace_id: str | None, span_id: str | None) -> bytes:
    """The fields of these ids, which are hexadecimal; none of ids that are no ids.

    One id of the wrong length, and a Collector refuses the whole request.
    """
    return _id(_TRACE_ID, trace_id, _TRACE_ID_BYTES) + _id(
        _SPAN_ID, span_id, _SPAN_ID_BYTES
    )


def _id(head: bytes, text: str | None, size: int) -> bytes:
    try:
        found = bytes.fromhex(text or "")
    except ValueError:
        return b""
    return head + found if len(found) == size and any(found) else b""
