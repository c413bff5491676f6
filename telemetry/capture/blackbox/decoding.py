"""From the bytes of a record to its parts. What comes again is decoded once.

All that a line says of its logger, its input and its thread is the same bytes in every
line of theirs. So they are looked up by these bytes, and only what was said is decoded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
from msgspec import Raw

from telemetry.capture.blackbox.records import EXECUTION, LINE_KINDS, SPAN
from telemetry.capture.span_records import FinishedSpan, Settled

_REMEMBERED: Final = 512
"""Heads that are remembered; then all are forgotten, and learned anew."""
_HEAD_BYTES: Final = 2_048
"""Of the longest head that is remembered: those of large batches take much room."""
_SIZES: Final = 32
"""Lengths that they may have: each is one look more for a line that has another."""

_LINE: Final = 0x95
"""How a line begins in msgpack: an array of five."""
_LONGER: Final = 0x96
"""The same for a line of six parts."""
_OTHER: Final = 0x94
"""How an execution or a span begins: an array of four."""
_PAIR: Final = b"\x92"
"""An array of two: the last two parts of a line become one value, to be decoded."""


class Head:
    """How lines begin: level, logger, identity and thread.

    All lines of a box that begin alike have the same one, so whoever makes something
    of it can do so once, and find it again by the head itself.

    Attributes:
        parts: The first four of the record. To be looked at only.
    """

    __slots__ = ("parts",)

    def __init__(self, parts: tuple[Any, ...]) -> None:
        self.parts: Final = parts


class Said(msgspec.Struct, array_like=True, forbid_unknown_fields=True, gc=False):
    """What a line says, behind its head. To be looked at only.

    ``gc=False`` is safe: what was decoded is in no cycle. It is worth half of all that
    reading costs: records live for a while, in which the collector would look at
    each of them again and again.

    Attributes:
        more: The sixth part of the line, if it has one.
    """

    unix_ns: int
    event: str
    args: tuple[Any, ...]
    keys: dict[str, Any]
    more: dict[str, Any] | None = None


Decoded = tuple[Any, Head | None]
"""What a line of the usual form says, as a `Said`, and its head. Of all others the
whole record, and None: see `telemetry.capture.blackbox.records`. What an execution or
a span says is a `Settled` or a `FinishedSpan` in it, if it can be one."""


def whole(what: Any, head: Head | None) -> Sequence[Any]:  # noqa: ANN401  # of a `Decoded`
    """The record as it was written, with all its parts."""
    if head is None:
        record: Sequence[Any] = what
        return record
    said = (what.unix_ns, what.event, what.args, what.keys)
    more = () if what.more is None else (what.more,)
    return *head.parts, said, *more


class RecordDecoder:
    """Decodes the records of one box. Not safe for several threads."""

    def __init__(self) -> None:
        self._heads: dict[bytes, Head] = {}
        # The lengths that heads have, the last that was found first.
        self._sizes: list[int] = []

    def decode(self, body: bytes) -> Decoded | None:
        """The record that *body* holds; None when there is none."""
        heads = self._heads
        for at, size in enumerate(self._sizes):
            # No value of msgpack is the beginning of another one: whatever begins
            # with the bytes of a head has this head.
            head = heads.get(body[:size])
            if head is None:
                continue
            if at:
                self._sizes.insert(0, self._sizes.pop(at))
            try:
                return _said_in(body, size), head
            except _NOT_DECODED:
                return _otherwise(body)
        return self._learned(body) or _otherwise(body)

    def _learned(self, body: bytes) -> Decoded | None:
        """The line that *body* holds, whose head is remembered; None for others."""
        split = _SPLIT.get(body[0]) if len(body) > _HEAD_PARTS else None
        if split is None or body[1] not in LINE_KINDS:
            return None
        try:
            parts = split(body)
            raw, tail = parts[:_HEAD_PARTS], parts[_HEAD_PARTS:]
            size = len(body) - sum(map(len, tail))
            said = _said_in(body, size)
            head = Head(tuple(map(_fixed, map(_anything_in, raw))))
        except _NOT_DECODED:
            return None
        if size > _HEAD_BYTES:
            return said, head
        if len(self._heads) >= _REMEMBERED or len(self._sizes) >= _SIZES:
            self._heads.clear()
            self._sizes.clear()
        self._heads[body[:size]] = head
        if size not in self._sizes:
            self._sizes.insert(0, size)
        return said, head


def _said_in(body: bytes, size: int) -> Said:
    """What a line says whose head has so many bytes.

    Raises:
        ValueError, RecursionError: It is none of the usual form.
    """
    if body[0] == _LINE:
        return _four_parts_in(body[size:])
    said: Said
    said, more = _two_parts_in(_PAIR + body[size:])
    said.more = more
    return said


def _otherwise(body: bytes) -> Decoded | None:
    """The same for a record of any form."""
    typed = _TYPED.get(body[1]) if len(body) > 1 and body[0] == _OTHER else None
    if typed is not None:
        try:
            return typed(body), None
        except _NOT_DECODED:
            pass
    try:
        record = _anything_in(body)
    except _NOT_DECODED:
        return None
    return (record, None) if isinstance(record, list) and record else None


def _fixed(part: Any) -> Any:  # noqa: ANN401  # it may be anything
    """A list as a tuple, which the garbage collector soon looks at no more."""
    return tuple(part) if isinstance(part, list) else part


_NOT_DECODED: Final = (msgspec.DecodeError, ValueError, RecursionError)
_HEAD_PARTS: Final = 4
_anything_in: Final = msgspec.msgpack.Decoder().decode
_four_parts_in: Final = msgspec.msgpack.Decoder(Said).decode
_two_parts_in: Final = msgspec.msgpack.Decoder(tuple[Said, dict[str, Any]]).decode
_SPLIT: Final[dict[int, Callable[[bytes], tuple[Raw, ...]]]] = {
    _LINE: msgspec.msgpack.Decoder(tuple[Raw, Raw, Raw, Raw, Raw]).decode,
    _LONGER: msgspec.msgpack.Decoder(tuple[Raw, Raw, Raw, Raw, Raw, Raw]).decode,
}
_TYPED: Final[dict[int, Callable[[bytes], tuple[Any, ...]]]] = {
    EXECUTION: msgspec.msgpack.Decoder(tuple[int, None, int, Settled]).decode,
    SPAN: msgspec.msgpack.Decoder(tuple[int, None, int, FinishedSpan]).decode,
}
"""By the kind of a record: how it is decoded."""
