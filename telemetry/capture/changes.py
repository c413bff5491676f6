"""Tells the loggers that what they go by has changed: a sink, the box, the scrubber."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

_WATCHERS: Final[list[Callable[[], None]]] = []


def watch(call: Callable[[], None]) -> None:
    """Call *call* after each change from now on."""
    _WATCHERS.append(call)


def changed() -> None:
    """Something that lines go by is different now."""
    for call in _WATCHERS:
        call()
