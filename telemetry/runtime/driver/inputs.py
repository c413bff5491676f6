"""What the dispatcher keeps of an input, and of a batch of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telemetry.policy.bursts import Zone
    from telemetry.policy.settling import Cause
    from telemetry.runtime.calls import Settled
    from telemetry.runtime.driver.containers import ContainerHandle
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

    Only the dispatcher's thread touches it.

    Attributes:
        cause: Why it was asked to end; None while nobody asked.
        mechanism: How that was delivered: task, exception or container.
    """

    __slots__ = (
        "cause",
        "concurrency",
        "container",
        "dispatched_s",
        "mechanism",
        "method",
        "requested_s",
        "slot",
        "zone",
    )

    cause: Cause | None
    container: ContainerHandle | None
    mechanism: str | None
    zone: Zone | None

    def __init__(self, method: int) -> None:
        self.method = method
        self.container = None
        self.slot = -1
        self.dispatched_s = 0.0
        self.concurrency = 0
        self.zone = None
        self.cause = None
        self.requested_s = 0.0
        self.mechanism = None

    @property
    def inputs(self) -> Sequence[Input]:
        """The inputs that it runs; the two kinds say which."""
        return ()


class Input(Execution):
    """One input, from its acceptance to its outcome; also its own execution.

    Attributes:
        attempt: 0 for the first execution, +1 for each further one.
        retries: How many of those were retries by the function's policy.
        losses: How many containers died under it.
        settled: It has its outcome; anything later is ignored.
    """

    __slots__ = (
        "attempt",
        "enqueued_s",
        "first_enqueued_s",
        "index",
        "input_id",
        "losses",
        "parent_id",
        "payload",
        "retries",
        "settled",
        "sink",
    )

    def __init__(
        self,
        sink: Sink,
        method: int,
        row: tuple[int, str, Payload],
        parent_id: str | None,
        now_s: float,
    ) -> None:
        self.sink = sink
        self.index, self.input_id, self.payload = row
        self.parent_id = parent_id
        self.enqueued_s = self.first_enqueued_s = now_s
        self.attempt = self.retries = self.losses = 0
        self.settled = False
        # The fields of an execution, set here without a second call per input.
        self.method = method
        self.container = None
        self.slot = -1
        self.dispatched_s = 0.0
        self.concurrency = 0
        self.zone = None
        self.cause = None
        self.requested_s = 0.0
        self.mechanism = None

    @property
    def inputs(self) -> Sequence[Input]:
        """Itself."""
        return (self,)


class Batch(Execution):
    """Inputs that run together in one slot."""

    __slots__ = ("_members",)

    def __init__(self, members: Sequence[Input]) -> None:
        super().__init__(members[0].method)
        self._members = members

    @property
    def inputs(self) -> Sequence[Input]:
        """Its members."""
        return self._members
