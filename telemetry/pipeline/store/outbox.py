"""The outbox in the store: what is accepted is in one transaction with its rows."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import orjson

from telemetry.core.errors import InvalidError
from telemetry.pipeline.outbox import SIGNALS, Parcel, Signal
from telemetry.pipeline.store.failures import explained
from telemetry.pipeline.store.opening import open_reader
from telemetry.pipeline.store.writing import Participant, Store

BUDGET_BYTES: Final = 512 * 1024 * 1024
"""Of bodies that wait; beyond it the oldest are given up."""

FULL: Final = "outbox_full"
"""Why a parcel was dropped here: the value of ``input.reason``."""

_OVERHEAD_BYTES: Final = 128
"""Of a parcel beside its body, about: so empty ones have a bound, too."""
_PARCELS_AT_ONCE: Final = 1_000


class _Refused(NamedTuple):
    """Items of a signal that were refused for good."""

    signal: Signal
    reason: str
    items: int


class StoreOutbox(Participant):
    """Implements `telemetry.pipeline.outbox.Outbox` over the table ``outbox``.

    `put` and `apply` belong to the writer's thread and into a transaction; all else
    may be called from any thread. What is `delivered` or `given_up` is gone at once
    for `waiting`, and in the file with the next transaction: if the process dies in
    between, those parcels are delivered once more.

    Args:
        budget_bytes: Of what waits, at least 1.
        on_gone: Called, from any thread, when a transaction is worth its while: the
            sooner that is noted, the less is sent once more after a crash.

    Raises:
        InvalidError: The budget is too small.
    """

    def __init__(
        self,
        store: Store,
        *,
        budget_bytes: int = BUDGET_BYTES,
        on_gone: Callable[[], object] = bool,
    ) -> None:
        if budget_bytes < 1:
            raise InvalidError(f"budget_bytes is {budget_bytes}; it must be at least 1")
        self._store = store
        self._budget_bytes = budget_bytes
        self._on_gone = on_gone
        self._waiting_bytes = Counter[Signal]()
        self._lock = threading.Lock()
        # Guarded by _lock: what has left and is still in the file.
        self._gone: dict[int, Parcel] = {}
        self._refused: list[_Refused] = []
        self._applied: tuple[list[int], list[_Refused]] = ([], [])
        self._readers = _Readers(store.path)
        self.forget()
        store.join(self)

    def put(self, signal: Signal, items: int, body: bytes) -> None:
        """Accept a request of *items* records; in the transaction of its rows."""
        self._store.connection.execute(
            "insert into outbox (signal, items, bytes, body) values (?, ?, ?, ?)",
            (signal, items, len(body), body),
        )
        self._waiting_bytes[signal] += len(body) + _OVERHEAD_BYTES

    def waiting(self, signal: Signal, after: int, most_bytes: int) -> list[Parcel]:
        """The oldest parcels behind number *after*: see `Outbox.waiting`.

        Raises:
            StoreError: The store cannot be read.
        """
        found: list[Parcel] = []
        left_bytes = most_bytes
        with self._readers.connection() as connection:
            rows = connection.execute(
                "select number, items, bytes, body from outbox "
                "where signal = ? and number > ? order by number limit ?",
                (signal, after, _PARCELS_AT_ONCE),
            )
            for number, items, size, body in rows:
                if number in self._gone:
                    continue
                if found and size > left_bytes:
                    break
                left_bytes -= size
                found.append(Parcel(number, signal, items, body))
            rows.close()
        return found

    def delivered(self, parcels: Iterable[Parcel]) -> None:
        """They have arrived, and need not be kept."""
        with self._lock:
            self._gone.update((each.number, _emptied(each)) for each in parcels)
        self._on_gone()

    def given_up(self, parcels: Iterable[Parcel], reason: str, items: int) -> None:
        """*items* of them were refused for good: they are counted, and not kept."""
        given = list(parcels)
        with self._lock:
            self._gone.update((each.number, _emptied(each)) for each in given)
            if given and items:
                self._refused.append(_Refused(given[0].signal, reason, items))
        self._on_gone()

    def apply(self) -> None:
        """Take out of the file what has left, and what is beyond the budget.

        Done at the end of each transaction; to be called when there is no other.
        """
        with self._lock:
            gone, refused = list(self._gone.values()), list(self._refused)
        self._applied = ([each.number for each in gone], refused)
        if gone:
            self._leave(gone, refused)
        if self.backlog_bytes() > self._budget_bytes:
            self._drop_oldest()

    @property
    def has_work(self) -> bool:
        """Whether `apply` has anything to do: a transaction is worth its while."""
        return bool(self._gone)

    def backlog_bytes(self, signals: Iterable[Signal] = SIGNALS) -> int:
        """What waits, about; any thread."""
        return sum(self._waiting_bytes[signal] for signal in signals)

    def last_number(self) -> int:
        """Of the parcel that was put last. The writer's thread."""
        return self._store.last_number("outbox")

    def oldest_number(self, signals: Collection[Signal]) -> int | None:
        """Of the oldest parcel of these signals; None: there is none. Writer's thread.

        One that has left counts until that is in the file.
        """
        holes = ", ".join("?" * len(signals))
        found = self._store.connection.execute(
            f"select min(number) from outbox where signal in ({holes})",
            tuple(signals),
        ).fetchone()
        return None if found[0] is None else int(found[0])

    def dropped(self) -> dict[tuple[str, str], int]:
        """Items that never arrived, by signal and reason, since the store began."""
        with self._readers.connection() as connection:
            rows = connection.execute("select signal, reason, items from dropped")
            return {(signal, reason): items for signal, reason, items in rows}

    def shipped(self) -> dict[str, int]:
        """Items that have arrived, by signal, since the store began."""
        with self._readers.connection() as connection:
            return dict(connection.execute("select signal, items from shipped"))

    def drop(self, signal: Signal, reason: str, items: int) -> None:
        """Count items that will never arrive. Within a transaction."""
        self._store.connection.execute(
            "insert into dropped values (?, ?, ?) on conflict (signal, reason) "
            "do update set items = items + excluded.items",
            (signal, reason, items),
        )

    def flush(self) -> None:
        """The transaction is about to be committed."""
        self.apply()

    def committed(self) -> None:
        """What was taken out of the file need not be remembered any more."""
        numbers, refused = self._applied
        if not numbers:
            return
        with self._lock:
            for number in numbers:
                self._gone.pop(number, None)
            del self._refused[: len(refused)]
        self._applied = ([], [])

    def forget(self) -> None:
        """The transaction was rolled back: all is in the file as before."""
        self._applied = ([], [])
        rows = self._store.connection.execute(
            "select signal, sum(bytes + ?) from outbox group by signal",
            (_OVERHEAD_BYTES,),
        )
        self._waiting_bytes = Counter(dict(rows.fetchall()))

    def close(self) -> None:
        """Let go of the file; the store's own connection stays."""
        self._readers.close()

    def _leave(self, gone: Sequence[Parcel], refused: Sequence[_Refused]) -> None:
        numbers = orjson.dumps([each.number for each in gone]).decode()
        rows = self._store.connection.execute(
            "delete from outbox where number in (select value from json_each(?)) "
            "returning number, signal, bytes",
            (numbers,),
        )
        here: set[int] = set()
        for number, signal, size in rows.fetchall():
            here.add(number)
            self._waiting_bytes[signal] -= size + _OVERHEAD_BYTES
        items = Counter[Signal]()
        for each in gone:
            items[each.signal] += each.items
            if each.number not in here:
                # Race: 1. a shipper sends a parcel; 2. it is given up here, as the
                # oldest beyond the budget, and counted; 3. it has arrived.
                self.drop(each.signal, FULL, -each.items)
        for signal, reason, count in refused:
            items[signal] -= count
            self.drop(signal, reason, count)
        self._store.connection.executemany(
            "insert into shipped values (?, ?) on conflict (signal) "
            "do update set items = items + excluded.items",
            items.items(),
        )

    def _drop_oldest(self) -> None:
        rows = self._store.connection.execute(
            "select number, signal, items, bytes from outbox order by number"
        )
        last, lost = 0, Counter[Signal]()
        for number, signal, items, size in rows:
            if self.backlog_bytes() <= self._budget_bytes:
                break
            last = number
            self._waiting_bytes[signal] -= size + _OVERHEAD_BYTES
            lost[signal] += items
        rows.close()
        self._store.connection.execute("delete from outbox where number <= ?", (last,))
        for signal, items in lost.items():
            self.drop(signal, FULL, items)


def _emptied(parcel: Parcel) -> Parcel:
    """What has to be known of a parcel that has left."""
    return parcel._replace(body=b"")


class _Readers:
    """Connections that read, one for each thread that does so at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._free: list[sqlite3.Connection] = []
        self._closed = False

    @contextlib.contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """One that nobody else uses meanwhile; errors are put into words."""
        with self._lock:
            connection = self._free.pop() if self._free else None
        if connection is None:
            connection = open_reader(self._path)
        try:
            yield connection
        except sqlite3.Error as error:
            connection.close()
            raise explained(error, self._path) from error
        except BaseException:
            connection.close()
            raise
        with self._lock:
            if not self._closed:
                self._free.append(connection)
                return
        connection.close()

    def close(self) -> None:
        """Close those that are free, and each other one when it is."""
        with self._lock:
            self._closed = True
            free, self._free = self._free, []
        for each in free:
            each.close()
