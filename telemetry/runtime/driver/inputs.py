"""What the dispatcher keeps of an input, and of a batch of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telemetry.policy.bursts import Zone
    from telemetry.policy.settling import Cause
    from telemetry.runtime.calls import Settled
    from telemetry.runtime.driver.containers import ContainerHandle
    from telemetry.runtime.origin import Origin
    from telemetry.runtime.wire.frames import Payload


class Sink(Protocol):
    """Where settlements of a call go: a `Call` here, or a relay to a container."""

    @property
    def call_id(self) -> str:
        """Id of the function call."""
        ...

    def deliver(self, settled: Sequence[Settled]) -> None:
        """Take settlements; called in the dispatcher's thread."""
        ...


class Execution:
    """What occupies a slot: one input, or a batch.

    Only the dispatcher's thread touches it. What most executions never set is a
    default of the class: making one is on the path of every input.

    Attributes:
        container: Where it runs, or ran last; None while it never has.
        concurrency: Inputs that ran in the container when it started, it included.
        cause: Why it was asked to end; None while nobody asked.
        requested_s: When it was asked for.
        mechanism: How that was delivered: task, exception or container.
    """

    container: ContainerHandle | None = None
    slot: int = -1
    dispatched_s: float = 0.0
    concurrency: int = 0
    zone: Zone | None = None
    cause: Cause | None = None
    requested_s: float = 0.0
    mechanism: str | None = None
    method: int

    @property
    def inputs(self) -> Sequence[Input]:
        """The inputs that it runs; the two kinds say which."""
        return ()


class Input(Execution):
    """One input, from its acceptance to its outcome; also its own execution.

    Attributes:
        enqueued_s: When it last began to wait; first_enqueued_s when it came.
        attempt: 0 for the first execution, +1 for each further one.
        retries: How many of those were retries by the function's policy.
        losses: How many containers died under it.
        settled: It has its outcome; anything later is ignored.
        streamed: It is a generator that has sent a chunk.
    """

    attempt: int = 0
    retries: int = 0
    losses: int = 0
    settled: bool = False
    streamed: bool = False

    def __init__(
        self,
        sink: Sink,
        method: int,
        row: tuple[int, str, Payload],
        origin: Origin,
        now_s: float,
    ) -> None:
        self.sink = sink
        self.method = method
        self.index, self.input_id, self.payload = row
        self.origin = origin
        self.enqueued_s = self.first_enqueued_s = now_s

    @property
    def inputs(self) -> Sequence[Input]:
        """Itself."""
        return (self,)


class Batch(Execution):
    """Inputs that run together in one slot."""

    def __init__(self, members: Sequence[Input]) -> None:
        self.method = members[0].method
        self._members = members

    @property
    def inputs(self) -> Sequence[Input]:
        """Its members."""
        return self._members
