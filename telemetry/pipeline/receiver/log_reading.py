"""Log records of OTLP, as lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from telemetry.capture.line import RESERVED, Line
from telemetry.capture.span_records import SPAN_ID_BYTES, TRACE_ID_BYTES
from telemetry.core import names
from telemetry.pipeline.foreign import ForeignLine
from telemetry.pipeline.otlp.wire import MalformedError
from telemetry.pipeline.receiver.attribute_reading import (
    Remembered,
    any_value,
    as_text,
    bounded,
    read_all,
    text,
)
from telemetry.pipeline.receiver.placing import (
    FIELD,
    HEAVY,
    OWN,
    UID,
    Placed,
    Places,
    is_heavy,
)
from telemetry.pipeline.receiver.reading import (
    INT64_MAX,
    NO_SPAN,
    NO_TRACE,
    Tally,
    sane_ns,
)
from telemetry.pipeline.receiver.schema import Message

_NO_IDS: Final = (b"", NO_TRACE, NO_SPAN)

# Source: opentelemetry/proto/logs/v1/logs.proto, SeverityNumber: four of each of
# TRACE, DEBUG, INFO, WARN, ERROR and FATAL; 0 is not given.
_KINDS: Final = ("debug", "debug", "info", "warning", "error", "critical")
_LEVEL_OF_NUMBER: Final = {
    1 + 4 * at + step: level for at, level in enumerate(_KINDS) for step in range(4)
}
_LEVEL_OF_TEXT: Final = {
    "trace": "debug",
    "debug": "debug",
    "warn": "warning",
    "warning": "warning",
    "error": "error",
    "err": "error",
    "fatal": "critical",
    "critical": "critical",
    "emergency": "critical",
}


class LogReader:
    """Makes lines of records, and mends the records where that is needed.

    Args:
        received_ns: What stands in for a time that is missing or absurd.
    """

    __slots__ = ("_received_ns", "_tally")

    def __init__(self, received_ns: int, tally: Tally) -> None:
        self._received_ns = received_ns
        self._tally = tally

    def read(self, of_scope: Message) -> list[ForeignLine]:
        """The lines in a ``ScopeLogs``."""
        logger = text(of_scope.scope.name) or None
        lines = [self._line(each, logger) for each in of_scope.log_records]
        self._tally.items += len(lines)
        return lines

    def _line(self, record: Message, logger: str | None) -> ForeignLine:
        fields: dict[str, object] = {}
        own: dict[str, Any] = {}
        uid: str | None = None
        heavy = False
        found, left_out = read_all(record.attributes, _read)
        for place, name, value in found:
            if not place:  # FIELD
                fields[name] = value
            elif place == OWN:
                own[name] = value
            elif place == UID:
                uid = str(value)
            else:
                fields[name] = value
                heavy = True
        if left_out:
            self._tally.mended(left_out)
        if names.EXCEPTION_TYPE in fields and "exception" not in own:
            own["exception"] = _short_exception(fields)
        try:
            event = _event_text[record.body]
        except MalformedError:
            event = ""
            self._clear(record, "body")
        if name := record.event_name:
            event = _named(event, text(name), fields)
        trace_id: bytes = record.trace_id
        span_id: bytes = record.span_id
        if len(trace_id) != TRACE_ID_BYTES or len(span_id) != SPAN_ID_BYTES:
            trace_id = self._id(record, "trace_id", TRACE_ID_BYTES)
            span_id = self._id(record, "span_id", SPAN_ID_BYTES)
        unix_ns: int = record.time_unix_nano
        line = Line(
            unix_ns if 0 < unix_ns <= INT64_MAX else self._observed_ns(record),
            _LEVEL_OF_NUMBER.get(record.severity_number) or _level(record),
            event,
            bounded(fields) if heavy else fields,
            logger,
            trace_id=None if trace_id in _NO_IDS else trace_id.hex(),
            span_id=None if span_id in _NO_IDS else span_id.hex(),
            **own,
        )
        return ForeignLine(line, uid)

    def _observed_ns(self, record: Message) -> int:
        return sane_ns(record.observed_time_unix_nano, self._received_ns)

    def _id(self, record: Message, name: str, length: int) -> bytes:
        found: bytes = getattr(record, name)
        if len(found) not in (0, length):
            self._clear(record, name)
            return b""
        return found

    def _clear(self, record: Message, name: str) -> None:
        """Remove what the Collector would refuse the whole request for."""
        record.ClearField(name)
        self._tally.mended(1)


def _named(event: str, name: str, fields: dict[str, object]) -> str:
    """The text of an event; its name is a field, or stands for a missing text."""
    if not event:
        return name
    fields[names.OTEL_EVENT_NAME] = name
    return event


def _level(record: Message) -> str:
    return _LEVEL_OF_TEXT.get(text(record.severity_text).lower(), "info")


def _short_exception(fields: dict[str, object]) -> str:
    kind, message = fields[names.EXCEPTION_TYPE], fields.get(names.EXCEPTION_MESSAGE)
    return str(kind) if message is None else f"{kind}: {message}"


def _text_of(raw: bytes) -> str:
    return as_text(any_value(raw))


def _placed(name: str, value: object) -> Placed:
    if name == names.LOG_RECORD_UID and type(value) is str:
        return UID, name, value
    if own := _OWN.get(name):
        field, is_fit = own
        if is_fit(value):
            return OWN, field, tuple(value) if type(value) is list else value
    while name in RESERVED:
        name += "_"
    return HEAVY if is_heavy(name, value) else FIELD, name, value


def _is_text(value: object) -> bool:
    return type(value) is str and value != ""


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < 1 << 31


def _is_flag(value: object) -> bool:
    return type(value) is bool


def _are_texts(value: object) -> bool:
    return type(value) is list and all(type(each) is str for each in value)


_FITS: Final[dict[str, Callable[[object], bool]]] = {
    names.FIELD_ATTEMPT: _is_count,
    names.FIELD_SLOT: _is_count,
    names.FIELD_INPUT_LATE: _is_flag,
    names.FIELD_BATCH_INPUT_IDS: _are_texts,
    names.FIELD_INPUT_CANDIDATES: _are_texts,
}
_LINE_FIELD: Final = {
    names.FIELD_INPUT_LATE: "late",
    names.FIELD_INPUT_CANDIDATES: "candidates",
}
_OWN: Final = {
    attribute_name: (_LINE_FIELD.get(field, field), _FITS.get(field, _is_text))
    for field, attribute_name in names.ATTRIBUTE_OF_FIELD.items()
}

_SPECIAL: Final = frozenset({names.LOG_RECORD_UID, *_OWN, *RESERVED})
_read: Final = Places(_SPECIAL, _placed).__getitem__
_event_text: Final = Remembered(_text_of)
