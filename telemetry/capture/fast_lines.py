"""The short way of a line: from the call into the black box, and nothing else.

Taken when a line needs nothing but to be written: no console to show it on, no
processors of the program's own, no exception, plain values only, and no text that
might hold a secret. All else goes the long way: `telemetry.capture.recording.record`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol
from zlib import adler32

from msgspec import Raw

from telemetry.capture import scrubbing
from telemetry.capture.blackbox import layout
from telemetry.capture.blackbox.current import NOBODY, put
from telemetry.capture.blackbox.records import encode, identity_head, interpolated
from telemetry.capture.harmless import NUMBERS, is_harmless, learned
from telemetry.capture.otel_context import (
    OTEL,
    OtelContext,
    hexadecimal,
    user_span,
)
from telemetry.capture.thread_name import NAME, thread_head
from telemetry.core.scope import SCOPE, InputScope


class Logger(Protocol):
    """A bound logger with its constant part encoded: see `records.logger_head`."""

    head: Raw | None

    def constant_part(self) -> Raw:
        """Encode it, and keep it in `head`."""
        ...


Log = Callable[..., None]


def fast_method(level: int, long_way: Log, otel_context: OtelContext) -> Log:  # noqa: C901  # flat: the hot path
    """The method of a bound logger that writes lines of one level.

    Args:
        long_way: Takes the same arguments, and any line.
        otel_context: What is current in OpenTelemetry; ``scope.otel`` where no span
            of the user's own is open.
    """
    # Bound here: a global costs a lookup in each call.
    in_context, nobody, name, numbers = SCOPE.get, NOBODY, NAME, NUMBERS
    now_ns, pack, checksum, encoded = time.time_ns, layout.FRAME.pack, adler32, encode
    scrubber = scrubbing.in_force
    are_safe, texts = scrubber.safe_keys.issuperset, scrubber.safe_texts
    text, whole, real = str, int, float

    def log(self: Logger, event: object, *args: object, **kw: object) -> None:  # noqa: C901  # flat: the hot path
        try:
            if args:
                event, kw = interpolated(event, args, kw)
                args = ()
            known = (event in texts or learned(event, scrubber)) and are_safe(kw)
            if known:
                for value in kw.values():
                    kind = type(value)
                    if kind is text:
                        if value not in texts and not learned(value, scrubber):
                            known = False
                            break
                    elif kind is not whole and kind is not real and kind not in numbers:
                        known = False
                        break
            if not known and not is_harmless(event, kw):
                return long_way(self, event, **kw)
            scope = in_context() or nobody
            parts = (
                level,
                self.head or self.constant_part(),
                scope.head or identity_head(scope),
                name.head or thread_head(),
                (now_ns(), event, (), kw),
            )
            if otel_context() is scope.otel:
                record = encoded(parts)
            else:
                record = encoded((*parts, span_part(scope)))
        except Exception:  # noqa: BLE001  # the long way finds out, and says so
            return long_way(self, event, *args, **kw)
        try:
            scope.write(pack(len(record), checksum(record)) + record)  # type: ignore[misc]  # None raises TypeError
        except (TypeError, ValueError):  # no block yet, or its end
            put(scope, record)
        return None

    return log


def leave(
    level: int,
    logger: Raw,
    event: object,
    fields: dict[str, object],
    more: dict[str, object],
    unix_ns: int | None = None,
) -> bool:
    """Leave a line of whoever runs here; False when it has to go the long way.

    Never raises.

    Args:
        level: By number, of `telemetry.capture.line.LEVELS`.
        logger: See `records.logger_head`.
        fields: None of them has a name of ours.
        more: The sixth part of the record; see `telemetry.capture.blackbox.records`.
        unix_ns: When it was written, if not now.
    """
    try:
        scrubber = scrubbing.in_force
        known = not fields and (
            event in scrubber.safe_texts or learned(event, scrubber)
        )
        if not known and not is_harmless(event, fields):
            return False
        scope = SCOPE.get() or NOBODY
        if OTEL.get() is not scope.otel:
            more = {**more, **span_part(scope)}
        parts = (
            level,
            logger,
            scope.head or identity_head(scope),
            NAME.head or thread_head(),
            (unix_ns or time.time_ns(), event, (), fields),
        )
        record = encode((*parts, more) if more else parts)
    except Exception:  # noqa: BLE001  # the long way finds out, and says so
        return False
    try:
        scope.write(layout.FRAME.pack(len(record), adler32(record)) + record)  # type: ignore[misc]  # None raises TypeError
    except (TypeError, ValueError):  # no block yet, or its end
        put(scope, record)
    return True


def span_part(scope: InputScope) -> dict[str, object]:
    """What a line says of a span that the program has open; nothing of ours."""
    span = user_span(None if scope is NOBODY else scope)
    if span is None:
        return {}
    trace_id, span_id = hexadecimal(span)
    return {"trace_id": trace_id, "span_id": span_id}
