"""Values as OTLP's ``AnyValue`` and ``KeyValue``, whatever they are.

The thorough way, for what is encoded once or is rare; the short way for the usual
values is `telemetry.pipeline.otlp.attributes`. Source of the numbers of fields:
opentelemetry/proto/common/v1/common.proto.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from telemetry.pipeline.otlp.wire import double, framed, varint

STRING: Final = b"\x0a"
BOOL: Final = b"\x10"
INT: Final = b"\x18"
DOUBLE: Final = b"\x21"
ARRAY: Final = b"\x2a"
KVLIST: Final = b"\x32"
BYTES: Final = b"\x3a"
"""What stands before each kind of value in an ``AnyValue``."""

KEY: Final = b"\x0a"
VALUE: Final = b"\x12"
"""The fields of a ``KeyValue``."""

NO_NAME: Final = "_"
"""Key of what was given an empty one: OpenTelemetry does not allow that."""

_ITEM: Final = b"\x0a"
"""The one field of ``ArrayValue`` and of ``KeyValueList``."""
_INT_MIN: Final = -(2**63)
_INT_MAX: Final = 2**63 - 1
_DEPTH: Final = 24
"""Levels of nesting. A reader gives up a message of a hundred levels, and each level
of ours is three of protobuf's. Source: the default recursion limit of protobuf."""


def utf8(text: str) -> bytes:
    """*text* as UTF-8; lone surrogates, which no reader takes, are escaped."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace")


def attribute(head: bytes, key: str, value: object) -> bytes:
    """A field that holds a ``KeyValue``.

    Args:
        head: The tag of the field.
    """
    return framed(head, _key_value(key, value, _DEPTH))


def any_value(value: object) -> bytes:
    """The message ``AnyValue``; an empty one for None.

    Plain data is encoded as it is. An integer of more than 64 bits is its decimal
    text, and what is no plain data is its ``str``.
    """
    return _any_value(value, _DEPTH)


def _key_value(key: str, value: object, depth: int) -> bytes:
    name = framed(KEY, utf8(key or NO_NAME))
    return name + framed(VALUE, _any_value(value, depth))


def _any_value(value: object, depth: int) -> bytes:
    if value is None:
        return b""
    if isinstance(value, str):
        return framed(STRING, utf8(value))
    if isinstance(value, bool | int | float):
        return _number(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return framed(BYTES, bytes(value))
    return _nested(value, depth)


def _number(value: float) -> bytes:
    if isinstance(value, bool):
        return BOOL + (b"\1" if value else b"\0")
    if isinstance(value, float):
        return DOUBLE + double(value)
    if _INT_MIN <= value <= _INT_MAX:
        return INT + varint(value)
    return framed(STRING, _digits(value))


def _nested(value: object, depth: int) -> bytes:
    is_mapping = isinstance(value, Mapping)
    if depth == 0 or not (is_mapping or isinstance(value, list | tuple)):
        return framed(STRING, _described(value))
    if isinstance(value, Mapping):
        # By its text, as two keys may have the same one: 1 and "1".
        named = {str(key): item for key, item in value.items()}
        parts = [_key_value(key, item, depth - 1) for key, item in named.items()]
    elif isinstance(value, list | tuple):
        parts = [_any_value(item, depth - 1) for item in value]
    body = b"".join([framed(_ITEM, part) for part in parts])
    return framed(KVLIST if is_mapping else ARRAY, body)


def _digits(number: int) -> bytes:
    try:
        return str(number).encode()
    except ValueError:  # more digits than sys.get_int_max_str_digits()
        return hex(number).encode()


def _described(value: object) -> bytes:
    try:
        return utf8(str(value))
    except Exception as error:  # noqa: BLE001  # it is not our code, and not our failure
        kind = type(value).__name__
        return f"<unprintable {kind}: {type(error).__name__}>".encode()
