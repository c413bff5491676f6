"""The index for full text, which follows the lines a little behind.

Indexing a line costs twice what storing it does. So while few come, it is done in the
transaction that stores them, and while many come, when there is time. Whoever searches
looks through what is not indexed yet by other means: see `queries/matching.py`.
"""

from __future__ import annotations

from typing import Final

from telemetry.pipeline.store.writing import Participant, Store

INDEXED: Final = "indexed"
"""Key in ``meta``: the number of the last line that is in the index."""

AT_ONCE: Final = 2_000
"""Lines that one transaction indexes: some milliseconds."""


class SearchIndex(Participant):
    """The table ``logs_fts``. The writer's thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._indexed = 0
        self.forget()
        store.join(self)

    @property
    def behind(self) -> int:
        """How many lines are not indexed yet."""
        return self._store.last_number("logs") - self._indexed

    def catch_up(self) -> bool:
        """Index some lines, in a transaction of its own; whether there are more.

        Raises:
            StoreError: The store cannot be written.
        """
        if self.behind:
            with self._store.transaction():
                self._index(self._indexed + AT_ONCE)
        return self.behind > 0

    def flush(self) -> None:
        """Index what has come, unless it is much."""
        if 0 < self.behind <= AT_ONCE:
            self._index(self._store.last_number("logs"))

    def forget(self) -> None:
        """What was indexed is not."""
        self._indexed = int(self._store.get_meta(INDEXED) or 0)

    def _index(self, last: int) -> None:
        last = min(last, self._store.last_number("logs"))
        self._store.connection.execute(
            "insert into logs_fts (rowid, event, exception) "
            "select id, event, exception from logs where id > ? and id <= ?",
            (self._indexed, last),
        )
        self._indexed = last
        self._store.set_meta(INDEXED, last)
