"""The life of one input for the page; see `timeline`."""

from __future__ import annotations

import msgspec

from telemetry.view.answers.pages import ErrorGroup
from telemetry.view.answers.timeline import Moved


class Cancellation(msgspec.Struct):
    """What was asked, and what came of it.

    Attributes:
        deliver_s: From the request until the body was told; None where not known.
        unwind_s: From the request until the execution had ended.
    """

    cause: str
    phase: str | None
    mechanism: str | None
    observed: str | None
    requested_ms: float | None
    deliver_s: float | None
    unwind_s: float | None


class InputSummary(msgspec.Struct):
    """The whole life of an input, without its attempts."""

    input_id: str
    call_id: str | None
    function: str | None
    parent_id: str | None
    began_ms: float
    enqueued_ms: float | None
    started_ms: float | None
    ended_ms: float | None
    outcome: str | None
    attempts: int
    wait_s: float | None
    wait_reason: str | None
    run_s: float | None
    total_s: float | None
    container_id: str | None
    slot: int | None
    zone: str | None
    concurrency: int | None
    batch_size: int | None
    error_type: str | None
    error_text: str | None
    blocked_s: float | None
    trace_id: str | None
    cancellation: Cancellation | None


class Attempt(msgspec.Struct):
    """One execution.

    Attributes:
        because_of: The input whose cancellation interrupted it.
    """

    attempt: int
    container_id: str | None
    slot: int | None
    started_ms: float | None
    ended_ms: float | None
    ending: str | None
    zone: str | None
    concurrency: int | None
    wait_s: float | None
    wait_reason: str | None
    because_of: str | None = None


class SpanEvent(msgspec.Struct):
    """Something that happened during a span."""

    name: str
    at_ms: float
    attributes: list[tuple[str, str]]


class Span(msgspec.Struct):
    """A span of user code. *kind* and *status* are numbers of OTLP."""

    span_id: str
    parent_span_id: str | None
    name: str
    kind: int
    started_ms: float
    ended_ms: float
    status: int
    status_text: str | None
    scope: str
    attempt: int | None
    attributes: list[tuple[str, str]]
    events: list[SpanEvent]


class Neighbour(msgspec.Struct):
    """An execution that ran in the same container at the same time."""

    input_id: str
    attempt: int
    function: str
    container_id: str
    slot: int | None
    started_ms: float
    ended_ms: float | None
    ending: str | None


class Blocked(msgspec.Struct):
    """An event loop stood still."""

    container_id: str | None
    began_ms: float
    seconds: float
    input_id: str | None
    line: str | None


class InputDetail(msgspec.Struct):
    """Everything about an input but its lines, of which *lines* tells the number."""

    input: InputSummary
    attempts: list[Attempt]
    spans: list[Span]
    children: list[InputSummary]
    batch: list[str]
    neighbours: list[Neighbour]
    blocked: list[Blocked]
    lines: int


class CancelledInput(msgspec.Struct):
    """A cancellation or a timeout, and whom it took along.

    Attributes:
        container_ended: The container that had to go for it.
    """

    input: InputSummary
    container_ended: str | None
    moved: list[Moved]


class Failures(msgspec.Struct):
    """What did not end well, the newest first. *cut*: there were more."""

    cancellations: list[CancelledInput]
    groups: list[ErrorGroup]
    lost: list[InputSummary]
    cut: bool
