"""The short way of a record of ``logging``: see `telemetry.capture.fast_lines`.

For what most records are: made and handled on one thread, by the input that runs
there, with a text, perhaps arguments and ``extra``, and no exception. All else is
`telemetry.capture.log_records.leave`.
"""

from __future__ import annotations

import logging
from typing import Final
from zlib import adler32

from telemetry.capture import scrubbing
from telemetry.capture.blackbox import layout
from telemetry.capture.blackbox.current import NOBODY, put
from telemetry.capture.blackbox.records import LEVEL_NAMES, encode, identity_head
from telemetry.capture.fast_lines import span_part
from telemetry.capture.harmless import NUMBERS, are_simple, is_harmless
from telemetry.capture.noted_records import LAST, MADE, Bound, Left, Unbound
from telemetry.capture.otel_context import OTEL
from telemetry.capture.recording import named
from telemetry.capture.thread_name import NAME, thread_head
from telemetry.core.scope import SCOPE

_NS_PER_S: Final = 1_000_000_000
_FIRST: Final = "input_id"
"""The first key that names an input, and the last, see `log_identity.identity_of`."""
_FINAL: Final = "span_id"


def left_shortly(record: logging.LogRecord) -> bool:  # noqa: C901, PLR0911, PLR0912  # flat: the hot path
    """Whether *record* is a line now; if not, it has to go the long way.

    One function, and not several: in the midst of all that ``logging`` does, each
    call of another one costs a tenth of a line.
    """
    found, scope, kind = record.__dict__, SCOPE.get(), type(record)
    if scope is None:
        if kind is not Unbound:
            return False
        scope, extra = NOBODY, len(found) - MADE
    else:
        named_by = scope.named
        if kind is not Bound or scope.closed or named_by is None:
            return False
        if found[_FIRST] is not scope.input_id:
            return False
        extra = len(found) - MADE - len(named_by)
    said, args, level = record.msg, record.args, record.levelno
    if record.exc_info or record.exc_text or record.stack_info:
        return False
    if args:
        if type(said) is not str or not are_simple(args):
            return False
        said = said % args
    if level not in LEVEL_NAMES:
        return False
    scrubber = scrubbing.in_force
    texts, fields, known = scrubber.safe_texts, {}, said in scrubber.safe_texts
    if extra:
        # The attributes lie in the order in which they were set: what logging sets,
        # what the caller adds, and what names the input.
        keys = list(found)
        if keys[MADE - 1] != LAST or (
            scope is not NOBODY and keys[MADE + extra] != _FIRST
        ):
            return False
        for key in keys[MADE : MADE + extra]:
            value = fields[key] = found[key]
            if type(value) is str:
                known = known and value in texts
            elif type(value) not in NUMBERS:
                return False
        known = known and scrubber.safe_keys.issuperset(fields)
    if not known and not is_harmless(said, fields):
        return False
    parts = (
        level,
        named(record.name),
        scope.head or identity_head(scope),
        NAME.head or thread_head(),
        (int(record.created * _NS_PER_S), said, (), fields),
    )
    if OTEL.get() is scope.otel:
        data = encode(parts)
    else:
        data = encode((*parts, span_part(scope)))
    record.__class__ = Left
    try:
        scope.write(layout.FRAME.pack(len(data), adler32(data)) + data)  # type: ignore[misc]  # None raises TypeError
    except (TypeError, ValueError):
        put(scope, data)
    return True
