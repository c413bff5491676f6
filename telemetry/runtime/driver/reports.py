"""What the dispatcher has to tell people, told on another thread.

Log lines of containers go to the driver's sink, records to the observer of
``app.run(on_record=...)``. Either may be slow (a paused terminal, a user's
function); neither may hold up the dispatcher.
"""

from __future__ import annotations

import sys
import threading
import traceback
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final

import msgspec

from telemetry.capture.line import Line
from telemetry.capture.sink import emit

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry.runtime.records import Record
    from telemetry.runtime.wire.frames import Payload

MAX_WAITING: Final = 200_000
"""Reports that may wait before new ones are dropped and counted."""


class Reports:
    """A thread that renders lines and calls the observer, in order.

    Args:
        on_record: The user's observer; the first time that it raises, that is
            shown on stderr, and it is not called again.
    """

    def __init__(self, on_record: Callable[[Record], None] | None) -> None:
        self._on_record = on_record
        self._queue: SimpleQueue[Any] = SimpleQueue()
        self._decode = msgspec.msgpack.Decoder(list[Line]).decode
        self._thread = threading.Thread(
            target=self._work, name="telemetry-reports", daemon=True
        )
        # Counted apart, each by one thread: what came, and what is through.
        self._given = 0
        self._done = 0
        self.dropped = 0

    def start(self) -> None:
        """Begin to report."""
        self._thread.start()

    def records(self, records: list[Record]) -> None:
        """Report records. Dispatcher's thread."""
        self._put(records, len(records))

    def lines(self, data: Payload) -> None:
        """Report encoded log lines. Dispatcher's thread."""
        self._put(data, 1)

    def stop(self, timeout_s: float) -> bool:
        """Report what waits, then end; False when the time was too short."""
        self._queue.put(None)
        self._thread.join(timeout_s)
        if self.dropped:
            print(  # noqa: T201 - the last word, after the logger's end
                f"telemetry.runtime: {self.dropped} lines and records were dropped: "
                "the terminal or the observer was too slow",
                file=sys.stderr,
            )
        return not self._thread.is_alive()

    def _put(self, report: object, count: int) -> None:
        if self._given - self._done < MAX_WAITING:
            self._given += count
            self._queue.put(report)
        else:
            self.dropped += count

    def _work(self) -> None:
        while (report := self._queue.get()) is not None:
            if isinstance(report, list):
                for record in report:
                    self._observe(record)
                self._done += len(report)
                continue
            for line in self._decode(report):
                emit(line)
            self._done += 1

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
