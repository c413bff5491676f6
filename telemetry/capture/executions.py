"""The begin and the end of an execution, for whoever runs one.

`input_scope` and the runtime's containers call the same two functions, so an input
leaves the same behind wherever it ran.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from zlib import adler32

from telemetry.capture import open_scopes
from telemetry.capture.blackbox import layout
from telemetry.capture.blackbox.current import current_box, put, short_write
from telemetry.capture.blackbox.records import EXECUTION, SPAN, encode
from telemetry.capture.otel_context import attach, finished_fields
from telemetry.capture.sink import failed
from telemetry.capture.span_records import (
    NOTHING_KNOWN,
    FinishedSpan,
    Known,
    Settled,
)
from telemetry.core.scope import SCOPE, InputScope

SETTLED: Final[list[Callable[[Settled], object]]] = []
"""Told of each execution that is over in this process, for the test kit."""


def begin(scope: InputScope, *, as_instrumentation: bool = False) -> object | None:
    """An input begins here: *scope* has just been made current. Never raises.

    Args:
        as_instrumentation: See `telemetry.capture.otel_context.attach`.

    Returns:
        What was current in OpenTelemetry before.
    """
    open_scopes.opened(scope)
    scope.write = short_write()
    return attach(scope, as_instrumentation=as_instrumentation)


def end(
    scope: InputScope,
    started_unix_ns: int,
    ended_unix_ns: int,
    *,
    error: BaseException | None = None,
    outcome: str | None = None,
    known: Known = NOTHING_KNOWN,
) -> None:
    """The body of an input is over: leave its record, and close its scope.

    Never raises. The arguments are those of `telemetry.capture.otel_context.finished`.
    """
    open_scopes.ended(scope)
    try:
        settled = finished_fields(
            scope, started_unix_ns, ended_unix_ns, error, outcome, known
        )
        record = encode((EXECUTION, None, ended_unix_ns, settled))
        try:
            scope.write(layout.FRAME.pack(len(record), adler32(record)) + record)  # type: ignore[misc]  # None raises TypeError
        except (TypeError, ValueError):  # no block yet, or its end
            put(scope, record)
        for hook in SETTLED:
            hook(Settled(*settled))  # type: ignore[arg-type]  # in its order
    except Exception as failure:  # noqa: BLE001  # the input has ended all the same
        failed(failure, "execution")
    scope.close()
    box = current_box()
    if box is not None and box.private and scope.input_id in box.private:
        box.release(scope)


def keep_span(span: FinishedSpan) -> None:
    """Leave the record of a span of the program's own, unless others have it."""
    if not span.exported:
        put(SCOPE.get(), encode((SPAN, None, span.end_unix_ns, span)))
