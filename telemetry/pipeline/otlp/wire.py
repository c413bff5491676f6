"""Protobuf by hand: the few forms of it that OTLP needs.

An encoder that builds no objects: the bytes of what is constant are made once, the
rest is put between them. Source of the forms: protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import Final, NamedTuple

VARINT: Final = 0
FIXED64: Final = 1
BYTES: Final = 2
FIXED32: Final = 5
"""The wire types; 3 and 4 are groups, which nobody writes any more."""

_MORE: Final = 0x80
_LOW: Final = 0x7F
_LOW_14: Final = (1 << 14) - 1
_MASK64: Final = (1 << 64) - 1
MOST_VARINT: Final = 10
"""Bytes of the longest varint. Source: a 64-bit number in groups of seven bits."""

_CONTINUED: Final = tuple(
    bytes((low | _MORE, high | _MORE)) for high in range(128) for low in range(128)
)
"""The lowest 14 bits of a number that has more of them."""
VARINTS: Final = (
    *(bytes((number,)) for number in range(128)),
    *(bytes((low | _MORE, high)) for high in range(1, 128) for low in range(128)),
)
"""The varints of one and two bytes, by number: most lengths are among them."""
KNOWN_VARINTS: Final = len(VARINTS)

fixed64: Final = Struct("<Q").pack
double: Final = Struct("<d").pack


class MalformedError(ValueError):
    """The bytes are no protobuf message."""


def varint(number: int) -> bytes:
    """A number of at most 64 bits; negative ones as two's complement."""
    if 0 <= number < KNOWN_VARINTS:
        return VARINTS[number]
    number &= _MASK64
    out = b""
    while number >= KNOWN_VARINTS:
        out += _CONTINUED[number & _LOW_14]
        number >>= 14
    return out + VARINTS[number]


def tag(field: int, kind: int) -> bytes:
    """What stands before the value of a field."""
    return varint(field << 3 | kind)


def length(count: int) -> bytes:
    """The varint of a length."""
    return VARINTS[count] if count < KNOWN_VARINTS else varint(count)


def framed(head: bytes, body: bytes) -> bytes:
    """A field that holds bytes, a text or a message; *head* is its `tag`."""
    return head + length(len(body)) + body


class Field(NamedTuple):
    """A field of a message, as it was found.

    Attributes:
        number: What the schema calls it.
        kind: A wire type.
        value: The number, or where the bytes begin.
        end: Behind its last byte.
    """

    number: int
    kind: int
    value: int
    end: int


def fields(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Field]:
    """The fields of the message that lies in *data* from *start* to *end*.

    Raises:
        MalformedError: It is no message.
    """
    at, end = start, len(data) if end is None else end
    while at < end:
        key, at = read_varint(data, at, end)
        kind = key & 7
        if kind == VARINT:
            value, at = read_varint(data, at, end)
        elif kind == BYTES:
            size, value = read_varint(data, at, end)
            at = value + size
        elif kind in _FIXED:
            value = int.from_bytes(data[at : at + _FIXED[kind]], "little")
            at += _FIXED[kind]
        else:
            raise MalformedError(f"wire type {kind} at byte {at}")
        if at > end:
            raise MalformedError(f"a field ends at byte {at}, its message at {end}")
        yield Field(key >> 3, kind, value, at)


def read_varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """The varint at *at*, and what comes behind it.

    Raises:
        MalformedError: It does not end.
    """
    number = shift = 0
    for place in range(at, min(at + MOST_VARINT, end)):
        byte = data[place]
        number |= (byte & _LOW) << shift
        if byte < _MORE:
            return number & _MASK64, place + 1
        shift += 7
    raise MalformedError(f"a varint without an end at byte {at}")


_FIXED: Final = {FIXED64: 8, FIXED32: 4}
