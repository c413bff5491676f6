"""Rows of inputs, executions and containers, as they are while they change.

What is known of an input comes bit by bit, from several boxes and in any order. So its
row is kept here, changed in Python and written whole: see `lives.py`. The fields are
the columns of the tables, in their order; a test holds them together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, Final

from telemetry.pipeline.store.statements import Statements


@dataclass(slots=True, eq=False)
class InputRow:
    """A row of ``inputs``."""

    id: int
    input_id: str
    call_id: str | None = None
    function: int | None = None
    parent: str | None = None
    began_ns: int = 0
    enqueued_ns: int | None = None
    started_ns: int | None = None
    ended_ns: int | None = None
    outcome: str | None = None
    attempts: int = 0
    wait_s: float | None = None
    wait_reason: str | None = None
    run_s: float | None = None
    total_s: float | None = None
    container: int | None = None
    slot: int | None = None
    zone: str | None = None
    concurrency: int | None = None
    burst: int | None = None
    cold: int | None = None
    batch_size: int | None = None
    cancel_cause: str | None = None
    cancel_phase: str | None = None
    cancel_mechanism: str | None = None
    cancel_observed: str | None = None
    cancel_requested_ns: int | None = None
    cancel_delivered_ns: int | None = None
    error_type: str | None = None
    error_text: str | None = None
    blocked_s: float | None = None
    trace_id: bytes | bytearray | None = None

    @property
    def is_settled(self) -> bool:
        """The dispatcher has said how it ended: nobody knows better."""
        return self.outcome is not None and self.total_s is not None


@dataclass(slots=True, eq=False)
class ExecutionRow:
    """A row of ``executions``."""

    id: int
    input: int
    attempt: int
    function: int | None = None
    process: int | None = None
    container: int | None = None
    slot: int | None = None
    started_ns: int | None = None
    ended_ns: int | None = None
    ending: str | None = None
    zone: str | None = None
    concurrency: int | None = None
    burst: int | None = None
    cold: int | None = None
    wait_s: float | None = None
    wait_reason: str | None = None
    batch_size: int | None = None
    batch_index: int | None = None


@dataclass(slots=True, eq=False)
class ContainerRow:
    """A row of ``containers``."""

    id: int
    container_id: str
    function: int | None = None
    pid: int | None = None
    starting_ns: int | None = None
    ready_ns: int | None = None
    exited_ns: int | None = None
    spawn_s: float | None = None
    import_s: float | None = None
    enter_s: float | None = None
    exit_reason: str | None = None
    exit_status: int | None = None
    exit_phase: str | None = None
    target: int | None = None
    max_inputs: int | None = None


class Table:
    """How rows of one kind are written.

    Attributes:
        values: The columns of a row, in order.
    """

    def __init__(self, name: str, row: type[Any]) -> None:
        columns = [field.name for field in fields(row)]
        self.name: Final = name
        self.values: Final[Callable[[Any], tuple[Any, ...]]] = attrgetter(*columns)
        self.statements: Final = Statements(name, " ".join(columns))


INPUTS: Final = Table("inputs", InputRow)
EXECUTIONS: Final = Table("executions", ExecutionRow)
CONTAINERS: Final = Table("containers", ContainerRow)
TABLES: Final = (INPUTS, EXECUTIONS, CONTAINERS)
