"""The identity of a scope under the names of the contract, for the program's own logs.

Our own lines take their identity from the scope and need none of this. It is for
what the program renders itself: a format with ``%(input_id)s``, an event dict of
structlog.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any, Final

from telemetry.capture.otel_context import OTEL, current_ids, own_ids
from telemetry.capture.plain import type_name
from telemetry.core.scope import InputScope

NAMES: Final = (
    "input_id",
    "function_call_id",
    "function",
    "attempt",
    "container_id",
    "slot",
    "trace_id",
    "span_id",
    "input_late",
)
"""What is said about an input. Source: the log line of the contract."""

_TRACE: Final = ("trace_id", "span_id")

NOT_KNOWN: Final = "-"
"""What a format shows for a name that has no value here. Source: Apache's logs."""


def identity_of(scope: InputScope) -> dict[str, object]:
    """The identity by name; what is not known is left out."""
    identity: dict[str, object] = {"input_id": scope.input_id}
    if scope.function_call_id is not None:
        identity["function_call_id"] = scope.function_call_id
    if scope.function is not None:
        identity["function"] = scope.function
    identity["attempt"] = scope.attempt
    if scope.container_id is not None:
        identity["container_id"] = scope.container_id
    if scope.slot is not None:
        identity["slot"] = scope.slot
    ids = current_ids(scope)
    if ids is not None:
        identity["trace_id"], identity["span_id"] = ids
    if scope.closed:
        identity["input_late"] = True
    return identity


def identity_for(scope: InputScope) -> Mapping[str, object]:
    """As `identity_of`; not to be changed, as it is shared while it stays true."""
    if scope.closed:
        return identity_of(scope)
    known: dict[str, object] | None = scope.named
    if known is None:
        own = dict(zip(_TRACE, own_ids(scope), strict=True))
        known = scope.named = identity_of(scope) | own
    if OTEL.get() is scope.otel:
        return known
    # Within a span of the program's own, perhaps, or behind one.
    ids = current_ids(scope)
    return known if ids is None else known | dict(zip(_TRACE, ids, strict=True))


def put_identity(target: MutableMapping[str, Any], scope: InputScope) -> None:
    """Say in *target* whose it is; a key of such a name is kept with a ``_`` behind."""
    set_aside(target)
    target.update(identity_for(scope))


def set_aside(target: MutableMapping[str, Any]) -> None:
    """Keep what *target* has under names of ours, each with a ``_`` behind it."""
    if target.keys().isdisjoint(NAMES):
        return
    for name in NAMES:
        if name in target:
            free = f"{name}_"
            while free in target:
                free += "_"
            target[free] = target.pop(name)


def scope_from(found: Mapping[str, object]) -> InputScope | None:
    """The scope that `identity_of` has described in *found*, or None.

    For a record that comes from another thread or process. It has both an id and an
    attempt: an ``extra={"input_id": ...}`` of a program without us has not.
    """
    input_id, attempt = found.get("input_id"), found.get("attempt")
    if type(input_id) is not str or type(attempt) is not int:
        return None
    slot = found.get("slot")
    return InputScope(
        input_id,
        _text(found.get("function_call_id")),
        _text(found.get("function")),
        attempt,
        _text(found.get("container_id")),
        slot if type(slot) is int else None,
        closed=found.get("input_late") is True,
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def qualified_name(kind: object) -> str:
    """Name of a class as OpenTelemetry writes it: with its module, unless built in.

    Source: ``exception.type`` of the semantic conventions.
    """
    if not isinstance(kind, type):
        return type_name(kind)
    try:
        name = str(kind.__qualname__)
        module = str(kind.__module__)
    except Exception:  # noqa: BLE001  # a metaclass may do anything
        return "object"
    return name if module == "builtins" else f"{module}.{name}"
