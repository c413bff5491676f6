"""What the pages show beside lines, inputs and the timeline; see `timeline`."""

from __future__ import annotations

import msgspec

from telemetry.view.answers.lines import Line
from telemetry.view.answers.timeline import Container, LoadHistory


class AgentState(msgspec.Struct):
    """Whether somebody fills the store."""

    alive: bool
    pid: int | None = None
    started_ms: float | None = None
    problems: list[str] = []  # msgspec copies an empty default


class FunctionTotals(msgspec.Struct):
    """All that is stored of a function, in figures.

    Attributes:
        burst_s: How long it ran above target, in all.
        target: Of one container, as *limit*; the last that was declared.
    """

    function: str
    mode: str | None
    inputs: int
    outcomes: dict[str, int]
    rescheduled: int
    retried: int
    wait_p50_s: float | None
    wait_p95_s: float | None
    run_p50_s: float | None
    run_p95_s: float | None
    bursts: int
    burst_s: float
    peak: int
    target: int | None
    limit: int | None


class Overview(msgspec.Struct):
    """The store at a glance."""

    version: str
    store: str
    now_ms: float
    first_ms: float | None
    last_ms: float | None
    inputs: int
    lines: int
    size_bytes: int
    functions: list[FunctionTotals]
    agent: AgentState
    problems: list[str]


class SlotNow(msgspec.Struct):
    """An input in its slot.

    Attributes:
        cancelled: It was, and has not ended.
    """

    slot: int
    input_id: str
    function: str
    attempt: int
    since_ms: float
    cancelled: bool


class BlockedNow(msgspec.Struct):
    """An event loop that stands still."""

    seconds: float
    input_id: str | None = None
    line: str | None = None


class ContainerNow(msgspec.Struct):
    """A living container. *state*: starting, ready, draining."""

    container_id: str
    function: str
    pid: int | None
    state: str
    since_ms: float
    zone: str
    running: int
    target: int | None
    limit: int | None
    slots: list[SlotNow]
    blocked: BlockedNow | None = None


class FunctionNow(msgspec.Struct):
    """A function with its containers, now.

    Attributes:
        queued: None where no dispatcher tells.
        states: Containers by state.
        zones: Ready containers by zone.
        settled: Inputs by outcome, as far as they are stored.
    """

    function: str
    mode: str | None
    running: int
    queued: int | None
    oldest_s: float | None
    target: int | None
    limit: int | None
    max_containers: int | None
    states: dict[str, int]
    zones: dict[str, int]
    want: int | None
    settled: dict[str, int]


class ScopeNow(msgspec.Struct):
    """A program that has inputs and no containers."""

    process: str
    service: str
    pid: int | None
    slots: list[SlotNow]


class Now(msgspec.Struct):
    """What happens at this moment.

    Attributes:
        changes: Rises when the store has changed.
        problem: Why something is missing here, or "".
    """

    now_ms: float
    store: str
    changes: int
    agent: AgentState
    functions: list[FunctionNow]
    containers: list[ContainerNow]
    scopes: list[ScopeNow]
    problem: str = ""


class ContainerRow(msgspec.Struct):
    """A container, and what it did.

    Attributes:
        interrupted: Executions that ended with it, and began anew elsewhere.
        peak: Most inputs that ran in it at once.
        box: Its black box can still be looked into.
    """

    container: Container
    executions: int
    interrupted: int
    peak: int
    box: bool


class Decision(msgspec.Struct):
    """Of the autoscaler."""

    at_ms: float
    function: str
    want: int | None
    have: int | None
    demand: float | None
    reason: str | None


class ContainersPage(msgspec.Struct):
    """All containers, the newest first, and why there were as many."""

    containers: list[ContainerRow]
    decisions: list[Decision]
    load: list[LoadHistory]


class Held(msgspec.Struct):
    """Somebody held an event loop, as the black box has it."""

    at_ms: float
    input_id: str | None
    seconds: float
    stack: str


class Output(msgspec.Struct):
    """What was written to a descriptor and became no line."""

    name: str
    text: str


class PostMortem(msgspec.Struct):
    """What stands in a black box.

    Attributes:
        until_ms: The last sign of life; None while it lives.
    """

    container_id: str
    state: str
    until_ms: float | None
    slots: list[SlotNow]
    lines: list[Line]
    outcomes: dict[str, int]
    held: list[Held]
    output: list[Output]
    dropped: dict[str, int]


class Problem(msgspec.Struct):
    """Why there is no answer."""

    problem: str


class ErrorGroup(msgspec.Struct):
    """Exceptions that are alike.

    Attributes:
        sample: A traceback, of one of them.
        counts: How many there were in each of equal stretches of the whole time.
        inputs: Some of those that raised it, the newest first.
    """

    fingerprint: str
    type: str
    message: str
    sample: str
    count: int
    first_ms: float
    last_ms: float
    counts: list[int]
    functions: list[str]
    inputs: list[str]
