"""Our own lines inside a body, which its cancellation must not hit.

A sync body that logs, yields a chunk or calls another function runs code of ours
in its own thread, and `InputCancellation` may be raised between any two of its
lines. Where that would lose a neighbour's message or keep a lock for ever, the
code is shielded: an interruption waits until it is through.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Waker(Protocol):
    """What a blocked thread waits for."""

    def wake(self) -> None:
        """Let it look again."""
        ...


class Interruptible(Protocol):
    """A thread that can be interrupted.

    Attributes:
        waiter: What it waits for in a lock, which no exception reaches; an
            interruption wakes that too.
    """

    waiter: Waker | None

    def shielded(self, call: Callable[[], None]) -> None:
        """Call it without interruptions; one that comes is raised afterwards."""
        ...


class _Here(threading.local):
    interruptible: Interruptible | None = None


_HERE: Final = _Here()


def protect(interruptible: Interruptible) -> None:
    """Say that this thread can be interrupted, and how that is held off."""
    _HERE.interruptible = interruptible


def this_thread() -> Interruptible | None:
    """This thread, if it can be interrupted."""
    return _HERE.interruptible


def shielded(call: Callable[[], None]) -> None:
    """Call it without interruptions, wherever it is called."""
    interruptible = _HERE.interruptible
    if interruptible is None:
        call()
    else:
        interruptible.shielded(call)
