"""Slots are filled from the queue: who runs where, and when a batch is ready."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from telemetry.capture.runtime_records import InputStarted
from telemetry.core.trace_context import execution_span, packed, unpacked
from telemetry.policy import batching, routing
from telemetry.policy.bursts import Zone, zone
from telemetry.runtime.driver.inputs import Batch
from telemetry.runtime.driver.suspects import Suspects
from telemetry.runtime.wire import messages
from telemetry.runtime.wire.frames import outgoing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from telemetry.runtime.driver.containers import ContainerHandle
    from telemetry.runtime.driver.fleet import Fleet
    from telemetry.runtime.driver.inputs import Execution, Input
    from telemetry.runtime.driver.services import Services
    from telemetry.runtime.driver.waiting_line import InputQueue
    from telemetry.runtime.spec import Batching, PoolSpec
    from telemetry.runtime.wire.reactor import Timer

_NO_WAIT_S: Final = 0.001
"""A wait below this is the dispatcher's own work, not a queue."""


class Filler:
    """Takes inputs from the queue into free slots. The dispatcher's thread only.

    Args:
        on_due: A batch has lingered long enough: `fill` again.
    """

    def __init__(
        self,
        spec: PoolSpec,
        services: Services,
        queue: InputQueue,
        fleet: Fleet,
        on_due: Callable[[], None],
    ) -> None:
        self._services = services
        self._queue = queue
        self._fleet = fleet
        self._on_due = on_due
        self._batching = spec.batching
        self._batch_timer: Timer | None = None
        self._suspects = Suspects(
            queue, fleet, spec.concurrency.max_inputs, self._start_suspect
        )
        self._target = spec.concurrency.target_inputs
        self._limit = spec.concurrency.max_inputs
        self._names = [spec.full_name(i) for i in range(len(spec.methods))]
        self._pool = spec.key

    def fill(self, now_s: float) -> bool:
        """Start what can start; True when something did."""
        ready, started = self._fleet.ready, 0
        if self._queue.suspects or any(each.company is not None for each in ready):
            started = self._suspects.place(now_s)
            ready = [each for each in ready if each.company is None]
        if self._batching is not None:
            return self._fill_batches(self._batching, ready, now_s) or started > 0
        queue = self._queue
        plan = routing.assign(
            [each.running for each in ready], self._target, self._limit, queue.regular
        )
        for index in plan:
            self._start(queue.take(), ready[index], now_s)
        return bool(plan) or started > 0

    def _start(self, input_: Input, container: ContainerHandle, now_s: float) -> None:
        container.occupy(input_)
        input_.dispatched_s = now_s
        admitted = input_.zone = self._zone(input_.concurrency)
        cold = container.ready_s > input_.enqueued_s
        container.outgoing.append(
            (
                messages.RUN,
                input_.slot,
                input_.method,
                input_.input_id,
                input_.sink.call_id,
                input_.attempt,
                outgoing(input_.payload),
                None,
                input_.origin.trace,
                (input_.concurrency, admitted, cold),
            )
        )
        if self._services.report is not None:
            self._services.report(self._started(input_, input_, container, 1, 0))

    def _start_suspect(
        self, input_: Input, container: ContainerHandle, now_s: float
    ) -> None:
        if self._batching is None:
            self._start(input_, container, now_s)
        else:
            self._start_batch(Batch([input_]), container, now_s)

    def _fill_batches(
        self, rule: Batching, ready: Sequence[ContainerHandle], now_s: float
    ) -> bool:
        started = False
        linger_s = rule.wait_ms / 1000
        while (oldest := self._queue.oldest()) is not None:
            size = batching.release_size(
                self._queue.regular,
                now_s - oldest.enqueued_s,
                rule.max_batch_size,
                linger_s,
            )
            if not size:
                self._fill_at(oldest.enqueued_s + linger_s)
                break
            loads = [each.running for each in ready]
            plan = routing.assign(loads, self._target, self._limit, 1)
            if not plan:
                break
            members = [self._queue.take() for _ in range(size)]
            self._start_batch(Batch(members), ready[plan[0]], now_s)
            started = True
        return started

    def _start_batch(
        self, batch: Batch, container: ContainerHandle, now_s: float
    ) -> None:
        container.occupy(batch)
        batch.dispatched_s = now_s
        batch.zone = self._zone(batch.concurrency)
        first = batch.inputs[0]
        cold = container.ready_s > first.enqueued_s
        members = [
            (each.input_id, outgoing(each.payload), each.attempt, each.origin.trace)
            for each in batch.inputs
        ]
        container.outgoing.append(
            (
                messages.RUN,
                batch.slot,
                batch.method,
                first.input_id,
                first.sink.call_id,
                first.attempt,
                b"",
                members,
                first.origin.trace,
                (batch.concurrency, batch.zone, cold),
            )
        )
        if self._services.report is not None:
            for index, each in enumerate(batch.inputs):
                started = self._started(each, batch, container, len(members), index)
                if index:
                    started = started._replace(batch_span=_span_of(first))
                self._services.report(started)

    def _fill_at(self, when_s: float) -> None:
        if self._batch_timer is not None:
            if self._batch_timer.when_s <= when_s:
                return
            self._batch_timer.cancel()
        self._batch_timer = self._services.at(when_s, self._due)

    def _due(self) -> None:
        self._batch_timer = None
        self._on_due()

    def _zone(self, running: int) -> Zone:
        # The queue has a say only where the container is full, and counting it costs.
        queued = len(self._queue) if running >= self._limit else 0
        return zone(running, self._target, self._limit, queued)

    def _started(
        self,
        input_: Input,
        execution: Execution,
        container: ContainerHandle,
        batch_size: int,
        batch_index: int,
    ) -> InputStarted:
        wait_s = execution.dispatched_s - input_.enqueued_s
        cold = container.ready_s > input_.enqueued_s
        if input_.attempt:
            reason = "retry"
        elif cold:
            reason = "cold_start"
        else:
            reason = "capacity" if wait_s > _NO_WAIT_S else "none"
        # By position: this is on the path of every input that is observed, and
        # keywords would take three times as long.
        return InputStarted(
            execution.dispatched_s,
            self._names[input_.method],
            input_.input_id,
            input_.sink.call_id,
            input_.attempt,
            container.container_id,
            execution.slot,
            execution.concurrency,
            execution.zone or Zone.NORMAL,
            wait_s,
            reason,
            batch_size,
            input_.origin.input_id,
            self._pool,
            input_.origin.trace,
            cold,
            batch_index,
        )


def _span_of(first: Input) -> str:
    """The span of a batch, packed: it runs under the id of its first member."""
    trace = first.origin.trace
    parent = None if trace is None else unpacked(trace)
    return packed(execution_span(first.input_id, first.attempt, parent))
