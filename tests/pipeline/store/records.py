"""Records as processes leave them, for tests: encoded and decoded like real ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from telemetry.capture.blackbox.decoding import RecordDecoder
from telemetry.capture.blackbox.reader import Found
from telemetry.capture.blackbox.records import BLOCKED, EXECUTION, RUNTIME, SPAN, encode
from telemetry.capture.line import LEVELS
from telemetry.capture.runtime_records import (
    Cancelled,
    InputInterrupted,
    InputSettled,
    InputStarted,
    Record,
)
from telemetry.capture.span_records import FinishedSpan, Settled
from telemetry.core.outcome import Outcome
from telemetry.pipeline.store.intake import Intake
from telemetry.pipeline.store.processes import (
    CONTAINER,
    DRIVER,
    PROGRAM,
    ProcessSeen,
)
from telemetry.pipeline.store.queries.reading import Reader
from telemetry.pipeline.store.search import SearchIndex
from telemetry.pipeline.store.writing import Store

SECOND = 1_000_000_000
T0 = 1_700_000_000 * SECOND
"""When everything begins, in Unix nanoseconds."""

FUNCTION = "translate"
CALL = "fc-01J0000000000000000000CALL"
BOX = "ct-01J00000000000000000000BOX"
APP = ProcessSeen("dv-1", DRIVER)
PROG = ProcessSeen("ps-1", PROGRAM, service="images", host="here")
_OFFSETS = count(0, 100)
_DECODER = RecordDecoder()


def input_id(number: int) -> str:
    """An id that rises with *number*."""
    return f"in-01J{number:023d}"


def container(name: str = BOX) -> ProcessSeen:
    """A process that is a container."""
    return ProcessSeen(name, CONTAINER, container=name, function=FUNCTION)


def found(record: object, unix_ns: int = T0) -> Found:
    """*record* as a reader gives it."""
    decoded = _DECODER.decode(encode(record))
    assert decoded is not None
    return Found(unix_ns, decoded[0], 0, 1, next(_OFFSETS), decoded[1])


def identity(  # noqa: PLR0913  # each part of an identity
    number: int,
    *,
    attempt: int = 0,
    box: str | None = BOX,
    slot: int | None = 0,
    batch: Sequence[str] | None = None,
    late: bool = False,
    function: str = FUNCTION,
) -> list[Any]:
    """Who wrote a line."""
    call = None if box is None else CALL
    who = [input_id(number), call, function, attempt, box, slot, batch, late]
    return [*who, "0" * 31 + "1", "0" * 15 + "2"]


def line(  # noqa: PLR0913  # each part of a line
    event: str = "hello",
    who: list[Any] | None = None,
    at_s: float = 0.0,
    *,
    level: str = "info",
    logger: str | None = "app",
    thread: str = "MainThread",
    fields: dict[str, Any] | None = None,
    **more: Any,
) -> Found:
    """A log line."""
    unix_ns = T0 + round(at_s * SECOND)
    said = [unix_ns, event, [], fields or {}]
    record = [LEVELS[level], [logger, {}], who, thread, said]
    return found([*record, more] if more else record, unix_ns)


def settled(
    number: int,
    outcome: str = "success",
    start_s: float = 0.0,
    end_s: float = 1.0,
    **more: Any,
) -> Found:
    """An execution is over, as its container says."""
    given: dict[str, Any] = {
        "function": FUNCTION,
        "function_call_id": CALL,
        "container_id": BOX,
        "slot": 0,
        **more,
    }
    end_ns = T0 + round(end_s * SECOND)
    record = Settled(
        input_id(number), T0 + round(start_s * SECOND), end_ns, outcome, **given
    )
    return found((EXECUTION, None, end_ns, record), end_ns)


def span(record: FinishedSpan) -> Found:
    """A span of code."""
    return found((SPAN, None, record.end_unix_ns, record), record.end_unix_ns)


def held(who: list[Any] | None, at_s: float, seconds: float) -> Found:
    """A loop is held, as its container says."""
    unix_ns = T0 + round(at_s * SECOND)
    return found((BLOCKED, who, unix_ns, seconds, "File x, line 1"), unix_ns)


def runtime(record: Record, at_s: float | None = None) -> Found:
    """What the dispatcher saw, at *at_s* or at the time of the record."""
    at_s = record.at_s if at_s is None else at_s
    unix_ns = T0 + round(at_s * SECOND)
    return found((RUNTIME, None, unix_ns, type(record).__name__, record), unix_ns)


def started(number: int, at_s: float = 0.0, **more: Any) -> Found:
    """The dispatcher gave an input a slot."""
    given: dict[str, Any] = {
        "attempt": 0,
        "container_id": BOX,
        "slot": 0,
        "concurrency": 1,
        "zone": "normal",
        "wait_s": 0.0,
        "wait_reason": "none",
        "batch_size": 1,
        **more,
    }
    return runtime(InputStarted(at_s, FUNCTION, input_id(number), CALL, **given))


def ended(
    number: int, outcome: Outcome = Outcome.SUCCESS, at_s: float = 1.0, **more: Any
) -> Found:
    """The dispatcher has an outcome."""
    given: dict[str, Any] = {
        "attempt": 0,
        "container_id": BOX,
        "slot": 0,
        "zone": "normal",
        "wait_s": 0.0,
        "run_s": 1.0,
        "total_s": at_s,
        "cancelled": None,
        **more,
    }
    return runtime(
        InputSettled(at_s, FUNCTION, input_id(number), CALL, outcome, **given)
    )


def again(number: int, at_s: float, reason: str, **more: Any) -> Found:
    """The dispatcher has an input run again."""
    given: dict[str, Any] = {
        "attempt": 0,
        "container_id": BOX,
        "slot": 0,
        "elapsed_s": at_s,
        **more,
    }
    return runtime(
        InputInterrupted(at_s, FUNCTION, input_id(number), CALL, **given, reason=reason)
    )


def cancelled(requested_s: float, mechanism: str = "container") -> Cancelled:
    """A cancellation by the user."""
    return Cancelled("user", "running", mechanism, "unwound", requested_s)


class Kept:
    """A store, and who fills it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.store = Store(path)
        self.intake = Intake(self.store)
        self.index = SearchIndex(self.store)

    def take(self, process: ProcessSeen, *records: Found) -> None:
        """Take in records of a process, in one transaction."""
        with self.store.transaction():
            number = self.intake.processes.number(process)
            self.intake.take(number, records)

    def rows(self, question: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask the writer's own connection."""
        return self.store.connection.execute(question, values).fetchall()

    def asking(self) -> Reader:
        """Somebody who reads."""
        return Reader(self.path)

    def count(self, tables: Iterable[str]) -> dict[str, int]:
        """How many rows are in each."""
        return {
            each: self.rows(f"select count(*) from {each}")[0][0]  # noqa: S608  # of ours
            for each in tables
        }
