"""Parcels of numbered log records, an outbox in memory, and who reads them back."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
)

from telemetry.pipeline.otlp.envelope import (
    ITEM,
    encoded_resource,
    encoded_scope,
    enveloped,
)
from telemetry.pipeline.otlp.log_record import body
from telemetry.pipeline.otlp.wire import framed
from telemetry.pipeline.outbox import Parcel, Signal

RESOURCE = encoded_resource({"service.name": "demo"})


def parcel(number: int, texts: Iterable[str]) -> Parcel:
    """A parcel of log records whose bodies are *texts*."""
    items = [framed(ITEM, body(text, text)) for text in texts]
    scopes = [(encoded_scope("test"), items)]
    return Parcel(number, "logs", len(items), enveloped(RESOURCE, scopes))


def parcels(counts: Iterable[int]) -> list[Parcel]:
    """Parcels with so many records each; all records are numbered through."""
    made: list[Parcel] = []
    first = 0
    for number, count in enumerate(counts, 1):
        made.append(parcel(number, [str(n) for n in range(first, first + count)]))
        first += count
    return made


def texts_in(request: bytes) -> list[str]:
    """The bodies of the records in a request."""
    return [
        record.body.string_value
        for resource in ExportLogsServiceRequest.FromString(request).resource_logs
        for scope in resource.scope_logs
        for record in scope.log_records
    ]


class MemoryOutbox:
    """An outbox in memory, and what it was told."""

    def __init__(self, waiting: Sequence[Parcel] = ()) -> None:
        self._lock = threading.Lock()
        self._parcels = list(waiting)
        self.arrived: list[int] = []
        self.lost: list[tuple[list[int], str, int]] = []
        self.fails: list[Exception] = []

    def put(self, *added: Parcel) -> None:
        """Something new is there."""
        with self._lock:
            self._parcels += added

    def drop(self, number: int) -> None:
        """The budget is used up: it is not kept any longer."""
        with self._lock:
            self._parcels = [each for each in self._parcels if each.number != number]

    def waiting(self, signal: Signal, after: int, most_bytes: int) -> list[Parcel]:
        """See `telemetry.pipeline.outbox.Outbox`."""
        if self.fails:
            raise self.fails.pop()
        found: list[Parcel] = []
        size = 0
        with self._lock:
            for each in self._parcels:
                if each.signal != signal or each.number <= after:
                    continue
                if found and size + len(each.body) > most_bytes:
                    break
                found.append(each)
                size += len(each.body)
        return found

    def delivered(self, parcels: Iterable[Parcel]) -> None:
        """See `telemetry.pipeline.outbox.Outbox`."""
        self.arrived += self._removed(parcels)

    def given_up(self, parcels: Iterable[Parcel], reason: str, items: int) -> None:
        """See `telemetry.pipeline.outbox.Outbox`."""
        self.lost.append((self._removed(parcels), reason, items))

    def _removed(self, parcels: Iterable[Parcel]) -> list[int]:
        numbers = [each.number for each in parcels]
        for number in numbers:
            self.drop(number)
        return numbers
