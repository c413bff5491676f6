"""What code writes to the span of its execution, until the execution settles."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from typing import Final

from telemetry.capture.exceptions import exception_text
from telemetry.capture.plain import NAME_CHARS, cut, plain_fields, plain_text, type_name
from telemetry.capture.span_records import (
    ERROR,
    OK,
    SPAN_ID_BYTES,
    TRACE_ID_BYTES,
    UNSET,
    SpanEvent,
    SpanLink,
    Written,
)
from telemetry.core import names

ATTRIBUTES: Final = 1_024
"""Attributes that one span keeps; the first ones, as ids mostly come first."""
EVENTS: Final = 128
"""Events that one span keeps; the newest ones. Source: the limit of the SDK."""
LINKS: Final = 128
"""Links that one span keeps; the newest ones. Source: the limit of the SDK."""
NESTED_ATTRIBUTES: Final = 128
"""Attributes of one event or link; the first ones. Source: the limit of the SDK."""
SPAN_CHARS: Final = 1_048_576
"""Characters of everything that is written to one span, about; then it is full."""

_EXCEPTION: Final = "exception"
_VALUE_CHARS: Final = 8


class Draft:
    """What was written so far. Between threads ``x += 1`` may lose a count."""

    def __init__(self) -> None:
        self._name: str | None = None
        self._status = UNSET
        self._status_text = ""
        self._attributes: dict[str, object] = {}
        self._events: deque[SpanEvent] = deque(maxlen=EVENTS)
        self._links: deque[SpanLink] = deque(maxlen=LINKS)
        self._seen_events = 0
        self._seen_links = 0
        self._dropped = 0
        self._chars = SPAN_CHARS

    def set_attributes(self, attributes: Mapping[str, object]) -> None:
        """Attributes of the span; the last value of a key holds."""
        kept = self._attributes
        for key, value in _cleaned(attributes).items():
            self._chars -= len(key) + _chars(value)
            if (len(kept) < ATTRIBUTES or key in kept) and self._chars >= 0:
                kept[key] = value
            else:
                self._dropped += 1
        self._dropped += sum(not is_name(key) for key in attributes)

    def add_event(
        self,
        name: str,
        attributes: Mapping[str, object] | None,
        unix_ns: int | None,
    ) -> None:
        """An event at *unix_ns*, or now."""
        given, dropped = self._nested(attributes)
        self._seen_events += 1
        at_ns = unix_ns if type(unix_ns) is int else time.time_ns()
        if self._chars >= 0:
            text = cut(plain_text(name), NAME_CHARS)
            self._events.append(SpanEvent(text, at_ns, given, dropped))

    def add_link(
        self,
        trace_id: int,
        span_id: int,
        state: str,
        attributes: Mapping[str, object] | None,
    ) -> None:
        """A link to the span of these ids."""
        given, dropped = self._nested(attributes)
        self._seen_links += 1
        if self._chars >= 0:
            self._links.append(
                SpanLink(
                    trace_id.to_bytes(TRACE_ID_BYTES, "big"),
                    span_id.to_bytes(SPAN_ID_BYTES, "big"),
                    state,
                    given,
                    dropped,
                )
            )

    def record_exception(
        self,
        error: BaseException,
        attributes: Mapping[str, object] | None,
        unix_ns: int | None,
    ) -> None:
        """The event ``exception``, as the semantic conventions have it."""
        given = {
            names.EXCEPTION_TYPE: error_type(error),
            names.EXCEPTION_MESSAGE: plain_text(error),
            names.EXCEPTION_STACKTRACE: exception_text(error),
        }
        self.add_event(_EXCEPTION, {**given, **(attributes or {})}, unix_ns)

    def record_last(self, error: BaseException) -> None:
        """The exception that ended the span, unless code recorded it just now."""
        last = self._events[-1] if self._events else None
        if last is None or (
            last.name,
            last.attributes.get(names.EXCEPTION_TYPE),
            last.attributes.get(names.EXCEPTION_MESSAGE),
        ) != (_EXCEPTION, error_type(error), plain_text(error)):
            self.record_exception(error, None, None)

    def update_name(self, name: object) -> None:
        """Another name for the span."""
        self._name = cut(plain_text(name), NAME_CHARS)

    def set_status(self, status: int, text: object) -> None:
        """`OK` is final; only `ERROR` has a text."""
        if self._status != OK:
            self._status = status
            self._status_text = plain_text(text) if status == ERROR and text else ""

    def written(self) -> Written:
        """All of it, as data."""
        events, links = tuple(self._events.copy()), tuple(self._links.copy())
        return Written(
            self._name,
            self._attributes.copy(),
            events,
            links,
            self._status,
            self._status_text,
            self._dropped,
            max(self._seen_events - len(events), 0),
            max(self._seen_links - len(links), 0),
        )

    def _nested(
        self, attributes: Mapping[str, object] | None
    ) -> tuple[dict[str, object], int]:
        if not attributes:
            return {}, 0
        cleaned = list(_cleaned(attributes).items())
        kept = dict(cleaned[:NESTED_ATTRIBUTES])
        self._chars -= sum(len(key) + _chars(value) for key, value in kept.items())
        return kept, len(attributes) - len(kept)


def only_error(error: BaseException) -> Written:
    """What a span that nobody wrote to says of the exception that ended it."""
    draft = Draft()
    draft.record_last(error)
    return draft.written()


def error_type(error: BaseException) -> str:
    """The qualified name of its type. Source: ``error.type`` of the conventions."""
    kind = type(error)
    module = getattr(kind, "__module__", None)
    name = getattr(kind, "__qualname__", None) or type_name(error)
    return f"{name}" if module in {None, "builtins"} else f"{module}.{name}"


def error_text(error: BaseException) -> str:
    """Type and message, as the SDK describes the status of a span."""
    return f"{type_name(error)}: {plain_text(error)}"


def _cleaned(attributes: Mapping[str, object]) -> Mapping[str, object]:
    return plain_fields({k: v for k, v in attributes.items() if is_name(k)})


def is_name(key: object) -> bool:
    """Whether *key* can name an attribute; others are dropped, as the SDK does."""
    return isinstance(key, str) and bool(key)


def _chars(value: object) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, list):
        return sum(map(_chars, value))
    if isinstance(value, dict):
        return sum(len(key) + _chars(inner) for key, inner in value.items())
    return _VALUE_CHARS
