"""What the processes of an invented run leave behind, put into a store."""

from __future__ import annotations

import random
from heapq import heappush
from itertools import count
from pathlib import Path
from typing import Any

import msgspec

from telemetry.capture.blackbox.reader import Found
from telemetry.capture.blackbox.records import EXECUTION, RUNTIME
from telemetry.capture.line import LEVELS
from telemetry.capture.runtime_records import Record
from telemetry.capture.span_records import Settled
from telemetry.pipeline.store.intake import Intake
from telemetry.pipeline.store.processes import DRIVER, ProcessSeen
from telemetry.pipeline.store.search import SearchIndex
from telemetry.pipeline.store.writing import Store
from tests.view.sayings import HOSTILE, Saying, sayings
from tests.view.shapes import (
    ALPHABET,
    DRIVER_BOX,
    SECOND,
    SHAPES,
    START_NS,
    Box,
    Job,
    Pool,
)


class Leaving:
    """Writes down what happens, in virtual time.

    Args:
        path: Of the store.
        seconds: How long the run lasts, in virtual time.
        lines_each: Log lines of each input, about.
        pace: More than 1 has more inputs in the same time.
    """

    def __init__(
        self,
        path: Path,
        *,
        seconds: float = 60.0,
        lines_each: float = 4.0,
        pace: float = 1.0,
        seed: int = 7,
        start_ns: int = START_NS,
    ) -> None:
        self.path = path
        self.seconds = seconds
        self.start_ns = start_ns
        self.ids: dict[str, str] = {}
        self._lines_each = lines_each
        self._pace = pace
        self._random = random.Random(seed)
        self._now = 0.0
        self._events: list[tuple[float, int, str, Any]] = []
        self._order = count()
        self._number = count(1)
        self._pools = [Pool(shape) for shape in SHAPES]
        self._found: dict[str, list[Found]] = {}
        self._seen: dict[str, ProcessSeen] = {
            DRIVER_BOX: ProcessSeen(DRIVER_BOX, DRIVER, "demo", 4000, "laptop", "demo")
        }
        self._offsets = count(0, 100)

    def _open(self) -> None:
        self._store = Store(self.path)
        self._intake = Intake(self._store)
        self._index = SearchIndex(self._store)

    def _shut(self) -> None:
        self._write()
        while self._index.catch_up():
            pass

    def _end_execution(self, box: Box, job: Job, ending: str) -> None:
        del box.slots[job.slot]
        error = "ValueError" if ending == "error" else ""
        settled = Settled(
            job.input_id,
            self._ns(job.started_s),
            self._ns(self._now),
            ending,
            job.attempt,
            box.shape.name,
            job.call_id,
            box.container_id,
            job.slot,
            error_type=error,
            error_text=f"{error}: no such language: 'xx'" if error else "",
        )
        record = [EXECUTION, None, settled.ended_ns, msgspec.to_builtins(settled)]
        self._put(box.container_id, record, settled.ended_ns)

    def _narrate(self, box: Box, job: Job, run_s: float) -> None:
        amount = self._lines_each * self._random.uniform(0.6, 1.4)
        for at, saying in enumerate(sayings(self._random, round(amount))):
            share = (at + 0.2) / (amount + 1)
            self._say(
                box,
                job,
                saying,
                at_s=self._now + run_s * share,
                stream="stdout" if at % 3 == 2 else None,
            )
        if self._random.random() < 0.01:
            event = self._random.choice(HOSTILE)
            self._say(box, job, ("warning", event, {"<b>key</b>": "<i>value</i>"}))

    def _say(
        self,
        box: Box,
        job: Job | None,
        saying: Saying,
        *,
        at_s: float | None = None,
        **more: str | None,
    ) -> None:
        level, event, fields = saying
        unix_ns = self._ns(self._now if at_s is None else at_s)
        who = None
        if job is not None:
            who = [
                job.input_id, job.call_id, box.shape.name, job.attempt,
                box.container_id, job.slot, None, False, None, None,
            ]  # fmt: skip
        record: list[Any] = [
            LEVELS[level],
            ["demo.work", {}],
            who,
            "MainThread" if box.shape.mode == "async" else f"slot-{job and job.slot}",
            [unix_ns, event, [], fields],
        ]
        if kept := {key: value for key, value in more.items() if value}:
            record.append(kept)
        self._put(box.container_id, record, unix_ns)

    def _tell(self, record: Record, at_s: float | None = None) -> None:
        unix_ns = self._ns(self._now if at_s is None else at_s)
        fields = msgspec.to_builtins(record)
        row = [RUNTIME, None, unix_ns, type(record).__name__, list(fields)]
        self._put(DRIVER_BOX, row, unix_ns)

    def _put(self, box: str, record: list[Any], unix_ns: int) -> None:
        found = Found(unix_ns, record, 0, 1, next(self._offsets))
        self._found.setdefault(box, []).append(found)

    def _write(self) -> None:
        with self._store.transaction():
            for name, found in self._found.items():
                number = self._intake.processes.number(self._seen[name])
                self._intake.take(number, sorted(found, key=lambda each: each.when_ns))
        self._found.clear()

    def _at(self, at_s: float, kind: str, what: Any) -> None:
        heappush(self._events, (at_s, next(self._order), kind, what))

    def _pool(self, box: Box) -> Pool:
        return next(each for each in self._pools if each.shape is box.shape)

    def _ns(self, at_s: float) -> int:
        return self.start_ns + round(at_s * SECOND)

    def _id(self, prefix: str) -> str:
        number = next(self._number) * 7919
        tail = ""
        for _ in range(8):
            number, digit = divmod(number, 32)
            tail = ALPHABET[digit] + tail
        return f"{prefix}-01M8Z0000000000000{tail}"
