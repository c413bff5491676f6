"""What the dispatcher has to tell people, told on other threads.

Log lines of containers go from their black boxes to the driver's sink, records to the
driver's own box and to the observer of ``app.run(on_record=...)``. A terminal may be
paused, and an observer is a user's function: neither may hold up the dispatcher, nor
what goes into the box the other.
"""

from __future__ import annotations

import sys
import threading
import time
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from telemetry.capture.sink import emit, failed
from telemetry.runtime.driver.boxes import Boxes
from telemetry.runtime.driver.observing import MAX_WAITING, Observer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from telemetry.capture.runtime_records import Record
    from telemetry.runtime.driver.journal import Journal

_JOURNAL_EVERY_S: Final = 1.0
"""Between two looks at what time alone makes due in the journal."""


class Reports:
    """A thread that shows lines and keeps the journal; and the observer's beside it.

    Args:
        boxes: The folder of the containers' black boxes.
        on_record: See `Observer`.
        journal: The driver's own box; None when nobody would read it.
        taking: The boxes are kept for us alone, and not for an agent: see `Boxes`.
    """

    def __init__(
        self,
        boxes: Path,
        on_record: Callable[[Record], None] | None,
        journal: Journal | None = None,
        *,
        taking: bool = True,
    ) -> None:
        self._boxes = Boxes(boxes, emit, taking=taking)
        self._journal = journal
        self._journal_at_s = time.monotonic()
        self._observer = None if on_record is None else Observer(on_record)
        self._queue: SimpleQueue[Any] = SimpleQueue()
        self._thread = threading.Thread(
            target=self._work, name="telemetry-reports", daemon=True
        )
        # Counted apart, each by one thread: what came, and what is through.
        self._given = 0
        self._done = 0
        self._dropped = 0
        self._noted = 0

    @property
    def is_observed(self) -> bool:
        """Whether anybody wants records; else none need be made."""
        return self._observer is not None or self._journal is not None

    def on_output(self, call: Callable[[str], object]) -> None:
        """Have *call* told which container has written to its descriptors."""
        self._boxes.on_output = call

    def start(self) -> None:
        """Begin to report."""
        self._thread.start()
        if self._observer is not None:
            self._observer.start()

    def records(self, records: list[Record]) -> None:
        """Report records. Dispatcher's thread."""
        if self._observer is not None:
            self._observer.records(records)
        if self._journal is None:
            return
        if self._given - self._done < MAX_WAITING:
            self._given += len(records)
            self._queue.put(records)
        else:
            self._dropped += len(records)

    def box_expected(self, container_id: str) -> None:
        """A container will make its black box. Dispatcher's thread."""
        self._queue.put(lambda: self._boxes.expect(container_id))

    def box_ended(self, container_id: str, *, died: bool) -> None:
        """A container is gone; its box is kept if it died. Dispatcher's thread."""
        self._queue.put(lambda: self._boxes.ended(container_id, died=died))

    def stop(self, timeout_s: float) -> bool:
        """Report what waits, then end; False when the time was too short."""
        until_s = time.monotonic() + timeout_s
        self._queue.put(None)
        self._thread.join(timeout_s)
        ended = not self._thread.is_alive()
        dropped = self._dropped
        if self._observer is not None:
            ended &= self._observer.stop(max(until_s - time.monotonic(), 0.0))
            dropped += self._observer.dropped
        if dropped:
            print(  # noqa: T201 - the last word, after the logger's end
                f"telemetry.runtime: {dropped} records were dropped: the observer, or "
                "the machine, was too slow",
                file=sys.stderr,
            )
        return ended

    def _work(self) -> None:
        while (report := self._next()) is not None:
            if isinstance(report, list):
                self._keep(report)
                self._done += len(report)
            else:
                self._attempt(report)
        self._attempt(self._boxes.close)
        self._note_dropped()
        if self._journal is not None:
            self._attempt(self._journal.close)

    def _keep(self, records: list[Record]) -> None:
        if self._journal is not None:
            for record in records:
                self._journal.write(record)

    def _next(self) -> Any:  # noqa: ANN401 - records, or something to do
        while True:
            # Looked at in time also while reports come without a pause.
            self._attempt(self._look_at_journal)
            left_s = self._boxes.left_s(time.monotonic())
            if left_s is None or left_s > 0:
                try:
                    return self._queue.get(timeout=left_s)
                except Empty:
                    pass
            self._attempt(self._boxes.look)

    def _look_at_journal(self) -> None:
        now_s = time.monotonic()
        if self._journal is not None and now_s >= self._journal_at_s:
            self._journal_at_s = now_s + _JOURNAL_EVERY_S
            self._note_dropped()
            self._journal.look(now_s)

    def _note_dropped(self) -> None:
        dropped = self._dropped
        if self._journal is not None and dropped > self._noted:
            self._journal.missed(dropped - self._noted)
            self._noted = dropped

    @staticmethod
    def _attempt(step: Callable[[], None]) -> None:
        try:
            step()
        except Exception as error:  # noqa: BLE001 - one box less, and on with the others
            failed(error, "box")
