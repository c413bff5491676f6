"""How many messages a large body would become, counted before any of them is made.

Two bytes are enough for an empty message, which takes a hundred in memory: a body of
64 MiB can be three gigabytes of objects. So a large one is walked over first, field by
field, and left as soon as it holds too many.

Source: protobuf's wire format.
"""

from __future__ import annotations

from typing import Final

from telemetry.pipeline.outbox import Signal
from telemetry.pipeline.receiver.attribute_reading import MalformedError

_Way = tuple[frozenset[int], ...]

_ITEMS: Final = (frozenset({1}), frozenset({2}), frozenset({2}))
"""Resources, scopes, and records, spans or metrics: the fields that lead down."""
_KINDS: Final = frozenset({5, 7, 9, 10, 11})
"""The fields of ``Metric`` that hold data points, which are field 1 of each."""
_WAYS: Final[dict[Signal, _Way]] = {
    "logs": _ITEMS,
    "spans": _ITEMS,
    "metrics": (*_ITEMS, _KINDS, frozenset({1})),
}
_VARINT, _I64, _LEN, _I32 = 0, 1, 2, 5
_VARINT_BYTES: Final = 10


def messages_in(signal: Signal, body: bytes, most: int) -> int:
    """Messages down to the items, those around them included.

    Returns:
        Their number; more than *most* as soon as there are more than that.

    Raises:
        MalformedError: The fields do not add up.
    """
    try:
        return _walk(memoryview(body), _WAYS[signal], most)
    except IndexError:
        raise MalformedError("a field ends beyond its message") from None


def _walk(view: memoryview, way: _Way, most: int) -> int:
    if not way:
        return 0
    wanted, below = way[0], way[1:]
    count = at = 0
    end = len(view)
    while at < end and count <= most:
        tag, at = _varint(view, at)
        wire = tag & 7
        if wire == _LEN:
            size, at = _varint(view, at)
            if size > end - at:
                raise MalformedError("a field ends beyond its message")
            if tag >> 3 in wanted:
                count += 1 + _walk(view[at : at + size], below, most - count)
            at += size
        elif wire == _VARINT:
            _, at = _varint(view, at)
        elif wire == _I64:
            at += 8
        elif wire == _I32:
            at += 4
        else:
            raise MalformedError(f"there is no wire type {wire}")
    return count


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    """The number that begins at *at*, and where the next thing begins."""
    byte = view[at]
    if byte < 1 << 7:
        return byte, at + 1
    number = 0
    for shift in range(0, 7 * _VARINT_BYTES, 7):
        byte = view[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 1 << 7:
            return number, at
    raise MalformedError("a number is longer than ten bytes")
