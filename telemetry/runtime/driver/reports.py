"""What the dispatcher has to tell people, told on another thread.

Log lines of containers go from their black boxes to the driver's sink, records to
the observer of ``app.run(on_record=...)``. Either may be slow (a paused terminal, a
user's function); neither may hold up the dispatcher.
"""

from __future__ import annotations

import sys
import threading
import time
import traceback
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from telemetry.capture.sink import emit, failed
from telemetry.runtime.driver.boxes import Boxes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from telemetry.capture.runtime_records import Record

MAX_WAITING: Final = 200_000
"""Reports that may wait before new ones are dropped and counted."""


class Reports:
    """A thread that renders lines and calls the observer, in order.

    Args:
        boxes: The folder of the containers' black boxes.
        on_record: The user's observer; the first time that it raises, that is
            shown on stderr, and it is not called again.
    """

    def __init__(self, boxes: Path, on_record: Callable[[Record], None] | None) -> None:
        self._boxes = Boxes(boxes, emit)
        self._on_record = on_record
        self._queue: SimpleQueue[Any] = SimpleQueue()
        self._thread = threading.Thread(
            target=self._work, name="telemetry-reports", daemon=True
        )
        # Counted apart, each by one thread: what came, and what is through.
        self._given = 0
        self._done = 0
        self.dropped = 0

    @property
    def is_observed(self) -> bool:
        """Whether anybody wants records; else none need be made."""
        return self._on_record is not None

    def on_output(self, call: Callable[[str], object]) -> None:
        """Have *call* told which container has written to its descriptors."""
        self._boxes.on_output = call

    def start(self) -> None:
        """Begin to report."""
        self._thread.start()

    def records(self, records: list[Record]) -> None:
        """Report records. Dispatcher's thread."""
        self._put(records, len(records))

    def box_expected(self, container_id: str) -> None:
        """A container will make its black box. Dispatcher's thread."""
        self._queue.put(lambda: self._boxes.expect(container_id))

    def box_ended(self, container_id: str, *, died: bool) -> None:
        """A container is gone; its box is kept if it died. Dispatcher's thread."""
        self._queue.put(lambda: self._boxes.ended(container_id, died=died))

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
        while (report := self._next()) is not None:
            if isinstance(report, list):
                for record in report:
                    self._observe(record)
                self._done += len(report)
            else:
                self._attempt(report)
        self._attempt(self._boxes.close)

    def _next(self) -> Any:  # noqa: ANN401 - records, or something to do
        while True:
            # Looked at in time also while reports come without a pause.
            left_s = self._boxes.left_s(time.monotonic())
            if left_s is None or left_s > 0:
                try:
                    return self._queue.get(timeout=left_s)
                except Empty:
                    pass
            self._attempt(self._boxes.look)

    @staticmethod
    def _attempt(step: Callable[[], None]) -> None:
        try:
            step()
        except Exception as error:  # noqa: BLE001 - one box less, and on with the others
            failed(error, "box")

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
