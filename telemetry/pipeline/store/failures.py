"""What can be wrong with the store, in words."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from telemetry.core.errors import Error


class StoreError(Error):
    """The store cannot be opened, written or asked; the message says what to do."""


class NoStoreError(StoreError):
    """Nobody has begun a store here."""


class StoreFullError(StoreError):
    """The disk takes no more. What was to be written is not there, none of it."""


class StoreDamagedError(StoreError):
    """The file is no database, or a damaged one."""


class StoreLockedError(StoreError):
    """Another process writes, and does not come to an end."""


class QueryTimeoutError(StoreError):
    """A question was given up, as it took too long."""


# Source: sqlite.org/rescode.html. The lowest eight bits are the primary code.
_PRIMARY: Final = 0xFF
_BUSY: Final = frozenset({5, 6})
_INTERRUPT: Final = 9
_FULL: Final = 13
_DAMAGED: Final = frozenset({11, 26})
_WRITE_FAILED: Final = frozenset({778, 1034, 1546, 4874})
"""SQLITE_IOERR_WRITE, _FSYNC, _TRUNCATE and _SHMSIZE: what a quota, a limit of the
process and some full disks make of it."""


def explained(error: sqlite3.Error, path: Path) -> StoreError:
    """*error* as one of ours."""
    code = getattr(error, "sqlite_errorcode", 0) or 0
    primary = code & _PRIMARY
    if primary == _FULL or code in _WRITE_FAILED:
        return StoreFullError(
            f"{path} cannot grow ({error}): nothing of what was to be written is in "
            "it; free some space on its disk"
        )
    if primary in _DAMAGED:
        return StoreDamagedError(f"{path} is damaged: {error}")
    if primary in _BUSY:
        return StoreLockedError(
            f"{path} is locked: another process writes to it, and does not end"
        )
    if primary == _INTERRUPT:
        return QueryTimeoutError(
            f"{path}: the question took too long; ask for less time, or less at once"
        )
    return StoreError(f"{path}: {error}")
