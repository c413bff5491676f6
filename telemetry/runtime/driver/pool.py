"""One pool: its queue, its dispatch, and what its containers report."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from telemetry.capture.plain import plain_text
from telemetry.core.errors import RemoteError
from telemetry.core.scope import InputScope
from telemetry.core.trace_context import unpacked
from telemetry.policy.bursts import zone
from telemetry.policy.settling import Cause, How
from telemetry.runtime.calls import Settled
from telemetry.runtime.driver.canceller import Canceller
from telemetry.runtime.driver.containers import State
from telemetry.runtime.driver.declaring import declared
from telemetry.runtime.driver.filling import Filler
from telemetry.runtime.driver.fleet import Fleet
from telemetry.runtime.driver.inputs import Input
from telemetry.runtime.driver.meter import Meter
from telemetry.runtime.driver.probing import Prober
from telemetry.runtime.driver.settler import Ending, Settler
from telemetry.runtime.driver.surveyor import Surveyor
from telemetry.runtime.driver.waiting_line import InputQueue
from telemetry.runtime.session import FunctionStats
from telemetry.runtime.wire import messages, payload
from telemetry.runtime.wire.frames import incoming

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from telemetry.policy.scaling import Limits
    from telemetry.runtime.driver.containers import ContainerHandle
    from telemetry.runtime.driver.inputs import Execution
    from telemetry.runtime.driver.services import Services
    from telemetry.runtime.spec import PoolSpec
    from telemetry.runtime.wire.frames import Payload

_HOW: Final = {
    messages.RETURNED: How.RETURNED,
    messages.RAISED: How.RAISED,
    messages.UNWOUND: How.UNWOUND,
    messages.NEVER_STARTED: How.NEVER_STARTED,
}


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
        self._filler = Filler(spec, services, self._queue, self.fleet, self.touch)
        self._prober = Prober(services, self.fleet)
        self._surveyor = Surveyor(spec, services, self._queue, self.fleet, self.touch)
        self._closing = False
        # Calls to cancel, and whether their containers are to end with them.
        self._to_cancel: dict[str, bool] = {}
        self._target = spec.concurrency.target_inputs
        self._limit = spec.concurrency.max_inputs
        self._declare()

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
        if self._to_cancel:
            self._cancel_calls()
        if self._closing:
            self._cancel_waiting(Cause.SHUTDOWN)
        if self._queue and self.fleet.ready and self._filler.fill(now_s):
            self._canceller.watch_timeouts(now_s)
            self._prober.watch(now_s)
        self.fleet.scale(self._queued_slots(), now_s)
        self._meter.measure(
            now_s,
            [each.running for each in self.fleet.living if each.ready_s],
            len(self._queue),
            starting=self.fleet.count(State.STARTING),
            may_start=self.fleet.may_start,
        )
        self._surveyor.look(now_s, self._meter, self._settler)
        for container in self.fleet.living:
            container.flush()

    def replace_limits(self, limits: Limits) -> None:
        """Scale within other limits from now on."""
        self.fleet.replace_limits(limits)
        self._declare()
        self.touch()

    def on_done(
        self,
        container: ContainerHandle,
        message: Sequence[Any],
        blobs: Sequence[Payload],
    ) -> None:
        """An execution has ended, as its container tells; `touch` has to follow."""
        _, slot, how, field, started_ns, ended_ns, delivered_ns = message
        execution = container.vacate(slot)
        if execution is None or execution.container is not container:
            return
        run_s = (ended_ns - started_ns) / 1e9
        if type(field) is list:
            self._on_batch_done(execution, message, blobs)
            return
        data = field if type(field) is bytes else incoming(field, blobs)
        if (
            type(execution) is Input
            and how == messages.RETURNED
            and execution.cause is None
        ):
            self._settler.succeed(execution, data, run_s)
        else:
            times = run_s, *_told_and_over(started_ns, ended_ns, delivered_ns)
            self._settler.conclude(execution, Ending(_HOW[how], data, *times))

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
            failure = incoming(message[2], blobs)
            self.fleet.failed_to_start(container, failure, message[1])
        elif kind == messages.LEAVING:
            self.fleet.stop(container, "shutdown")

    def on_death(
        self, container: ContainerHandle, status: int | None, why: str | None
    ) -> None:
        """A container is gone: its inputs settle or run again."""
        back: list[Input] = []
        now_s = time.monotonic()
        for execution in container.occupants():
            container.vacate(execution.slot)
            run_s = now_s - execution.dispatched_s
            ending = Ending(How.DIED, run_s=run_s, ended_s=now_s)
            if execution.cause is not None:
                execution.mechanism = "container"
            back += [
                each
                for each in execution.inputs
                if self._settler.end(each, execution, ending)
            ]
        self.fleet.died(container, status, why)
        if back:
            self._settler.put_back(back)
        self.touch()

    def cancel(self, call_id: str, *, terminate_containers: bool) -> None:
        """Cancel every input of a call that has not settled.

        Done by the next `pump`, for all calls at once: a thousand cancellations
        walk through the queue together.
        """
        terminate = self._to_cancel.get(call_id, False) or terminate_containers
        self._to_cancel[call_id] = terminate
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

    def scope_of(self, container: ContainerHandle, input_id: str) -> InputScope | None:
        """An input that runs in a container, as it is known there. Any thread."""
        for execution in container.occupants():
            for each in execution.inputs:
                if each.input_id == input_id:
                    trace = each.origin.trace
                    return InputScope(
                        input_id,
                        each.sink.call_id,
                        self.spec.full_name(execution.method),
                        each.attempt,
                        container.container_id,
                        execution.slot,
                        parent=None if trace is None else unpacked(trace),
                    )
        return None

    def stats(self) -> FunctionStats:
        """A moment of the pool."""
        ready = self.fleet.ready
        running = sum(each.running for each in self.fleet.living)
        loads = [each.running for each in self.fleet.living if each.ready_s]
        zones = [
            zone(load, self._target, self._limit, len(self._queue)).value
            for load in loads
        ]
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

    def _on_batch_done(
        self,
        execution: Execution,
        message: Sequence[Any],
        blobs: Sequence[Payload],
    ) -> None:
        _, _, _, rows, started_ns, ended_ns, delivered_ns = message
        run_s = (ended_ns - started_ns) / 1e9
        times = run_s, *_told_and_over(started_ns, ended_ns, delivered_ns)
        back = []
        for each, (how, field) in zip(execution.inputs, rows, strict=True):
            ending = Ending(_HOW[how], incoming(field, blobs), *times)
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
                each.streamed = True
                chunk = Settled(each.index, None, incoming(message[2], blobs))
                self._services.deliver(each.sink, chunk)

    def _cancel_calls(self) -> None:
        calls, self._to_cancel = self._to_cancel, {}
        self._cancel_waiting(Cause.USER, calls)
        for container in list(self.fleet.living):
            self._cancel_in(container, calls)

    def _cancel_in(self, container: ContainerHandle, calls: Mapping[str, bool]) -> None:
        terminate = False
        for execution in container.occupants():
            members = [
                (index, each)
                for index, each in enumerate(execution.inputs)
                if each.sink.call_id in calls and not each.settled
            ]
            if not members:
                continue
            terminate |= any(calls[each.sink.call_id] for _, each in members)
            if len(members) == sum(not each.settled for each in execution.inputs):
                self._canceller.request(execution, Cause.USER)
            else:
                for index, _ in members:
                    self._canceller.settle_member(execution, index, Cause.USER)
        if terminate:
            self._canceller.take_down(container, Cause.USER.value)

    def _cancel_waiting(
        self, cause: Cause, calls: Mapping[str, bool] | None = None
    ) -> None:
        """Cancel what has no slot: all of it, or that of some calls."""
        for each in list(self._queue):
            if calls is None or each.sink.call_id in calls:
                self._settler.cancel_unstarted(each, cause)
                self._queue.settled_one(each)
        for each in self._settler.waiting:
            if calls is None or each.sink.call_id in calls:
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
            self._settler.fail_unstarted(each, data, plain_text(error))
            self._queue.settled_one(each)
        self.touch()

    def _declare(self) -> None:
        """Say which rules hold."""
        if self._services.report is not None:
            limits = self.fleet.limits
            self._services.report(declared(self.spec, limits, time.monotonic()))

    def _queued_slots(self) -> int:
        queued = len(self._queue)
        if self.spec.batching is None:
            return queued
        return -(-queued // self.spec.batching.max_batch_size)


def _told_and_over(
    started_ns: int, ended_ns: int, delivered_ns: int
) -> tuple[float | None, float | None]:
    """When the body was told to end, and when it had ended; seconds, where known."""
    return delivered_ns / 1e9 or None, ended_ns / 1e9 if started_ns else None
