"""Attributes, the short way: what was encoded once is found again by key and value.

Most keys come again with each record, and many values do. So a ``KeyValue`` whose
value was seen is one lookup, and one whose value is new has all but that value ready.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Final

from telemetry.capture.plain import NAME_CHARS
from telemetry.pipeline.otlp.values import (
    BOOL,
    DOUBLE,
    INT,
    KEY,
    NO_NAME,
    STRING,
    VALUE,
    any_value,
    attribute,
    utf8,
)
from telemetry.pipeline.otlp.wire import (
    BYTES,
    MOST_VARINT,
    double,
    framed,
    length,
    tag,
    varint,
)

_VALUES: Final = 64
"""Values that are remembered of one key. An id is new each time: it would fill any
memory, and must not."""
_SHORT: Final = 64
"""Bytes of the longest text that is remembered; what stands before those is ready."""
_KEYS: Final = 256
"""Keys that are remembered; then all is forgotten, and learned anew."""
_INT_MAX: Final = 2**63


class UnusualError(Exception):
    """The short way does not do for this; the thorough one has to be taken."""


class Key:
    """All that is ready of the attributes of one key.

    Args:
        head: The tag of the repeated field.

    Attributes:
        texts: Encoded attributes by their values, as far as they are remembered.
        numbers: The same.
        double: All but the eight bytes of the number.
    """

    __slots__ = (
        *("_befores", "_head", "_ints", "_name", "_room"),
        *("double", "false", "none", "numbers", "texts", "true"),
    )

    def __init__(self, head: bytes, key: str) -> None:
        self._head = head
        self._name = framed(KEY, utf8(key or NO_NAME))
        self._befores: list[bytes | None] = [None] * _SHORT
        self._ints: list[bytes | None] = [None] * (MOST_VARINT + 1)
        self._room = _VALUES
        self.texts: dict[str, bytes] = {}
        self.numbers: dict[int, bytes] = {}
        self.double = self._before(8, DOUBLE)
        self.true = self._whole(BOOL + b"\1")
        self.false = self._whole(BOOL + b"\0")
        self.none = self._whole(b"")

    def text(self, value: str) -> bytes:
        """The attribute, when it is not among `texts`."""
        try:
            data = value.encode()
        except UnicodeEncodeError:
            data = utf8(value)
        size = len(data)
        if size >= _SHORT:
            return self._whole(framed(STRING, data))
        before = self._befores[size]
        if before is None:
            before = self._before(size, STRING + length(size))
            self._befores[size] = before
        found = before + data
        if self._room:
            self._room -= 1
            self.texts[value] = found
        return found

    def number(self, value: int) -> bytes:
        """The attribute, when it is not among `numbers`."""
        if not -_INT_MAX <= value < _INT_MAX:
            return self._whole(any_value(value))
        data = varint(value)
        size = len(data)
        before = self._ints[size]
        if before is None:
            before = self._ints[size] = self._before(size, INT)
        found = before + data
        if self._room:
            self._room -= 1
            self.numbers[value] = found
        return found

    def _before(self, size: int, head: bytes) -> bytes:
        """What stands before a value of *size* bytes, with the *head* of its kind."""
        value = VALUE + length(len(head) + size) + head
        inner = len(self._name) + len(value) + size
        return self._head + length(inner) + self._name + value

    def _whole(self, value: bytes) -> bytes:
        return self._before(len(value), b"") + value


class Attributes:
    """Encodes attributes as one repeated field. Not safe for several threads.

    Args:
        field: Its number.
        refused: Keys that need more than encoding. Where they are given, so does a
            value that is neither text, number nor None.
    """

    def __init__(self, field: int, refused: Container[str] | None = None) -> None:
        self._head = tag(field, BYTES)
        self._refused = refused
        self._keys: dict[str, Key] = {}

    def put(self, given: Mapping[str, object], parts: list[bytes]) -> None:
        """Append each of *given* to *parts*.

        Raises:
            UnusualError: A key or a value is refused.
        """
        keys, append, pack = self._keys, parts.append, double
        text, integer, real, truth = str, int, float, bool  # a global costs a lookup
        for name, value in given.items():
            try:
                key = keys[name]
            except KeyError:
                key = self._learn(name)
            kind = type(value)
            if kind is text:
                append(key.texts.get(value) or key.text(value))  # type: ignore[call-overload, arg-type]  # it is one
            elif kind is integer:
                append(key.numbers.get(value) or key.number(value))  # type: ignore[call-overload, arg-type]  # it is one
            elif kind is real:
                append(key.double)
                append(pack(value))
            elif kind is truth:
                append(key.true if value else key.false)
            elif value is None:
                append(key.none)
            else:
                append(self._other(name, value))

    def _other(self, name: str, value: object) -> bytes:
        if self._refused is not None:
            raise UnusualError
        return attribute(self._head, name, value)

    def _learn(self, name: str) -> Key:
        if self._refused is not None and (
            name in self._refused or len(name) > NAME_CHARS
        ):
            raise UnusualError
        if len(self._keys) >= _KEYS:
            self._keys.clear()
        key = self._keys[name] = Key(self._head, name)
        return key
