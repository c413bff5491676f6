"""The identity of an input as text, for a process that works for it.

A child process knows its input from the variable `VARIABLE` of its environment, and
a worker of a process pool from what comes with each job. Both are the same text: a
JSON object with the keys of a log line, and the trace the input belongs to. What
cannot be read in it is left out; a text without an id is no identity.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, MutableMapping
from typing import Final

from telemetry.capture.otel_context import own_span
from telemetry.core.scope import SCOPE, InputScope
from telemetry.core.trace_context import (
    TraceParent,
    execution_span,
    parse_traceparent,
    traceparent,
)

VARIABLE: Final = "TELEMETRY_INPUT"
"""The environment variable that tells a child process its input."""

MAX_CHARS: Final = 32_768
"""Longest text that goes into an environment. Linux takes 131,072 bytes for one
variable, and fails to start the child above that."""

_MAX_NUMBER: Final = 2**31 - 1  # fits every format that it is written to later
_TEXTS: Final = ("function_call_id", "function", "container_id")


def identity_text(scope: InputScope, *, max_chars: int | None = None) -> str:
    """*scope* as one line of JSON in ASCII, for `scope_of` elsewhere.

    Args:
        max_chars: Beyond that the ids of the batch's members are left out.
    """
    told: dict[str, object] = {"input_id": scope.input_id}
    told.update((key, value) for key in _TEXTS if (value := getattr(scope, key)))
    if scope.attempt:
        told["attempt"] = scope.attempt
    if scope.slot is not None:
        told["slot"] = scope.slot
    parent = _trace_of(scope)
    if parent is not None:
        told["traceparent"] = traceparent(parent)
        if parent.state:
            told["tracestate"] = parent.state
    if not scope.batch_input_ids:
        return _json(told)
    text = _json({**told, "batch_input_ids": scope.batch_input_ids})
    if max_chars is not None and len(text) > max_chars:
        return _json(told)
    return text


def scope_of(text: object) -> InputScope | None:
    """A new, open scope with the identity that *text* tells; None if it tells none.

    Never raises: the text comes from an environment, where anybody may write.
    """
    if not isinstance(text, str) or not text:
        return None
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict):
        return None
    input_id = _text(told.get("input_id"))
    if input_id is None:
        return None
    members = told.get("batch_input_ids")
    return InputScope(
        input_id,
        function_call_id=_text(told.get("function_call_id")),
        function=_text(told.get("function")),
        attempt=_number(told.get("attempt")) or 0,
        container_id=_text(told.get("container_id")),
        slot=_number(told.get("slot")),
        batch_input_ids=_ids(members) if isinstance(members, list) else (),
        parent=parse_traceparent(told.get("traceparent"), told.get("tracestate", "")),
    )


def bind_from_environment(
    environ: Mapping[str, str] = os.environ,
) -> InputScope | None:
    """Run as the input that started this process, if one did; never raises.

    Binds the context that it is called in, and what is copied from it later. Where a
    scope is open already, that stays.

    Returns:
        The scope that is in force now through this call, or None.
    """
    text = environ.get(VARIABLE)
    if text is None or SCOPE.get() is not None:
        return None
    scope = scope_of(text)
    if scope is not None:
        SCOPE.set(scope)
    return scope


def forget(environ: MutableMapping[str, str] = os.environ) -> None:
    """This process serves many inputs: it does not belong to the one that started it.

    Neither do the processes that it starts in turn.
    """
    environ.pop(VARIABLE, None)
    SCOPE.set(None)


def _trace_of(scope: InputScope) -> TraceParent | None:
    """From what the other process derives the span of the execution, as we do.

    A span that was made with the program's own tracer has other ids: then that span
    is the parent there, so that at least the trace is the same.
    """
    own = own_span(scope)
    derived = execution_span(scope.input_id, scope.attempt, scope.parent)
    return scope.parent if own == derived else own


def _json(told: Mapping[str, object]) -> str:
    # In ASCII: an environment takes no NUL and no lone surrogate.
    return json.dumps(told, ensure_ascii=True, separators=(",", ":"))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= _MAX_NUMBER else None


def _ids(values: list[object]) -> tuple[str, ...]:
    ids = tuple(value for value in values if isinstance(value, str) and value)
    return ids if len(ids) == len(values) else ()
