"""Whatever a caller logs, made plain: sendable, bounded, and without surprises.

A log call gets objects of any kind: with a ``repr`` that raises, that contain
themselves, that are ten megabytes long. What leaves this module holds nothing but
str, int, float, bool, None, list and dict, is encodable as JSON and as msgpack,
and has a size that is known beforehand.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias, cast

from telemetry.capture import scrubbing

Plain: TypeAlias = "str | float | bool | list[Plain] | dict[str, Plain] | None"
"""What is left: in typing, an int is a float as well."""

TEXT_CHARS: Final = 65_536
"""Characters of one text; what is beyond is cut, and the cut says how much."""

LINE_CHARS: Final = 262_144
"""Characters of all values of one line. Source: Loki's default ``max_line_size``."""

NAME_CHARS: Final = 256
"""Characters of a key."""

ITEMS: Final = 4_096
"""Values of one line, nested ones counted."""

DEPTH: Final = 8
"""Levels of nesting; what is deeper is described and not walked."""

_SMALL_CHARS: Final = 1_024
# Source: the integers of msgpack, orjson and OTLP alike; larger ones become text.
INT_MIN: Final = -(2**63)
INT_MAX: Final = 2**63 - 1
# CPython refuses to write longer ones in decimal (sys.set_int_max_str_digits).
_INT_DECIMAL_BITS: Final = 4_096


# Whatever a subclass makes of the name.
_ARGUMENTS: Final = BaseException.args.__get__  # type: ignore[attr-defined]  # a descriptor


class _Foreign(threading.local):
    """Whether this thread is inside a ``repr`` or ``str`` that we called."""

    busy: bool = False


_FOREIGN: Final = _Foreign()


def foreign(write: Callable[[], str], kind: str) -> str:
    """The text that code of others writes about itself, or a note why there is none.

    Such code may log, which asks for its text again, without end. So the inner
    line gets *kind* alone, and neither line is lost.

    Args:
        kind: What the text is about, for the note: the name of a type.
    """
    if _FOREIGN.busy:
        return f"<{kind}>"
    _FOREIGN.busy = True
    try:
        return write()
    except Exception as error:  # noqa: BLE001  # it is not our code, and not our failure
        return f"<unprintable {kind}: {type(error).__name__}>"
    finally:
        _FOREIGN.busy = False


def clean(text: str) -> str:
    """*text* without lone surrogates, which no encoding takes; they are escaped."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()
    return text


def cut(text: str, limit_chars: int = TEXT_CHARS) -> str:
    """*text*, or its beginning and how many characters are missing."""
    if len(text) <= limit_chars:
        return clean(text)
    # Scrubbed before it is cut: half a secret has no shape any more.
    kept = scrubbing.in_force.windowed(text, limit_chars)[:limit_chars]
    return f"{clean(kept)}… (+{len(text) - limit_chars} characters)"


def cut_middle(text: str, limit_chars: int = TEXT_CHARS) -> str:
    """*text*, or its beginning and its end; tracebacks say most at both."""
    if len(text) <= limit_chars:
        return clean(text)
    half = limit_chars // 2
    gone = f"\n… ({len(text) - 2 * half} characters left out) …\n"
    scrubber = scrubbing.in_force
    head = scrubber.windowed(text, half)[:half]
    tail = scrubber.text(text[-half - scrubbing.WINDOW_CHARS :])[-half:]
    return clean(head) + gone + clean(tail)


def plain_text(value: object) -> str:
    """*value* as the text of an event: a str as it is, all else by its ``str``."""
    if type(value) is str:
        return cut(value)
    kind = type(value)
    if issubclass(kind, BaseException) and kind.__str__ is BaseException.__str__:
        # Of one text: no code of others is run for it, so that a signal handler may
        # say it while this thread is asking another object for its text.
        args = _ARGUMENTS(value)
        if len(args) == 1 and type(args[0]) is str:
            return cut(args[0])
    return cut(foreign(lambda: str(value), type_name(value)))


def plain_fields(given: Mapping[str, object]) -> dict[str, Plain]:
    """The caller's own keys and values, made plain; never raises."""
    walk: _Walk | None = None
    fields: dict[str, Plain] = {}
    for name, value in given.items():
        # Most values are small and plain: told here, at no cost.
        if (
            value is None
            or type(value) is bool
            or type(value) is float
            or (type(value) is int and INT_MIN <= value <= INT_MAX)
            or (type(value) is str and len(value) < _SMALL_CHARS and value.isascii())
        ):
            fields[name] = value
        else:
            walk = walk or _Walk()
            fields[name] = walk.plain(value, DEPTH)
    if len(fields) > ITEMS or any(_is_bad_name(name) for name in fields):
        return (walk or _Walk()).mapping(fields, DEPTH)
    return fields


def type_name(value: object) -> str:
    """Name of the type, even of one whose metaclass is hostile."""
    try:
        return str(type(value).__name__)
    except Exception:  # noqa: BLE001  # a metaclass may do anything
        return "object"


def _is_bad_name(name: str) -> bool:
    return type(name) is not str or len(name) > NAME_CHARS or not name.isascii()


class _Walk:
    """One walk over the values of one line; it knows what it may still spend."""

    __slots__ = ("_chars", "_items", "_open")

    def __init__(self) -> None:
        self._chars = LINE_CHARS
        self._items = ITEMS
        self._open: set[int] = set()

    def plain(self, value: object, depth: int) -> Plain:
        """*value* made plain; never raises."""
        self._items -= 1
        try:
            return self._known(value, depth)
        except Exception as error:  # noqa: BLE001  # subclasses of builtins may do anything
            return f"<unprintable {type_name(value)}: {type(error).__name__}>"

    def _known(self, value: object, depth: int) -> Plain:
        # The type is asked and not isinstance: `__class__` may be a lie (a mock).
        kind = type(value)
        if value is None or value is True or value is False:
            return value
        if issubclass(kind, str):
            return self._text(str.__str__(cast("str", value)))  # of a str enum, too
        if issubclass(kind, int):
            return self._integer(int.__int__(cast("int", value)))
        if issubclass(kind, float):
            return float.__float__(cast("float", value))
        if issubclass(kind, dict) or kind is list or kind is tuple:
            return self._nested(
                cast("dict[object, object] | list[object]", value), depth
            )
        return self._text(foreign(lambda: repr(value), type_name(value)))

    def _text(self, text: str) -> str:
        text = cut(text, min(TEXT_CHARS, max(self._chars, 0)))
        self._chars -= len(text)
        return text

    def _integer(self, number: int) -> int | str:
        if INT_MIN <= number <= INT_MAX:
            return number
        bits = number.bit_length()
        return str(number) if bits <= _INT_DECIMAL_BITS else f"<int of {bits} bits>"

    def _nested(self, value: dict[object, object] | list[object], depth: int) -> Plain:
        if id(value) in self._open:
            # As Python itself writes what contains itself.
            return "{...}" if isinstance(value, dict) else "[...]"
        if depth == 0:
            return f"<{type_name(value)}, nested deeper than {DEPTH}>"
        self._open.add(id(value))
        try:
            if isinstance(value, dict):
                return self.mapping(value, depth - 1)
            return self._sequence(value, depth - 1)
        finally:
            self._open.discard(id(value))

    def _sequence(self, value: Iterable[object], depth: int) -> list[Plain]:
        result: list[Plain] = []
        for item in value:
            if self._items <= 0:
                result.append("… (more items)")
                break
            result.append(self.plain(item, depth))
        return result

    def mapping(self, value: Mapping[Any, object], depth: int) -> dict[str, Plain]:
        """A dict made plain, keys too."""
        result: dict[str, Plain] = {}
        for key, item in value.items():
            if self._items <= 0:
                result["…"] = "(more items)"
                break
            result[self._name(key)] = self.plain(item, depth)
        return result

    def _name(self, key: object) -> str:
        if isinstance(key, str):
            return cut(str.__str__(key), NAME_CHARS)
        return cut(foreign(lambda: repr(key), type_name(key)), NAME_CHARS)
