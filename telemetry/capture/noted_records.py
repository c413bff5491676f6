"""Records of ``logging`` that went through our hands, and how far they came.

A record says whose it is from the moment it is made, in its attributes: so it keeps
its identity in the thread of a ``QueueListener``, and on its way through a socket.
What has become of it is told by its class, which ``copy.copy`` keeps and which no
formatter prints: *bound* or *unbound* when it is made, *left* once it is a line.
"""

from __future__ import annotations

import copyreg
import logging
from collections.abc import Mapping
from typing import Any, Final

from telemetry.capture.log_identity import NAMES, identity_for, set_aside
from telemetry.capture.otel_context import OTEL
from telemetry.core.scope import SCOPE

# How pickle itself makes an object of any class; unlike __newobj__, it lets us say
# which. Any process can load it.
_PICKLED_BY: Final = copyreg._reconstructor  # type: ignore[attr-defined]  # noqa: SLF001  # private, and in each pickle since 2.3
LEFT_KEY: Final = "_telemetry_left"
"""Attribute of a record that is a line already, where its class cannot say so."""

_FRESH: Final = vars(logging.LogRecord("", 0, "", 0, "", (), None))
MADE: Final = len(_FRESH)
"""How many attributes ``logging`` itself sets, before all others."""
LAST: Final = tuple(_FRESH)[-1]
"""The last of them."""
STANDARD: Final = frozenset(
    {
        *_FRESH,
        "asctime",
        "message",
        "taskName",  # since 3.12; a record may come from there
        LEFT_KEY,
    }
)
"""Attributes that are no fields of a line."""


class Noted(logging.LogRecord):
    """A record that went through our hands; its class says how far it came."""

    plain: type[logging.LogRecord] = logging.LogRecord
    left = False

    def __copy__(self) -> logging.LogRecord:
        # QueueHandler copies each record: the copy has been seen as well.
        copied = logging.LogRecord.__new__(type(self))
        vars(copied).update(vars(self))
        return copied

    def __reduce_ex__(self, protocol: object, /) -> tuple[Any, ...]:
        # As the class it was: who loads it may not have the toolkit.
        state = dict(vars(self))
        if self.left:
            state[LEFT_KEY] = True
        return _PICKLED_BY, (self.plain, object, None), state


class Bound(Noted):
    """Made inside an input, which its attributes name."""


class Unbound(Noted):
    """Made outside of any input."""


class Left(Noted):
    """It has become a line: it is not to become another."""

    left = True


_VARIANTS: Final[dict[tuple[type, type], type[logging.LogRecord]]] = {}


def become(record: logging.LogRecord, kind: type[Noted]) -> None:
    """Give *record* the class that says *kind*, and is its own in all else."""
    current = type(record)
    plain = current.plain if issubclass(current, Noted) else current
    variant = _VARIANTS.get((kind, plain))
    if variant is None:
        if plain is logging.LogRecord:
            variant = kind
        else:
            parts = {"__slots__": (), "plain": plain, "__module__": plain.__module__}
            variant = type(plain.__name__, (kind, plain), parts)
        _VARIANTS[kind, plain] = variant
    try:
        record.__class__ = variant
    except TypeError:
        # A class of slots alone, written in C: it says so in an attribute.
        if kind is Left:
            vars(record)[LEFT_KEY] = True


def stamp_record(
    record: logging.LogRecord, extra: Mapping[str, object] | None = None
) -> None:
    """Note in *record*, which is made here and now, the input that made it.

    Args:
        extra: What the caller of ``logging`` has added, if that is known.
    """
    scope = SCOPE.get()
    kind: type[Noted] = Unbound
    if scope is not None:
        kind, found = Bound, record.__dict__
        others = len(found) - MADE  # more than logging itself has set
        if others and (len(extra or ()) != others or not _FREE(extra or ())):
            if found.get("input_id") is scope.input_id and "attempt" in found:
                become(record, kind)
                return
            set_aside(found)
        named = scope.named
        if named is None or scope.closed or OTEL.get() is not scope.otel:
            named = identity_for(scope)
        found.update(named)
    if type(record) is logging.LogRecord:
        record.__class__ = kind
    else:
        become(record, kind)


_FREE: Final = frozenset(NAMES).isdisjoint


def has_left(record: logging.LogRecord) -> bool:
    """Whether a line was made of *record* already, be it in another process."""
    return isinstance(record, Left) or LEFT_KEY in vars(record)
