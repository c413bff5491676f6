"""Records of the standard library's ``logging``: stamped, read, and left as lines.

A record says whose it is from the moment it is made, in its attributes: so it keeps
its identity in the thread of a ``QueueListener``, and on its way through a socket.
What has become of it is told by its class, which ``copy.copy`` keeps and which no
formatter prints: *bound* or *unbound* when it is made, *left* once it is a line.
"""

from __future__ import annotations

import copyreg
import logging
import os
import sys
import threading
from itertools import islice
from typing import Any, Final

from telemetry.capture import recording
from telemetry.capture.exceptions import exception_text
from telemetry.capture.line import HERE, LEVELS, Here
from telemetry.capture.log_identity import NAMES, put_identity, scope_from
from telemetry.capture.plain import cut_middle, foreign
from telemetry.core.scope import SCOPE, InputScope

_NS_PER_S: Final = 1_000_000_000
# How pickle itself makes an object of any class; unlike __newobj__, it lets us say
# which. Any process can load it.
_PICKLED_BY: Final = copyreg._reconstructor  # type: ignore[attr-defined]  # noqa: SLF001  # private, and in each pickle since 2.3
_LEFT_KEY: Final = "_telemetry_left"

_FRESH: Final = vars(logging.LogRecord("", 0, "", 0, "", (), None))
_MADE: Final = len(_FRESH)
_LAST: Final = tuple(_FRESH)[-1]
_STANDARD: Final = frozenset(
    {
        *_FRESH,
        "asctime",
        "message",
        "taskName",  # since 3.12; a record may come from there
        _LEFT_KEY,
    }
)
_NOT_FIELDS: Final = _STANDARD.union(NAMES)
# structlog's ProcessorFormatter.wrap_for_formatter puts these beside the event dict.
_WRAPPED: Final = frozenset({"_logger", "_name"})

# Their lines are about sending lines: each would cause the next.
_SENDERS: Final = ("opentelemetry", "urllib3", "requests", "grpc", "httpx")
_SENDING_THREADS: Final = ("Otel", "telemetry")
_OURS: Final = "telemetry"
_LOOKED_AT: Final = (_OURS, *_SENDERS)


class _Noted(logging.LogRecord):
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
            state[_LEFT_KEY] = True
        return _PICKLED_BY, (self.plain, object, None), state


class _Bound(_Noted):
    """Made inside an input, which its attributes name."""


class _Unbound(_Noted):
    """Made outside of any input."""


class _Left(_Noted):
    """It has become a line: it is not to become another."""

    left = True


_VARIANTS: Final[dict[tuple[type, type], type[logging.LogRecord]]] = {}


def _become(record: logging.LogRecord, kind: type[_Noted]) -> None:
    """Give *record* the class that says *kind*, and is its own in all else."""
    current = type(record)
    plain = current.plain if issubclass(current, _Noted) else current
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
        if kind is _Left:
            vars(record)[_LEFT_KEY] = True


def stamp_record(record: logging.LogRecord) -> None:
    """Note in *record*, which is made here and now, the input that made it."""
    scope = SCOPE.get()
    if scope is None:
        _become(record, _Unbound)
        return
    found = vars(record)
    if found.get("input_id") is not scope.input_id or "attempt" not in found:
        put_identity(found, scope)
    _become(record, _Bound)


def has_left(record: logging.LogRecord) -> bool:
    """Whether a line was made of *record* already, be it in another process."""
    return isinstance(record, _Left) or _LEFT_KEY in vars(record)


def leave(
    record: logging.LogRecord,
    *,
    shown: bool,
    event: object = None,
    fields: dict[str, object] | None = None,
    exception: str | None = None,
) -> None:
    """Make a line of *record*; it must not `has_left` already.

    Args:
        shown: The program's own handlers show it.
        event: What was said, when it is known better than the record says it; with
            *fields* and *exception*.
    """
    stamped = isinstance(record, _Bound | _Unbound)
    local = stamped or _is_made_here(record)
    if local and not stamped:
        stamp_record(record)
    scope, bound = _scope_of(record, local=local)
    _become(record, _Left)
    if fields is None:
        fields = _fields(record, _NOT_FIELDS if bound else _STANDARD)
        event = _message(record, fields)
    exc_info = fields.pop("exc_info", None)  # of an event dict, which _message took
    recording.record(
        level_below(record.levelno),
        event,
        fields,
        logger=record.name,
        exception=exception or _exception(record) or exception_text(exc_info),
        scope=scope,
        unix_ns=int(record.created * _NS_PER_S),
        thread=record.threadName or (None if local else ""),
        shown=shown,
    )


def _is_made_here(record: logging.LogRecord) -> bool:
    """Whether this thread has made *record*, as far as it says; if not, who knows."""
    return record.process in {None, os.getpid()} and record.thread in {
        None,
        threading.get_ident(),
    }


def _scope_of(
    record: logging.LogRecord, *, local: bool
) -> tuple[InputScope | Here | None, bool]:
    """Whose record it is, and whether its attributes say so."""
    if isinstance(record, _Unbound):
        return None, False
    found = vars(record)
    current = SCOPE.get()
    if local and current is not None and found.get("input_id") is current.input_id:
        return HERE, True  # it has not left its thread: the scope itself, not a copy
    scope = scope_from(found)
    return scope, scope is not None


def _fields(record: logging.LogRecord, known: frozenset[str]) -> dict[str, object]:
    found = vars(record)
    # What logging itself sets comes first, and need not be looked at each time. That
    # its last attribute is where it was says that none has been taken away.
    rest = islice(found.items(), _MADE - 1, None)
    if next(rest, ("",))[0] == _LAST:
        return {name: value for name, value in rest if name not in known}
    return {name: value for name, value in found.items() if name not in known}


def _message(record: logging.LogRecord, fields: dict[str, object]) -> object:
    """What was said; puts more into *fields* where it is due."""
    if isinstance(record.msg, dict) and fields.keys() >= _WRAPPED:
        # structlog's event dict, on its way to a ProcessorFormatter.
        for name in _WRAPPED:
            del fields[name]
        given = dict(record.msg)
        said = given.pop("event", "")
        for name in (*NAMES, "level", "logger", "timestamp"):
            given.pop(name, None)
        fields.update(given)
        return said
    if record.stack_info:
        fields.setdefault("stack", cut_middle(str(record.stack_info)))
    texts: list[str] = []

    def write() -> str:
        texts.append(record.getMessage())
        return ""

    foreign(write, "message")
    if texts:
        return texts[0]
    # A wrong format must not lose the line: what was given is all there.
    fields["args"] = record.args
    return record.msg


def _exception(record: logging.LogRecord) -> str | None:
    text = exception_text(record.exc_info)
    if text is None and record.exc_text:
        return cut_middle(str(record.exc_text))
    return text


_LEVELS_DOWN: Final = tuple(reversed(list(LEVELS.items())))


def level_below(number: int) -> str:
    """The level by name; a number between two levels is the lower one."""
    for name, at in _LEVELS_DOWN:
        if number >= at:
            return name
    return "debug"


def is_shown(
    logger: logging.Logger | None, levelno: int, ours: type[logging.Handler]
) -> bool:
    """Whether a handler of the program's own takes records of this level.

    Python's handler of last resort is one, where there is no other. A handler that
    filters is taken to let it pass.
    """
    found = False
    while logger is not None:
        for handler in logger.handlers:
            found = True
            if levelno >= handler.level and not isinstance(
                handler, (logging.NullHandler, ours)
            ):
                return True
        logger = logger.parent if logger.propagate else None
    last = logging.lastResort
    return not found and last is not None and levelno >= last.level


def feeds_itself(record: logging.LogRecord) -> bool:
    """Whether *record* is about the sending of lines, and not about the program."""
    if not str(record.name).startswith(_LOOKED_AT):
        return False  # nearly all: told by one call
    package = str(record.name).partition(".")[0]
    if package == _OURS:
        return True
    if package not in _SENDERS:
        return False
    sending = str(record.threadName).startswith(_SENDING_THREADS)
    return sending or _is_suppressed()


def _is_suppressed() -> bool:
    """Whether an exporter of OpenTelemetry is at work in this context."""
    context = sys.modules.get("opentelemetry.context")
    if context is None:
        return False
    try:
        # Its name is private: the instrumentations lean on it all the same.
        return any(
            context.get_value(getattr(context, key))
            for key in (
                "_SUPPRESS_INSTRUMENTATION_KEY",
                "_SUPPRESS_HTTP_INSTRUMENTATION_KEY",
            )
        )
    except AttributeError:
        return False
