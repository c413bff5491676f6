"""Asks the store: from any process, while it is written, and never for too long."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from telemetry.core.errors import InvalidError
from telemetry.pipeline.store.failures import explained
from telemetry.pipeline.store.opening import open_reader

TIMEOUT_S: Final = 10.0
"""Seconds that one question may take."""

MOST_ROWS: Final = 10_000
"""Rows of one answer."""

_OPERATIONS: Final = 20_000
"""Of SQLite's machine between two looks at the clock: about a millisecond."""

Row = tuple[Any, ...]

Values = Sequence[object] | Mapping[str, object]
"""What stands for ``?``, or for names such as ``:limit``."""


class Reader:
    """A connection that only reads. Safe from several threads, one at a time.

    Each question sees the store as it was at one moment, and the file is let go of
    when it is answered: one who reads for long keeps the writer's WAL from being cut.

    Args:
        path: Of the store.
        timeout_s: Seconds that one question may take.

    Raises:
        NoStoreError: There is none yet.
        StoreError: It cannot be read; the message says why.
    """

    def __init__(self, path: Path, *, timeout_s: float = TIMEOUT_S) -> None:
        if not timeout_s > 0:
            raise InvalidError(f"timeout_s is {timeout_s}; it must be above 0")
        self.path: Final = path
        self._timeout_s = timeout_s
        self._connection = open_reader(path)
        self._lock = threading.RLock()
        self._deadline_s = float("inf")
        self._connection.set_progress_handler(self._is_late, _OPERATIONS)

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
        """Let go of the file."""
        with self._lock:
            self._connection.close()

    @contextlib.contextmanager
    def asking(self) -> Iterator[None]:
        """All that is asked within is of one moment, and has one deadline.

        Raises:
            QueryTimeoutError: It took too long.
            StoreError: The store cannot be read.
        """
        with self._lock:
            if self._connection.in_transaction:
                yield  # a part of a larger question
                return
            self._deadline_s = time.monotonic() + self._timeout_s
            try:
                self._connection.execute("begin")
                try:
                    yield
                finally:
                    self._deadline_s = float("inf")
                    self._connection.rollback()
            except sqlite3.Error as error:
                raise explained(error, self.path) from error

    def rows(self, question: str, values: Values = ()) -> list[Row]:
        """The whole answer. Within `asking`."""
        return self._connection.execute(question, values).fetchall()

    def one(self, question: str, values: Values = ()) -> Any:  # noqa: ANN401  # whatever a column holds
        """The first value of the answer; None where there is none."""
        row = self._connection.execute(question, values).fetchone()
        return None if row is None else row[0]

    def define(self, name: str, call: Callable[[Any], bool]) -> None:
        """Let questions call a function of one value by that name."""
        self._connection.create_function(name, 1, call, deterministic=True)

    def _is_late(self) -> bool:
        return time.monotonic() > self._deadline_s


def checked_limit(limit: int) -> int:
    """A number of rows that may be asked for.

    Raises:
        InvalidError: It is none.
    """
    if not 1 <= limit <= MOST_ROWS:
        raise InvalidError(f"limit is {limit}; it must be from 1 to {MOST_ROWS}")
    return limit


class Where:
    """Conditions that all have to hold, and their values."""

    def __init__(self) -> None:
        self._conditions: list[str] = []
        self.values: list[object] = []

    def add(self, condition: str, *values: object) -> None:
        """One more condition."""
        self._conditions.append(condition)
        self.values += values

    def add_given(self, condition: str, value: object | None) -> None:
        """One more condition, unless *value* is None."""
        if value is not None:
            self.add(condition, value)

    def __str__(self) -> str:
        """As it stands in a question."""
        if not self._conditions:
            return ""
        return "where " + " and ".join(f"({each})" for each in self._conditions)


def number_of(reader: Reader, text: str) -> int:
    """The number of an interned text; -1, which no row has, for an unknown one."""
    found = reader.one("select id from texts where text = ?", (text,))
    return -1 if found is None else int(found)


def like(text: str) -> str:
    """A pattern of LIKE that means *text* itself; with ``escape '!'``."""
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")
