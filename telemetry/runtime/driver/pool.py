"""One pool: its queue, its dispatch, and what its containers report."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from telemetry.core.errors import RemoteError
from telemetry.policy import batching, routing
from telemetry.policy.bursts import Zone, zone
from telemetry.policy.settling import Cause, How
from telemetry.runtime.calls import Settled
from telemetry.runtime.driver.canceller import Canceller
from telemetry.runtime.driver.containers import State
from telemetry.runtime.driver.fleet import Fleet
from telemetry.runtime.driver.inputs import Batch, Input
from telemetry.runtime.driver.meter import Meter
from telemetry.runtime.driver.settler import Ending, Settler
from telemetry.runtime.driver.waiting_line import InputQueue
from telemetry.runtime.records import InputStarted
from telemetry.runtime.session import FunctionStats
from telemetry.runtime.wire import messages, payload
from telemetry.runtime.wire.frames import incoming, outgoing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from telemetry.runtime.driver.containers import ContainerHandle
    from telemetry.runtime.driver.inputs import Execution
    from telemetry.runtime.driver.services import Services
    from telemetry.runtime.spec import PoolSpec
    from telemetry.runtime.wire.frames import Message, Payload
    from telemetry.runtime.wire.reactor import Timer

_HOW: Final = {
    messages.RETURNED: How.RETURNED,
    messages.RAISED: How.RAISED,
    messages.UNWOUND: How.UNWOUND,
    messages.NEVER_STARTED: How.NEVER_STARTED,
}

_SILENCE_S: Final = 0.05
"""A container that runs inputs and says nothing for so long is probed: results
that lie ready behind a blocked loop then come out."""


class Pool:
    """Everything about one pool. The dispatcher's thread only.

    Args:
        launch: Starts a container and connects it to this pool.
        on_change: Asks for a `pump` at the end of this round.
    """

    def __init__(
        self,
        spec: PoolSpec,
        services: Services,
        *,
        launch: Callable[[Pool, ContainerHandle], None],
        on_change: Callable[[Pool], None],
    ) -> None:
        self.spec = spec
        self._services = services
        self.touch: Callable[[], None] = lambda: on_change(self)
        self._queue = InputQueue()
        self._settler = Settler(spec, services, self._queue, self.touch)
        self.fleet = Fleet(
            spec,
            services,
            launch=lambda container: launch(self, container),
            on_start_failed=self._fail_waiting,
            on_due=self.touch,
        )
        self._canceller = Canceller(
            spec, services, self.fleet, self._settler, self.touch
        )
        self._meter = Meter(spec, services)
        self._batch_timer: Timer | None = None
        self._probe_timer: Timer | None = None
        self._closing = False
        self._target = spec.concurrency.target_inputs
        self._limit = spec.concurrency.max_inputs
        self._names = [spec.full_name(i) for i in range(len(spec.methods))]

    def submit(self, inputs: Sequence[Input]) -> None:
        """Accept inputs."""
        if self._closing:
            for each in inputs:
                self._settler.cancel_unstarted(each, Cause.SHUTDOWN)
            return
        self._queue.add(inputs)
        self.touch()

    def pump(self) -> None:
        """Bring everything up to the present: dispatch, scale, measure, send."""
        now_s = time.monotonic()
        if self._closing:
            self._cancel_waiting(Cause.SHUTDOWN)
        if self._queue and self.fleet.ready:
            if self.spec.batching is None:
                self._dispatch(now_s)
            else:
                self._dispatch_batches(now_s)
        self.fleet.scale(self._queued_slots(), now_s)
        self._meter.measure(
            now_s,
            [each.running for each in self.fleet.living if each.ready_s],
            len(self._queue),
            starting=self.fleet.count(State.STARTING),
            may_start=self.fleet.may_start,
        )
        for container in self.fleet.living:
            container.flush()

    def on_done(
        self,
        container: ContainerHandle,
        message: Sequence[Any],
        blobs: Sequence[Payload],
    ) -> None:
        """An execution has ended, as its container tells; `touch` has to follow."""
        _, slot, how, field, started_ns, ended_ns = message
        execution = container.vacate(slot)
        if execution is None or execution.container is not container:
            return
        run_s = (ended_ns - started_ns) / 1e9
        if type(field) is list:
            self._on_batch_done(execution, field, blobs, run_s)
            return
        data = field if type(field) is bytes else incoming(field, blobs)
        if (
            type(execution) is Input
            and how == messages.RETURNED
            and execution.cause is None
        ):
            self._settler.succeed(execution, data, run_s)
        else:
            self._settler.conclude(execution, Ending(_HOW[how], data, run_s))

    def on_message(
        self,
        container: ContainerHandle,
        message: Sequence[Any],
        blobs: Sequence[Payload],
    ) -> None:
        """A container reports on itself or on a generator."""
        kind = message[0]
        if kind == messages.CHUNK:
            self._on_chunk(container, message, blobs)
        elif kind == messages.READY:
            self.fleet.became_ready(container, message[1], message[2])
        elif kind == messages.FAILED:
            self.fleet.failed_to_start(container, incoming(message[2], blobs))
        elif kind == messages.LEAVING:
            self.fleet.stop(container, "shutdown")

    def on_death(self, container: ContainerHandle, status: int | None) -> None:
        """A container is gone: its inputs settle or run again."""
        back: list[Input] = []
        for execution in container.occupants():
            container.vacate(execution.slot)
            ending = Ending(How.DIED, run_s=time.monotonic() - execution.dispatched_s)
            if execution.cause is not None:
                execution.mechanism = "container"
            back += [
                each
                for each in execution.inputs
                if self._settler.end(each, execution, ending)
            ]
        self.fleet.died(container, status)
        if back:
            self._settler.put_back(back)
        self.touch()

    def cancel(self, call_id: str, *, terminate_containers: bool) -> None:
        """Cancel every input of a call that has not settled."""
        self._cancel_waiting(Cause.USER, call_id)
        for container in list(self.fleet.living):
            self._cancel_in(container, call_id, terminate=terminate_containers)
        self.touch()

    def credit(self, call_id: str, chunks: int) -> None:
        """The consumer of a generator took chunks."""
        for container in self.fleet.living:
            for each in container.occupants():
                first = each.inputs[0]
                if first.sink.call_id == call_id:
                    container.outgoing.append(
                        (messages.CREDIT, each.slot, first.input_id, chunks)
                    )
        self.touch()

    def stats(self) -> FunctionStats:
        """A moment of the pool."""
        ready = self.fleet.ready
        running = sum(each.running for each in self.fleet.living)
        loads = [each.running for each in self.fleet.living if each.ready_s]
        zones = [self._zone(load).value for load in loads]
        return FunctionStats(
            backlog=len(self._queue) + len(self._settler.waiting),
            num_total_runners=len(ready),
            num_running_inputs=running,
            input_headroom=sum(len(each.free) for each in ready),
            ready=len(ready),
            starting=self.fleet.count(State.STARTING),
            draining=self.fleet.count(State.DRAINING),
            zones={each.value: zones.count(each.value) for each in self._meter.zones},
        )

    def close(self) -> None:
        """Cancel what waits and what runs, and end all containers."""
        self._closing = True
        self._cancel_waiting(Cause.SHUTDOWN)
        for container in list(self.fleet.living):
            for each in container.occupants():
                if each.cause is None:
                    self._canceller.request(each, Cause.SHUTDOWN)
        self.fleet.close()
        self.touch()

    def finish(self) -> None:
        """No container is left: report what was open."""
        self._meter.close(time.monotonic())

    def _dispatch(self, now_s: float) -> None:
        queue, ready = self._queue, self.fleet.ready
        report = self._services.report
        plan = routing.assign(
            [each.running for each in ready], self._target, self._limit, len(queue)
        )
        for index in plan:
            input_ = queue.take()
            container = ready[index]
            container.occupy(input_)
            input_.dispatched_s = now_s
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
                )
            )
            if report is not None:
                input_.zone = self._zone(input_.concurrency)
                report(self._started(input_, input_, container, now_s, 1))
        if plan:
            self._after_dispatch(now_s)

    def _dispatch_batches(self, now_s: float) -> None:
        spec = self.spec.batching
        if spec is None:
            return
        while (oldest := self._queue.oldest()) is not None:
            wait_s, linger_s = now_s - oldest.enqueued_s, spec.wait_ms / 1000
            size = batching.release_size(
                len(self._queue), wait_s, spec.max_batch_size, linger_s
            )
            if not size:
                self._dispatch_batches_at(oldest.enqueued_s + linger_s)
                return
            loads = [each.running for each in self.fleet.ready]
            plan = routing.assign(loads, self._target, self._limit, 1)
            if not plan:
                return
            members = [self._queue.take() for _ in range(size)]
            self._start_batch(Batch(members), self.fleet.ready[plan[0]], now_s)
            self._after_dispatch(now_s)

    def _start_batch(
        self, batch: Batch, container: ContainerHandle, now_s: float
    ) -> None:
        container.occupy(batch)
        batch.dispatched_s = now_s
        batch.zone = self._zone(container.running)
        first = batch.inputs[0]
        members = [(each.input_id, outgoing(each.payload)) for each in batch.inputs]
        message: Message = (
            messages.RUN,
            batch.slot,
            batch.method,
            first.input_id,
            first.sink.call_id,
            first.attempt,
            b"",
            members,
        )
        container.outgoing.append(message)
        if self._services.report is not None:
            for each in batch.inputs:
                self._services.report(
                    self._started(each, batch, container, now_s, len(members))
                )

    def _dispatch_batches_at(self, when_s: float) -> None:
        if self._batch_timer is not None:
            if (
                self._batch_timer.call is not None
                and self._batch_timer.when_s <= when_s
            ):
                return
            self._batch_timer.cancel()

        def due() -> None:
            self._batch_timer = None
            self.touch()

        self._batch_timer = self._services.at(when_s, due)

    def _after_dispatch(self, now_s: float) -> None:
        self._canceller.watch_timeouts(now_s)
        if self._probe_timer is None:
            self._probe_timer = self._services.at(
                now_s + _SILENCE_S, self._probe_silent
            )

    def _started(
        self,
        input_: Input,
        execution: Execution,
        container: ContainerHandle,
        now_s: float,
        batch_size: int,
    ) -> InputStarted:
        wait_s = now_s - input_.enqueued_s
        if input_.attempt:
            reason = "retry"
        elif container.ready_s > input_.enqueued_s:
            reason = "cold_start"
        else:
            reason = "capacity" if wait_s > _NO_WAIT_S else "none"
        return InputStarted(
            at_s=now_s,
            function=self._names[input_.method],
            input_id=input_.input_id,
            function_call_id=input_.sink.call_id,
            attempt=input_.attempt,
            container_id=container.container_id,
            slot=execution.slot,
            concurrency=execution.concurrency,
            zone=self._zone(execution.concurrency),
            wait_s=wait_s,
            wait_reason=reason,
            batch_size=batch_size,
        )

    def _on_batch_done(
        self,
        execution: Execution,
        rows: Sequence[tuple[int, Any]],
        blobs: Sequence[Payload],
        run_s: float,
    ) -> None:
        back = []
        for each, (how, field) in zip(execution.inputs, rows, strict=True):
            ending = Ending(_HOW[how], incoming(field, blobs), run_s)
            if self._settler.end(each, execution, ending):
                back.append(each)
        if back:
            self._settler.put_back(back)

    def _on_chunk(
        self,
        container: ContainerHandle,
        message: Sequence[Any],
        blobs: Sequence[Payload],
    ) -> None:
        execution = container.executions[message[1]]
        if execution is None:
            return
        for each in execution.inputs:
            if not each.settled:
                chunk = Settled(each.index, None, incoming(message[2], blobs))
                self._services.deliver(each.sink, chunk)

    def _cancel_in(
        self, container: ContainerHandle, call_id: str, *, terminate: bool
    ) -> None:
        found = False
        for execution in container.occupants():
            members = [
                (index, each)
                for index, each in enumerate(execution.inputs)
                if each.sink.call_id == call_id and not each.settled
            ]
            if not members:
                continue
            found = True
            unsettled = sum(not each.settled for each in execution.inputs)
            if len(members) == unsettled:
                self._canceller.request(execution, Cause.USER)
            else:
                for index, _each in members:
                    self._canceller.settle_member(execution, index, Cause.USER)
        if found and terminate:
            self._canceller.take_down(container, Cause.USER.value)

    def _cancel_waiting(self, cause: Cause, call_id: str | None = None) -> None:
        """Cancel what has no slot: all of it, or one call's."""
        for each in list(self._queue):
            if call_id is None or each.sink.call_id == call_id:
                self._settler.cancel_unstarted(each, cause)
                self._queue.settled_one()
        for each in self._settler.waiting:
            if call_id is None or each.sink.call_id == call_id:
                self._settler.cancel_unstarted(each, cause)

    def _fail_waiting(self, failure: Payload) -> None:
        """No container can start: those who wait are told why."""
        cause = payload.load_failure(failure)
        error = RemoteError(
            f"no container of {self.spec.function!r} can start: "
            f"{type(cause).__name__}: {cause}"
        )
        data = payload.dump_failure(error, cause=failure)
        for each in list(self._queue):
            self._settler.fail_unstarted(each, data)
            self._queue.settled_one()
        self.touch()

    def _zone(self, running: int) -> Zone:
        return zone(running, self._target, self._limit, len(self._queue))

    def _queued_slots(self) -> int:
        queued = len(self._queue)
        if self.spec.batching is None:
            return queued
        return -(-queued // self.spec.batching.max_batch_size)

    def _probe_silent(self) -> None:
        self._probe_timer = None
        now_s = time.monotonic()
        busy: Iterable[ContainerHandle] = [
            each for each in self.fleet.living if each.running > 1
        ]
        for container in busy:
            if now_s - container.heard_s >= _SILENCE_S:
                container.outgoing.append((messages.PROBE,))
                container.flush()
        if busy:
            self._probe_timer = self._services.at(
                now_s + _SILENCE_S, self._probe_silent
            )


_NO_WAIT_S: Final = 0.001
"""A wait below this is the dispatcher's own work, not a queue."""
