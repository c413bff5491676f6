"""The runtime's metrics, derived from what was recorded, and not measured again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import msgspec

from telemetry.capture import runtime_records as records
from telemetry.capture.runtime_records import (
    ContainerExited,
    PoolDeclared,
    PoolMeasured,
    Record,
)
from telemetry.capture.span_records import Settled
from telemetry.core import names
from telemetry.core.errors import InvalidError
from telemetry.pipeline.metrics import inputs, pools
from telemetry.pipeline.metrics.forming import Values
from telemetry.pipeline.metrics.gauges import Told, readings
from telemetry.pipeline.metrics.ledger import Ledger
from telemetry.pipeline.metrics.pools import STARTING, PoolNow
from telemetry.pipeline.metrics.temporality import Temporality
from telemetry.pipeline.metrics.zeros import prepared
from telemetry.pipeline.points import Point

VERSION: Final = 1
"""Of what `Deriver.dump` gives."""

RECORDS: Final = "records"
"""``input.telemetry.signal`` of what was given up in a black box: nobody knows any more
whether those were lines, spans or something else."""

_BOXES: Final = 4_096
"""Boxes with losses that are remembered, so that none is counted twice."""

_LEAST_NS: Final = 1_000_000_000
_MOST_NS: Final = 60_000_000_000
"""How long before the first collection nothing is said to have been counted: in any
case, and at most; Prometheus takes no samples that are much older than others."""

_GAUGES: Final = frozenset(
    metric.name
    for metric in names.METRICS
    if metric.kind in {"gauge", "observable gauge", "up-down counter"}
)
_encode: Final = msgspec.msgpack.Encoder().encode


class _State(msgspec.Struct):
    """What `Deriver.dump` keeps."""

    version: int
    started_ns: int
    temporality: Temporality
    ledger: Any
    pools: dict[str, dict[str, PoolNow]]
    told: dict[str, list[Values]]
    labels: dict[str, tuple[str, str]]
    dropped: dict[str, dict[str, int]]
    backlog: int | None
    peaks: list[tuple[Values, int]] = []
    collected_ns: int | None = None


class Deriver:
    """Derives the metrics of one service. Not safe for several threads.

    It reads no clock and starts nothing. All that it knows is in `dump`: who keeps that
    in one transaction with how far the boxes have been read counts nothing twice and
    loses nothing, whenever it is killed.

    Args:
        started_ns: Since when the sums count, in Unix nanoseconds.
    """

    def __init__(
        self, started_ns: int, temporality: Temporality = "cumulative"
    ) -> None:
        self._started_ns = started_ns
        self._temporality: Temporality = temporality
        self._ledger = Ledger(started_ns, delta=temporality != "cumulative")
        self._pools: dict[str, dict[str, PoolNow]] = {}
        self._told = Told()
        # Of containers that came and went between two collections: what they had at
        # once would else be known to nobody.
        self._peaks: dict[Values, int] = {}
        # What lines of a function are counted under: its label and mode.
        self._labels: dict[str, tuple[str, str]] = {}
        self._dropped: dict[str, dict[str, int]] = {}
        self._backlog: int | None = None
        self._first_ns: int | None = None
        self._collected_ns: int | None = None

    def take(self, record: Record, unix_ns: int, source: str = "") -> None:
        """Take in what a dispatcher saw.

        Args:
            unix_ns: When that was.
            source: Which driver it is of: the name of its box.
        """
        if self._first_ns is None:
            self._first_ns = unix_ns
        known = self._pools.get(source)
        if known is None:
            known = self._pools[source] = {}
        pool = known.get(record.pool)
        if pool is None:
            pool = known[record.pool] = PoolNow(record.function)
        take_input = _OF_INPUTS.get(type(record))
        if take_input is not None:
            take_input(self._ledger, pool, record, unix_ns)
            return
        if isinstance(record, ContainerExited):
            self._keep_peak(pool, record.container_id)
        elif isinstance(record, PoolMeasured):
            for container_id in pool.containers.keys() - {
                each.container_id for each in record.containers
            }:
                self._keep_peak(pool, container_id)
        take = _OF_POOLS.get(type(record))
        if take is not None:
            take(self._ledger, pool, record)
        if isinstance(record, PoolDeclared):
            self._declared(record)

    def outside(self, settled: Settled) -> None:
        """An input ended that no dispatcher knows, of a program on its own.

        Raises:
            ValueError: Its outcome is none that there is.
        """
        inputs.take_outside(self._ledger, settled)

    def gone(self, source: str) -> None:
        """The process of that box is gone, and everything in it was taken in."""
        for pool in self._pools.pop(source, {}).values():
            for container_id in pool.containers:
                self._keep_peak(pool, container_id)

    def lines(self, bound: bool, function: str, count: int) -> None:  # noqa: FBT001 - the value of an attribute
        """So many log records.

        Args:
            bound: They know their input.
            function: Of the input, or of the container that wrote them; "" where
                neither is known.
        """
        values = (*self._labels.get(function, (function, "")), bound)
        self._ledger.add(names.LOG_RECORDS, values, count)

    def late(self, count: int, function: str = "") -> None:
        """So many log records were written after their input had settled."""
        values = self._labels.get(function, (function, ""))
        self._ledger.add(names.LOG_LATE, values, count)

    def box_dropped(self, box: str, counts: Mapping[str, int]) -> None:
        """What a box says that it has given up in all, by reason."""
        # Kept when the box is gone, as it may be looked at once more.
        before = self._dropped.get(box, {})
        more = {
            reason: count - before.get(reason, 0)
            for reason, count in counts.items()
            if count > before.get(reason, 0)
        }
        if not more:
            return
        for reason, count in more.items():
            self.dropped(RECORDS, reason, count)
        self._dropped.pop(box, None)  # so that it becomes the newest
        self._dropped[box] = {**before, **{reason: counts[reason] for reason in more}}
        if len(self._dropped) > _BOXES:
            del self._dropped[next(iter(self._dropped))]

    def dropped(self, signal: str, reason: str, count: int) -> None:
        """So many more items were given up on their way."""
        self._ledger.add(names.TELEMETRY_DROPPED, (signal, reason), count)

    def shipped(self, signal: str, count: int) -> None:
        """So many more items were delivered."""
        self._ledger.add(names.TELEMETRY_SHIPPED, (signal,), count)

    def backlog(self, size_bytes: int) -> None:
        """So much is written and not delivered yet."""
        self._backlog = size_bytes

    def beginnings(self, now_ns: int) -> list[Point]:
        """Zeros of what `collect` will tell for the first time: see `Ledger`.

        They are a little older than what it tells, and go before that.
        """
        return self._ledger.beginnings(self._before(now_ns))

    def collect(self, now_ns: int) -> list[Point]:
        """The points of all instruments, in the order of `telemetry.core.names`.

        Peaks and exemplars begin anew with it, and so do sums where deltas are wanted.
        """
        counted = self._ledger.collect(now_ns)
        self._collected_ns = now_ns
        current = readings(self._each_pool())
        if self._backlog is not None:
            current[names.TELEMETRY_BACKLOG.name] = {(): self._backlog}
        points: list[Point] = []
        times = min(self._started_ns, now_ns), now_ns
        for metric in names.METRICS:
            if metric.name in _GAUGES:
                shown = current.get(metric.name, {})
                if metric is names.SLOTS_PEAK:
                    points += self._told.before(metric, self._peaks, times)
                points += self._told.points(metric, shown, times)
            else:
                points += counted.get(metric.name, [])
        for pool in self._each_pool():
            for container in pool.containers.values():
                container.peak = container.running
        self._peaks = {}
        return points

    def dump(self) -> bytes:
        """Everything that is known; `load` goes on from it."""
        return _encode(
            _State(
                VERSION,
                self._started_ns,
                self._temporality,
                self._ledger.dump(),
                self._pools,
                {name: list(each) for name, each in self._told.series.items()},
                self._labels,
                self._dropped,
                self._backlog,
                list(self._peaks.items()),
                self._collected_ns,
            )
        )

    def load(self, data: bytes) -> None:
        """Go on from what `dump` gave.

        Raises:
            InvalidError: It is of another version, damaged, or has other sums than
                are wanted now.
        """
        try:
            state = msgspec.msgpack.decode(data, type=_State)
            if (state.version, state.temporality) != (VERSION, self._temporality):
                raise InvalidError(
                    f"the metrics are kept as version {state.version}, "
                    f"{state.temporality}; wanted are {VERSION}, {self._temporality}"
                )
            self._ledger.load(state.ledger)
        except (msgspec.DecodeError, ValueError) as error:
            raise InvalidError(f"the kept metrics are damaged: {error}") from error
        self._started_ns = state.started_ns
        self._pools = state.pools
        self._told = Told(state.told)
        self._labels, self._dropped = state.labels, state.dropped
        self._backlog, self._peaks = state.backlog, dict(state.peaks)
        self._collected_ns = state.collected_ns

    def _declared(self, record: PoolDeclared) -> None:
        self._labels[record.function] = (record.label, record.mode)
        for function, mode in record.methods.items():
            self._labels[function] = (function, mode)
        for metric, values in prepared(record):
            self._ledger.prepare(metric, values)

    def _before(self, now_ns: int) -> int:
        """When what is new now was not counted yet."""
        if self._collected_ns is not None:
            return max(self._collected_ns, now_ns - _MOST_NS)
        first_ns = now_ns if self._first_ns is None else self._first_ns
        return max(min(first_ns, now_ns - _LEAST_NS), now_ns - _MOST_NS)

    def _keep_peak(self, pool: PoolNow, container_id: str) -> None:
        """A container is gone; its peak has not been told yet."""
        now = pool.containers.get(container_id)
        if now is not None and now.state != STARTING and now.peak:
            self._peaks[pool.label, pool.mode, container_id] = now.peak

    def _each_pool(self) -> Iterator[PoolNow]:
        for of_source in self._pools.values():
            yield from of_source.values()


_OF_INPUTS: Final[dict[type[Any], Callable[[Ledger, PoolNow, Any, int], None]]] = {
    records.InputStarted: inputs.take_started,
    records.InputSettled: inputs.take_settled,
    records.InputInterrupted: inputs.take_interrupted,
    records.InputRejected: inputs.take_rejected,
}
_OF_POOLS: Final[dict[type[Any], Callable[[Ledger, PoolNow, Any], None]]] = {
    records.PoolDeclared: pools.take_declared,
    records.PoolMeasured: pools.take_measured,
    records.ContainerStarting: pools.take_starting,
    records.ContainerReady: pools.take_ready,
    records.ContainerExited: pools.take_exited,
    records.ScalingDecided: pools.take_decided,
    records.BurstEnded: pools.take_burst,
    records.LoopBlocked: pools.take_blocked,
    records.LoopMeasured: pools.take_lag,
}
