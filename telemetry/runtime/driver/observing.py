"""The user's observer of ``app.run(on_record=...)``, on a thread of its own."""

from __future__ import annotations

import sys
import threading
import traceback
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry.capture.runtime_records import Record

MAX_WAITING: Final = 200_000
"""Records that may wait before new ones are dropped and counted."""


class Observer:
    """Calls the observer with each record, in order.

    Args:
        on_record: The first time that it raises, that is shown on stderr, and it is
            not called again.

    Attributes:
        dropped: Records that it was too slow for. The dispatcher's thread counts.
    """

    def __init__(self, on_record: Callable[[Record], None]) -> None:
        self._on_record: Callable[[Record], None] | None = on_record
        self._queue: SimpleQueue[list[Record] | None] = SimpleQueue()
        self._thread = threading.Thread(
            target=self._work, name="telemetry-observer", daemon=True
        )
        # Counted apart, each by one thread: what came, and what is through.
        self._given = 0
        self._done = 0
        self.dropped = 0

    def start(self) -> None:
        """Begin to call it."""
        self._thread.start()

    def records(self, records: list[Record]) -> None:
        """Have it called with these. Dispatcher's thread."""
        if self._given - self._done < MAX_WAITING:
            self._given += len(records)
            self._queue.put(records)
        else:
            self.dropped += len(records)

    def stop(self, timeout_s: float) -> bool:
        """Call it for what waits, then end; False when the time was too short."""
        self._queue.put(None)
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while (records := self._queue.get()) is not None:
            for record in records:
                self._observe(record)
            self._done += len(records)

    def _observe(self, record: Record) -> None:
        if self._on_record is None:
            return
        try:
            self._on_record(record)
        except Exception:  # noqa: BLE001 - a user's observer must not end the reports
            self._on_record = None
            print(  # noqa: T201 - the logger may be what failed
                "telemetry.runtime: on_record raised; it is not called any more",
                file=sys.stderr,
            )
            traceback.print_exc()
