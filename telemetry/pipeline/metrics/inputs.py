"""What is counted of inputs: of each execution, and of each outcome."""

from __future__ import annotations

from typing import Final

from telemetry.capture.runtime_records import (
    Cancelled,
    InputInterrupted,
    InputRejected,
    InputSettled,
    InputStarted,
)
from telemetry.capture.span_records import Settled
from telemetry.core import names
from telemetry.core.outcome import Outcome
from telemetry.core.trace_context import CLIENT, EXECUTION, QUEUE
from telemetry.pipeline.metrics.ledger import Ledger
from telemetry.pipeline.metrics.pools import UNKNOWN, PoolNow
from telemetry.pipeline.metrics.series import Origin

NONE: Final = "none"
"""The zone of what was never admitted, and the mechanism of what never ran."""

_NEIGHBOUR: Final = "neighbour"
_DIED: Final = "died"
_NEVER_STARTED: Final = "never_started"
_DELIVER: Final = "deliver"
_UNWIND: Final = "unwind"
_ERRORS: Final = frozenset({Outcome.ERROR, Outcome.LOST})


def take_started(
    ledger: Ledger, pool: PoolNow, record: InputStarted, unix_ns: int
) -> None:
    """An input was given a slot."""
    mode = pool.mode_of(record.function)
    key = record.function, mode
    zone = str(record.zone)
    # The span of its wait: of a batch only the first has one of the execution, and
    # what is cancelled before its body begins has none either.
    origin = Origin(unix_ns, record.input_id, record.attempt, record.trace, QUEUE)
    ledger.add(names.STARTED, (*key, zone))
    waited = (*key, zone, record.wait_reason)
    ledger.observe(names.QUEUE_DURATION, waited, record.wait_s, origin)
    ledger.observe(names.CONCURRENCY, key, float(record.concurrency), origin)
    if record.cold:
        ledger.add(names.FAAS_COLDSTARTS, (*key, names.TRIGGER))
    if mode == "batch" and record.batch_index == 0:
        ledger.observe(names.BATCH_SIZE, key, float(record.batch_size), origin)
        ledger.observe(names.BATCH_LINGER, key, record.wait_s, origin)


def take_settled(
    ledger: Ledger, pool: PoolNow, record: InputSettled, unix_ns: int
) -> None:
    """An input reached its outcome."""
    key = record.function, pool.mode_of(record.function)
    zone = NONE if record.zone is None else str(record.zone)
    values = (*key, zone, record.outcome.value)
    call = Origin(unix_ns, record.input_id, record.attempt, record.trace, CLIENT)
    ledger.add(names.COMPLETED, values)
    ledger.observe(names.TOTAL_DURATION, values, record.total_s, call)
    _invoked(ledger, key, record.outcome)
    origin = call._replace(kind=EXECUTION) if _has_span(record, key[1]) else call
    if record.run_s is not None:
        _ran(ledger, values, record.run_s, origin)
    if record.cancelled is not None:
        _cancelled(ledger, key, record.cancelled, origin)


def take_interrupted(
    ledger: Ledger, pool: PoolNow, record: InputInterrupted, unix_ns: int
) -> None:
    """An execution ended, and its input runs again."""
    key = record.function, pool.mode_of(record.function)
    zone = NONE if record.zone is None else str(record.zone)
    kind = EXECUTION if _has_span(record, key[1]) else QUEUE
    origin = Origin(unix_ns, record.input_id, record.attempt, record.trace, kind)
    _invoked(ledger, key, record.outcome)
    _ran(ledger, (*key, zone, record.outcome.value), record.run_s, origin)
    again = names.RETRIED if record.reason == "retry" else names.RESCHEDULED
    ledger.add(again, (*key, record.why))
    if record.cancelled is not None:
        _cancelled(ledger, key, record.cancelled, origin)


def take_rejected(
    ledger: Ledger, pool: PoolNow, record: InputRejected, _unix_ns: int
) -> None:
    """An input was never accepted."""
    mode = pool.mode_of(record.function)
    ledger.add(names.REJECTED, (record.function, mode, record.reason))


def take_outside(ledger: Ledger, settled: Settled) -> None:
    """An input of a program that only imports the toolkit is over.

    It had no queue, no slot and no zone, and how its program runs bodies is not known.

    Raises:
        ValueError: Its outcome is none that there is.
    """
    outcome = Outcome(settled.outcome)
    key = settled.function or "", UNKNOWN
    run_s = max(settled.ended_ns - settled.started_ns, 0) / 1e9
    values = (*key, NONE, outcome.value)
    origin = Origin(settled.ended_ns, settled.input_id, settled.attempt, settled.parent)
    ledger.add(names.STARTED, (*key, NONE))
    ledger.add(names.COMPLETED, values)
    ledger.observe(names.TOTAL_DURATION, values, run_s, origin)
    _invoked(ledger, key, outcome)
    _ran(ledger, values, run_s, origin)


def _has_span(record: InputSettled | InputInterrupted, mode: str) -> bool:
    """Whether its last execution has a span of its own, as far as is known here."""
    if mode == "batch" or record.container_id is None:
        return False  # which member of its batch it was is not known any more
    return record.cancelled is None or record.cancelled.observed != _NEVER_STARTED


def _ran(
    ledger: Ledger, values: tuple[str, str, str, str], run_s: float, origin: Origin
) -> None:
    """An execution is over; *values* are those of ``input.duration``."""
    ledger.observe(names.DURATION, values, run_s, origin)
    invoked = (*values[:2], names.TRIGGER)
    ledger.observe(names.FAAS_INVOKE_DURATION, invoked, run_s, origin)


def _invoked(ledger: Ledger, key: tuple[str, str], outcome: Outcome) -> None:
    values = (*key, names.TRIGGER)
    if outcome in _ERRORS:
        ledger.add(names.FAAS_ERRORS, values)
    elif outcome is Outcome.TIMEOUT:
        ledger.add(names.FAAS_TIMEOUTS, values)


def _cancelled(
    ledger: Ledger, key: tuple[str, str], asked: Cancelled, origin: Origin
) -> None:
    if asked.cause == _NEIGHBOUR:
        return  # nobody asked for that: it is counted as rescheduled
    mechanism = asked.mechanism or NONE
    ledger.add(names.CANCELLED, (*key, asked.cause, asked.phase, mechanism))
    told_s, over_s = asked.delivered_s, asked.ended_s
    if told_s is None and asked.observed == _DIED:
        told_s, over_s = over_s, None  # the end of its process is what it was told
    for stage, from_s, to_s in (
        (_DELIVER, asked.requested_s, told_s),
        (_UNWIND, told_s, over_s),
    ):
        if from_s is not None and to_s is not None:
            # Two processes have read the clock: never less than nothing.
            took_s = max(to_s - from_s, 0.0)
            values = (*key, stage, mechanism)
            ledger.observe(names.CANCELLATION_DURATION, values, took_s, origin)
