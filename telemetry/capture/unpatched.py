"""The write of a stream as the program had it, for output of our own.

The console writes to ``sys.stderr``, whose ``write`` may be ours to capture what the
program writes. What the console writes is a record already, and must not become
another one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol, TypeAlias, cast

Write: TypeAlias = Callable[[str], Any]
"""The ``write`` of a text stream."""

# Terminals ignore what stands between ESC _ and ESC \ (APC; source: ECMA-48, 8.3.2),
# should a mark ever reach one.
MARK_ON: Final = "\x1b_telemetry+\x1b\\"
"""Stands before text that is recorded already, on descriptors that are captured."""

MARK_OFF: Final = "\x1b_telemetry-\x1b\\"
"""Stands behind it."""

_DESCRIPTORS: Final = frozenset({1, 2})


class Writable(Protocol):
    """A text stream."""

    def write(self, text: str, /) -> object:
        """Take *text*."""
        ...


# By id: not every stream can be a key. A stream is alive as long as it is in here.
_ORIGINALS: Final[dict[int, tuple[Writable, Write]]] = {}


class _Marks:
    """Whether text for descriptors 1 and 2 is marked."""

    on = False


def unpatched(stream: Writable) -> Write:
    """The write of *stream* that leaves no record."""
    known = _ORIGINALS.get(id(stream))
    return through(stream, stream.write if known is None else known[1])


def through(stream: Writable, original: Write) -> Write:
    """*original*, marking what it writes where the descriptors are captured too."""
    if not _Marks.on or _descriptor(stream) not in _DESCRIPTORS:
        return original

    def write(text: object, /) -> object:
        if not isinstance(text, str) or not text:
            return original(cast("str", text))  # raises as it always did
        original(f"{MARK_ON}{text}{MARK_OFF}")
        return len(text)

    return write


def remember(stream: Writable, original: Write) -> None:
    """The write of *stream* is being replaced; *original* is what it was."""
    _ORIGINALS[id(stream)] = stream, original


def forget(stream: Writable) -> None:
    """The write of *stream* is its own again."""
    _ORIGINALS.pop(id(stream), None)


def mark(*, enabled: bool) -> None:
    """Mark what Python writes to descriptors 1 and 2 as recorded, or do so no more."""
    _Marks.on = enabled


def _descriptor(stream: object) -> int | None:
    try:
        fd: int = stream.fileno()  # type: ignore[attr-defined]  # or it has none
    except (AttributeError, OSError, ValueError):
        return None
    return fd
