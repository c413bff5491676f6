"""A store that is written bit by bit, as an agent does."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Self

from telemetry.capture.blackbox.reader import Found
from telemetry.capture.line import LEVELS
from telemetry.pipeline.store.intake import Intake
from telemetry.pipeline.store.processes import PROGRAM, ProcessSeen
from telemetry.pipeline.store.search import SearchIndex
from telemetry.pipeline.store.writing import Store
from tests.view.shapes import START_NS


class Line(NamedTuple):
    """A line to be stored."""

    event: str
    level: str = "info"


class Writing:
    """A store that is written bit by bit, as an agent does."""

    def __init__(self, path: Path) -> None:
        self._store = Store(path)
        self._intake = Intake(self._store)
        self._index = SearchIndex(self._store)
        self._at_ns = START_NS
        self._seen = ProcessSeen("ps-1", PROGRAM, "words")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._store.close()

    def say(self, *lines: Line) -> None:
        """Store these, in one transaction."""
        found: list[Found] = []
        for each in lines:
            self._at_ns += 1_000_000
            said = [self._at_ns, each.event, [], {}]
            record = [LEVELS[each.level], ["words", {}], None, "MainThread", said]
            found.append(Found(self._at_ns, record, 0, 1, len(found)))
        with self._store.transaction():
            self._intake.take(self._intake.processes.number(self._seen), found)

    def forget(self, input_id: str) -> None:
        """Take an input out, with all its lines, as retention does."""
        run = self._store.connection.execute
        with self._store.transaction():
            (number,) = run(
                "select id from inputs where input_id = ?", (input_id,)
            ).fetchone()
            of = "(select id from executions where input = ?)"
            run(f"delete from logs where execution in {of}", (number,))  # noqa: S608
            run(f"delete from runs where execution in {of}", (number,))  # noqa: S608
            run("delete from executions where input = ?", (number,))
            run("delete from inputs where id = ?", (number,))
