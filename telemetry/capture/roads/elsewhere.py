"""Telling the road of the streams what is captured before it is written there.

A handler of the program writes to stderr what the road of logging has recorded
already. Such a write passes through the streams as it is, and makes no line.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable
from types import TracebackType
from typing import Final

_STREAMS: Final = "telemetry.capture.roads.streams"

INSIDE: Final[list[None]] = []
"""As many entries as threads are within something that writes what is a line already:
a write that begins or ends no line is asked who it is from only then."""


class _Depth(threading.local):
    depth: int = 0


class OnlyInside(str):
    """Name of a module whose writes are captured elsewhere on some threads only.

    ``traceback`` writes what a hook of Python's has to say, and elsewhere what the
    program has. As an element of the set of such modules, this equals the name
    while its thread is inside of ``with``, and nothing else at any other time.
    """

    __slots__ = ("_here",)

    def __init__(self, _: str) -> None:
        self._here = _Depth()

    def __eq__(self, other: object) -> bool:
        return self is other or (self._here.depth > 0 and str.__eq__(self, other))

    __hash__ = str.__hash__

    def __enter__(self) -> None:
        self._here.depth += 1
        INSIDE.append(None)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._here.depth -= 1
        INSIDE.pop()


def captured_elsewhere(modules: Iterable[str]) -> None:
    """What these modules write to a stream is a line already."""
    _set().update(modules)


def released(modules: Iterable[str]) -> None:
    """What these modules write to a stream is a line of the stream again."""
    if _STREAMS in sys.modules:
        _set().difference_update(modules)


def _set() -> set[str]:
    # Not at the top: a road is imported only when it is wanted.
    from telemetry.capture.roads import streams  # noqa: PLC0415  # see above

    return streams.CAPTURED_ELSEWHERE
