"""Keeps the store within its age and its size, a little at a time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from itertools import starmap
from typing import Final

from telemetry.pipeline.store.erasing import Below, erasing
from telemetry.pipeline.store.writing import Participant, Store
from telemetry.policy.store_retention import (
    Limits,
    Mark,
    given_up,
    trusted_now_ns,
)

MARK_EVERY_S: Final = 10.0
MARK_EVERY_LINES: Final = 20_000
"""How far marks are apart: what lies between two of them goes together."""

_VACUUM_PAGES: Final = 512
_SPARE_PAGES: Final = 4_096
"""Free pages that are left in the file, as they will be needed again soon."""
_WAL_BYTES: Final = 32 * 1024 * 1024
_MARKED: Final = ("logs", "spans", "inputs", "executions", "occurrences")


class Retention(Participant):
    """Takes out of the store what its limits say. The writer's thread.

    Args:
        waiting_bytes: What waits in the outbox, which has a budget of its own.
        forget: Called when rows are gone that others may remember.
        wall_ns: The clock, in Unix nanoseconds; in tests another one.
        mono_ns: The monotonic clock.
    """

    def __init__(
        self,
        store: Store,
        limits: Limits = Limits(),  # noqa: B008  # frozen
        *,
        waiting_bytes: Callable[[], int] = int,
        wall_ns: Callable[[], int] = time.time_ns,
        mono_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._store = store
        self._limits = limits
        self._waiting_bytes = waiting_bytes
        self._wall_ns, self._mono_ns = wall_ns, mono_ns
        self._begun = (wall_ns(), mono_ns())
        # What the last transaction left, when that was, and the same of the last mark.
        self._seen, self._seen_ns = self._numbers(), wall_ns()
        self._marked: tuple[int, ...] = ()
        self._marked_mono_ns = mono_ns()
        self.forget()
        self._work: Iterator[bool] | None = None
        store.join(self)

    def step(self) -> bool:
        """Do some milliseconds of what is due; whether there is more to do now.

        Not within a transaction.

        Raises:
            StoreError: The store cannot be written.
        """
        if self._work is None:
            if self._is_mark_due():
                with self._store.transaction():
                    pass  # it is made at the end of any transaction
            below = self._due()
            if below is None:
                return self._tidy()
            self._work = erasing(self._store, below)
        is_gone = next(self._work, None)
        if is_gone is None:
            self._work = None
        elif is_gone:
            # Race: 1. an input is remembered; 2. its row is taken out; 3. it says
            # something, and a row that is not there would be changed.
            self._store.forget()
        return True

    def used_bytes(self) -> int:
        """What the store takes, but for what waits to be delivered."""
        pages, free, size = (
            self._store.connection.execute(f"pragma {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        return max(int((pages - free) * size) - self._waiting_bytes(), 0)

    def flush(self) -> None:
        """Mark what the last transaction had left, if the last mark is far enough."""
        if self._is_mark_due():
            self._store.connection.execute(
                "insert into marks "
                "(taken_ns, logs, spans, inputs, executions, occurrences) "
                "values (?, ?, ?, ?, ?, ?)",
                (self._seen_ns, *self._seen),
            )
            self._marked, self._marked_mono_ns = self._seen, self._mono_ns()

    def committed(self) -> None:
        """Rows are in the file from now on."""
        self._seen, self._seen_ns = self._numbers(), self._wall_ns()

    def forget(self) -> None:
        """The last mark may not be there."""
        row = self._store.connection.execute(
            "select logs, spans, inputs, executions, occurrences from marks "
            "order by id desc limit 1"
        ).fetchone()
        self._marked = row or (0,) * len(_MARKED)

    def _is_mark_due(self) -> bool:
        if self._seen == self._marked:
            return False
        passed_ns = self._mono_ns() - self._marked_mono_ns
        lines = self._seen[0] - self._marked[0]
        return passed_ns >= MARK_EVERY_S * 1e9 or lines >= MARK_EVERY_LINES

    def _numbers(self) -> tuple[int, ...]:
        """The number that the next row of each table will have."""
        last = dict(
            self._store.connection.execute("select name, seq from sqlite_sequence")
        )
        return tuple(last.get(table, 0) + 1 for table in _MARKED)

    def _due(self) -> Below | None:
        rows = self._store.connection.execute(
            "select id, taken_ns from marks order by id"
        )
        begun_wall_ns, begun_mono_ns = self._begun
        found = given_up(
            starmap(Mark, rows),
            trusted_now_ns(
                self._wall_ns(), begun_wall_ns, self._mono_ns() - begun_mono_ns
            ),
            self.used_bytes(),
            self._limits,
        )
        rows.close()
        if found is None:
            return None
        row = self._store.connection.execute(
            "select * from marks where id = ?", (found.number,)
        ).fetchone()
        return Below(*row)

    def _tidy(self) -> bool:
        """Give pages back to the disk, or cut off the WAL, when it is worth it."""
        run = self._store.connection.execute
        if run("pragma freelist_count").fetchone()[0] > _SPARE_PAGES:
            run(f"pragma incremental_vacuum({_VACUUM_PAGES})").fetchall()
            return True
        try:
            wal_bytes = os.stat(f"{self._store.path}-wal").st_size  # noqa: PTH116  # a path with a suffix is a text
        except FileNotFoundError:
            return False
        if wal_bytes > _WAL_BYTES:
            self._store.checkpoint()
        return False
