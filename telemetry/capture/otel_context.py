"""The execution span in OpenTelemetry's context, and W3C context in and out.

Nothing here imports OpenTelemetry. A program that has not loaded it has no use for
a span object: its lines carry the same ids, and its inputs leave the same records.
What a program loads later holds from the next input on.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, MutableMapping
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, Final, TypeAlias

from telemetry.capture.sink import failed
from telemetry.capture.span_draft import error_text, error_type, only_error
from telemetry.capture.span_records import (
    NOTHING_KNOWN,
    Known,
    Settled,
    Written,
    outcome_of,
)
from telemetry.core.outcome import Outcome
from telemetry.core.scope import SCOPE, InputScope
from telemetry.core.trace_context import (
    BAGGAGE,
    TRACEPARENT,
    TRACESTATE,
    TraceParent,
    execution_span,
    packed,
    parse_traceparent,
    traceparent,
)

_MODULE: Final = "opentelemetry.trace"
_LAST_NAME: Final = "use_span"
_MODULES: Final = sys.modules
# Python 3.11 takes as long to find a member of an enumeration as to call a function.
_SUCCESS: Final = Outcome.SUCCESS
_ERROR: Final = Outcome.ERROR

OtelContext: TypeAlias = Callable[[], object]
"""What OpenTelemetry context is current here; None where there is none."""


class _Current:
    """``OTEL.get()`` is what is current in OpenTelemetry; each line asks.

    Until it is loaded nothing is, as in ``InputScope.otel``.
    """

    get: OtelContext

    def __init__(self) -> None:
        self.get = ContextVar("telemetry_no_otel", default=None).get


OTEL: Final = _Current()


class _Loaded:
    """The bridge, once OpenTelemetry is there; `broken` when there can be none."""

    bridge: Any = None
    own_span: Any = None  # the class of the spans that are ours
    broken = False
    waiting: list[Callable[[], object]] = []  # noqa: RUF012  # one for the process


def loaded() -> Any:  # noqa: ANN401  # the module, or None; a test of one line
    """The module `telemetry.capture.otel_bridge`, when the program uses OpenTelemetry.

    Importing it loads nothing that the program has not loaded already.
    """
    if _Loaded.bridge is not None or _Loaded.broken:
        return _Loaded.bridge
    module = sys.modules.get(_MODULE)
    # Race: 1. a thread imports it; 2. we are here; 3. the import is done. To import
    # it as well would wait for that thread; the next input asks again.
    if module is None or not hasattr(module, _LAST_NAME):
        return None
    return _load()


def _load() -> Any:  # noqa: ANN401  # the same
    try:
        from telemetry.capture import otel_bridge  # noqa: PLC0415  # see the module
    except Exception as error:  # noqa: BLE001  # another version: go without it
        _Loaded.broken = True
        failed(error, "span")
        return None
    OTEL.get = otel_bridge.context_getter()
    _Loaded.own_span = otel_bridge.OWN_SPAN
    _Loaded.bridge = otel_bridge
    waiting, _Loaded.waiting = _Loaded.waiting, []
    for call in waiting:
        _attempt(call)
    return otel_bridge


def when_loaded(call: Callable[[], object]) -> None:
    """Call *call* as soon as OpenTelemetry is found to be loaded: now, or later."""
    if loaded() is not None:
        _attempt(call)
    elif call not in _Loaded.waiting:
        _Loaded.waiting.append(call)


def _attempt(call: Callable[[], object]) -> None:
    try:
        call()
    except Exception as error:  # noqa: BLE001  # the input runs without it
        failed(error, "span")


def attach(scope: InputScope, *, as_instrumentation: bool = False) -> object | None:
    """Make the execution span current where *scope* was made current just now.

    Fills in ``scope.span`` and ``scope.otel``; baggage and other values of the
    OpenTelemetry context stay. Never raises.

    Args:
        as_instrumentation: Where the program has a tracer provider of its own, the
            span is made with it: for programs that only import the toolkit.

    Returns:
        What `detach` takes back; None when there is nothing to take back.
    """
    bridge = _Loaded.bridge
    if bridge is None:
        if _MODULE not in _MODULES:
            return None
        bridge = loaded()
        if bridge is None:
            return None
    try:
        previous: object = bridge.attach(scope, as_instrumentation)
    except Exception as error:  # noqa: BLE001  # the input runs without it
        failed(error, "span")
        return None
    return previous


def detach(scope: InputScope, previous: object | None, *, same_context: bool) -> None:
    """Make current again what was so before `attach`; never raises, never logs.

    No token is used: one that is reset in another context makes OpenTelemetry log.

    Args:
        same_context: This is the context of `attach` itself (the token of the
            scope's own variable could be reset). Otherwise what is current is
            touched only if it is ours.
    """
    if previous is None:
        return
    try:
        _Loaded.bridge.detach(scope, previous, same_context)
    except Exception as error:  # noqa: BLE001  # the scope has ended all the same
        failed(error, "span")


def finished(
    scope: InputScope,
    *,
    started_ns: int,
    ended_ns: int,
    error: BaseException | None = None,
    outcome: str | None = None,
    known: Known = NOTHING_KNOWN,
) -> Settled:
    """As `finished_fields`, as one object."""
    return Settled(
        *finished_fields(scope, started_ns, ended_ns, error, outcome, known)  # type: ignore[arg-type]  # in its order
    )


def finished_fields(
    scope: InputScope,
    started_ns: int,
    ended_ns: int,
    error: BaseException | None,
    outcome: str | None,
    known: Known,
) -> tuple[object, ...]:
    """The fields of the `Settled` record of an execution that is over, in its order.

    The span of the execution takes no more. A span that was made with the program's
    own tracer is ended: then the record is for the counts, and no second span is made
    of it. Where there is nothing to say, the last fields are left out.

    Args:
        started_ns: Unix nanoseconds, as *ended_ns*.
        error: What came out of the body.
        outcome: What the runtime decided; otherwise it follows from *error*.
        known: What the runtime knows beside all that.
    """
    own, admission, others = known
    if outcome is None:
        outcome = _SUCCESS if error is None else outcome_of(error)
    # What ends a body that took too long is our own means, and no error of its.
    wrong = error if error is not None and outcome == _ERROR else None
    parent, span = scope.parent, scope.span
    written: Written | None = None
    exported = False
    if span is not None:
        if type(span) is _Loaded.own_span:
            written = span.settle(wrong)
        else:
            exported = _end_span(scope, outcome, wrong, own)
    elif wrong is not None and (parent is None or parent.sampled):
        written = only_error(wrong)
    fields = (
        scope.input_id,
        started_ns,
        ended_ns,
        outcome,
        scope.attempt,
        scope.function,
        scope.function_call_id,
        scope.container_id,
        scope.slot,
        scope.batch_input_ids,
        None if parent is None else packed(parent),
    )
    if wrong is None and known is NOTHING_KNOWN and written is None and not exported:
        return fields
    return (
        *fields,
        "" if wrong is None else error_type(wrong),
        "" if wrong is None else error_text(wrong),
        own,
        written,
        exported,
        admission,
        others,
    )


def _end_span(
    scope: InputScope,
    outcome: str,
    wrong: BaseException | None,
    own: dict[str, object] | None,
) -> bool:
    """End a span that the program's tracer has made; whether its exporters have it."""
    try:
        _Loaded.bridge.end_span(scope, outcome, wrong, own)
    except Exception as failure:  # noqa: BLE001  # the record is left all the same
        failed(failure, "span")
        return False
    return True


def own_span(scope: InputScope) -> TraceParent:
    """The execution span of *scope*, whoever made it."""
    if scope.span is not None:
        try:
            found: TraceParent | None = _Loaded.bridge.parent_of(scope.span)
        except Exception as error:  # noqa: BLE001  # a span of others
            failed(error, "span")
        else:
            if found is not None:
                return found
    return execution_span(scope.input_id, scope.attempt, scope.parent)


def user_span(scope: InputScope | None) -> TraceParent | None:
    """The span that the program has open here within *scope*, if it has.

    None where the execution span is current: then its ids hold, and they never
    change. Quick in that case, as each line asks.
    """
    bridge = _Loaded.bridge
    if bridge is None:
        return None
    if scope is not None:
        # First what nearly every line is told.
        if OTEL.get() is scope.otel:
            return None
        if SCOPE.get() is not scope:
            # Another context than the line's: what is current is not its span.
            return None
    try:
        found: TraceParent | None = bridge.user_span(scope)
    except Exception as error:  # noqa: BLE001  # the line gets the ids of its input
        failed(error, "span")
        return None
    return found


def current_ids(scope: InputScope | None) -> tuple[str, str] | None:
    """Trace id and span id in hexadecimal, for a line of *scope*; never raises."""
    span = user_span(scope)
    if span is not None:
        return hexadecimal(span)
    return None if scope is None else own_ids(scope)


def own_ids(scope: InputScope) -> tuple[str, str]:
    """Trace id and span id of the execution span; they never change."""
    ids = scope.ids
    if ids is None:
        ids = scope.ids = hexadecimal(own_span(scope))
    return ids


def needed_ids(scope: InputScope) -> tuple[str | None, str | None]:
    """As `own_ids`; None for what `derived_ids` tells whoever reads it.

    To derive and write them costs as much as the rest of a line.
    """
    if scope.ids is not None:
        return scope.ids
    if scope.span is not None and type(scope.span) is not _Loaded.own_span:
        return own_ids(scope)  # made with the program's own tracer
    parent = scope.parent
    return (None if parent is None else f"{parent.trace_id:032x}"), None


@lru_cache(maxsize=4_096)
def derived_ids(input_id: str, attempt: int) -> tuple[str, str]:
    """Trace id and span id of an execution that begins a trace, in hexadecimal."""
    return hexadecimal(execution_span(input_id, attempt, None))


def hexadecimal(span: TraceParent) -> tuple[str, str]:
    """Trace id and span id as W3C writes them."""
    return f"{span.trace_id:032x}", f"{span.span_id:016x}"


def outgoing() -> TraceParent | None:
    """What a call that is made here hangs under; None begins a trace."""
    bridge = _Loaded.bridge or loaded()
    if bridge is not None:
        try:
            found: TraceParent | None = bridge.current()
        except Exception as error:  # noqa: BLE001  # the call is made all the same
            failed(error, "span")
        else:
            if found is not None:
                return found
    scope = SCOPE.get()
    if scope is None:
        return None
    return own_span(scope)


def extract(headers: Mapping[str, object]) -> TraceParent | None:
    """The context that came with a request: its parent, and its baggage.

    Through the propagator of OpenTelemetry where it is loaded, else as W3C has it.

    Args:
        headers: By name, in any case; the values are text, bytes, or lists of such.
    """
    return _extracted({str(name).lower(): each for name, each in headers.items()})


def extract_environ(environ: Mapping[str, str]) -> TraceParent | None:
    """The context that the parent process left: ``TRACEPARENT`` and the like."""
    return _extracted(
        {name.lower().replace("_", "-"): each for name, each in environ.items()}
    )


def inject(headers: MutableMapping[str, str]) -> None:
    """Write the context of `outgoing` into *headers*; never raises."""
    headers.update(_injected())


def inject_environ(environ: MutableMapping[str, str]) -> None:
    """Write the context of `outgoing` into the environment of a child process."""
    for name, value in _injected().items():
        environ[name.upper().replace("-", "_")] = value


def _extracted(carrier: dict[str, object]) -> TraceParent | None:
    texts = {name: text for name, each in carrier.items() if (text := _texts(each))}
    bridge = _Loaded.bridge or loaded()
    if bridge is not None:
        try:
            found: TraceParent | None = bridge.extract(texts)
        except Exception as error:  # noqa: BLE001  # a propagator of others
            failed(error, "span")
        else:
            return found
    joined = {name: ",".join(text) for name, text in texts.items()}
    return parse_traceparent(
        joined.get(TRACEPARENT), joined.get(TRACESTATE), joined.get(BAGGAGE)
    )


def _texts(value: object) -> list[str]:
    many = value if isinstance(value, list | tuple) else (value,)
    decoded = (
        each.decode("latin-1") if isinstance(each, bytes) else each for each in many
    )
    return [each for each in decoded if isinstance(each, str)]


def _injected() -> dict[str, str]:
    span = outgoing()
    bridge = _Loaded.bridge
    if bridge is not None:
        try:
            carrier: dict[str, str] = bridge.injected(span)
        except Exception as error:  # noqa: BLE001  # a propagator of others
            failed(error, "span")
        else:
            return carrier
    if span is None:
        return {}
    written = {
        TRACEPARENT: traceparent(span),
        TRACESTATE: span.state,
        BAGGAGE: span.baggage,
    }
    return {name: value for name, value in written.items() if value}
