"""What the dispatcher knows of inputs, into their rows.

The box of a container tells of the same executions, sooner or later. What only one of
them can know is its to say; of what both know, times of the body are the container's,
and how an input fares is the dispatcher's.
"""

from __future__ import annotations

from typing import Final

from telemetry.capture.runtime_records import (
    Cancelled,
    InputInterrupted,
    InputRejected,
    InputSettled,
    InputStarted,
)
from telemetry.core.outcome import Outcome
from telemetry.core.trace_context import execution_span, unpacked
from telemetry.pipeline.store.lives import Identity, Lives, identity_of
from telemetry.pipeline.store.pool_rows import before
from telemetry.pipeline.store.rows import ExecutionRow, InputRow
from telemetry.pipeline.store.writing import Store
from telemetry.policy.bursts import Zone

_TRACE_BYTES: Final = 16


class InputRows:
    """Takes the dispatcher's records of inputs. The writer's thread."""

    def __init__(self, store: Store, lives: Lives) -> None:
        self._store = store
        self._lives = lives

    def started(self, _process: int, unix_ns: int, seen: InputStarted) -> None:
        """An input was given a slot."""
        enqueued_ns = before(unix_ns, seen.wait_s)
        input_, row = self._rows(seen, enqueued_ns)
        row.started_ns = row.started_ns or unix_ns
        row.zone, row.concurrency = seen.zone, seen.concurrency
        row.wait_s, row.wait_reason = seen.wait_s, seen.wait_reason
        row.batch_size, row.cold = seen.batch_size, int(seen.cold)
        row.batch_index = seen.batch_index
        row.burst = row.burst or (1 if seen.zone == Zone.BURST else None)
        input_.parent = seen.parent_id or input_.parent
        if seen.attempt == 0:
            input_.enqueued_ns = enqueued_ns
        input_.started_ns = input_.started_ns or unix_ns
        if seen.attempt < input_.attempts - 1:
            return
        put_admission(input_, row)
        input_.wait_s, input_.wait_reason = seen.wait_s, seen.wait_reason
        input_.batch_size = seen.batch_size

    def settled(self, _process: int, unix_ns: int, seen: InputSettled) -> None:
        """An input has its outcome."""
        enqueued_ns = before(unix_ns, seen.total_s)
        if seen.container_id is None:
            input_ = self._input(seen, enqueued_ns)
            _put_trace(input_, seen)
        else:
            input_, row = self._rows(seen, enqueued_ns)
            row.ending = seen.outcome
            row.ended_ns = row.ended_ns or unix_ns
            if row.started_ns is None:
                row.started_ns = before(unix_ns, seen.run_s or 0.0)
            input_.container, input_.slot = row.container, row.slot
        input_.enqueued_ns = input_.enqueued_ns or enqueued_ns
        input_.ended_ns, input_.outcome = unix_ns, seen.outcome
        input_.wait_s, input_.total_s = seen.wait_s, seen.total_s
        if seen.run_s is not None:
            input_.run_s = seen.run_s
        if seen.zone is not None:
            input_.zone = seen.zone
        if input_.error_type is None:
            input_.error_type = seen.error_type or None
        if input_.error_text is None:
            input_.error_text = seen.error or None
        if seen.cancelled is not None:
            _put_cancellation(input_, seen.cancelled, unix_ns, seen.at_s)

    def interrupted(self, _process: int, unix_ns: int, seen: InputInterrupted) -> None:
        """An execution ended, and its input runs again."""
        started_ns = before(unix_ns, seen.elapsed_s)
        input_, row = self._rows(seen, started_ns)
        row.ending = seen.reason
        row.started_ns = row.started_ns or started_ns
        row.ended_ns = row.ended_ns or unix_ns
        if not input_.is_settled and seen.attempt >= input_.attempts - 1:
            input_.outcome = input_.ended_ns = input_.run_s = None

    def rejected(self, _process: int, unix_ns: int, seen: InputRejected) -> None:
        """An input was never accepted."""
        input_ = self._lives.input(seen.input_id, unix_ns)
        input_.call_id, input_.parent = seen.function_call_id, seen.parent_id
        input_.function = self._store.text_number(seen.function)
        input_.outcome, input_.ended_ns = Outcome.ERROR, unix_ns
        input_.total_s = 0.0
        input_.error_type = seen.error.partition(":")[0] or None
        input_.error_text = seen.error or None

    def _input(self, seen: InputStarted | InputSettled, unix_ns: int) -> InputRow:
        input_ = self._lives.input(seen.input_id, unix_ns)
        input_.call_id = seen.function_call_id
        input_.function = self._store.text_number(seen.function)
        return input_

    def _rows(
        self, seen: InputStarted | InputSettled | InputInterrupted, unix_ns: int
    ) -> tuple[InputRow, ExecutionRow]:
        """The rows that a record is about, which were there at *unix_ns*."""
        who = Identity(
            seen.input_id,
            seen.function_call_id,
            seen.function,
            seen.attempt,
            seen.container_id,
            seen.slot,
        )
        row = self._lives.seen(identity_of(who), None, unix_ns)
        input_ = self._lives.input(seen.input_id, unix_ns)
        _put_trace(input_, seen)
        return input_, row


def _put_trace(
    input_: InputRow, seen: InputStarted | InputSettled | InputInterrupted
) -> None:
    """All spans of an input are in one trace, those of one that never ran as well."""
    if input_.trace_id is None:
        parent = None if seen.trace is None else unpacked(seen.trace)
        span = execution_span(seen.input_id, seen.attempt, parent)
        input_.trace_id = bytearray(span.trace_id.to_bytes(_TRACE_BYTES, "big"))


def put_admission(input_: InputRow, row: ExecutionRow) -> None:
    """An input is where its newest execution is."""
    if row.zone is not None:
        input_.zone, input_.concurrency = row.zone, row.concurrency
        input_.burst, input_.cold = row.burst, row.cold
    input_.container, input_.slot = row.container, row.slot


def _put_cancellation(
    input_: InputRow, asked: Cancelled, unix_ns: int, at_s: float
) -> None:
    input_.cancel_cause, input_.cancel_phase = asked.cause, asked.phase
    input_.cancel_mechanism = asked.mechanism
    input_.cancel_observed = asked.observed
    ago_s = max(at_s - asked.requested_s, 0.0)
    input_.cancel_requested_ns = before(unix_ns, ago_s)
    if asked.delivered_s is not None:
        told_ago_s = max(at_s - asked.delivered_s, 0.0)
        input_.cancel_delivered_ns = before(unix_ns, told_ago_s)
