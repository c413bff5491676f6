"""An input's identity as attributes of OpenTelemetry."""

from __future__ import annotations

from telemetry.core import names
from telemetry.core.scope import InputScope


def identity_attributes(scope: InputScope) -> dict[str, object]:
    """What is stamped on spans and log records that are made within *scope*."""
    found: dict[str, object] = {
        names.INPUT_ID: scope.input_id,
        names.INPUT_ATTEMPT: scope.attempt,
    }
    if scope.function is not None:
        found[names.INPUT_FUNCTION] = scope.function
    if scope.function_call_id is not None:
        found[names.INPUT_CALL_ID] = scope.function_call_id
    if scope.container_id is not None:
        found[names.INPUT_CONTAINER_ID] = scope.container_id
    if scope.slot is not None:
        found[names.INPUT_SLOT] = scope.slot
    if scope.batch_input_ids:
        found[names.INPUT_BATCH_IDS] = list(scope.batch_input_ids)
    if scope.closed:
        found[names.INPUT_LATE] = True
    return found
