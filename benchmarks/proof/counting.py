"""What the runtime itself saw, counted in the plainest way from its records.

The other side of the table: nothing of ``telemetry.pipeline`` is used here, so that
what the pipeline makes of the same records can be held against it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from benchmarks.proof.showing import Showing
from benchmarks.proof.sums import Counted, grow
from telemetry.capture import runtime_records as records
from telemetry.capture.runtime_records import (
    Cancelled,
    ContainerReady,
    InputInterrupted,
    InputSettled,
    InputStarted,
    PoolDeclared,
    PoolMeasured,
    Record,
)
from telemetry.core import names
from telemetry.core.outcome import Outcome


class Counting:
    """Takes records in, one after the other, and keeps the sums.

    Attributes:
        counted: The sums so far; see `finish`.
    """

    def __init__(self) -> None:
        self.counted: Final = Counted()
        self._pools: dict[str, PoolDeclared] = {}
        self._showing = Showing(self.counted, self._pools)
        self._began: dict[tuple[str, int], InputStarted] = {}
        self._measured: dict[str, PoolMeasured] = {}
        self._takers: Final[dict[type[Any], Callable[[Any], None]]] = {
            PoolDeclared: self._declared,
            PoolMeasured: self._pool_measured,
            InputStarted: self._started,
            InputSettled: self._settled,
            InputInterrupted: self._interrupted,
            records.InputRejected: self._rejected,
            records.ContainerStarting: self._starting,
            ContainerReady: self._container_ready,
            records.ContainerExited: self._exited,
            records.ScalingDecided: self._decided,
            records.BurstEnded: self._burst_ended,
            records.LoopBlocked: self._loop_blocked,
            records.LoopMeasured: self._loop_measured,
        }

    def take(self, record: Record) -> None:
        """Count one record: what ``app.run(on_record=...)`` wants."""
        self._takers[type(record)](record)
        self._showing.take(record)

    def finish(self) -> Counted:
        """The sums, with what the last measure of each pool says."""
        for record in self._measured.values():
            key = self._pool(record)
            self.counted.add(names.SLOTS_SECONDS, *key, amount=record.slots_s)
            self.counted.add(names.QUEUE_SECONDS, *key, amount=record.queue_s)
            for zone, seconds in record.zones_s.items():
                self.counted.add(names.ZONE_SECONDS, *key, zone, amount=seconds)
        return self.counted

    def _pool(self, record: Any) -> tuple[str, str]:  # noqa: ANN401  # all have one
        declared = self._pools[record.pool]
        return declared.label, declared.mode

    def _input(self, record: Any) -> tuple[str, str]:  # noqa: ANN401  # all have one
        return record.function, self._pools[record.pool].methods[record.function]

    # -- inputs --------------------------------------------------------------------

    def _started(self, record: InputStarted) -> None:
        self._began[record.input_id, record.attempt] = record
        key = self._input(record)
        self.counted.add(names.STARTED, *key, record.zone)
        waited = (*key, record.zone, record.wait_reason)
        self.counted.observe(names.QUEUE_DURATION, record.wait_s, *waited)
        self.counted.observe(names.CONCURRENCY, record.concurrency, *key)
        grow(self.counted.waited_s, record.pool, record.wait_s)
        if record.cold:
            self.counted.add(names.FAAS_COLDSTARTS, *key, names.TRIGGER)
        if key[1] == "batch" and record.batch_index == 0:
            self.counted.observe(names.BATCH_SIZE, record.batch_size, *key)
            self.counted.observe(names.BATCH_LINGER, record.wait_s, *key)

    def _settled(self, record: InputSettled) -> None:
        key = (*self._input(record), record.zone or "none", record.outcome.value)
        self.counted.add(names.COMPLETED, *key)
        self.counted.observe(names.TOTAL_DURATION, record.total_s, *key)
        if record.run_s is None:
            grow(self.counted.waited_s, record.pool, record.wait_s)
        self._ended(record, record.run_s)

    def _interrupted(self, record: InputInterrupted) -> None:
        again = names.RETRIED if record.reason == "retry" else names.RESCHEDULED
        self.counted.add(again, *self._input(record), record.why)
        self._ended(record, record.run_s)

    def _ended(
        self, record: InputSettled | InputInterrupted, run_s: float | None
    ) -> None:
        """An execution is over; None: there was none."""
        function, mode = self._input(record)
        key, outcome = (function, mode, names.TRIGGER), record.outcome
        if run_s is not None:
            values = function, mode, record.zone or "none", outcome.value
            self.counted.observe(names.DURATION, run_s, *values)
            self.counted.observe(names.FAAS_INVOKE_DURATION, run_s, *key)
        if outcome in {Outcome.ERROR, Outcome.LOST}:
            self.counted.add(names.FAAS_ERRORS, *key)
        elif outcome is Outcome.TIMEOUT:
            self.counted.add(names.FAAS_TIMEOUTS, *key)
        if record.cancelled is not None and record.cancelled.cause != "neighbour":
            self._cancelled(record.cancelled, function, mode)
        began = self._began.pop((record.input_id, record.attempt), None)
        if began is not None and began.batch_index == 0:
            grow(self.counted.occupied_s, record.pool, record.at_s - began.at_s)

    def _cancelled(self, asked: Cancelled, *key: str) -> None:
        mechanism = asked.mechanism or "none"
        self.counted.add(names.CANCELLED, *key, asked.cause, asked.phase, mechanism)
        told_s, over_s = asked.delivered_s, asked.ended_s
        if told_s is None and asked.observed == "died":
            told_s, over_s = over_s, None
        if told_s is not None:
            took_s = max(told_s - asked.requested_s, 0.0)
            values = (*key, "deliver", mechanism)
            self.counted.observe(names.CANCELLATION_DURATION, took_s, *values)
        if told_s is not None and over_s is not None:
            values = (*key, "unwind", mechanism)
            took_s = max(over_s - told_s, 0.0)
            self.counted.observe(names.CANCELLATION_DURATION, took_s, *values)

    def _rejected(self, record: records.InputRejected) -> None:
        self.counted.add(names.REJECTED, *self._input(record), record.reason)

    # -- pools ---------------------------------------------------------------------

    def _declared(self, record: PoolDeclared) -> None:
        self._pools[record.pool] = record
        self.counted.labels[record.function] = record.label, record.mode
        for function, mode in record.methods.items():
            self.counted.labels[function] = function, mode

    def _starting(self, record: records.ContainerStarting) -> None:
        self.counted.add(names.CONTAINER_STARTS, *self._pool(record))

    def _container_ready(self, record: ContainerReady) -> None:
        key = self._pool(record)
        for phase, took_s in (
            ("spawn", record.spawn_s),
            ("import", record.import_s),
            ("enter", record.enter_s),
            ("total", record.total_s),
        ):
            self.counted.observe(names.CONTAINER_START_DURATION, took_s, *key, phase)
        self.counted.observe(
            names.FAAS_INIT_DURATION, record.total_s, *key, names.TRIGGER
        )

    def _exited(self, record: records.ContainerExited) -> None:
        key = self._pool(record)
        self.counted.add(names.CONTAINER_EXITS, *key, record.reason)
        grow(self.counted.served_s, record.pool, record.served_s or 0.0)

    def _decided(self, record: records.ScalingDecided) -> None:
        decision = record.decision
        values = decision.direction, decision.reason.value
        self.counted.add(names.AUTOSCALER_DECISIONS, *self._pool(record), *values)

    def _burst_ended(self, record: records.BurstEnded) -> None:
        key = (*self._pool(record), record.episode.reason.value)
        self.counted.add(names.BURSTS, *key)
        self.counted.observe(names.BURST_DURATION, record.episode.duration_s, *key)

    def _loop_blocked(self, record: records.LoopBlocked) -> None:
        if record.over:
            self.counted.add(names.LOOP_BLOCKED, *self._pool(record))

    def _loop_measured(self, record: records.LoopMeasured) -> None:
        spread = self.counted.spread(names.LOOP_LAG, *self._pool(record))
        for bucket, count in enumerate(record.counts):
            spread.counts[bucket] += count
        spread.sum += record.sum_s

    def _pool_measured(self, record: PoolMeasured) -> None:
        self._measured[record.pool] = record
