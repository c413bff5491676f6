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

FEW: Final = 2
"""Where more are open, what nobody has a name for cannot be told to be of one of them,
and those who look for it need not hear of each."""

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
    """The open scopes of this process, and who is told of them."""

    def __init__(self) -> None:
        self.scopes: dict[InputScope, None] = {}
        self.epoch = object()
        # Ids of those that ended since somebody asked last, the newest of them.
        self.departed: deque[str] = deque(maxlen=_DEPARTED)
        self.begin: tuple[Hook, ...] = ()
        self.end: tuple[Hook, ...] = ()
        self.few_begin: tuple[Hook, ...] = ()
        self.few_end: tuple[Hook, ...] = ()
        self.few_change: tuple[Hook, ...] = ()


_HERE: Final = _Open()


def opened(scope: InputScope) -> None:
    """*scope* begins: call before its body runs, once ``SCOPE`` is set."""
    here = _HERE
    for hook in here.begin:
        try:
            hook(scope)
        except Exception as error:  # noqa: BLE001  # the input begins regardless
            failed(error, "scope")
    if here.few_begin and len(here.scopes) < FEW:
        _tell(here.few_begin, scope)
    here.scopes[scope] = None
    here.epoch = object()
    if here.few_change and len(here.scopes) <= FEW:
        _tell(here.few_change, scope)


def ended(scope: InputScope) -> None:
    """*scope* ends: call after its body, before ``scope.close()``; safe to repeat.

    Lines that it has begun and not ended are recorded now.
    """
    here = _HERE
    for hook in here.end:
        try:
            hook(scope)
        except Exception as error:  # noqa: BLE001  # the input ends regardless
            failed(error, "scope")
    if here.few_end and len(here.scopes) <= FEW:
        _tell(here.few_end, scope)
    # Race: 1. scope ends here; 2. the reader looks at what is open; 3. it looks at
    # the epoch. With the epoch renewed first, whoever misses the scope in 2 sees a
    # new epoch in 3. For `opened` it is the other way round.
    here.epoch = object()
    if here.scopes.pop(scope, _ABSENT) is not _ABSENT:
        here.departed.append(scope.input_id)
    if here.few_change and len(here.scopes) <= FEW:
        _tell(here.few_change, scope)


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


def watch(*, begin: Hook, end: Hook) -> None:
    """Tell of every scope from now on; safe to repeat.

    Args:
        begin: Called before the scope is open.
        end: Called while it is still open, and not yet closed.
    """
    _add(begin=begin, end=end)


def watch_few(*, begin: Hook, end: Hook, change: Hook) -> None:
    """As `watch`, but only while `FEW` scopes are open or less, with that one.

    Args:
        change: Called after either.
    """
    _add(few_begin=begin, few_end=end, few_change=change)


def _add(**wanted: Hook) -> None:
    for moment, hook in wanted.items():
        told = getattr(_HERE, moment)
        if hook not in told:
            setattr(_HERE, moment, (*told, hook))


def unwatch(*gone: Hook) -> None:
    """Tell the hooks *gone* no more."""
    for moment in ("begin", "end", "few_begin", "few_end", "few_change"):
        told = getattr(_HERE, moment)
        setattr(_HERE, moment, tuple(hook for hook in told if hook not in gone))


def _tell(hooks: tuple[Hook, ...], scope: InputScope) -> None:
    for hook in hooks:
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
