"""OTLP requests, taken apart: for the store, and to be sent on."""

from __future__ import annotations

import time
from typing import Generic, NamedTuple, Protocol, TypeVar

from telemetry.capture.span_records import FinishedSpan
from telemetry.pipeline.foreign import ForeignLine
from telemetry.pipeline.outbox import Signal
from telemetry.pipeline.points import Point
from telemetry.pipeline.receiver.log_reading import LogReader
from telemetry.pipeline.receiver.metric_reading import PointReader
from telemetry.pipeline.receiver.reading import Attributes, Tally, mapping, parsed
from telemetry.pipeline.receiver.schema import ITEMS, Message
from telemetry.pipeline.receiver.span_reading import SpanReader

T = TypeVar("T")


class Decoded(NamedTuple, Generic[T]):
    """A request, taken apart.

    Attributes:
        groups: Attributes of a resource, and what came from it; a resource may come
            twice.
        items: How many log records, spans or data points *body* holds.
        refused: Items that are in neither, as nobody could make sense of them.
        left_out: What goes on to the Collector and is not in *groups*: attributes
            that cannot be read, links to nowhere, a value that is not a number.
        body: What may be sent on: the request as it came, or without what a
            Collector would refuse all of it for.
    """

    groups: list[tuple[Attributes, list[T]]]
    items: int
    refused: int
    left_out: int
    body: bytes


def decode_logs(body: bytes, received_ns: int | None = None) -> Decoded[ForeignLine]:
    """The lines in an ``ExportLogsServiceRequest``.

    Args:
        received_ns: When it came in, in Unix nanoseconds; now, if not given. It
            stands in for times that are missing or absurd.

    Raises:
        MalformedError: *body* is no such request.
    """
    tally = Tally()
    return _decoded("logs", body, LogReader(_or_now(received_ns), tally), tally)


def decode_spans(body: bytes, received_ns: int | None = None) -> Decoded[FinishedSpan]:
    """The spans in an ``ExportTraceServiceRequest``; see `decode_logs`."""
    tally = Tally()
    return _decoded("spans", body, SpanReader(_or_now(received_ns), tally), tally)


def decode_metrics(body: bytes, received_ns: int | None = None) -> Decoded[Point]:
    """The points in an ``ExportMetricsServiceRequest``; see `decode_logs`."""
    tally = Tally()
    return _decoded("metrics", body, PointReader(_or_now(received_ns), tally), tally)


class _Reader(Protocol[T]):
    def read(self, of_scope: Message) -> list[T]: ...


def _or_now(unix_ns: int | None) -> int:
    return time.time_ns() if unix_ns is None else unix_ns


def _decoded(
    signal: Signal, body: bytes, reader: _Reader[T], tally: Tally
) -> Decoded[T]:
    request = parsed(ITEMS.requests[signal].FromString, body)
    groups: list[tuple[Attributes, list[T]]] = []
    # The fields are called resource_logs, scope_spans and so on.
    for of_resource in getattr(request, f"resource_{signal}"):
        items: list[T] = []
        for of_scope in getattr(of_resource, f"scope_{signal}"):
            mapping(of_scope.scope.attributes, tally)
            items += reader.read(of_scope)
        groups.append((mapping(of_resource.resource.attributes, tally), items))
    if tally.changed:
        body = request.SerializeToString()
    return Decoded(groups, tally.items, tally.refused, tally.left_out, body)
