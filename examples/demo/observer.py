"""Folds the runtime's records into what the demo shows; pure, no clock, no thread."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from examples.demo.workload import Shape
from telemetry.capture.runtime_records import (
    BurstEnded,
    ContainerExited,
    ContainerReady,
    ContainerStarting,
    InputInterrupted,
    InputSettled,
    InputStarted,
    PoolMeasured,
    Record,
    ScalingDecided,
)
from telemetry.core.ids import short
from telemetry.core.outcome import Outcome
from telemetry.policy.bursts import Episode, Zone, zone

_SHOWN_CAUSES: Final = ("user", "timeout")
"""Cancellations that somebody asked for; the others follow from those, or the end."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something to say at once, as a line.

    Attributes:
        mark: One of `theme.MARK_STYLES`.
        level: A log level.
        input_id: Whose line it is; None for a container or a function.
    """

    mark: str
    text: str
    function: str
    fields: dict[str, Any]
    level: str = "info"
    input_id: str | None = None
    attempt: int = 0
    container_id: str | None = None


@dataclass(slots=True)
class Container:
    """A container, from its start to its end.

    Attributes:
        slots: The inputs in each slot; a slot without any is not there.
        peak: Most slots that were taken at once.
        interrupted: What it had to give up, in order.
    """

    container_id: str
    pool: str
    ready: ContainerReady | None = None
    cold_start_s: float = 0.0
    slots: dict[int, set[str]] = field(default_factory=dict)
    peak: int = 0
    served: int = 0
    interrupted: list[InputInterrupted] = field(default_factory=list)
    exited: ContainerExited | None = None

    @property
    def running(self) -> int:
        """Slots that are taken."""
        return len(self.slots)


@dataclass(slots=True)
class Function:
    """What is known of a function.

    Attributes:
        settled: Inputs by outcome, as the records have it.
        waits_s: Each execution's wait for its slot.
        runs_s: How long the last execution of each input took.
        peak: Most slots that were taken at once, in all its containers.
        above_s: When it last started an input above target.
        measured: What its slots and containers took; known at the end.
    """

    shape: Shape
    submitted: int = 0
    settled: Counter[Outcome] = field(default_factory=Counter)
    running: dict[str, InputStarted] = field(default_factory=dict)
    interrupted: Counter[str] = field(default_factory=Counter)
    waits_s: list[float] = field(default_factory=list)
    runs_s: list[float] = field(default_factory=list)
    batches: Counter[tuple[str, int, float]] = field(default_factory=Counter)
    peak: int = 0
    bursting: bool = False
    above_s: float = float("-inf")
    bursts: list[Episode] = field(default_factory=list)
    decisions: Counter[tuple[str, str]] = field(default_factory=Counter)
    cancellations: list[InputSettled] = field(default_factory=list)
    measured: PoolMeasured | None = None

    @property
    def queued(self) -> int:
        """Inputs that wait for a slot, or for their retry."""
        return self.submitted - self.settled.total() - len(self.running)


class Observer:
    """The model of a run. Not safe from several threads."""

    def __init__(self, shapes: Iterable[Shape]) -> None:
        self.functions = {each.name: Function(each) for each in shapes}
        # Containers and decisions are a pool's: of a class, not of its method.
        self._by_pool = {
            name.partition(".")[0]: each for name, each in self.functions.items()
        }
        self.containers: dict[str, Container] = {}
        self.outcomes: dict[str, Outcome] = {}
        self.settled_again: list[str] = []
        self._folds: dict[type, Callable[[Any], list[Event]]] = {
            InputStarted: self._started,
            InputSettled: self._settled,
            InputInterrupted: self._interrupted,
            ContainerStarting: self._starting,
            ContainerReady: self._ready,
            ContainerExited: self._exited,
            ScalingDecided: self._decided,
            BurstEnded: self._burst_ended,
            PoolMeasured: self._measured,
        }

    def submitted(self, function: str) -> None:
        """An input is about to be handed to the runtime."""
        self.functions[function].submitted += 1

    def add(self, record: Record) -> list[Event]:
        """Take in a record, and tell what is to be said about it."""
        fold = self._folds.get(type(record))  # there are kinds that say nothing here
        return [] if fold is None else fold(record)

    def of(self, function: Function) -> list[Container]:
        """The containers of a function, the gone ones as well."""
        return [
            each
            for each in self.containers.values()
            if self._by_pool[each.pool] is function
        ]

    def living(self, function: Function) -> list[Container]:
        """Its containers that take inputs, or finish what they have."""
        return [each for each in self.of(function) if each.ready and not each.exited]

    def zone(self, function: Function) -> Zone:
        """The zone of its fullest container."""
        shape = function.shape
        running = max((each.running for each in self.living(function)), default=0)
        return zone(running, shape.target, shape.limit, function.queued)

    def call(self, call_id: str) -> InputStarted | None:
        """What runs of a call; None while it waits, and when it is over."""
        for function in self.functions.values():
            for each in function.running.values():
                if each.function_call_id == call_id:
                    return each
        return None

    def _starting(self, record: ContainerStarting) -> list[Event]:
        self.containers[record.container_id] = Container(
            record.container_id, record.function
        )
        return [_of_container("○", "container starting", record, {})]

    def _ready(self, record: ContainerReady) -> list[Event]:
        container = self.containers[record.container_id]
        container.ready = record
        container.cold_start_s = record.spawn_s + record.import_s + record.enter_s
        keys = {"cold_start": _seconds(container.cold_start_s)}
        return [_of_container("●", "container ready", record, keys)]

    def _exited(self, record: ContainerExited) -> list[Event]:
        container = self.containers[record.container_id]
        container.exited = record
        keys: dict[str, Any] = {"reason": record.reason}
        if record.status is not None and record.status < 0:
            keys["signal"] = -record.status
        else:
            keys["served"] = container.served
        crashed = record.reason in {"crash", "start_failed"}
        mark, level = ("✖", "error") if crashed else ("◌", "info")
        return [_of_container(mark, "container exited", record, keys, level)]

    def _started(self, record: InputStarted) -> list[Event]:
        function = self.functions[record.function]
        container = self.containers[record.container_id]
        function.running[record.input_id] = record
        function.waits_s.append(record.wait_s)
        if record.batch_size > 0 and function.shape.batch > 1:
            key = (record.container_id, record.slot, record.at_s)
            function.batches[key] = record.batch_size
        container.slots.setdefault(record.slot, set()).add(record.input_id)
        # Both counts: what the dispatcher says, and what its other records add up to.
        container.peak = max(container.peak, container.running, record.concurrency)
        running = sum(each.running for each in self.living(function))
        function.peak = max(function.peak, running)
        if record.concurrency <= function.shape.target:
            return []
        function.above_s = record.at_s
        if function.bursting:
            return []
        function.bursting = True
        keys = {"running": record.concurrency, "target": function.shape.target}
        return [_of_container("▲", "burst began", record, keys, "warning")]

    def _settled(self, record: InputSettled) -> list[Event]:
        function = self.functions[record.function]
        self._leave(function, record)
        if record.input_id in self.outcomes:
            self.settled_again.append(record.input_id)
        self.outcomes[record.input_id] = record.outcome
        function.settled[record.outcome] += 1
        if record.run_s is not None:
            function.runs_s.append(record.run_s)
        asked = record.cancelled
        if asked is not None and asked.cause in _SHOWN_CAUSES:
            function.cancellations.append(record)
            text = "timed out" if asked.cause == "timeout" else "cancelled"
            keys: dict[str, Any] = {"phase": asked.phase}
            if asked.mechanism is not None:
                keys = {"mechanism": asked.mechanism, "observed": asked.observed}
            keys["after"] = _seconds(record.at_s - asked.requested_s)
            return [_of_input("✕", text, record, keys)]
        if record.outcome in {Outcome.ERROR, Outcome.LOST}:
            return [_of_input("✖", f"settled: {record.outcome}", record, {})]
        return []

    def _interrupted(self, record: InputInterrupted) -> list[Event]:
        function = self.functions[record.function]
        self._leave(function, record)
        function.interrupted[record.reason] += 1
        if record.reason == "retry":
            keys = {"ran": _seconds(record.elapsed_s)}
            return [_of_input("↻", "to be retried", record, keys)]
        self.containers[record.container_id].interrupted.append(record)
        keys = {"because": record.reason, "ran": _seconds(record.elapsed_s)}
        return [_of_input("↻", "rescheduled", record, keys)]

    def _leave(
        self, function: Function, record: InputSettled | InputInterrupted
    ) -> None:
        started = function.running.pop(record.input_id, None)
        if started is None:
            return
        container = self.containers[started.container_id]
        container.served += 1
        inputs = container.slots.get(started.slot, set())
        inputs.discard(record.input_id)
        if not inputs:
            container.slots.pop(started.slot, None)

    def _decided(self, record: ScalingDecided) -> list[Event]:
        decision = record.decision
        function = self._by_pool[record.function]
        function.decisions[decision.direction, decision.reason.value] += 1
        return []

    def _burst_ended(self, record: BurstEnded) -> list[Event]:
        function, episode = self._by_pool[record.function], record.episode
        function.bursts.append(episode)
        # It is told of a quiet second later: another one may have begun by then.
        function.bursting = function.above_s > episode.ended_s
        keys = {
            "lasted": _seconds(episode.duration_s),
            "peak": episode.peak,
            "why": episode.reason.value,
        }
        return [Event("▼", "burst ended", record.function, keys)]

    def _measured(self, record: PoolMeasured) -> list[Event]:
        self._by_pool[record.function].measured = record
        return []


def _of_container(
    mark: str,
    text: str,
    record: ContainerStarting | ContainerReady | ContainerExited | InputStarted,
    fields: dict[str, Any],
    level: str = "info",
) -> Event:
    return Event(
        mark=mark,
        text=text,
        function=record.function,
        fields={"container": short(record.container_id), **fields},
        level=level,
        container_id=record.container_id,
    )


def _of_input(
    mark: str,
    text: str,
    record: InputSettled | InputInterrupted,
    fields: dict[str, Any],
) -> Event:
    return Event(
        mark=mark,
        text=text,
        function=record.function,
        fields=fields,
        level="error" if mark == "✖" else "warning",
        input_id=record.input_id,
        attempt=record.attempt,
        container_id=record.container_id,
    )


def _seconds(value_s: float) -> str:
    return f"{value_s * 1000:.0f}ms" if value_s < 1 else f"{value_s:.2f}s"
