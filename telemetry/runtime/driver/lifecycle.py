"""What the dispatcher has to say in an input's own log, and when.

That an execution began is in the record and in its span: a line for each would double
what a short input leaves. A long one gives a sign of life, and one whose process died
says so: its own process cannot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from telemetry.capture.runtime_records import (
    InputInterrupted,
    InputSettled,
    InputStarted,
)
from telemetry.core import names
from telemetry.core.scope import InputScope
from telemetry.core.trace_context import unpacked
from telemetry.policy.heartbeats import Heartbeats

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telemetry.capture.runtime_records import Record

LOGGER: Final = "telemetry.runtime"

_DIGITS: Final = 3


class Said(NamedTuple):
    """A line of an input's log.

    Attributes:
        scope: Whose line it is.
        at_s: When, as in the records.
    """

    level: str
    event: str
    scope: InputScope
    fields: Mapping[str, object]
    at_s: float


class Lifecycle:
    """Follows the executions of all pools. One thread only."""

    def __init__(self) -> None:
        self._running = Heartbeats[str, InputStarted]()

    def take(self, record: Record) -> Said | None:
        """Take in a record; what there is to say about it."""
        if isinstance(record, InputStarted):
            self._running.begin(record.input_id, record, record.at_s)
        elif isinstance(record, InputSettled | InputInterrupted):
            started = self._running.end(record.input_id)
            if record.died:
                return _interrupted(record, started)
        return None

    def due(self, now_s: float) -> list[Said]:
        """Signs of life that are due now."""
        return [
            Said(
                "info",
                names.EVENT_INPUT_HEARTBEAT,
                _scope(started, started.container_id, started.slot),
                {names.INPUT_ELAPSED_S: round(elapsed_s, _DIGITS)},
                now_s,
            )
            for started, elapsed_s in self._running.due(now_s)
        ]


def _interrupted(
    ended: InputSettled | InputInterrupted, started: InputStarted | None
) -> Said:
    elapsed_s = ended.run_s or 0.0
    if started is not None:
        elapsed_s = ended.at_s - started.at_s
    fields = {
        names.INPUT_ATTEMPT: ended.attempt,
        names.INPUT_SLOT: ended.slot,
        names.INPUT_ELAPSED_S: round(elapsed_s, _DIGITS),
        names.INPUT_OUTCOME: ended.outcome.value,
    }
    scope = _scope(ended, ended.container_id, ended.slot)
    return Said("warning", names.EVENT_INPUT_INTERRUPTED, scope, fields, ended.at_s)


def _scope(
    record: InputStarted | InputSettled | InputInterrupted,
    container_id: str | None,
    slot: int | None,
) -> InputScope:
    return InputScope(
        record.input_id,
        record.function_call_id,
        record.function,
        record.attempt,
        container_id,
        slot,
        parent=None if record.trace is None else unpacked(record.trace),
    )
