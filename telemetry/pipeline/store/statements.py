"""Writes many rows at once, and only what is in them.

To bind a None costs Python's sqlite3 as much as five numbers: it asks the type whether
it would rather be something else. Most columns of most rows are empty. So rows that
have the same columns filled are written together, and the others not mentioned. For
the same reason bytes go in as a `bytearray`, which is taken as it is.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, Final

Filled = tuple[int, ...]
"""Which columns of a row hold something, by their places."""

_AT_ONCE: Final = 64
"""Rows in one statement: it costs a third less than one for each."""

_KNOWN: Final = 1_000
"""Sets of filled columns whose statement is remembered."""


class Statements:
    """Inserts and updates for one table.

    Args:
        table: Its name; as the next, from nobody but us.
        columns: Their names, in the order of the values of a row; blanks between.
        insert: The words before the name.
    """

    def __init__(self, table: str, columns: str, insert: str = "insert into") -> None:
        self._table = table
        self._columns = tuple(columns.split())
        self._insert = insert
        self._inserts: dict[Filled, str] = {}
        self._updates: dict[Filled, str] = {}

    def insert(
        self, connection: sqlite3.Connection, rows: Iterable[Sequence[Any]]
    ) -> None:
        """Write new rows."""
        for filled, values in _by_filled(rows).items():
            statement = self._inserts.get(filled)
            if statement is None:
                names = ", ".join(self._columns[at] for at in filled)
                marks = ", ".join("?" * len(filled))
                statement = f"{self._insert} {self._table} ({names}) values ({marks})"
                _remember(self._inserts, filled, statement)
            connection.executemany(statement, values)

    def update(
        self, connection: sqlite3.Connection, rows: Iterable[Sequence[Any]]
    ) -> None:
        """Write all of rows that are there; the first column is what names them."""
        for filled, values in _by_filled(rows).items():
            statement = self._updates.get(filled)
            if statement is None:
                numbers = {at: number for number, at in enumerate(filled, 1)}
                settings = ", ".join(
                    f"{name} = ?{numbers[at]}" if at in numbers else f"{name} = null"
                    for at, name in enumerate(self._columns)
                    if at
                )
                statement = (
                    f"update {self._table} set {settings} where {self._columns[0]} = ?1"
                )
                _remember(self._updates, filled, statement)
            connection.executemany(statement, values)


class FlatStatements:
    """Inserts many rows at once that have all columns filled.

    Args:
        table: Its name; as the next, from nobody but us.
        columns: Their names; blanks between.

    Attributes:
        columns: How many there are.
    """

    def __init__(self, table: str, columns: str) -> None:
        names = columns.split()
        self.columns: Final = len(names)
        row = f"({', '.join('?' * len(names))})"
        begin = f"insert into {table} ({', '.join(names)}) values "
        self._one = begin + row
        self._many = begin + ", ".join([row] * _AT_ONCE)

    def insert(self, connection: sqlite3.Connection, flat: list[Any]) -> None:
        """Write rows.

        Args:
            flat: Their values, one row behind the other.
        """
        size = self.columns * _AT_ONCE
        whole = len(flat) - len(flat) % size
        many = (flat[at : at + size] for at in range(0, whole, size))
        connection.executemany(self._many, many)
        ends = range(whole, len(flat), self.columns)
        connection.executemany(self._one, (flat[at : at + self.columns] for at in ends))


def _by_filled(rows: Iterable[Sequence[Any]]) -> dict[Filled, list[list[Any]]]:
    found: dict[Filled, list[list[Any]]] = {}
    for row in rows:
        filled = tuple([at for at, value in enumerate(row) if value is not None])
        values = [value for value in row if value is not None]
        known = found.get(filled)
        if known is None:
            found[filled] = [values]
        else:
            known.append(values)
    return found


def _remember(known: dict[Filled, str], filled: Filled, statement: str) -> None:
    if len(known) >= _KNOWN:
        known.clear()
    known[filled] = statement
