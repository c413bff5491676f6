"""From what processes leave behind, and what is received, to rows of the store."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from telemetry.capture.blackbox.reader import Found
from telemetry.capture.blackbox.records import (
    BLOCKED,
    EXECUTION,
    LINE_KINDS,
    RUNTIME,
    SPAN,
    line_of,
)
from telemetry.capture.span_records import FinishedSpan, Settled
from telemetry.core.outcome import Outcome
from telemetry.pipeline.foreign import ForeignLine
from telemetry.pipeline.points import Point
from telemetry.pipeline.store.grouping import Exceptions
from telemetry.pipeline.store.lines import Lines
from telemetry.pipeline.store.lives import Identity, Lives, identity_of
from telemetry.pipeline.store.metric_rows import Points
from telemetry.pipeline.store.pool_rows import before
from telemetry.pipeline.store.processes import Processes
from telemetry.pipeline.store.runtime_rows import RuntimeRows
from telemetry.pipeline.store.sorting import END_NS
from telemetry.pipeline.store.span_rows import Spans
from telemetry.pipeline.store.writing import Store

AT_ONCE: Final = 4_096
"""Records that are sorted together, so that lines of one input lie side by side."""


class Intake:
    """Takes in records, all of it within a transaction of *store*. Its thread.

    What cannot be a record is left out, and counted: nothing that a process leaves
    in its box, or sends, can stop the intake.

    Attributes:
        processes: Who they are, and how far their boxes were read.
        skipped: How many records were left out, by reason: ``unreadable``, and
            ``unknown`` for those that only a newer program could read.
    """

    def __init__(self, store: Store) -> None:
        self.processes: Final = Processes(store)
        self._lives = Lives(store)
        exceptions = Exceptions(store)
        self._lines = Lines(store, self._lives, exceptions)
        self._spans = Spans(store, self._lives, exceptions)
        self._runtime = RuntimeRows(store, self._lives)
        self._points = Points(store)
        self.skipped: Final[Counter[str]] = Counter()

    def take(self, process: int, found: Sequence[Found]) -> None:
        """Take in the records of a box.

        Args:
            process: Its number: see `Processes.number`.
        """
        for at in range(0, len(found), AT_ONCE):
            rest = self._lines.take(process, found[at : at + AT_ONCE])
            for each in rest:
                try:
                    if not self._taken(process, each.record):
                        self.skipped["unknown"] += 1
                except sqlite3.Error:
                    raise
                except Exception:  # noqa: BLE001  # damaged: it may hold anything
                    self.skipped["unreadable"] += 1
            self._lines.write()

    def foreign_logs(self, process: int, lines: Sequence[ForeignLine]) -> None:
        """Take in lines that were received; repeated ones are dropped."""
        for at in range(0, len(lines), AT_ONCE):
            rest = self._lines.take_foreign(process, lines[at : at + AT_ONCE])
            for each in rest:
                try:
                    self._lines.add(process, each.line, each.uid)
                except sqlite3.Error:
                    raise
                except Exception:  # noqa: BLE001  # it came from strangers
                    self.skipped["unreadable"] += 1
            self._lines.write()

    def foreign_spans(self, process: int, spans: Sequence[FinishedSpan]) -> None:
        """Take in spans that were received; repeated ones are dropped."""
        for span in spans:
            try:
                self._spans.add(process, span, foreign=True)
            except sqlite3.Error:
                raise
            except Exception:  # noqa: BLE001  # it came from strangers
                self.skipped["unreadable"] += 1
        self._spans.flush()

    def points(self, process: int, points: Sequence[Point]) -> None:
        """Take in metrics, thinned to one value in a step."""
        self.skipped["unreadable"] += self._points.add(process, points)

    def interrupted(
        self, process: int, lines: Sequence[ForeignLine], died_ns: int
    ) -> None:
        """The inputs of *lines* ran when their process died, at *died_ns*."""
        self.foreign_logs(process, lines)
        for line in (each.line for each in lines):
            if not line.input_id:
                continue
            who = Identity(line.input_id, attempt=line.attempt)
            row = self._lives.seen(who, process, died_ns)
            row.ended_ns = row.ended_ns or died_ns
            row.ending = row.ending or Outcome.LOST
            input_ = self._lives.input(line.input_id, died_ns)
            if line.container_id is None and input_.outcome is None:
                # No dispatcher will have it run again.
                input_.outcome, input_.ended_ns = Outcome.LOST, died_ns

    def _taken(self, process: int, record: Sequence[Any]) -> bool:
        """Take in one record; False when its kind is not known here."""
        kind = record[0]
        if kind in LINE_KINDS:
            self._lines.add(process, line_of(record))
        elif kind == EXECUTION:
            settled = msgspec.convert(record[3], Settled)
            self._spans.execution(process, settled)
        elif kind == SPAN:
            self._spans.add(process, msgspec.convert(record[3], FinishedSpan))
        elif kind == BLOCKED:
            self._blocked(process, *record[1:5])
        elif kind == RUNTIME:
            _, _, unix_ns, name, fields = record[:5]
            return self._runtime.take(process, unix_ns, name, fields)
        else:
            return False
        return True

    def _blocked(
        self, process: int, who: object, unix_ns: int, seconds: float, stack: str
    ) -> None:
        """A container tells who holds its loop: its driver will tell for how long."""
        if not 0 < unix_ns < END_NS or type(stack) is not str:
            raise ValueError("no record of a blocked loop")
        identity = None if who is None else identity_of(who)
        row = None if identity is None else self._lives.seen(identity, process, unix_ns)
        container = self.processes.container(process)
        self._runtime.pools.stall(
            before(unix_ns, seconds),
            process=process,
            container=container and self._lives.container(container).id,
            function=None if row is None else row.function,
            seconds=float(seconds),
            input=None if identity is None else identity.input_id,
            stack=stack,
        )
