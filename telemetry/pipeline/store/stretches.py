"""What is known of some thousand lines at once, to find times without an index."""

from __future__ import annotations

from typing import Final

from telemetry.pipeline.store.writing import Store

LINES: Final = 4_096
"""Of one stretch, about: a question passes over it, or reads all of it."""

_AGE_NS: Final = 10_000_000_000
"""A stretch ends when its lines were written so far apart: a search by time would
have to read all of it for little."""


class Stretches:
    """The table ``stretches``. Each line is in exactly one of them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._open: tuple[int, int, int, int, int] | None = None

    def add(self, first: int, last: int, min_ns: int, max_ns: int, levels: int) -> None:
        """Lines were written, which are numbered from *first* to *last*.

        Args:
            min_ns: The time of the oldest of them.
            levels: A bit for each level, ``1 << level // 10``.
        """
        if self._open is not None:
            begin, end, oldest_ns, newest_ns, bits = self._open
            together = (min(oldest_ns, min_ns), max(newest_ns, max_ns))
            if (
                end + 1 == first
                and last - begin < LINES
                and together[1] - together[0] < _AGE_NS
            ):
                self._open = (begin, last, *together, bits | levels)
                return
            self.flush()
        self._open = (first, last, min_ns, max_ns, levels)

    def flush(self) -> None:
        """Write the one that is open; it may grow in the next transaction."""
        if self._open is not None:
            self._store.connection.execute(
                "insert or replace into stretches values (?, ?, ?, ?, ?)", self._open
            )

    def forget(self) -> None:
        """The one that was open may not be there."""
        self._open = None
