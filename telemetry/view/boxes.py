"""The black boxes of processes that live, as they are at this moment.

Their heads alone are read: one copy out of mapped memory each, whatever the process
is at, also while it hangs.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any, Final, NamedTuple

from telemetry.capture.blackbox.listing import (
    ALIVE,
    BoxSummary,
    box_paths,
    summary_of,
    whole_number,
)
from telemetry.capture.blackbox.places import is_written
from telemetry.capture.blackbox.reader import BoxReader, NotABoxError

BLOCKED_S: Final = 0.1
"""A loop that has been at one thing for longer is said to be blocked. Source: DESIGN
5, the default of the watchdog."""

MOST_OPEN: Final = 512
"""Boxes that are looked into at once; more processes than that are not shown."""


class Living(NamedTuple):
    """A box whose process lives.

    Attributes:
        busy_s: For how long its event loop has been at one thing; 0 while it waits.
    """

    box: BoxSummary
    busy_s: float

    @property
    def container_id(self) -> str:
        """The container that it is, or ""."""
        return self.text("container_id")

    @property
    def pid(self) -> int | None:
        """Of its process."""
        return whole_number(self.box.identity.get("pid")) or None

    def text(self, key: str) -> str:
        """What it says of itself under *key*, or ""."""
        found: Any = self.box.identity.get(key)
        return found if isinstance(found, str) else ""


class LivingBoxes:
    """The boxes of one folder. Safe from several threads."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        # Both guarded by _lock. A process that has ended never lives again, so its
        # box is not opened twice.
        self._open: dict[Path, BoxReader] = {}
        self._ended: set[Path] = set()

    def look(self) -> list[Living]:
        """All that live now, by name."""
        with self._lock:
            paths = [p for p in box_paths(self._directory) if p not in self._ended]
            self._ended.intersection_update(box_paths(self._directory))
            for gone in set(self._open) - set(paths):
                self._open.pop(gone).close()
            return [
                found for path in paths[:MOST_OPEN] if (found := self._look_into(path))
            ]

    def close(self) -> None:
        """Let go of all."""
        with self._lock:
            for reader in self._open.values():
                reader.close()
            self._open.clear()

    def _look_into(self, path: Path) -> Living | None:
        try:
            # Before the box is read: see `summary_of`.
            lives = is_written(path)
            reader = self._open.get(path)
            if reader is None:
                reader = BoxReader(path)
                self._open[path] = reader
            box = summary_of(reader, lives=lives)
        except (NotABoxError, OSError, ValueError, OverflowError):
            return None  # gone, or not made yet
        if box.state != ALIVE:
            self._ended.add(path)
            self._open.pop(path).close()
            return None
        return Living(box, _busy_s(box))


def _busy_s(box: BoxSummary) -> float:
    since_ns = whole_number(box.pulse.busy_since_ns)
    if not since_ns:
        return 0.0
    # The pulse is in the monotonic clock, which all processes of a machine share.
    return max(time.monotonic_ns() - since_ns, 0) / 1e9
