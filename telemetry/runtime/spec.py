"""What a pool of containers runs, as plain data: the API writes it, all else reads.

A *pool* is the set of containers that serve one function, or one class with one
set of parameters, under one set of options. Each pool has its own queue, its own
slots and its own autoscaler.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from telemetry.policy.retries import RetryRule
from telemetry.policy.scaling import Limits

Cancellation = Literal["container", "input"]
"""What a cancelled sync input takes along: its container, or only itself."""

Mode = Literal["sync", "async", "batch"]
"""How bodies run."""

CANCEL_GRACE_S: Final = 5.0
"""Seconds a cancelled body has to unwind before its container is terminated."""


@dataclass(frozen=True, slots=True)
class Concurrency:
    """How many inputs a container runs at once, and how many it should run."""

    max_inputs: int = 1
    target_inputs: int = 1
    cancellation: Cancellation = "container"


@dataclass(frozen=True, slots=True)
class Batching:
    """How inputs are gathered: at most so many, for at most so long."""

    max_batch_size: int
    wait_ms: int


@dataclass(frozen=True, slots=True)
class Reference:
    """Code that a container finds by importing ``module`` and walking ``qualname``."""

    module: str
    qualname: str


@dataclass(frozen=True, slots=True)
class Pickled:
    """Code shipped by value, by cloudpickle: ``__main__``, nested, lambdas."""

    data: bytes


@dataclass(frozen=True, slots=True)
class MethodSpec:
    """One callable of a pool. A plain function is a pool with one method."""

    name: str
    is_async: bool
    is_generator: bool


@dataclass(frozen=True, slots=True)
class PoolSpec:
    """Everything the dispatcher and a container need to know about a pool.

    Attributes:
        tag: Unique within the app: the function's name, and for variants and
            parametrised classes a suffix that is a digest of what differs.
        function: The name a person knows it by: ``translate`` or ``Model``.
        parameters: Pickled mapping of ``parameter()`` values, for classes.
        timeout_s: Bound of one execution.
        startup_timeout_s: Bound of import plus enter hooks.
    """

    app: str
    tag: str
    function: str
    code: Reference | Pickled
    methods: tuple[MethodSpec, ...]
    is_class: bool = False
    parameters: bytes | None = None
    concurrency: Concurrency = field(default_factory=Concurrency)
    batching: Batching | None = None
    limits: Limits = field(default_factory=Limits)
    retries: RetryRule | None = None
    timeout_s: float = 300.0
    startup_timeout_s: float = 300.0
    cancel_grace_s: float = CANCEL_GRACE_S

    @property
    def key(self) -> str:
        """What records call it: see `telemetry.capture.runtime_records`."""
        return f"{self.app}/{self.tag}"

    @property
    def mode(self) -> Mode:
        """The value of the attribute ``input.mode`` for the pool as a whole."""
        if self.batching is not None:
            return "batch"
        return "async" if all(m.is_async for m in self.methods) else "sync"

    def method_mode(self, method: int) -> Mode:
        """The value of the attribute ``input.mode`` for one method."""
        if self.batching is not None:
            return "batch"
        return "async" if self.methods[method].is_async else "sync"

    def full_name(self, method: int) -> str:
        """What lines and spans call it: ``translate`` or ``Model.predict``."""
        name = self.methods[method].name
        return f"{self.function}.{name}" if self.is_class else self.function
