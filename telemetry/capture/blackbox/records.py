"""What stands in a black box, in msgpack. Format: ours, version 1.

A line is ``[level, logger, identity, thread, said]``, or with a sixth part for what
few lines have:

    level      by number: 10 to 50
    logger     [name or nil, {bound keys}]: encoded once per bound logger
    identity   nil, or [input id, call id, function, attempt, container id, slot,
               batch ids, late, trace id, span id]: encoded once per input. Where a
               span id is nil, it is derived from the input id and the attempt; so is
               the trace id. See `telemetry.core.trace_context`
    thread     name: encoded once per thread
    said       [Unix nanoseconds, event, positional arguments, {keys}]
    more       {stream, exception, candidates, shown, trace_id, span_id}

Every other record is ``[kind, identity, Unix nanoseconds, ...]`` with a kind below 10.
What a line says of its input is said in each line, and not once for all of them: so
any line can be read alone, whatever else was dropped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from struct import Struct
from typing import Any, Final
from zlib import adler32

import msgspec
from msgspec import Raw

from telemetry.capture.line import LEVELS, Line, own_keys
from telemetry.capture.otel_context import derived_ids, needed_ids
from telemetry.capture.plain import plain_fields, plain_text
from telemetry.core.scope import InputScope

SPAN: Final = 1
"""``[kind, nil, ended Unix nanoseconds, FinishedSpan]``: a span of the SDK's."""
EXECUTION: Final = 2
"""``[kind, nil, ended Unix nanoseconds, Settled]``: an execution is over. See
`telemetry.capture.span_records`."""
BLOCKED: Final = 3
"""``[kind, identity, Unix nanoseconds, seconds, stack]``: it held the event loop."""

RUNTIME: Final = 4
"""``[kind, nil, Unix nanoseconds, name, fields]``: what the dispatcher saw, in the
box of its driver. See `telemetry.capture.runtime_records`."""

LINE_KINDS: Final = frozenset(LEVELS.values())
LEVEL_NAMES: Final = {number: name for name, number in LEVELS.items()}

encode: Final = msgspec.msgpack.Encoder().encode

NO_INPUT: Final = Raw(encode(None))
_FRAME: Final = Struct("<II").pack


def framed(body: bytes) -> bytes:
    """A record as it is written: length, checksum, body."""
    return _FRAME(len(body), adler32(body)) + body


def identity_head(scope: InputScope) -> Raw:
    """The constant part of every record of an input; kept in the scope."""
    head: Raw | None = scope.head
    if head is not None:
        return head
    if not scope.input_id:
        return NO_INPUT
    closed = scope.closed
    trace_id, span_id = needed_ids(scope)
    identity = (
        scope.input_id,
        scope.function_call_id,
        scope.function,
        scope.attempt,
        scope.container_id,
        scope.slot,
        scope.batch_input_ids or None,
        closed,
        trace_id,
        span_id,
    )
    head = scope.head = Raw(encode(identity))
    # Race: 1. we find the scope open, and encode that; 2. its owner closes it, and
    # drops the head; 3. we keep ours, and no line would ever be marked as late. So we
    # look once more, and whoever closes it after this look drops ours as well.
    if scope.closed is not closed:
        scope.head = None
    return head


def logger_head(name: str | None, bound: Mapping[str, object]) -> Raw:
    """The constant part of every line of a bound logger; *bound* is plain."""
    return Raw(encode((name, own_keys(bound))))


def line_of(record: Sequence[Any]) -> Line:
    """The line that a record holds.

    Raises:
        LookupError, TypeError, ValueError: It holds none.
    """
    level, (logger, bound), identity, thread, (unix_ns, event, args, keys) = record[:5]
    more: Mapping[str, Any] = record[5] if len(record) > 5 else {}  # noqa: PLR2004  # the sixth part
    who = dict(zip(_IDENTITY, identity or (), strict=False))
    who["batch_input_ids"] = tuple(who.get("batch_input_ids") or ())
    if identity and not who.get("span_id"):
        trace_id, span_id = derived_ids(who["input_id"], who["attempt"])
        who |= {"trace_id": who.get("trace_id") or trace_id, "span_id": span_id}
    if args:
        event, keys = interpolated(event, args, keys)
    return Line(
        unix_ns,
        LEVEL_NAMES[level],
        plain_text(event),
        dict(plain_fields(own_keys({**bound, **keys}))),
        logger,
        thread=thread,
        **{**who, **more},
    )


def interpolated(
    event: object, args: Sequence[object], keys: dict[str, object]
) -> tuple[object, dict[str, object]]:
    """The formatted event; where that fails, the event as it is, and the arguments."""
    values: object = tuple(args)
    if len(args) == 1 and type(args[0]) not in _PLAIN and _is_filled(args[0]):
        values = args[0]  # log.info("%(size)d bytes", {"size": 3}), as in structlog
    try:
        return str(event) % values, keys
    except Exception:  # noqa: BLE001  # a wrong format must not lose the line
        return event, {**keys, "positional_args": list(args)}


def _is_filled(value: object) -> bool:
    return isinstance(value, Mapping) and bool(value)


_PLAIN: Final = frozenset({str, int, float})  # none is a mapping, and asking is slow

_IDENTITY: Final = (
    "input_id",
    "function_call_id",
    "function",
    "attempt",
    "container_id",
    "slot",
    "batch_input_ids",
    "late",
    "trace_id",
    "span_id",
)
"""The fields of a line that make its identity, in the order of the record."""
