"""Log lines of a box as an OTLP request.

Nearly all lines take the short way, straight from the record: what is constant for
an input, a thread or an event is encoded once and found again. What is unusual in
any way is made a `Line` first, and encoded thoroughly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from struct import error as struct_error
from typing import Any, Final, NamedTuple

from telemetry.capture.blackbox.decoding import Head
from telemetry.capture.blackbox.reader import Found
from telemetry.capture.blackbox.records import LINE_KINDS, line_of
from telemetry.capture.line import RESERVED
from telemetry.capture.plain import NAME_CHARS
from telemetry.core import names
from telemetry.pipeline.otlp.attributes import Attributes, Key, UnusualError
from telemetry.pipeline.otlp.envelope import ITEM, encoded_scope, enveloped
from telemetry.pipeline.otlp.line_attributes import METADATA_BYTES, TAKEN, identity_of
from telemetry.pipeline.otlp.log_record import (
    ATTRIBUTE,
    ATTRIBUTES,
    OBSERVED,
    SEVERITIES,
    TIME,
    TIMES,
    body,
    encoded_line,
    trace_context,
)
from telemetry.pipeline.otlp.values import attribute
from telemetry.pipeline.otlp.wire import length

_REMEMBERED: Final = 4_096
"""Heads, and events, that are remembered; then all are forgotten, and learned anew."""
_EVENT_CHARS: Final = 256
"""Characters of the longest event that is remembered."""
_LONGEST_CHARS: Final = 8_192
_MOST_KEYS: Final = 64
_SHORT_MORE: Final = frozenset({"stream", "trace_id", "span_id", "shown"})
"""What of the sixth part the short way can do."""
_UNUSUAL: Final = (
    *(UnusualError, LookupError, TypeError, ValueError, AttributeError),
    *(struct_error, OverflowError),
)


class _Beginning(NamedTuple):
    """What a head becomes: the name of its logger, and fields of the message."""

    logger: str
    severity: bytes
    who: bytes
    thread: bytes
    context: bytes
    bound: dict[str, Any]


class LogEncoder:
    """The lines of one resource. Not safe for several threads.

    Args:
        resource: As `telemetry.pipeline.otlp.envelope.encoded_resource` gives it.

    Attributes:
        damaged: Records that hold no line, and were left out.
    """

    def __init__(self, resource: bytes) -> None:
        self.damaged = 0
        self._resource = resource
        self._attributes = Attributes(ATTRIBUTES, RESERVED | TAKEN)
        self._uid = Key(ATTRIBUTE, names.LOG_RECORD_UID)
        self._thread = Key(ATTRIBUTE, names.THREAD_NAME)
        self._stream = Key(ATTRIBUTE, names.LOG_IOSTREAM)
        self._heads: dict[Head, _Beginning] = {}
        self._bodies: dict[str, bytes] = {}

    def request(self, found: Sequence[Found], box_name: str) -> tuple[bytes, int]:
        """An ``ExportLogsServiceRequest``, and how many lines are in it.

        Args:
            found: Records of the box; those that are no lines are passed over.
        """
        scopes: dict[str, list[bytes]] = {}
        count, place, head = 0, (-1, -1), ""
        for each in found:
            if each.head is None and not _is_line(each.what):
                continue
            if place != (each.block, each.generation):
                place = (each.block, each.generation)
                head = uid_head(box_name, *place)
            uid = f"{head}{each.offset:x}"
            try:
                logger, line = self._short(each, uid)
            except _UNUSUAL:
                made = self._thorough(each.record, uid)
                if made is None:
                    continue
                logger, line = made
            scope = scopes.get(logger)
            if scope is None:
                scope = scopes[logger] = []
            scope.append(ITEM + length(len(line)))
            scope.append(line)
            count += 1
        if not count:
            return b"", 0
        by_scope = [(encoded_scope(name), lines) for name, lines in scopes.items()]
        return enveloped(self._resource, by_scope), count

    def _short(self, found: Found, uid: str) -> tuple[str, bytes]:
        """Logger and message of a line, the short way.

        Raises:
            UnusualError: It has to go the other way; so with any of `_UNUSUAL`.
        """
        head, said = found.head, found.what
        if head is None:
            raise UnusualError
        begun = self._heads.get(head) or self._learn(head)
        bound, keys, context = begun.bound, said.keys, begun.context
        if said.args or len(keys) + len(bound) > _MOST_KEYS:
            raise UnusualError
        parts = [
            TIMES(TIME, said.unix_ns, OBSERVED, said.unix_ns),
            begun.severity,
            self._bodies.get(said.event) or self._body(said.event),
            begun.who,
        ]
        if said.more is not None:
            context = self._more(said.more, parts) or context
        parts.append(begun.thread)
        parts.append(self._uid.text(uid))
        if bound:
            if not bound.keys().isdisjoint(keys):
                raise UnusualError
            self._attributes.put(bound, parts)
        self._attributes.put(keys, parts)
        parts.append(context)
        line = b"".join(parts)
        if len(line) > METADATA_BYTES:
            raise UnusualError
        return begun.logger, line

    def _thorough(self, record: Sequence[Any], uid: str) -> tuple[str, bytes] | None:
        """The same for any line; None when the record holds none."""
        try:
            line = line_of(record)
            name = str(line.logger or "")[:NAME_CHARS]
            return name, encoded_line(line, uid)
        except Exception:  # noqa: BLE001  # a damaged box, which is no reason to stop
            self.damaged += 1
            return None

    def _learn(self, head: Head) -> _Beginning:
        level, (name, bound), identity, thread = head.parts
        if len(name or "") > NAME_CHARS:
            raise UnusualError
        who = context = b""
        if identity is not None:
            line = line_of((level, (None, {}), identity, "", (0, "", (), {})))
            if line.late not in {True, False}:
                raise UnusualError
            pairs = identity_of(line).items()
            who = b"".join([attribute(ATTRIBUTE, *each) for each in pairs])
            context = trace_context(line.trace_id, line.span_id)
        if len(self._heads) >= _REMEMBERED:
            self._heads.clear()
        known = self._heads[head] = _Beginning(
            name or "",
            SEVERITIES[level],
            who,
            self._text(thread) if thread else b"",
            context,
            bound,
        )
        return known

    def _body(self, event: object) -> bytes:
        if type(event) is not str or len(event) > _LONGEST_CHARS:
            raise UnusualError
        found = body(event, event)
        if len(event) <= _EVENT_CHARS:
            if len(self._bodies) >= _REMEMBERED:
                self._bodies.clear()
            self._bodies[event] = found
        return found

    def _text(self, thread: str) -> bytes:
        if len(thread) > NAME_CHARS:
            raise UnusualError
        return self._thread.texts.get(thread) or self._thread.text(thread)

    def _more(self, more: Mapping[str, Any], parts: list[bytes]) -> bytes:
        """What few lines have; the ids of the span in which it was said, if any."""
        if not _SHORT_MORE.issuperset(more):
            raise UnusualError
        stream = more.get("stream")
        if stream is not None:
            parts.append(self._stream.texts.get(stream) or self._stream.text(stream))
        if "trace_id" in more:
            return trace_context(more["trace_id"], more["span_id"])
        return b""


def _is_line(record: Sequence[Any]) -> bool:
    return type(record[0]) is int and record[0] in LINE_KINDS


def uid_head(box_name: str, block: int, generation: int) -> str:
    """What the uids of all lines of a block begin with; the offset follows."""
    return f"{box_name}:{block:x}.{generation:x}."
