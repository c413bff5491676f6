"""The containers of a pool: started, drained, stopped, and how many there are."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from telemetry.capture.runtime_records import (
    ContainerExited,
    ContainerReady,
    ContainerStarting,
    ScalingDecided,
)
from telemetry.core.errors import FunctionTimeoutError, RemoteError
from telemetry.policy import routing
from telemetry.policy.scaling import DemandAutoscaler, Limits, Snapshot
from telemetry.runtime.driver.containers import ContainerHandle, State
from telemetry.runtime.wire import messages, payload

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry.policy.scaling import Decision
    from telemetry.runtime.driver.services import Services
    from telemetry.runtime.spec import PoolSpec
    from telemetry.runtime.wire.frames import Payload
    from telemetry.runtime.wire.reactor import Timer

START_TRIES: Final = 3
"""Containers that may fail to start in a row before those who wait are told."""

_RETRY_START_S: Final = 0.1
_DECIDE_EVERY_S: Final = 0.01
"""Least seconds between two decisions of the autoscaler, unless nothing is there."""

_ANSWER_S: Final = 1.0
"""How long a container may take to answer a probe before it counts as hung."""


class Fleet:
    """Keeps as many containers as the autoscaler wants. Dispatcher's thread only.

    Args:
        launch: Starts a container and connects it.
        on_start_failed: Gets the failure when `START_TRIES` in a row have failed.
        on_due: Time has come to look at the demand again, with `scale`.
    """

    def __init__(
        self,
        spec: PoolSpec,
        services: Services,
        *,
        launch: Callable[[ContainerHandle], None],
        on_start_failed: Callable[[Payload], None],
        on_due: Callable[[], None],
    ) -> None:
        self._spec = spec
        self._services = services
        self._launch = launch
        self._on_start_failed = on_start_failed
        self._on_due = on_due
        self._autoscaler = DemandAutoscaler()
        self._decided_s = float("-inf")
        self.decision: Decision | None = None  # the last one
        self._timer: Timer | None = None
        self._failures = 0
        self._not_before_s = 0.0
        self._closing = False
        # Nothing can start: no more is tried until somebody asks again.
        self._broken = False
        self.limits = spec.limits
        # Order of their start; the dead are removed.
        self.living: list[ContainerHandle] = []
        self.ready: list[ContainerHandle] = []

    def count(self, state: State) -> int:
        """How many containers are in a state."""
        return sum(each.state is state for each in self.living)

    @property
    def may_start(self) -> bool:
        """True when the limits allow one more container."""
        return len(self.ready) + self.count(State.STARTING) < self.limits.max_containers

    def replace_limits(self, limits: Limits) -> None:
        """Follow other limits from now on."""
        self.limits = limits
        self._decided_s = float("-inf")

    def scale(self, queued_slots: int, now_s: float) -> None:
        """Start or drain as the policy says; call whenever demand has changed."""
        if self._closing or (self._broken and not queued_slots):
            return
        self._broken = False
        nothing = not self.ready and not self.count(State.STARTING)
        urgent = nothing and queued_slots > 0
        if not urgent and now_s - self._decided_s < _DECIDE_EVERY_S:
            self._decide_at(self._decided_s + _DECIDE_EVERY_S)
            return
        if now_s < self._not_before_s:
            self._decide_at(self._not_before_s)
            return
        decision = self._autoscaler.decide(self._snapshot(queued_slots), now_s)
        self._decided_s = now_s
        self._record(decision, now_s)
        for _ in range(decision.want - decision.have):
            self._start(now_s)
        if decision.want < decision.have:
            self._shrink(decision.have - decision.want)
        wait_s = self._autoscaler.next_change_s(now_s)
        if wait_s is not None:
            self._decide_at(now_s + max(wait_s, _DECIDE_EVERY_S))

    def became_ready(
        self, container: ContainerHandle, import_s: float, enter_s: float
    ) -> None:
        """A container has said that it takes inputs."""
        self._failures = 0
        now_s = time.monotonic()
        if container.start_timer is not None:
            container.start_timer.cancel()
        if container.state is State.STARTING:
            container.state = State.READY
            container.ready_s = now_s
            self.ready.append(container)
        if self._services.report is not None:
            spawn_s = now_s - container.started_s - import_s - enter_s
            self._services.report(
                ContainerReady(
                    at_s=now_s,
                    function=self._spec.function,
                    container_id=container.container_id,
                    pid=None if container.link is None else container.link.pid,
                    spawn_s=max(0.0, spawn_s),
                    import_s=import_s,
                    enter_s=enter_s,
                    pool=self._spec.key,
                )
            )

    def failed_to_start(
        self, container: ContainerHandle, failure: Payload, phase: str
    ) -> None:
        """A container has said why it cannot start; its death follows.

        Until then it counts as starting: the next try is made when this one is
        over and counted.

        Args:
            phase: What it was at: import or enter; "" where it did not say.
        """
        container.failure = failure
        container.failed_phase = phase
        container.exit_reason = "start_failed"

    def died(
        self, container: ContainerHandle, status: int | None, why: str | None = None
    ) -> None:
        """A container is gone; its executions have been dealt with."""
        if why is not None:
            container.failure = payload.dump_failure(RemoteError(why))
        started = container.ready_s > 0
        was_wanted = container.exit_reason is None or container.failure is not None
        container.leave_service("crash" if started else "start_failed")
        container.state = State.DEAD
        self._forget(container)
        now_s = time.monotonic()
        if self._services.report is not None:
            self._services.report(
                ContainerExited(
                    at_s=now_s,
                    function=self._spec.function,
                    container_id=container.container_id,
                    reason=container.exit_reason or "crash",
                    status=status,
                    pool=self._spec.key,
                    lived_s=now_s - container.started_s,
                    served_s=now_s - container.ready_s if started else None,
                    phase=container.failed_phase,
                )
            )
        if started or not was_wanted:
            return
        if status is None and container.failure is None:
            # It went with what was to start it: not the function's doing.
            self._not_before_s = now_s + _RETRY_START_S
            self._decide_again()
        else:
            self._start_failed(container, status, now_s)

    def drain(self, container: ContainerHandle, reason: str) -> None:
        """Let it finish what it runs, and then end."""
        was_starting = container.state is State.STARTING
        container.leave_service(reason)
        if container in self.ready:
            self.ready.remove(container)
        if was_starting:
            self.stop(container, reason)
        else:
            container.outgoing.append((messages.DRAIN,))

    def stop(self, container: ContainerHandle, reason: str) -> None:
        """End it now, in order if it can: bodies unwind, exit hooks run."""
        if container.state is State.DEAD or container.stopping:
            return
        container.leave_service(reason)
        if container in self.ready:
            self.ready.remove(container)
        if container.ready_s == 0:
            self._kill(container)  # no input, no exit hook: nothing to wait for
            return
        container.stop()
        grace_s = self._spec.cancel_grace_s
        self._services.later(grace_s, lambda: self._probe(container))
        self._services.later(
            grace_s + self._services.shutdown_grace_s, lambda: self._kill(container)
        )

    def close(self) -> None:
        """End everything, and start nothing any more."""
        self._closing = True
        for container in list(self.living):
            self.stop(container, "shutdown")

    def kill_all(self) -> None:
        """End everything at once."""
        for container in list(self.living):
            self._kill(container)

    def _snapshot(self, queued_slots: int) -> Snapshot:
        return Snapshot(
            running=sum(each.running for each in self.ready),
            queued=queued_slots,
            ready=len(self.ready),
            starting=self.count(State.STARTING),
            draining=self.count(State.DRAINING),
            target=self._spec.concurrency.target_inputs,
            limits=self.limits,
        )

    def _decide_at(self, when_s: float) -> None:
        if self._timer is None or self._timer.when_s > when_s:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._services.at(when_s, self._decide_again)

    def _decide_again(self) -> None:
        self._timer = None
        self._decided_s = float("-inf")
        self._on_due()

    def _record(self, decision: Decision, now_s: float) -> None:
        before, self.decision = self.decision, decision
        if self._services.report is None:
            return
        if before is None or (before.want, before.reason) != (
            decision.want,
            decision.reason,
        ):
            spec = self._spec
            self._services.report(
                ScalingDecided(now_s, spec.function, decision, spec.key)
            )

    def _start(self, now_s: float) -> None:
        slots = self._spec.concurrency
        container = ContainerHandle(
            self._services.new_container_id(), slots.max_inputs, now_s
        )
        self.living.append(container)
        if self._services.report is not None:
            self._services.report(
                ContainerStarting(
                    now_s,
                    self._spec.function,
                    container.container_id,
                    self._spec.key,
                    slots.target_inputs,
                    slots.max_inputs,
                )
            )
        self._launch(container)
        container.start_timer = self._services.later(
            self._spec.startup_timeout_s, lambda: self._start_is_late(container)
        )

    def _start_is_late(self, container: ContainerHandle) -> None:
        if container.state is State.STARTING:
            late = FunctionTimeoutError(
                f"a container of {self._spec.function!r} was not ready within "
                f"{self._spec.startup_timeout_s:g} s (startup_timeout)"
            )
            self.failed_to_start(container, payload.dump_failure(late), "")
            self._kill(container)

    def _shrink(self, count: int) -> None:
        starting = [each for each in self.living if each.state is State.STARTING]
        for container in reversed(starting[-count:]):
            self.drain(container, "scaledown")
            count -= 1
        if count > 0:
            chosen = routing.drain([each.running for each in self.ready], count)
            for container in [self.ready[index] for index in chosen]:
                self.drain(container, "scaledown")

    def _start_failed(
        self, container: ContainerHandle, status: int | None, now_s: float
    ) -> None:
        self._failures += 1
        if self._failures < START_TRIES:
            self._not_before_s = now_s + _RETRY_START_S * 2 ** (self._failures - 1)
            self._decide_again()
            return
        self._failures = 0
        self._broken = True
        self._on_start_failed(container.failure or self._no_reason(status))

    def _no_reason(self, status: int | None) -> bytes:
        return payload.dump_failure(
            RemoteError(f"the process ended with status {status}")
        )

    def _probe(self, container: ContainerHandle) -> None:
        """Its grace is over. One that answers may run its exit hooks."""
        if container.state is State.DEAD:
            return
        asked_s = time.monotonic()
        container.outgoing.append((messages.PROBE,))
        container.flush()
        self._services.later(
            _ANSWER_S, lambda: self._kill_if_silent(container, asked_s)
        )

    def _kill_if_silent(self, container: ContainerHandle, asked_s: float) -> None:
        if container.heard_s < asked_s:
            self._kill(container)

    def _kill(self, container: ContainerHandle) -> None:
        if container.state is not State.DEAD and container.link is not None:
            container.link.kill()

    def _forget(self, container: ContainerHandle) -> None:
        if container.start_timer is not None:
            container.start_timer.cancel()
        for group in (self.living, self.ready):
            if container in group:
                group.remove(container)
