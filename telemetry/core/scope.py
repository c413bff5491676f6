"""Who is running here: one scope object in one context variable.

A scope is an object and never a bare string, so that a thread that outlives its
input can be told from one that belongs to it: the scope it holds is ``closed``.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

from telemetry.core.trace_context import TraceParent


@dataclass(slots=True, eq=False, weakref_slot=True)
class InputScope:
    """The identity of the input that runs in a context.

    Shared by every context copied from the input's own, so ``closed`` is seen
    from all of them. Only the owner of the execution writes to it; what stands
    behind ``closed`` is filled in by the capture floor when it is first needed.

    Attributes:
        closed: The input has settled: what runs on in this scope is late.
        parent: Where the input's trace comes from; None begins a new one.
        span: The execution span, an OpenTelemetry ``Span``.
        otel: The OpenTelemetry context that was current as the body began; another
            one is current while a span of the user's own is open.
        ids: Trace id and span id of the execution span, in hexadecimal.
        head: The identity as the black box holds it, encoded once. None makes the
            next line encode it anew.
        named: The identity by name, for records of ``logging``.
        write: Appends a record to the black box, for the lines of this input.
    """

    input_id: str
    function_call_id: str | None = None
    function: str | None = None
    attempt: int = 0
    container_id: str | None = None
    slot: int | None = None
    batch_input_ids: tuple[str, ...] = ()
    closed: bool = False
    parent: TraceParent | None = None
    span: Any = None
    otel: Any = None
    ids: tuple[str, str] | None = None
    head: Any = None
    named: Any = None
    write: Callable[[bytes], object] | None = None

    def close(self) -> None:
        """The input has settled; lines that come later say so."""
        self.closed = True
        self.head = None


@dataclass(frozen=True, slots=True)
class CurrentInput:
    """What ``telemetry.current_input()`` answers: the scope, frozen.

    Attributes:
        input_id: ``in-`` and a ULID, or what the caller of ``input_scope`` gave.
        function_call_id: ``fc-`` and a ULID; None outside the runtime.
        function: Name of the function that the input runs.
        attempt: 0 for the first execution, +1 for each further one.
        container_id: ``ct-`` and a ULID; None outside the runtime.
        slot: Number of the slot in its container, from 0.
        batch_input_ids: Ids of all members when a batch runs, else empty.
    """

    input_id: str
    function_call_id: str | None
    function: str | None
    attempt: int
    container_id: str | None
    slot: int | None
    batch_input_ids: tuple[str, ...]


SCOPE: Final[ContextVar[InputScope | None]] = ContextVar(
    "telemetry_scope", default=None
)
"""The one variable. Everything that needs to know its input reads it."""


def current_input_id() -> str | None:
    """Id of the input that runs here, or None outside of one; never raises."""
    scope = SCOPE.get()
    return None if scope is None else scope.input_id


def current_function_call_id() -> str | None:
    """Id of the function call whose input runs here, or None; never raises."""
    scope = SCOPE.get()
    return None if scope is None else scope.function_call_id


def current_attempt() -> int | None:
    """Which execution of its input this is, from 0, or None outside of one."""
    scope = SCOPE.get()
    return None if scope is None else scope.attempt


def current_input() -> CurrentInput | None:
    """The identity of the input that runs here, or None; never raises."""
    scope = SCOPE.get()
    if scope is None:
        return None
    return CurrentInput(
        input_id=scope.input_id,
        function_call_id=scope.function_call_id,
        function=scope.function,
        attempt=scope.attempt,
        container_id=scope.container_id,
        slot=scope.slot,
        batch_input_ids=scope.batch_input_ids,
    )
