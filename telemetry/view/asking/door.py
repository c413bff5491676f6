"""How the page's questions reach the store: several at once, none of them for long."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from telemetry.pipeline.store.failures import NoStoreError
from telemetry.pipeline.store.queries.reading import Reader
from telemetry.pipeline.store.writing import Store

_T = TypeVar("_T")

MOST_S: Final = 5.0
"""Seconds after which a question is given up."""

MOST_IDLE: Final = 4
"""Readers that are kept for the next question."""


class Door:
    """The store at *path*, wherever it comes from. Safe from several threads.

    A store that is replaced, removed or not there yet is no error: the next question
    goes to what is there then, or to an empty one.
    """

    def __init__(self, path: Path, *, most_s: float = MOST_S) -> None:
        self.path: Final = path
        self._most_s = most_s
        self._lock = threading.Lock()
        # Guarded by _lock: readers of the file with this identity.
        self._idle: list[Reader] = []
        self._identity = ""
        self._empty: tempfile.TemporaryDirectory[str] | None = None

    def identity(self) -> str:
        """Tells one store from another that takes its place; "" where there is none."""
        try:
            found = self.path.stat()
        except OSError:
            return ""
        return f"{found.st_dev:x}.{found.st_ino:x}"

    def size_bytes(self) -> int:
        """What the store takes on the disk."""
        total = 0
        for suffix in ("", "-wal"):
            try:
                total += self.path.with_name(self.path.name + suffix).stat().st_size
            except OSError:
                pass
        return total

    def ask(self, question: Callable[[Reader], _T]) -> _T:
        """What *question* finds, all of it of one moment.

        Raises:
            QueryTimeoutError: It took too long.
            StoreError: The store cannot be read; the message says why.
        """
        identity = self.identity()
        reader = self._taken(identity)
        try:
            with reader.asking():
                found = question(reader)
        except BaseException:
            # Whatever it was, it may be the reader's.
            reader.close()
            raise
        self._give_back(reader, identity)
        return found

    def close(self) -> None:
        """Close what is idle; questions under way end by themselves."""
        with self._lock:
            idle, self._idle, self._identity = self._idle, [], ""
            empty, self._empty = self._empty, None
        for reader in idle:
            reader.close()
        if empty is not None:
            empty.cleanup()

    def _taken(self, identity: str) -> Reader:
        with self._lock:
            gone: list[Reader] = []
            if self._identity != identity:
                # They look into a file that has been replaced.
                gone, self._idle, self._identity = self._idle, [], identity
            elif self._idle:
                return self._idle.pop()
        for reader in gone:
            reader.close()
        try:
            return Reader(self.path, timeout_s=self._most_s)
        except NoStoreError:
            return Reader(self._empty_store(), timeout_s=self._most_s)

    def _empty_store(self) -> Path:
        """One in which nothing is: what there is before the first agent has run."""
        with self._lock:
            if self._empty is None:
                self._empty = tempfile.TemporaryDirectory(prefix="telemetry-view-")
                Store(Path(self._empty.name) / "empty.sqlite").close()
            return Path(self._empty.name) / "empty.sqlite"

    def _give_back(self, reader: Reader, identity: str) -> None:
        with self._lock:
            kept = (
                reader.path == self.path
                and self._identity == identity != ""
                and len(self._idle) < MOST_IDLE
            )
            if kept:
                self._idle.append(reader)
        if not kept:
            reader.close()
