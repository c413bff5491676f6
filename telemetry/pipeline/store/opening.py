"""Opens the file of the store: once to write, any number of times to read."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from telemetry.pipeline.store.failures import (
    NoStoreError,
    StoreDamagedError,
    StoreError,
    StoreLockedError,
    explained,
)
from telemetry.pipeline.store.schema import (
    VERSION,
    checked_version,
    migrate,
    version_of,
)

BUSY_S: Final = 5.0
"""Seconds that a statement waits for a lock. In WAL mode nobody holds one for long."""

_MODE: Final = 0o600
_CACHE_KIB: Final = 32 * 1024
_STATEMENTS: Final = 256
_CHECKPOINT_PAGES: Final = 4_000
"""Of 4 KiB. Larger than SQLite's 1,000: then a page that is written in each
transaction is copied into the file less often."""
_WAL_BYTES: Final = 64 * 1024 * 1024
"""What is left of a WAL file that had to grow beyond, once it has been emptied."""


class WriterLock:
    """Held by the one process that writes a store, until it closes it or ends.

    A record lock and no ``flock``: that would live on in forked children.

    Raises:
        StoreLockedError: Another process has it.
        StoreError: The file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        lock = path.with_name(f"{path.name}.lock")
        try:
            self._fd = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE)
        except OSError as error:
            raise StoreError(f"{lock} cannot be made: {error.strerror}") from error
        try:
            fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._fd)
            raise StoreLockedError(
                f"{path} is written by another process (it holds {lock.name}); one "
                "agent serves all programs of a folder"
            ) from error

    def release(self) -> None:
        """Let another process write."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def open_writer(path: Path, on_problem: Callable[[str], object]) -> sqlite3.Connection:
    """The connection of the one who writes; the file is made, or brought up to date.

    A file that is no sound database is set aside, and a new one begun.

    Args:
        on_problem: Told that a file had to be set aside.

    Raises:
        StoreError: It is of a newer version, another program's, or cannot be opened.
    """
    try:
        return _writer(path)
    except StoreDamagedError as error:
        aside = set_aside(path)
        on_problem(f"{error}; it is kept as {aside}, and a new store was begun")
        return _writer(path)


def set_aside(path: Path) -> Path:
    """Rename a damaged store and what belongs to it; where it is then."""
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    aside = path.with_name(f"{path.name}.corrupt-{stamp}-{time.time_ns() % 10**9:09}")
    for suffix in ("", "-wal", "-shm"):
        try:
            os.rename(f"{path}{suffix}", f"{aside}{suffix}")  # noqa: PTH104  # a path with a suffix is a text
        except FileNotFoundError:
            pass
    return aside


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection that can change nothing, for any thread, one at a time.

    Raises:
        NoStoreError: There is none yet.
        StoreError: It is of another version, or cannot be read.
    """
    if not path.exists():
        raise NoStoreError(
            f"there is no store at {path} yet: it is begun by 'telemetry agent', which "
            "app.run() starts by itself"
        )
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro",
            uri=True,
            timeout=BUSY_S,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=_STATEMENTS,
        )
        try:
            version = version_of(connection)
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        raise explained(error, path) from error
    if version != VERSION:
        connection.close()
        which = "a newer" if version > VERSION else "an older"
        raise StoreError(
            f"{path} has version {version}, and this program reads {VERSION}: it was "
            f"written by {which} agent; end that one, and start one of this version"
        )
    return connection


def _writer(path: Path) -> sqlite3.Connection:
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE))
        connection = sqlite3.connect(
            path,
            timeout=BUSY_S,
            isolation_level=None,
            cached_statements=_STATEMENTS,
        )
    except OSError as error:
        raise StoreError(f"{path} cannot be opened: {error.strerror}") from error
    except sqlite3.Error as error:
        raise explained(error, path) from error
    try:
        # Looked at before anything is set: a file of others is not to be changed.
        version = checked_version(connection)
        _set_up(connection, path, is_new=version == 0)
        migrate(connection)
    except sqlite3.Error as error:
        connection.close()
        raise explained(error, path) from error
    except StoreError as error:
        connection.close()
        raise type(error)(f"{path}: {error}") from error
    return connection


def _set_up(connection: sqlite3.Connection, path: Path, *, is_new: bool) -> None:
    if is_new:
        # To be said before there is a table; it is in the file from then on.
        connection.execute("pragma auto_vacuum = incremental")
    mode = connection.execute("pragma journal_mode = wal").fetchone()[0]
    if mode != "wal":
        raise StoreError(
            f"the file system of {path.parent} cannot share memory between processes "
            "(SQLite's WAL); choose another folder (TELEMETRY_DIR)"
        )
    # A crash of the machine may take the last transactions, whole ones; a crash of
    # this process takes none.
    connection.execute("pragma synchronous = normal")
    # Off, as SQLite has it by default; Debian builds it in.
    connection.execute("pragma secure_delete = off")
    connection.execute(f"pragma cache_size = -{_CACHE_KIB}")
    connection.execute(f"pragma wal_autocheckpoint = {_CHECKPOINT_PAGES}")
    connection.execute(f"pragma journal_size_limit = {_WAL_BYTES}")
    connection.execute("pragma temp_store = memory")
