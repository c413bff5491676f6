"""What one transaction writes: rows to ask for, parcels to deliver, how far we are.

A `Ledger` is the store with everything that belongs to one state of it. After a
transaction that failed it is as before: nothing was accepted.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import (
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from pathlib import Path
from typing import Any, Final

import msgspec

from telemetry.capture.blackbox.listing import DIED
from telemetry.capture.blackbox.reader import Found, Position
from telemetry.capture.blackbox.records import EXECUTION, RUNTIME, SPAN
from telemetry.capture.runtime_records import Record, record_of
from telemetry.capture.span_records import FinishedSpan, Settled, span_of
from telemetry.pipeline.agent.boxes import Watched
from telemetry.pipeline.agent.metering import Measured, Metering
from telemetry.pipeline.metrics.temporality import Temporality
from telemetry.pipeline.otlp.metrics import metrics_request
from telemetry.pipeline.outbox import Signal
from telemetry.pipeline.receiver.decoding import (
    Decoded,
    decode_logs,
    decode_metrics,
    decode_spans,
)
from telemetry.pipeline.receiver.received import Received
from telemetry.pipeline.runtime_spans import spans_of
from telemetry.pipeline.store.failures import explained
from telemetry.pipeline.store.intake import Intake
from telemetry.pipeline.store.interrupted import interruptions
from telemetry.pipeline.store.outbox import StoreOutbox
from telemetry.pipeline.store.processes import box_process, foreign_process
from telemetry.pipeline.store.retention import Retention
from telemetry.pipeline.store.search import SearchIndex
from telemetry.pipeline.store.upkeep import Upkeep
from telemetry.pipeline.store.writing import Participant, Store

_METERING: Final = "metering"
"""The key of the table ``meta`` that has the state of the counters."""

_DELIVERED: Final = "delivered"
"""The key that has the signals which the last agent delivered."""

_DECODERS: Final[Mapping[Signal, Callable[[bytes], Decoded[Any]]]] = {
    "logs": decode_logs,
    "spans": decode_spans,
    "metrics": decode_metrics,
}


class Ledger(Participant):
    """All that is kept, behind one writer. Belongs to the thread that made it.

    Args:
        path: Of the store.
        delivered: The signals that go to a Collector; others are only stored.
        temporality: Of the sums that are sent.
        on_gone: See `StoreOutbox`.
        on_problem: Told what a person should know.
        stands_in: It only keeps what another agent delivers: so whatever the last one
            has delivered waits for the next.

    Raises:
        StoreError: The store cannot be written.
    """

    def __init__(
        self,
        path: Path,
        delivered: Collection[Signal],
        temporality: Temporality,
        *,
        on_gone: Callable[[], object],
        on_problem: Callable[[str], object],
        stands_in: bool = False,
    ) -> None:
        self.store: Final = Store(path, on_problem=on_problem)
        try:
            self._intake = Intake(self.store)
            self.outbox: Final = StoreOutbox(self.store, on_gone=on_gone)
            self.upkeep: Final = Upkeep(
                SearchIndex(self.store),
                Retention(self.store, waiting_bytes=self.outbox.backlog_bytes),
            )
            self._delivered = self._agreed(delivered, stands_in=stands_in)
            self._metering = Metering(
                path.parent, time.time_ns(), temporality, on_problem
            )
            self._metering_kept: bytes = self.store.get_meta(_METERING) or b""
            self.forget()
            self.store.join(self)
        except sqlite3.Error as error:
            self.store.close()
            raise explained(error, path) from error
        except BaseException:
            self.store.close()
            raise

    def close(self) -> None:
        """Let go of the store."""
        self.outbox.close()
        self.store.close()

    def position(self, name: str) -> Position | None:
        """How far the box of that name is in the store; None: not at all."""
        return self._intake.processes.position(name)

    def take(self, box: Watched, found: Sequence[Found], *, is_told: bool) -> None:
        """Take in what was found in a box, and how far that is. In a transaction.

        Args:
            is_told: A driver says what became of the inputs of a process that died.
        """
        processes = self._intake.processes
        number = processes.number(box_process(box.name, box.identity))
        self._intake.take(number, found)
        records = list(_runtime_records(found))
        self._metering.take(box, found, records)
        spans = [span for at_ns, each in records for span in spans_of(each, at_ns)]
        self._intake.foreign_spans(number, spans)
        if "logs" in self._delivered:
            self._put("logs", *box.encoder.logs(found, box.name))
        if "spans" in self._delivered:
            self._put("spans", *box.encoder.spans([*_own_spans(found), *spans]))
        processes.set_position(box.name, box.position)
        if box.is_read:
            self.note(box)  # its last sign of life is known now
            if box.state == DIED and not is_told:
                lines = interruptions(box.name, box.reader.slots(), box.last_ns)
                self._intake.interrupted(number, lines, box.last_ns)

    def note(self, box: Watched) -> None:
        """Keep how it is with the process of a box. In a transaction."""
        processes = self._intake.processes
        processes.number(box_process(box.name, box.identity))
        dropped = box.reader.dropped()
        last_ns = None if box.is_alive else box.last_ns or None
        processes.ended(box.name, box.state, last_ns, dropped)
        self._metering.note(box, dropped)

    def receive(self, request: Received) -> tuple[int, str]:
        """Take in what others have sent. In a transaction.

        Returns:
            How many items nobody could make sense of, and why.

        Raises:
            MalformedError: It is no such request.
        """
        found = _DECODERS[request.signal](request.body)
        for resource, items in found.groups:
            name = _name_of(resource)
            number = self._intake.processes.number(foreign_process(name, resource))
            self._store_foreign(request.signal, number, items)
        if request.signal in self._delivered:
            self._put(request.signal, found.body, found.items)
        why = "their data cannot be read" if found.refused else ""
        return found.refused, why

    def measure(self, unix_ns: int, identities: Iterable[Mapping[str, Any]]) -> None:
        """Write down, and send, what all counters say now. In a transaction.

        Args:
            identities: Of the boxes that are there.
        """
        self._metering.delivery(
            self.outbox.shipped(), self.outbox.dropped(), self.outbox.backlog_bytes()
        )
        for measured in self._metering.collect(unix_ns, identities):
            try:
                self._put_points(measured)
            except sqlite3.Error:
                raise
            except Exception as error:  # noqa: BLE001  # it would fail again and again
                self._metering.spoilt(measured.key, error)

    def flush(self) -> None:
        """The transaction is about to be committed: the counters are part of it."""
        if self._metering.has_changed:
            self._metering_new = self._metering.dump()
            self.store.set_meta(_METERING, self._metering_new)

    def committed(self) -> None:
        """What was counted in it is counted."""
        self._metering_kept = self._metering_new

    def forget(self) -> None:
        """The transaction was rolled back: nothing of it was counted."""
        self._metering_new = self._metering_kept
        self._metering.load(self._metering_kept)

    def _agreed(
        self, delivered: Collection[Signal], *, stands_in: bool
    ) -> frozenset[str]:
        """What goes to a Collector, as is noted for those who only stand in."""
        noted = frozenset(str(self.store.get_meta(_DELIVERED) or "").split())
        if stands_in:
            return noted.union(delivered)
        if noted != set(delivered):
            with self.store.transaction():
                self.store.set_meta(_DELIVERED, " ".join(sorted(delivered)))
        return frozenset(delivered)

    def _put_points(self, measured: Measured) -> None:
        seen = foreign_process(measured.name, measured.resource)
        self._intake.points(self._intake.processes.number(seen), measured.points)
        if "metrics" in self._delivered:
            self._put("metrics", *metrics_request(measured.resource, measured.points))

    def _put(self, signal: Signal, body: bytes, items: int) -> None:
        if items:
            self.outbox.put(signal, items, body)

    def _store_foreign(
        self, signal: Signal, process: int, items: Sequence[Any]
    ) -> None:
        if signal == "logs":
            self._intake.foreign_logs(process, items)
        elif signal == "spans":
            self._intake.foreign_spans(process, items)
        else:
            self._intake.points(process, items)


def _runtime_records(found: Iterable[Found]) -> Iterator[tuple[int, Record]]:
    """What a dispatcher saw, and when; what cannot be read is counted elsewhere."""
    for each in found:
        if each.head is not None or each.what[0] != RUNTIME:
            continue
        try:
            _, _, unix_ns, name, fields = each.what[:5]
            record = record_of(name, fields)
        except (ValueError, TypeError, msgspec.ValidationError):
            continue
        if record is not None:
            yield unix_ns, record


def _own_spans(found: Iterable[Found]) -> Iterator[FinishedSpan]:
    """The spans that containers and programs left, those of executions included."""
    for each in found:
        if each.head is not None:
            continue
        kind = each.what[0]
        try:
            if kind == EXECUTION:
                span = span_of(msgspec.convert(each.what[3], Settled))
            elif kind == SPAN:
                span = msgspec.convert(each.what[3], FinishedSpan)
            else:
                continue
        except (LookupError, ValueError, TypeError, OverflowError):
            continue  # counted as the store meets it
        if span is not None:
            yield span


def _name_of(resource: Mapping[str, object]) -> str:
    """What the process of that resource is called in the store."""
    told = msgspec.json.encode(resource, order="sorted")
    return f"otel-{hashlib.blake2b(told, digest_size=12).hexdigest()}"
