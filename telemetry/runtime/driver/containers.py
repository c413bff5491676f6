"""A container as the dispatcher sees it: its state, its slots, its link."""

from __future__ import annotations

from enum import Enum
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any

from telemetry.runtime.wire import messages

if TYPE_CHECKING:
    from telemetry.runtime.backends.backend import ContainerLink
    from telemetry.runtime.driver.inputs import Execution
    from telemetry.runtime.wire.frames import Message
    from telemetry.runtime.wire.reactor import Timer


class State(Enum):
    """The value of ``input.container.state``; a container only moves down."""

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"
    """Takes no more inputs: it finishes, or is being stopped."""
    DEAD = "dead"


class ContainerHandle:
    """One container. Only the dispatcher's thread touches it.

    Invariant: a slot is in ``free`` or has an execution, never both; it is freed
    only by the container's own report or by its death.

    Attributes:
        exit_reason: Why it is going, once that is known.
        heard_s: When its last frame came.
        failure: What it said when it could not start.
        failed_phase: What it was at then: import or enter.
        peak: Most slots that were taken at once since somebody set this back.
        company: When it is kept for suspects: how many of them it may run.
    """

    def __init__(self, container_id: str, max_inputs: int, now_s: float) -> None:
        self.container_id = container_id
        self.state = State.STARTING
        self.link: ContainerLink | None = None
        self.executions: list[Execution | None] = [None] * max_inputs
        self.free = list(range(max_inputs))  # a heap: the lowest number first
        self.running = 0
        self.outgoing: list[Message] = []
        self.started_s = now_s
        self.ready_s = 0.0
        self.heard_s = now_s
        self.exit_reason: str | None = None
        self.failure: Any = None
        self.failed_phase = ""
        self.peak = 0
        self.stopping = False
        self.company: int | None = None
        self.start_timer: Timer | None = None

    def occupy(self, execution: Execution) -> None:
        """Give the lowest free slot to an execution."""
        slot = heappop(self.free)
        self.executions[slot] = execution
        self.running += 1
        if self.running > self.peak:  # noqa: PLR1730 - a call more for every input
            self.peak = self.running
        execution.container = self
        execution.slot = slot
        execution.concurrency = self.running

    def vacate(self, slot: int) -> Execution | None:
        """Take an execution out of its slot; None when there was none."""
        execution = self.executions[slot]
        if execution is not None:
            self.executions[slot] = None
            heappush(self.free, slot)
            self.running -= 1
        return execution

    def occupants(self) -> list[Execution]:
        """What is in its slots."""
        return [each for each in self.executions if each is not None]

    def leave_service(self, reason: str) -> None:
        """Take no more inputs; the first reason stays."""
        if self.state in (State.STARTING, State.READY):
            self.state = State.DRAINING
        if self.exit_reason is None:
            self.exit_reason = reason

    def stop(self) -> None:
        """Tell it to cancel what runs, run its exit hooks and end; once."""
        if not self.stopping:
            self.stopping = True
            self.outgoing.append((messages.STOP,))

    def flush(self) -> None:
        """Send what was gathered in this round."""
        if self.outgoing and self.link is not None:
            outgoing, self.outgoing = self.outgoing, []
            self.link.send(outgoing)
