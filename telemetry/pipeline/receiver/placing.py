"""Where an attribute belongs in a line or a span, told at once for most of them.

An attribute that comes again byte for byte is looked up. Of the others, most have a
name that means nothing to us, and a short value: those are read by hand, at a third
of the cost of the parser. All the rest take the long way.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from struct import Struct
from typing import Final

from telemetry.capture.plain import NAME_CHARS
from telemetry.pipeline.receiver.attribute_reading import (
    REMEMBERED,
    SHORT_BYTES,
    attribute,
)

FIELD: Final = 0
"""A key of the caller's own."""
HEAVY: Final = 1
"""The same, and it may have to be cut, or copied."""
OWN: Final = 2
"""One of ours."""
UID: Final = 3
"""What tells repeats of a line."""

Placed = tuple[int, str, object]
"""An attribute: its place, its name there, its value."""

# Source: common.proto, with the rules of the wire: a field's tag is its number times 8,
# plus 0 for a varint, 1 for eight bytes, 2 for a length and as many bytes.
_KEY: Final = 0x0A
"""``KeyValue.key``."""
_VALUE: Final = 0x12
"""``KeyValue.value``."""
_STRING: Final = 0x0A
"""``AnyValue.string_value``, ``int_value`` and ``double_value``."""
_INT: Final = 0x18
_DOUBLE: Final = 0x21
_LEAST_BYTES: Final = 5
"""Two tags, two lengths, and the tag of the value."""
_DOUBLE_BYTES: Final = 8
_MOST_NAMES: Final = 4_096

_double: Final = Struct("<d").unpack_from


class Places(dict[bytes, Placed]):
    """The places of attributes: ``places[raw]``. Safe from several threads.

    A dict, as nothing in Python looks up faster; when it is full it begins anew.

    Args:
        special: Names that *place* does not always make a `FIELD` of that name.
        place: Finds the place; its value is shared by all who ask, and must not be
            changed.
    """

    def __init__(
        self, special: Container[str], place: Callable[[str, object], Placed]
    ) -> None:
        self._special = special
        self._place = place
        self._names: dict[bytes, str] = {}
        """Names that are not special, by their bytes."""

    def __missing__(self, raw: bytes) -> Placed:
        """Read *raw*.

        Raises:
            MalformedError: It is no attribute.
        """
        size = len(raw)
        if size > SHORT_BYTES:
            return self._place(*attribute(raw))
        placed = self._by_hand(raw, size)
        if placed is None:
            placed = self._place(*attribute(raw))
            self._learn(raw, placed)
        elif type(placed[2]) is float:
            return placed  # they seldom come again, and would push out what does
        if len(self) >= REMEMBERED:
            self.clear()
        self[raw] = placed
        return placed

    def _by_hand(self, raw: bytes, size: int) -> Placed | None:
        """The usual form: a known name; and a text, a number or a small integer."""
        # Lengths below 128 are one byte, and all are: the whole is not longer.
        if size <= _LEAST_BYTES or raw[0] != _KEY or size - raw[1] <= _LEAST_BYTES:
            return None
        at = 2 + raw[1]
        name = self._names.get(raw[2:at])
        if name is None or raw[at] != _VALUE or raw[at + 1] != size - at - 2:
            return None
        kind, at = raw[at + 2], at + 3
        if kind == _STRING and raw[at] == size - at - 1:
            return FIELD, name, raw[at + 1 :].decode("utf-8", "replace")
        if kind == _DOUBLE and size == at + _DOUBLE_BYTES:
            return FIELD, name, _double(raw, at)[0]
        if kind == _INT:
            number = _small_integer(raw, at, size)
            return None if number is None else (FIELD, name, number)
        return None

    def _learn(self, raw: bytes, placed: Placed) -> None:
        """Remember its name, if there is nothing to it."""
        place, name, _ = placed
        if place != FIELD or name in self._special or raw[:1] != b"\x0a":
            return
        key = raw[2 : 2 + raw[1]]
        if key == name.encode("utf-8", "replace"):
            if len(self._names) >= _MOST_NAMES:
                self._names.clear()
            self._names[key] = name


def is_heavy(name: str, value: object) -> bool:
    """Whether an attribute might have to be cut, or copied."""
    if len(name) > NAME_CHARS:
        return True
    if type(value) is str:
        return len(value) > SHORT_BYTES
    return type(value) is list or type(value) is dict


def _small_integer(raw: bytes, at: int, size: int) -> int | None:
    """A varint that ends with *raw* and is below 2**28; None for any other."""
    number = shift = 0
    for byte in raw[at : at + 4]:
        number |= (byte & 0x7F) << shift
        at += 1
        if byte < 1 << 7:
            return number if at == size else None
        shift += 7
    return None
