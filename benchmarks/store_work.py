"""What the benchmark of the store measures: the ways into it, and their floors."""

from __future__ import annotations

import contextlib
import gc
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from benchmarks import store_data as data
from telemetry.capture.blackbox.reader import BoxReader, Found
from telemetry.pipeline.store.intake import AT_ONCE, Intake
from telemetry.pipeline.store.opening import open_writer
from telemetry.pipeline.store.outbox import StoreOutbox
from telemetry.pipeline.store.processes import PROGRAM, ProcessSeen
from telemetry.pipeline.store.writing import Store

FLOOR: Final = "floor: rows that are there, by executemany"
TAKEN: Final = "own records, taken in"
READ: Final = "own records, read from a box and taken in"
LINES: Final = "own lines alone, taken in"
FOREIGN: Final = "foreign lines, decoded before"
FILE: Final = "floor: requests, written to a file"
OUTBOX: Final = "outbox: requests of 512 records"

PROCESS: Final = ProcessSeen("ps-1", PROGRAM)
_REQUESTS_AT_ONCE: Final = 8


class Work:
    """Each method does the same number of records, in a store of its own.

    Args:
        count: Of records.
        requests: Of parcels, which hold `data.PER_REQUEST` records each.
    """

    def __init__(self, folder: Path, count: int, requests: int) -> None:
        self._folder = folder
        self._count = count
        self._requests = requests
        self._records = data.records(count)
        self._lines = [each for each in self._records if each.record[0] != data.END]
        self._rows = data.rows(count)
        self._box = data.box(folder, self._records)
        self._foreign = data.foreign_lines(count)
        self._body = os.urandom(data.REQUEST_BYTES)
        # An agent holds nothing of the kind: what the collector does with all of it
        # is no part of what a record costs.
        gc.collect()
        gc.freeze()

    @property
    def cases(self) -> dict[str, Callable[[int], None]]:
        """By name; what they are called with does not matter."""
        return {
            FLOOR: lambda _: self._floor(),
            TAKEN: lambda _: self._taken(self._records),
            LINES: lambda _: self._taken(self._lines),
            READ: lambda _: self._read(),
            FOREIGN: lambda _: self._received(),
            OUTBOX: lambda _: self._put(),
            FILE: lambda _: self._written(),
        }

    def _floor(self) -> None:
        with tempfile.TemporaryDirectory(dir=self._folder) as made:
            connection = open_writer(Path(made) / "store.sqlite", print)
            for at in range(0, self._count, AT_ONCE):
                connection.execute("begin")
                connection.executemany(data.INSERT, self._rows[at : at + AT_ONCE])
                connection.execute("commit")
            connection.close()

    def _taken(self, records: Sequence[Found]) -> None:
        with self._fresh() as store:
            intake = Intake(store)
            for at in range(0, len(records), AT_ONCE):
                _take(store, intake, records[at : at + AT_ONCE])

    def _read(self) -> None:
        with self._fresh() as store, BoxReader(self._box) as reader:
            intake = Intake(store)
            while found := reader.poll_found(AT_ONCE):
                _take(store, intake, found)

    def _received(self) -> None:
        with self._fresh() as store:
            intake = Intake(store)
            for at in range(0, self._count, AT_ONCE):
                with store.transaction():
                    number = intake.processes.number(PROCESS)
                    intake.foreign_logs(number, self._foreign[at : at + AT_ONCE])

    def _put(self) -> None:
        with self._fresh() as store, contextlib.closing(StoreOutbox(store)) as outbox:
            for at in range(0, self._requests, _REQUESTS_AT_ONCE):
                with store.transaction():
                    for _ in range(at, min(at + _REQUESTS_AT_ONCE, self._requests)):
                        outbox.put("logs", data.PER_REQUEST, self._body)

    def _written(self) -> None:
        with tempfile.TemporaryFile(dir=self._folder, buffering=0) as file:
            for _ in range(self._requests):
                file.write(self._body)

    @contextlib.contextmanager
    def _fresh(self) -> Iterator[Store]:
        """A store with nothing in it, which is gone afterwards."""
        with tempfile.TemporaryDirectory(dir=self._folder) as made:
            store = Store(Path(made) / "store.sqlite")
            yield store
            store.close()


def _take(store: Store, intake: Intake, found: Sequence[Found]) -> None:
    with store.transaction():
        intake.take(intake.processes.number(PROCESS), found)
