"""The store about itself."""

from __future__ import annotations

import os
from typing import Final, NamedTuple

from telemetry.pipeline.store.queries.reading import Reader
from telemetry.pipeline.store.search import INDEXED

_COUNTED: Final = (
    "inputs",
    "executions",
    "spans",
    "containers",
    "processes",
    "exceptions",
)


class Waiting(NamedTuple):
    """What of a signal waits to be delivered."""

    parcels: int
    items: int
    size_bytes: int


class StoreFigures(NamedTuple):
    """What is in the store.

    Attributes:
        file_bytes: Of the file and its WAL.
        free_bytes: Of these, what rows that are gone have left behind.
        lines: Log lines.
        rows: Of the other tables, by name.
        oldest_ns: When the oldest line was written; as the next, None without lines.
        unindexed: Lines that the index for full text does not have yet.
        waiting: By signal.
        shipped: Items that have arrived, by signal.
        dropped: Items that never will, by signal and reason.
    """

    version: int
    file_bytes: int
    free_bytes: int
    lines: int
    rows: dict[str, int]
    oldest_ns: int | None
    newest_ns: int | None
    unindexed: int
    waiting: dict[str, Waiting]
    shipped: dict[str, int]
    dropped: dict[tuple[str, str], int]


def figures(reader: Reader) -> StoreFigures:
    """How much is in the store, and what waits to leave it."""
    with reader.asking():
        first, last = reader.rows("select min(id), max(id) from logs")[0]
        indexed = reader.one("select value from meta where key = ?", (INDEXED,)) or 0
        oldest_ns, newest_ns = reader.rows(
            "select min(min_ns), max(max_ns) from stretches"
        )[0]
        waiting = reader.rows(
            "select signal, count(*), sum(items), sum(bytes) from outbox "
            "group by signal"
        )
        return StoreFigures(
            int(reader.one("select value from meta where key = 'version'")),
            _file_bytes(reader),
            reader.one("pragma freelist_count") * reader.one("pragma page_size"),
            # Lines are numbered without a gap.
            0 if last is None else last - first + 1,
            {each: reader.one(f"select count(*) from {each}") for each in _COUNTED},
            oldest_ns,
            newest_ns,
            max((last or 0) - int(indexed), 0),
            {signal: Waiting(*row) for signal, *row in waiting},
            dict(reader.rows("select signal, items from shipped")),
            {
                (signal, reason): items
                for signal, reason, items in reader.rows("select * from dropped")
            },
        )


def _file_bytes(reader: Reader) -> int:
    total = 0
    for suffix in ("", "-wal"):
        try:
            total += os.stat(f"{reader.path}{suffix}").st_size  # noqa: PTH116  # a path with a suffix is a text
        except FileNotFoundError:
            pass
    return total
