"""What of a log line becomes an attribute, and what the body: the contract, plainly.

Slow and easy to check. `telemetry.pipeline.otlp.logs` has a short way for the usual
line, and its tests compare the two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from telemetry.capture.line import Line
from telemetry.core import names
from telemetry.pipeline.otlp.exception_parts import exception_parts
from telemetry.pipeline.otlp.values import any_value, utf8

METADATA_BYTES: Final = 48 * 1024
"""Bytes of all attributes of a record. Source: Loki takes 64 KiB of structured
metadata, to which the resource's attributes are counted."""
METADATA_ENTRIES: Final = 80
"""Attributes of a record, those within mappings too. Source: Loki takes 128, to which
it counts some 10 of its own and those of the resource: some 10 of ours, the user's,
and what Collectors add."""
STACK_BYTES: Final = 8 * 1024
"""Bytes of a traceback that is an attribute alone; of a longer one, the attribute has
both ends and the body all of it."""
BODY_BYTES: Final = 240 * 1024
"""Bytes of a body. Source: Loki's default ``max_line_size`` is 256 KiB."""

_IDS: Final = 1_024
"""Ids that one attribute lists: they take 36 KiB."""
_LITTLE: Final = 64
_LITTLE_CHARS: Final = 2_048
_SCALARS: Final = frozenset({int, float, bool, type(None)})
_TEXT_BYTES: Final = 1_024
_MESSAGE_BYTES: Final = 2_048

_ATTRIBUTE: Final = names.ATTRIBUTE_OF_FIELD
TAKEN: Final = frozenset(
    {
        *_ATTRIBUTE.values(),
        names.LOG_RECORD_UID,
        names.EXCEPTION_TYPE,
        names.EXCEPTION_MESSAGE,
    }
)
"""Names that are ours in a record; a caller's key of that name gets a ``_``."""


class Content(NamedTuple):
    """What a record says.

    Attributes:
        attributes: Ours first, then the caller's: so many as a store is sure to take.
        body: The event; behind it, each on lines of its own, what is too large to be
            an attribute.
    """

    attributes: dict[str, object]
    body: str


def content_of(line: Line, uid: str) -> Content:
    """What the record of *line* says.

    Args:
        uid: Names the line, for ever.
    """
    attributes = {**identity_of(line), **circumstances_of(line, uid)}
    more: list[str] = []
    if line.exception:
        attributes |= _exception(line.exception)
        if attributes[names.EXCEPTION_STACKTRACE] is not line.exception:
            more.append(line.exception)
    left_over = _add(attributes, _callers(line.fields))
    if left_over:
        more.append(msgspec.json.encode(left_over).decode())
    return Content(attributes, _body(line.event, more))


def identity_of(line: Line) -> dict[str, object]:
    """Whose line it is."""
    found: dict[str, object | None] = {
        names.INPUT_CANDIDATES: _ids(line.candidates),
    }
    if line.input_id is not None:
        found = {
            names.INPUT_ID: line.input_id,
            names.INPUT_CALL_ID: line.function_call_id,
            names.INPUT_FUNCTION: line.function,
            names.INPUT_ATTEMPT: line.attempt,
            names.INPUT_CONTAINER_ID: line.container_id,
            names.INPUT_SLOT: line.slot,
            names.INPUT_BATCH_IDS: _ids(line.batch_input_ids),
            names.INPUT_LATE: line.late or None,
            **found,
        }
    return _known(found)


def circumstances_of(line: Line, uid: str) -> dict[str, object]:
    """How it came to be."""
    return _known(
        {
            names.LOG_IOSTREAM: line.stream,
            names.THREAD_NAME: line.thread or None,
            names.LOG_RECORD_UID: uid,
        }
    )


def _known(found: Mapping[str, object | None]) -> dict[str, object]:
    return {
        name: _shortened(value, _TEXT_BYTES) if isinstance(value, str) else value
        for name, value in found.items()
        if value is not None
    }


def _ids(ids: Sequence[str]) -> list[str] | None:
    if len(ids) > _IDS:
        return [*ids[:_IDS], f"… (+{len(ids) - _IDS})"]
    return list(ids) or None


def _exception(text: str) -> dict[str, object]:
    found: dict[str, object] = {}
    parts = exception_parts(text)
    if parts is not None:
        found[names.EXCEPTION_TYPE] = _shortened(parts[0], _TEXT_BYTES)
        found[names.EXCEPTION_MESSAGE] = _shortened(parts[1], _MESSAGE_BYTES)
    found[names.EXCEPTION_STACKTRACE] = _shortened(text, STACK_BYTES)
    return found


def _callers(fields: Mapping[str, object]) -> dict[str, object]:
    """The caller's own keys, none of them one of ours."""
    if TAKEN.isdisjoint(fields):
        return dict(fields)
    kept: dict[str, object] = {}
    for name, value in fields.items():
        free = name
        while free in TAKEN or (free is not name and free in fields):
            free += "_"
        kept[free] = value
    return kept


def _add(attributes: dict[str, object], given: dict[str, object]) -> dict[str, object]:
    """Add what fits; what does not is returned."""
    if _is_little(given):
        attributes.update(given)
        return {}
    room_bytes = METADATA_BYTES - sum(_size(*each) for each in attributes.items())
    room = METADATA_ENTRIES - len(attributes)
    left_over: dict[str, object] = {}
    for name, value in given.items():
        size, entries = _size(name, value), _entries(value)
        if size <= room_bytes and entries <= room:
            attributes[name] = value
            room_bytes -= size
            room -= entries
        else:
            left_over[name] = value
    return left_over


def _is_little(given: dict[str, object]) -> bool:
    """Whether it fits in any case; most does."""
    texts = [value for value in given.values() if type(value) is str]
    others = [value for value in given.values() if type(value) in _SCALARS]
    if len(texts) + len(others) < len(given) or len(given) > _LITTLE:
        return False
    return sum(map(len, texts)) + sum(map(len, given)) <= _LITTLE_CHARS


def _size(name: str, value: object) -> int:
    return len(utf8(name)) + len(any_value(value))


def _entries(value: object) -> int:
    """How many names Loki makes of a value: one for each leaf of a mapping."""
    if isinstance(value, Mapping):
        return sum(_entries(item) for item in value.values()) or 1
    return 1


def _body(event: str, more: list[str]) -> str:
    text = "\n".join((event, *more))
    if len(text) * 4 <= BODY_BYTES:
        return text
    return _shortened(text, BODY_BYTES)


def _shortened(text: str, limit_bytes: int) -> str:
    """*text* itself, or its beginning and its end, in so many bytes about."""
    data = utf8(text)
    if len(data) <= limit_bytes:
        return text
    half = limit_bytes // 2
    head = data[:half].decode(errors="ignore")
    tail = data[-half:].decode(errors="ignore")
    gone = len(data) - 2 * half
    return f"{head}\n… ({gone} bytes left out) …\n{tail}"
