"""Ends executions before their time: cancellations, timeouts, and what follows."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from telemetry.core.outcome import Outcome
from telemetry.policy.settling import Cause, How
from telemetry.runtime.driver.settler import Ending
from telemetry.runtime.wire import messages

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry.runtime.driver.containers import ContainerHandle
    from telemetry.runtime.driver.fleet import Fleet
    from telemetry.runtime.driver.inputs import Execution
    from telemetry.runtime.driver.services import Services
    from telemetry.runtime.driver.settler import Settler
    from telemetry.runtime.spec import PoolSpec
    from telemetry.runtime.wire.reactor import Timer

TIMEOUT_SLACK_S: Final = 0.001
"""A timer may fire this much early; without slack it would be set twice."""


class Canceller:
    """Asks executions of a pool to end, and sees to it that they do.

    Args:
        on_change: Something is to be sent, or a slot will be free.
    """

    def __init__(
        self,
        spec: PoolSpec,
        services: Services,
        fleet: Fleet,
        settler: Settler,
        on_change: Callable[[], None],
    ) -> None:
        self._spec = spec
        self._services = services
        self._fleet = fleet
        self._settler = settler
        self._on_change = on_change
        self._timer: Timer | None = None

    def request(self, execution: Execution, cause: Cause) -> None:
        """Ask a running execution to end. A second request changes only the cause."""
        container = execution.container
        if container is None:
            return
        asked, execution.cause = execution.cause, _stronger(execution.cause, cause)
        if asked is not None:
            return
        execution.requested_s = time.monotonic()
        self._on_change()
        self._services.later(
            self._spec.cancel_grace_s, lambda: self._escalate(execution, container)
        )
        is_async = self._spec.methods[execution.method].is_async
        along = not is_async and self._takes_container_along(container)
        single = "task" if is_async else "exception"
        mechanism = execution.mechanism = "container" if along else single
        input_id = execution.inputs[0].input_id
        # Also where the whole container ends: its record has to know the cause.
        container.outgoing.append(
            (messages.CANCEL, execution.slot, input_id, cause.value, mechanism)
        )
        if along:
            self.take_down(container, cause.value)

    def take_down(self, container: ContainerHandle, cause: str) -> None:
        """End a container; whoever else runs in it will run again elsewhere."""
        for each in container.occupants():
            if each.cause is None:
                each.cause = Cause.NEIGHBOUR
                each.mechanism = "container"
                each.requested_s = time.monotonic()
        reason = {"user": "cancellation"}.get(cause, cause)
        self._on_change()
        self._fleet.stop(container, reason)

    def watch_timeouts(self, now_s: float) -> None:
        """Something was dispatched: see to it that a timeout will be noticed."""
        if self._timer is None:
            self._timer = self._services.at(
                now_s + self._spec.timeout_s, self._look_for_timeouts
            )

    def _takes_container_along(self, container: ContainerHandle) -> bool:
        mode = self._spec.concurrency
        return mode.cancellation == "container" and len(container.executions) > 1

    def _look_for_timeouts(self) -> None:
        self._timer = None
        now_s = time.monotonic()
        oldest_s = None
        for container in self._fleet.living:
            for each in container.occupants():
                if each.cause is not None:
                    continue
                if now_s - each.dispatched_s >= self._spec.timeout_s - TIMEOUT_SLACK_S:
                    self.request(each, Cause.TIMEOUT)
                elif oldest_s is None or each.dispatched_s < oldest_s:
                    oldest_s = each.dispatched_s
        if oldest_s is not None:
            self.watch_timeouts(oldest_s)

    def _escalate(self, execution: Execution, container: ContainerHandle) -> None:
        """Its grace is over. If it still runs, its inputs need not wait for it."""
        # Race: 1. the execution ends; 2. the input runs again, in the same slot of
        # the same container; 3. the first one's timer fires. So look at the
        # object in the slot, and at the time of its own request.
        still = container.executions[execution.slot] is execution
        waited_s = time.monotonic() - execution.requested_s
        if (
            not still
            or execution.cause is None
            or waited_s < self._spec.cancel_grace_s - TIMEOUT_SLACK_S
        ):
            return
        execution.mechanism = "container"
        ending = Ending(How.STUCK, run_s=time.monotonic() - execution.dispatched_s)
        for each in execution.inputs:
            self._settler.give_up(each, execution, ending)
        self.take_down(container, execution.cause.value)

    def settle_member(self, execution: Execution, index: int, cause: Cause) -> None:
        """Drop one member of a running batch; the others carry on."""
        member = execution.inputs[index]
        member.container, member.slot = execution.container, execution.slot
        member.dispatched_s, member.zone = execution.dispatched_s, execution.zone
        member.cause, member.requested_s = cause, time.monotonic()
        now_s = member.requested_s
        # For this member it is over at once: nothing has to unwind.
        self._settler.settle(
            member,
            Outcome.CANCELLED,
            Ending(How.UNWOUND, b"", now_s - member.dispatched_s, now_s, now_s),
        )


def _stronger(asked: Cause | None, cause: Cause) -> Cause:
    """A user's wish outranks every other cause; the first of the others stays."""
    return cause if asked is None or cause is Cause.USER else asked
