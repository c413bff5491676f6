"""What the dispatcher saw, into the store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol, get_args

import msgspec

from telemetry.capture import runtime_records as records
from telemetry.pipeline.store.lives import Identity, Lives, identity_of
from telemetry.pipeline.store.pool_rows import PoolRows, before
from telemetry.pipeline.store.rows import ExecutionRow, InputRow
from telemetry.pipeline.store.sorting import END_NS
from telemetry.pipeline.store.writing import Store
from telemetry.policy.bursts import Zone

_KINDS: Final[dict[str, Any]] = {
    kind.__name__: kind for kind in get_args(records.Record)
}


class _OfAnExecution(Protocol):
    """What several records have in common."""

    @property
    def function(self) -> str: ...
    @property
    def input_id(self) -> str: ...
    @property
    def function_call_id(self) -> str: ...
    @property
    def attempt(self) -> int: ...
    @property
    def container_id(self) -> str | None: ...
    @property
    def slot(self) -> int | None: ...


class RuntimeRows:
    """Turns records of the dispatcher into rows. The writer's thread.

    Their own times are seconds of the driver's monotonic clock, which say nothing
    here; each record also has its Unix time, and what it tells of the past is counted
    back from there.
    """

    def __init__(self, store: Store, lives: Lives) -> None:
        self._store = store
        self._lives = lives
        self.pools: Final = PoolRows(store, lives)
        self._takers: dict[str, Callable[[int, int, Any], None]] = {
            "InputStarted": self._input_started,
            "InputSettled": self._input_settled,
            "InputInterrupted": self._input_interrupted,
            "ContainerStarting": self._container_starting,
            "ContainerReady": self._container_ready,
            "ContainerExited": self._container_exited,
            "ScalingDecided": self.pools.scaling_decided,
            "BurstEnded": self.pools.burst_ended,
            "LoopBlocked": self.pools.loop_blocked,
            "PoolDeclared": self.pools.pool_declared,
            "PoolMeasured": self.pools.pool_measured,
        }

    def take(self, process: int, unix_ns: int, name: str, fields: object) -> bool:
        """Take in a record; False when nobody here knows its name.

        Raises:
            TypeError, ValueError: It is damaged.
        """
        take, kind = self._takers.get(name), _KINDS.get(name)
        if take is None or kind is None:
            return False
        if type(unix_ns) is not int or not 0 < unix_ns < END_NS:
            raise ValueError(f"{unix_ns!r} is no time of a record")
        if isinstance(fields, list):
            # What a newer program appends is not known here, and does no harm.
            fields = fields[: len(kind._fields)]
        if not _fits(fields):
            raise ValueError("a number that no column can hold")
        take(process, unix_ns, msgspec.convert(fields, kind))
        return True

    def _input_started(
        self, _process: int, unix_ns: int, seen: records.InputStarted
    ) -> None:
        enqueued_ns = before(unix_ns, seen.wait_s)
        input_, row = self._rows(seen, enqueued_ns)
        row.started_ns = row.started_ns or unix_ns
        row.zone, row.concurrency = seen.zone, seen.concurrency
        row.wait_s, row.wait_reason = seen.wait_s, seen.wait_reason
        row.batch_size = seen.batch_size
        row.burst = row.burst or (1 if seen.zone == Zone.BURST else None)
        input_.parent = seen.parent_id or input_.parent
        if seen.attempt == 0:
            input_.enqueued_ns = enqueued_ns
        input_.started_ns = input_.started_ns or unix_ns
        if seen.attempt < input_.attempts - 1:
            return
        input_.zone, input_.concurrency = seen.zone, seen.concurrency
        input_.wait_s, input_.wait_reason = seen.wait_s, seen.wait_reason
        input_.batch_size, input_.burst = seen.batch_size, row.burst
        input_.container, input_.slot = row.container, row.slot
        if row.ending is None and not input_.is_settled:
            # What the attempt before has ended with was not the last word.
            input_.outcome = input_.ended_ns = input_.run_s = None

    def _input_settled(
        self, _process: int, unix_ns: int, seen: records.InputSettled
    ) -> None:
        enqueued_ns = before(unix_ns, seen.total_s)
        input_ = self._lives.input(seen.input_id, enqueued_ns)
        input_.call_id = seen.function_call_id
        input_.function = self._store.text_number(seen.function)
        input_.enqueued_ns = input_.enqueued_ns or enqueued_ns
        input_.ended_ns, input_.outcome = unix_ns, seen.outcome
        input_.wait_s, input_.total_s = seen.wait_s, seen.total_s
        if seen.run_s is not None:
            input_.run_s = seen.run_s
        if seen.zone is not None:
            input_.zone = seen.zone
        asked = seen.cancelled
        if asked is not None:
            input_.cancel_cause, input_.cancel_phase = asked.cause, asked.phase
            input_.cancel_mechanism = asked.mechanism
            input_.cancel_observed = asked.observed
            ago_s = max(seen.at_s - asked.requested_s, 0.0)
            input_.cancel_requested_ns = before(unix_ns, ago_s)
        if seen.container_id is None:
            return
        _, row = self._rows(seen, enqueued_ns)
        row.ending = seen.outcome
        row.ended_ns = row.ended_ns or unix_ns
        if row.started_ns is None:
            row.started_ns = before(unix_ns, seen.run_s or 0.0)
        input_.container, input_.slot = row.container, row.slot

    def _input_interrupted(
        self, _process: int, unix_ns: int, seen: records.InputInterrupted
    ) -> None:
        started_ns = before(unix_ns, seen.elapsed_s)
        input_, row = self._rows(seen, started_ns)
        row.ending = seen.reason
        row.started_ns = row.started_ns or started_ns
        row.ended_ns = row.ended_ns or unix_ns
        if not input_.is_settled and seen.attempt >= input_.attempts - 1:
            input_.outcome = input_.ended_ns = input_.run_s = None

    def _container_starting(
        self, _process: int, unix_ns: int, seen: records.ContainerStarting
    ) -> None:
        row = self._lives.container(seen.container_id)
        row.function = self._store.text_number(seen.function)
        row.starting_ns = unix_ns

    def _container_ready(
        self, _process: int, unix_ns: int, seen: records.ContainerReady
    ) -> None:
        row = self._lives.container(seen.container_id)
        row.function = self._store.text_number(seen.function)
        row.ready_ns, row.pid = unix_ns, seen.pid
        row.spawn_s, row.import_s = seen.spawn_s, seen.import_s
        row.enter_s = seen.enter_s

    def _container_exited(
        self, _process: int, unix_ns: int, seen: records.ContainerExited
    ) -> None:
        row = self._lives.container(seen.container_id)
        row.function = self._store.text_number(seen.function)
        row.exited_ns = unix_ns
        row.exit_reason, row.exit_status = seen.reason, seen.status

    def _rows(
        self, seen: _OfAnExecution, unix_ns: int
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
        return self._lives.input(seen.input_id, unix_ns), row


def _fits(value: object) -> bool:
    """Whether SQLite can hold every number in *value*."""
    if isinstance(value, list):
        return all(map(_fits, value))
    if isinstance(value, dict):
        return all(map(_fits, value.values()))
    return not isinstance(value, int) or -END_NS <= value < END_NS
