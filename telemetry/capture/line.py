"""One log line, as data: what was said, where, and by which input.

Every road to a line (the logger of `telemetry.get_logger`, and those beside it)
ends in `stamp`, which reads the scope of the caller. From there on the line is
plain data: it is rendered here, or sent to the process that renders it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

import msgspec

from telemetry.capture.plain import clean
from telemetry.core.scope import InputScope

LEVELS: Final[Mapping[str, int]] = {
    "debug": 10,
    "info": 20,
    "warning": 30,
    "error": 40,
    "critical": 50,
}
"""The levels by name. Source: the numbers of the standard library's ``logging``."""

RESERVED: Final = frozenset(
    {
        "timestamp",
        "level",
        "event",
        "logger",
        "input_id",
        "function_call_id",
        "function",
        "attempt",
        "container_id",
        "slot",
        "batch_input_ids",
        "input_late",
        "input_candidates",
        "trace_id",
        "span_id",
        "stream",
        "thread",
        "exception",
    }
)
"""Keys of a rendered line that are ours; a caller's key of that name gets a ``_``."""


class Line(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A log line. Encodable by ``msgspec.msgpack``, and back.

    ``gc=False`` is safe: the fields are copies that hold plain values only, so no
    cycle can lead through a line.

    Attributes:
        unix_ns: When it was written, in Unix nanoseconds.
        level: One of `LEVELS`.
        event: What was said.
        fields: The caller's own keys; none of them is in `RESERVED`.
        logger: Name of the logger, if it has one.
        input_id: The input that wrote it; this and the next six are from its scope.
        late: The input had already settled: its scope was closed.
        thread: Name of the thread that wrote it.
        exception: The traceback as text.
        stream: ``stdout`` or ``stderr``, for captured output.
        candidates: Ids of the inputs that may have written it, when nobody can
            know which; then there is no ``input_id``.
        trace_id: 32 hexadecimal digits; with the next, W3C trace context.
        span_id: 16 hexadecimal digits.
        shown: A person has seen it already, in the process that wrote it: the
            console of that process leaves it out.
    """

    unix_ns: int
    level: str
    event: str
    fields: dict[str, object] = {}  # msgspec copies an empty default
    logger: str | None = None
    input_id: str | None = None
    function_call_id: str | None = None
    function: str | None = None
    attempt: int = 0
    container_id: str | None = None
    slot: int | None = None
    batch_input_ids: tuple[str, ...] = ()
    late: bool = False
    thread: str = ""
    exception: str | None = None
    stream: str | None = None
    candidates: tuple[str, ...] = ()
    trace_id: str | None = None
    span_id: str | None = None
    shown: bool = False


NO_FIELDS: Final[Mapping[str, object]] = {}


class Here(Enum):
    """Tells "the scope of the caller" from None, which is no scope at all."""

    HERE = "here"


HERE: Final = Here.HERE


def stamp(
    level: str,
    event: str,
    fields: Mapping[str, object] = NO_FIELDS,
    *,
    scope: InputScope | None = None,
    **others: Any,  # noqa: ANN401  # the other fields of a line
) -> Line:
    """A line of this moment and this thread, unless *others* say otherwise.

    Args:
        event: Plain already, as *fields*: see `telemetry.capture.plain`.
        scope: Whose line it is.
        others: Further fields of `Line`.
    """
    if "thread" not in others:
        others["thread"] = clean(threading.current_thread().name)
    if scope is not None:
        others |= {
            "input_id": scope.input_id,
            "function_call_id": scope.function_call_id,
            "function": scope.function,
            "attempt": scope.attempt,
            "container_id": scope.container_id,
            "slot": scope.slot,
            "batch_input_ids": scope.batch_input_ids,
            "late": scope.closed,
        }
    unix_ns = others.pop("unix_ns", None) or time.time_ns()
    return Line(unix_ns, level, event, dict(fields), **others)


def own_keys(given: Mapping[str, object]) -> Mapping[str, object]:
    """*given* with no key that could be taken for one of ours.

    A caller who logs ``input_id=...`` keeps the value, as ``input_id_``: the line's
    identity is what the scope says, and nothing else.
    """
    if RESERVED.isdisjoint(given):
        return given
    kept: dict[str, object] = {}
    for name, value in given.items():
        free = name
        while free in RESERVED or (free is not name and free in given):
            free += "_"
        kept[free] = value
    return kept
