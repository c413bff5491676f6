"""What a verb needs from the place it is called in: the driver, or a container.

Two implementations: `driver.session.DriverSession` posts to the dispatcher
thread of this process, `container.nested.ContainerSession` sends the same
requests over the container's connection to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from telemetry.policy.scaling import Limits
    from telemetry.runtime.calls import Call
    from telemetry.runtime.spec import PoolSpec


@dataclass(frozen=True, slots=True)
class FunctionStats:
    """A moment of one pool; Modal's four fields and ours beside them.

    Attributes:
        backlog: Inputs accepted and not started.
        num_total_runners: Containers that are ready.
        num_running_inputs: Inputs running now.
        input_headroom: Inputs that could start at once, up to the limit.
        ready: Containers that take inputs.
        starting: Containers that are not ready yet.
        draining: Containers that finish what they have and take no more.
        zones: Containers by zone: idle, normal, burst, saturated.
    """

    backlog: int
    num_total_runners: int
    num_running_inputs: int
    input_headroom: int
    ready: int
    starting: int
    draining: int
    zones: dict[str, int]


class Session(Protocol):
    """Where calls are made. Every method is safe from any thread."""

    def open(self, pool: PoolSpec, method: int, *, retain: bool, stream: bool) -> Call:
        """A new function call of ``pool.methods[method]``, without inputs yet.

        Args:
            retain: Keep results for repeated ``get`` and ``from_id``; without it
                a result is handed out once and forgotten.
            stream: The body is a generator; its chunks arrive one by one.
        """
        ...

    def attach(self, call_id: str) -> Call:
        """The retained call of that id; its results may have expired."""
        ...

    def stats(self, pool: PoolSpec, timeout_s: float = 5.0) -> FunctionStats:
        """A moment of the pool, asked of the dispatcher; blocks for the answer."""
        ...

    def update_limits(self, pool: PoolSpec, limits: Limits) -> None:
        """Replace the pool's autoscaler limits from now on."""
        ...
