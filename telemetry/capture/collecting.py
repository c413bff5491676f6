"""Whether this thread is collecting garbage: then nobody knows whose it is.

A cycle that one input has left is collected while another one runs, whenever enough
has been allocated. What its finalisers say there (a ``ResourceWarning``, an exception
in ``__del__``) belongs to neither for certain.
"""

from __future__ import annotations

import gc
import threading
from typing import Final

from telemetry.core.scope import SCOPE, InputScope


class _Collecting:
    """Threads that collect now, and how many roads want to know."""

    def __init__(self) -> None:
        self.threads: set[int] = set()
        self.wanted: set[str] = set()

    def __call__(self, phase: str, info: object) -> None:  # noqa: ARG002  # gc gives both
        # Called by the collector, before and after, on the thread that collects.
        if phase == "start":
            self.threads.add(threading.get_ident())
        else:
            self.threads.discard(threading.get_ident())


_COLLECTING: Final = _Collecting()


def watch_collections(road: str) -> None:
    """Note collections from now on, for *road*."""
    _COLLECTING.wanted.add(road)
    if _COLLECTING not in gc.callbacks:
        gc.callbacks.append(_COLLECTING)


def ignore_collections(road: str) -> None:
    """*road* wants it no longer."""
    _COLLECTING.wanted.discard(road)
    if not _COLLECTING.wanted and _COLLECTING in gc.callbacks:
        gc.callbacks.remove(_COLLECTING)
        _COLLECTING.threads.clear()


def speaker() -> tuple[InputScope | None, tuple[str, ...]]:
    """The scope of what is said here, or else the ids of those who may have said it.

    The input that runs during a collection is one candidate: most garbage is young.
    """
    scope = SCOPE.get()
    if scope is None or threading.get_ident() not in _COLLECTING.threads:
        return scope, ()
    return None, (scope.input_id,)
