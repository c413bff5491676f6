"""Attributes as they lie on the wire, made plain values; those seen often, at once.

Most attributes of a service come again in each of its records, byte for byte. So a
short one is read once and remembered: a look-up is many times cheaper than a parse.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Final, TypeVar

import orjson
from google.protobuf.message import DecodeError

from telemetry.capture.plain import ITEMS, TEXT_CHARS, cut, plain_fields
from telemetry.pipeline.otlp.wire import MalformedError
from telemetry.pipeline.receiver.schema import ITEMS as ITEM_SCHEMA
from telemetry.pipeline.receiver.schema import VALUES, Message

T = TypeVar("T")

SHORT_BYTES: Final = 128
"""What is longer is not remembered; ids, names and numbers are shorter."""
REMEMBERED: Final = 8_192
"""So many are remembered: about 3 MB at the most."""
MOST_PARTS: Final = ITEMS
"""Attributes, events or links of one item; further ones are left out."""

_LARGE_BYTES: Final = 1 << 20
_STRING: Final = 0x0A
"""``AnyValue.string_value``. Source: common.proto; field 1, with a length."""
_SCALARS: Final = frozenset({"bool_value", "int_value", "double_value"})

_pair: Final = VALUES.message("common.v1.KeyValue").FromString
_any: Final = VALUES.message("common.v1.AnyValue").FromString
_opaque_pair: Final = ITEM_SCHEMA.message("common.v1.KeyValue").FromString


class Remembered(dict[bytes, T]):
    """What bytes mean: ``remembered[raw]``. Safe from several threads.

    A dict, as nothing in Python looks up faster; when it is full it begins anew,
    which costs a parse of each that is still in use, and no bookkeeping before that.

    Args:
        read: Makes a value, which is shared by all who ask: it must not be changed.
    """

    def __init__(self, read: Callable[[bytes], T]) -> None:
        self.read: Final = read

    def __missing__(self, raw: bytes) -> T:
        """Read *raw*; whatever *read* raises."""
        value = self.read(raw)
        if len(raw) <= SHORT_BYTES:
            if len(self) >= REMEMBERED:
                self.clear()
            self[raw] = value
        return value


def text(raw: bytes) -> str:
    """A string of the protocol; wrong UTF-8 becomes U+FFFD."""
    found = raw.decode("utf-8", "replace")
    return found if len(found) <= TEXT_CHARS else cut(found)


def any_value(raw: bytes) -> object:
    """The value of an ``AnyValue``: str, bool, int, float, list, dict or None.

    Bytes become base64, as in OTLP/JSON.

    Raises:
        MalformedError: It is none, or nested deeper than the parser goes (100).
    """
    if len(raw) > _LARGE_BYTES and raw[0] != _STRING:
        # Two bytes on the wire can become an object: not for this many.
        return f"<a value of {len(raw)} bytes>"
    try:
        return _value(_any(raw))
    except DecodeError as error:
        raise MalformedError(str(error)) from None


def attribute(raw: bytes) -> tuple[str, object]:
    """Name and value of a ``KeyValue``.

    Raises:
        MalformedError: It is none, or its value is none.
    """
    try:
        if len(raw) > _LARGE_BYTES:
            pair = _opaque_pair(raw)
            return text(pair.key), any_value(pair.value)
        pair = _pair(raw)
    except DecodeError as error:
        raise MalformedError(str(error)) from None
    return text(pair.key), _value(pair.value)


def read_all(raws: Message, read: Callable[[bytes], T]) -> tuple[list[T], int]:
    """What is in a repeated field of bytes.

    Malformed ones are removed from the message too: the Collector would refuse the
    whole request for one of them.

    Args:
        read: Makes a value of each, or raises `MalformedError`.

    Returns:
        What was read, and how many were left out.
    """
    kept: list[bytes] = raws[:MOST_PARTS]
    try:
        found = list(map(read, kept))
    except MalformedError:
        return _sound(raws, read)
    return found, len(raws) - len(kept)


def _sound(raws: Message, read: Callable[[bytes], T]) -> tuple[list[T], int]:
    found: list[T] = []
    good: list[bytes] = []
    for raw in raws:
        try:
            value = read(raw)
        except MalformedError:
            continue
        good.append(raw)
        if len(found) < MOST_PARTS:
            found.append(value)
    left_out = len(raws) - len(found)
    raws[:] = good
    return found, left_out


def bounded(fields: dict[str, object]) -> dict[str, object]:
    """*fields*, cut to what one item may hold; nested values are copies then."""
    return dict(plain_fields(fields))


def as_text(value: object) -> str:
    """A value of any kind as the text of an event; nested ones as JSON."""
    if type(value) is str:
        return value
    if value is None:
        return ""
    if type(value) is float:
        return str(value)  # JSON has no NaN
    plain = plain_fields({"": value})[""]
    return plain if type(plain) is str else orjson.dumps(plain).decode()


def _value(value: Message) -> object:
    kind: str | None = value.WhichOneof("value")
    if kind == "string_value":
        return text(value.string_value)
    if kind in _SCALARS:
        return getattr(value, kind)
    if kind == "array_value":
        return [_value(each) for each in value.array_value.values[:MOST_PARTS]]
    if kind == "kvlist_value":
        pairs = value.kvlist_value.values[:MOST_PARTS]
        return {text(pair.key): _value(pair.value) for pair in pairs}
    if kind == "bytes_value":
        return b64encode(value.bytes_value[:TEXT_CHARS]).decode()
    return None
