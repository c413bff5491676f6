"""The functions of an invented run, its inputs and its containers."""

from __future__ import annotations

from dataclasses import dataclass, field

from telemetry.policy.bursts import EpisodeTracker

SECOND = 1_000_000_000
START_NS = 1_780_000_000 * SECOND
"""When the run begins; tests that need the present give another time."""

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
DRIVER_BOX = "dv-01M8Z0000000000000000DRIVER"


@dataclass(slots=True)
class Shape:
    """A function of the run."""

    name: str
    mode: str
    target: int
    limit: int
    most: int
    rate: float
    run_s: float
    cold_s: float


SHAPES = (
    Shape("translate", "async", 10, 12, 2, 14.0, 0.9, 0.4),
    Shape("resize", "sync", 4, 4, 2, 3.2, 1.4, 0.3),
    Shape("summarize", "async", 6, 9, 3, 3.0, 2.2, 1.1),
)


@dataclass(slots=True)
class Job:
    """An input on its way."""

    input_id: str
    call_id: str
    enqueued_s: float
    attempt: int = 0
    queued_s: float = 0.0
    started_s: float = 0.0
    slot: int = 0
    container: Box | None = None
    ending: str = "success"
    token: int = 0
    reason: str = "none"
    zone: str = "normal"


@dataclass(slots=True)
class Box:
    """A container of the run."""

    container_id: str
    shape: Shape
    pid: int
    asked_s: float
    ready: bool = False
    gone: bool = False
    idle_s: float = 0.0
    slots: dict[int, Job] = field(default_factory=dict)

    def free_slot(self) -> int:
        """The lowest that is free."""
        return next(at for at in range(self.shape.limit) if at not in self.slots)


@dataclass(slots=True)
class Pool:
    """A function with its queue and its containers."""

    shape: Shape
    queue: list[Job] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    tracker: EpisodeTracker = field(default_factory=EpisodeTracker)

    def living(self) -> list[Box]:
        """Those that are not gone."""
        return [box for box in self.boxes if not box.gone]


def hash_of(name: str) -> float:
    """Between 0 and 1, the same in every process."""
    return sum(name.encode()) % 17 / 17
