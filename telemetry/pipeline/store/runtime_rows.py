"""What the dispatcher saw, into the store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from telemetry.capture import runtime_records as records
from telemetry.pipeline.store.input_rows import InputRows
from telemetry.pipeline.store.lives import Lives
from telemetry.pipeline.store.pool_rows import PoolRows, before
from telemetry.pipeline.store.sorting import END_NS
from telemetry.pipeline.store.writing import Store


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
        inputs = InputRows(store, lives)
        self._takers: Final[dict[type[Any], Callable[[int, int, Any], None]]] = {
            records.InputStarted: inputs.started,
            records.InputSettled: inputs.settled,
            records.InputInterrupted: inputs.interrupted,
            records.InputRejected: inputs.rejected,
            records.ContainerStarting: self._container_starting,
            records.ContainerReady: self._container_ready,
            records.ContainerExited: self._container_exited,
            records.ScalingDecided: self.pools.scaling_decided,
            records.BurstEnded: self.pools.burst_ended,
            records.LoopBlocked: self.pools.loop_blocked,
            records.PoolDeclared: self.pools.pool_declared,
            records.PoolMeasured: self.pools.pool_measured,
        }

    def take(self, process: int, unix_ns: int, name: str, fields: Any) -> bool:  # noqa: ANN401  # damaged, it may be anything
        """Take in a record; False when only a newer program knows it.

        Raises:
            TypeError, ValueError: It is damaged.
        """
        if type(unix_ns) is not int or not 0 < unix_ns < END_NS:
            raise ValueError(f"{unix_ns!r} is no time of a record")
        if not _fits(fields):
            raise ValueError("a number that no column can hold")
        record = records.record_of(name, fields)
        if record is None:
            return False
        take = self._takers.get(type(record))
        if take is not None:  # of all others metrics are made
            take(process, unix_ns, record)
        return True

    def _container_starting(
        self, _process: int, unix_ns: int, seen: records.ContainerStarting
    ) -> None:
        row = self._lives.container(seen.container_id)
        row.function = self._store.text_number(seen.function)
        row.starting_ns = unix_ns
        row.target, row.max_inputs = seen.target, seen.limit

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
        row.exit_phase = seen.phase or None
        if row.starting_ns is None and seen.lived_s:
            row.starting_ns = before(unix_ns, seen.lived_s)


def _fits(value: object) -> bool:
    """Whether SQLite can hold every number in *value*."""
    if isinstance(value, list):
        return all(map(_fits, value))
    if isinstance(value, dict):
        return all(map(_fits, value.values()))
    return not isinstance(value, int) or -END_NS <= value < END_NS
