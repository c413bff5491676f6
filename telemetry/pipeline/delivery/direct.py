"""Delivery where no agent may run: on Modal, on Lambda, in a notebook.

A thread of this process reads its black box and passes on what is there through
OpenTelemetry's own processors and exporters. What could not be delivered stays in
the box, within its budget, and is tried again.

It feeds on nothing of its own: all exporting is done on a thread whose name begins
with ``telemetry``, and what HTTP clients log on such threads is not captured.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

from telemetry.capture.blackbox.places import SUFFIX, is_written
from telemetry.capture.blackbox.reader import NotABoxError
from telemetry.capture.sink import failed
from telemetry.core.errors import Error
from telemetry.pipeline.delivery.direct_exporters import (
    BATCH,
    Road,
    log_road,
    span_road,
)
from telemetry.pipeline.delivery.direct_source import Batch, Source
from telemetry.pipeline.delivery.endpoints import Endpoint
from telemetry.pipeline.outbox import Signal
from telemetry.policy.delivery import (
    MOST_ATTEMPTS,
    Meaning,
    Pace,
    Verdict,
    wait_s,
)

LOOK_S: Final = 1.0
"""Seconds between two looks into the box."""

_GRACE_S: Final = 0.5
_AGAIN: Final = Verdict(Meaning.RETRY)


class Direct:
    """Delivers the box of this process, and those of its forked children.

    Args:
        box: Path of the box; the boxes of children are beside it.
        to: Where logs and spans go; a signal that is missing is not delivered.

    Raises:
        NotABoxError, OSError: The box cannot be read.
    """

    def __init__(
        self,
        box: Path,
        to: Mapping[Signal, Endpoint],
        *,
        pace: Pace | None = None,
        look_s: float = LOOK_S,
    ) -> None:
        self._pid = os.getpid()
        self._box = box
        self._pace = pace or Pace()
        self._look_s = look_s
        self._roads = _Roads(to)
        self._own = Source(box, self._roads.log_processor)
        self._children: dict[Path, Source] = {}
        self._unsent: tuple[Source, Batch] | None = None
        self._attempts = 0
        self._wake = threading.Event()
        self._ending = False
        # Guards the numbers of who has asked for a flush, and of who was answered.
        self._changed = threading.Condition()
        self._asked = 0
        self._answered = 0
        self._all_sent = False
        self._thread = threading.Thread(
            target=self._run, name="telemetry-direct", daemon=True
        )

    def start(self) -> None:
        """Begin; once."""
        self._thread.start()

    def flush(self, timeout_s: float) -> bool:
        """Deliver what has been written so far.

        Returns:
            False when something was left, be it that an export has failed or that
            *timeout_s* seconds were not enough.
        """
        if os.getpid() != self._pid:
            return True  # a forked child: its parent delivers what it writes
        if self._ending:
            return self._all_sent
        with self._changed:
            self._asked += 1
            mine = self._asked
            self._wake.set()
            found = self._changed.wait_for(
                lambda: self._answered >= mine or not self._thread.is_alive(), timeout_s
            )
            return found and self._answered >= mine and self._all_sent

    def shutdown(self, timeout_s: float) -> bool:
        """Flush, and end. What is under way after *timeout_s* seconds is left behind.

        An exporter that waits between two attempts is cut short; one that waits for
        an answer cannot be, and keeps its thread, which does not keep the program.

        Returns:
            False when something was left: it is still in the box.
        """
        if os.getpid() != self._pid:
            return True
        end_s = time.monotonic() + timeout_s
        done = self.flush(timeout_s)
        self._ending = True
        self._wake.set()
        self._thread.join(max(end_s - time.monotonic(), 0.0))
        if self._thread.is_alive():
            self._roads.abort()
            self._thread.join(_GRACE_S)
        return done

    def _run(self) -> None:
        failures = 0
        try:
            while not self._ending:
                asked = self._asked
                all_sent = self._pumped()
                failures = 0 if all_sent else failures + 1
                with self._changed:
                    self._answered, self._all_sent = asked, all_sent
                    self._changed.notify_all()
                pause_s = self._look_s
                if failures:
                    pause_s = wait_s(self._pace, _AGAIN, failures, random.random())  # noqa: S311  # no secret
                self._wake.wait(pause_s)
                self._wake.clear()
        finally:
            for source in (self._own, *self._children.values()):
                source.close()
            self._roads.close()

    def _pumped(self) -> bool:
        """Deliver all that is there; whether that was done."""
        try:
            if self._unsent is not None and not self._is_sent(*self._unsent):
                return False
            self._find_children()
            return all(
                self._drained(source)
                for source in (self._own, *list(self._children.values()))
            )
        except Exception as error:  # noqa: BLE001  # the program is not harmed
            failed(error, "direct")
            return False

    def _drained(self, source: Source) -> bool:
        # Asked first: what a process wrote last is there once it is gone.
        gone = source is not self._own and not is_written(source.path)
        while not self._ending:
            batch = source.next_batch(BATCH // 2)
            if batch is None:
                if gone:
                    self._bury(source)
                return True
            if not self._is_sent(source, batch):
                return False
        return False

    def _is_sent(self, source: Source, batch: Batch) -> bool:
        """Send what is left of a batch; what was not sent is kept for the next time.

        The exporters do not say whether another attempt may help. One batch that is
        refused must not hold up all others for ever, so it is given up in the end.
        """
        self._unsent = source, batch
        if not self._roads.send(batch):
            self._attempts += 1
            if self._attempts < MOST_ATTEMPTS:
                return False
        count = len(batch.logs) + len(batch.spans)
        source.delivered(batch)
        self._unsent, self._attempts = None, 0
        if count:
            text = f"{count} records were not delivered in {MOST_ATTEMPTS} attempts"
            failed(Error(text), "direct")
        return True

    def _find_children(self) -> None:
        for path in self._box.parent.glob(f"{self._box.stem}.*{SUFFIX}"):
            if path in self._children:
                continue
            try:
                self._children[path] = Source(path, self._roads.log_processor)
            except (NotABoxError, OSError):
                continue  # it is being made, or somebody has removed it

    def _bury(self, source: Source) -> None:
        """A child is gone, and all it said is delivered."""
        del self._children[source.path]
        well = source.has_ended_well()
        source.close()
        if well:
            source.path.unlink(missing_ok=True)


class _Roads:
    """The ways of both signals; of one that goes nowhere, items are thrown away."""

    def __init__(self, to: Mapping[Signal, Endpoint]) -> None:
        logs, spans = to.get("logs"), to.get("spans")
        self._logs: Road[Callable[[], object]] | None = None
        self.log_processor: BatchLogRecordProcessor | None = None
        if logs is not None:
            self._logs, self.log_processor = log_road(logs)
        self._spans = None if spans is None else span_road(spans)

    def send(self, batch: Batch) -> bool:
        """Send what *batch* holds, and clear what was sent of it; whether all was."""
        if self._logs is None:
            batch.logs.clear()
        if self._spans is None:
            batch.spans.clear()
        logs = self._logs is None or self._logs.send(batch.logs)
        spans = self._spans is None or self._spans.send(batch.spans)
        return logs and spans

    def abort(self) -> None:
        """Let an export that is under way end soon, without success."""
        for road in (self._logs, self._spans):
            if road is not None:
                road.abort()

    def close(self) -> None:
        """End the threads of the processors."""
        for road in (self._logs, self._spans):
            if road is not None:
                road.close()
