"""Records of the standard library's ``logging``: read, and left as lines.

For how a record says whose it is, see `telemetry.capture.noted_records`.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from contextlib import suppress
from itertools import islice
from typing import Final

from telemetry.capture import recording
from telemetry.capture.blackbox.records import LEVEL_NAMES
from telemetry.capture.exceptions import exception_text
from telemetry.capture.harmless import are_simple
from telemetry.capture.line import HERE, LEVELS, Here
from telemetry.capture.log_identity import NAMES, scope_from
from telemetry.capture.noted_records import (
    LAST,
    MADE,
    STANDARD,
    Bound,
    Left,
    Unbound,
    become,
    stamp_record,
)
from telemetry.capture.plain import cut_middle, foreign
from telemetry.core.scope import SCOPE, InputScope

_NS_PER_S: Final = 1_000_000_000

_NOT_FIELDS: Final = STANDARD.union(NAMES)
# structlog's ProcessorFormatter.wrap_for_formatter puts these beside the event dict.
_WRAPPED: Final = frozenset({"_logger", "_name"})

# Their lines are about sending lines: each would cause the next.
_SENDERS: Final = ("opentelemetry", "urllib3", "requests", "grpc", "httpx")
_SENDING_THREADS: Final = ("Otel", "telemetry")
_OURS: Final = "telemetry"
_LOOP: Final = "asyncio"  # what its handler of exceptions says may be a line already
_LOOKED_AT: Final = (_OURS, _LOOP, *_SENDERS)
INNOCENT: Final[set[str]] = set()
"""Names of loggers whose records need no second look, as they are met."""
_MOST_NAMES: Final = 4_096


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
    stamped = isinstance(record, Bound | Unbound)
    local = stamped or _is_made_here(record)
    if local and not stamped:
        stamp_record(record)
    scope, bound = _scope_of(record, local=local)
    become(record, Left)
    if fields is None:
        fields = _fields(record, _NOT_FIELDS if bound else STANDARD)
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
    if isinstance(record, Unbound):
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
    rest = islice(found.items(), MADE - 1, None)
    if next(rest, ("",))[0] == LAST:
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

    if (
        are_simple(record.args)
        and type(record.msg) is str
        and type(record).getMessage is _get_message
    ):
        # No code of others runs: so a line that is said in the midst of such code,
        # by a signal handler or a ``repr``, is formatted as well.
        with suppress(Exception):
            write()
    else:
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


_get_message: Final = logging.LogRecord.getMessage
_LEVELS_DOWN: Final = tuple(reversed(list(LEVELS.items())))


def level_below(number: int) -> str:
    """The level by name; a number between two levels is the lower one."""
    known = LEVEL_NAMES.get(number)
    if known is not None:
        return known
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
    name = record.name
    if type(name) is str and name in INNOCENT:
        return False  # nearly all: told by one lookup
    if not str(name).startswith(_LOOKED_AT):
        if len(INNOCENT) < _MOST_NAMES and type(name) is str:
            INNOCENT.add(name)
        return False
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
