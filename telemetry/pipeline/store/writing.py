"""The writer's side of the store: one connection, one thread, transactions."""

from __future__ import annotations

import contextlib
import sqlite3
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from telemetry.pipeline.store.failures import explained
from telemetry.pipeline.store.opening import WriterLock, open_writer

KNOWN_TEXTS: Final = 10_000
"""Texts whose numbers are remembered; then they are looked up anew."""


class Participant:
    """Somebody who remembers something of a transaction, or until its end."""

    def flush(self) -> None:
        """Write what is due: the transaction is about to be committed."""

    def committed(self) -> None:
        """What was written is in the file."""

    def forget(self) -> None:
        """The transaction was rolled back: nothing that is remembered holds."""


def say(text: str) -> None:
    """Tell a person on stderr."""
    print(f"telemetry: {text}", file=sys.stderr)  # noqa: T201  # said loudly, as it must be


class Store:
    """The connection of the one who writes. Belongs to the thread that made it.

    Args:
        path: Made if it is not there, as its owner's alone.
        on_problem: Told when a damaged file had to be set aside.

    Raises:
        StoreError: The file cannot be written; the message says why.
    """

    def __init__(
        self, path: Path, *, on_problem: Callable[[str], object] = say
    ) -> None:
        self.path: Final = path
        self._lock = WriterLock(path)
        try:
            self.connection: Final = open_writer(path, on_problem)
        except BaseException:
            self._lock.release()
            raise
        self._participants: list[Participant] = []
        self._texts: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file; what was committed is in it."""
        self.connection.close()
        self._lock.release()

    def join(self, participant: Participant) -> None:
        """Have *participant* told of the end of each transaction."""
        self._participants.append(participant)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is written within is there afterwards, or nothing of it.

        Raises:
            StoreFullError: The disk is full; try again when it is not.
            StoreDamagedError: The file is damaged: see `opening.set_aside`.
            StoreError: It failed otherwise.
        """
        try:
            self.connection.execute("begin immediate")
            try:
                yield
                for each in self._participants:
                    each.flush()
                self.connection.execute("commit")
            except BaseException:
                self._roll_back()
                raise
        except sqlite3.Error as error:
            raise explained(error, self.path) from error
        for each in self._participants:
            each.committed()

    def text_number(self, text: str) -> int:
        """The number that stands for *text* in other tables."""
        number = self._texts.get(text)
        if number is None:
            found = self.connection.execute(
                "select id from texts where text = ?", (text,)
            ).fetchone()
            if found is None:
                found = self.connection.execute(
                    "insert into texts (text) values (?) returning id", (text,)
                ).fetchone()
            if len(self._texts) >= KNOWN_TEXTS:
                self._texts.clear()
            number = self._texts[text] = int(found[0])
        return number

    def last_number(self, table: str) -> int:
        """The highest number that a row of *table* has had."""
        found = self.connection.execute(
            "select seq from sqlite_sequence where name = ?", (table,)
        ).fetchone()
        return int(found[0]) if found else 0

    def get_meta(self, key: str) -> Any:  # noqa: ANN401  # any value that SQLite knows
        """What is noted under *key*; None where nothing is."""
        found = self.connection.execute(
            "select value from meta where key = ?", (key,)
        ).fetchone()
        return None if found is None else found[0]

    def set_meta(self, key: str, value: float | str | bytes) -> None:
        """Note *value* under *key*."""
        self.connection.execute(
            "insert or replace into meta (key, value) values (?, ?)", (key, value)
        )

    def forget(self) -> None:
        """Remember nothing: rows may be gone. Not while something is to be written."""
        self._texts.clear()
        for each in self._participants:
            each.forget()

    def checkpoint(self) -> None:
        """Bring the WAL into the file, and cut it off, unless a reader is at it."""
        run = self.connection.execute
        (busy_ms,) = run("pragma busy_timeout").fetchone()
        # Whoever reads is not waited for: the next time will do.
        run("pragma busy_timeout = 0")
        try:
            run("pragma wal_checkpoint(truncate)").fetchone()
        except sqlite3.OperationalError:
            pass
        finally:
            run(f"pragma busy_timeout = {busy_ms}")

    def _roll_back(self) -> None:
        # On a full disk SQLite may have rolled back already.
        if self.connection.in_transaction:
            self.connection.execute("rollback")
        self.forget()
