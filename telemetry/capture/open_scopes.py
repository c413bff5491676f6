"""Which inputs run in this process now, for output that carries no context.

What is written to a descriptor by C code or by a child process has no thread and no
task. It can be given to an input only when that input ran alone all the while.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from telemetry.capture.sink import failed
from telemetry.core.scope import InputScope

Hook: TypeAlias = Callable[[InputScope], object]
"""Told of a scope, on the thread where it begins or ends."""

_DEPARTED: Final = 1_000


class Moment(NamedTuple):
    """The open scopes at a moment.

    Attributes:
        scopes: Those that are open.
        epoch: The same object as at another moment: no scope has begun or ended
            in between.
    """

    scopes: tuple[InputScope, ...]
    epoch: object


class _Open:
    """The open scopes of this process."""

    def __init__(self) -> None:
        self.scopes: dict[InputScope, None] = {}
        self.epoch = object()
        # Ids of those that ended since somebody asked last, the newest of them.
        self.departed: deque[str] = deque(maxlen=_DEPARTED)
        self.begin_hooks: tuple[Hook, ...] = ()
        self.end_hooks: tuple[Hook, ...] = ()
        self.change_hooks: tuple[Hook, ...] = ()


_HERE: Final = _Open()


def opened(scope: InputScope) -> None:
    """*scope* begins: call before its body runs, once ``SCOPE`` is set."""
    here = _HERE
    for hook in here.begin_hooks:
        _tell(hook, scope)
    here.scopes[scope] = None
    here.epoch = object()
    for hook in here.change_hooks:
        _tell(hook, scope)


def ended(scope: InputScope) -> None:
    """*scope* ends: call after its body, before ``scope.close()``; safe to repeat.

    Lines that it has begun and not ended are recorded now.
    """
    here = _HERE
    for hook in here.end_hooks:
        _tell(hook, scope)
    # Race: 1. scope ends here; 2. the reader looks at what is open; 3. it looks at
    # the epoch. With the epoch renewed first, whoever misses the scope in 2 sees a
    # new epoch in 3. For `opened` it is the other way round.
    here.epoch = object()
    if here.scopes.pop(scope, _ABSENT) is not _ABSENT:
        here.departed.append(scope.input_id)
    for hook in here.change_hooks:
        _tell(hook, scope)


def count() -> int:
    """How many scopes are open."""
    return len(_HERE.scopes)


def now() -> Moment:
    """The open scopes now."""
    scopes = tuple(_HERE.scopes)  # before the epoch: see `ended`
    return Moment(scopes, _HERE.epoch)


def departed() -> tuple[str, ...]:
    """Ids of the scopes that ended since the last call, 1,000 of them at most."""
    queue = _HERE.departed
    found: list[str] = []
    while queue:
        try:
            found.append(queue.popleft())
        except IndexError:  # somebody else took the last one
            break
    return tuple(found)


def watch(
    *, begin: Hook | None = None, end: Hook | None = None, change: Hook | None = None
) -> None:
    """Tell of every scope from now on; safe to repeat.

    Args:
        begin: Called before the scope is open.
        end: Called while it is still open, and not yet closed.
        change: Called after either.
    """
    here = _HERE
    if begin is not None and begin not in here.begin_hooks:
        here.begin_hooks += (begin,)
    if end is not None and end not in here.end_hooks:
        here.end_hooks += (end,)
    if change is not None and change not in here.change_hooks:
        here.change_hooks += (change,)


def unwatch(*gone: Hook) -> None:
    """Tell the hooks *gone* no more."""
    here = _HERE
    here.begin_hooks = tuple(hook for hook in here.begin_hooks if hook not in gone)
    here.end_hooks = tuple(hook for hook in here.end_hooks if hook not in gone)
    here.change_hooks = tuple(hook for hook in here.change_hooks if hook not in gone)


def _tell(hook: Hook, scope: InputScope) -> None:
    try:
        hook(scope)
    except Exception as error:  # noqa: BLE001  # an input begins and ends regardless
        failed(error, "scope")


_ABSENT: Final = object()


def _forget() -> None:
    # The threads that ran them are not in the child.
    _HERE.scopes = {}
    _HERE.departed.clear()
    _HERE.epoch = object()


os.register_at_fork(after_in_child=_forget)
