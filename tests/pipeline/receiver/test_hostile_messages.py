"""Whatever comes in: nothing raises, and what is kept can be kept and sent on."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)

from telemetry.capture.span_records import FinishedSpan
from telemetry.pipeline.foreign import ForeignLine
from telemetry.pipeline.otlp.wire import MalformedError
from telemetry.pipeline.outbox import Signal
from telemetry.pipeline.points import Distribution, Point
from telemetry.pipeline.receiver.decoding import (
    Decoded,
    decode_logs,
    decode_metrics,
    decode_spans,
)
from tests.pipeline.receiver.messages import REQUESTS

NOW_NS = 1_790_000_000_000_000_000
INT64_MAX = 2**63 - 1
DECODE: dict[Signal, Callable[[bytes, int], Decoded[Any]]] = {
    "logs": decode_logs,
    "spans": decode_spans,
    "metrics": decode_metrics,
}
OFFICIAL: dict[Signal, Any] = {
    "logs": ExportLogsServiceRequest,
    "spans": ExportTraceServiceRequest,
    "metrics": ExportMetricsServiceRequest,
}
LENGTHS = {"trace_id": (0, 16), "span_id": (0, 8), "parent_span_id": (0, 8)}
SIGNALS = pytest.mark.parametrize("signal", REQUESTS)
MANY = settings(
    max_examples=20, suppress_health_check=[HealthCheck.too_slow], deadline=None
)


def check_line(found: ForeignLine) -> None:
    """It is a line as any other: storable, encodable, of its own types."""
    assert 0 < found.line.unix_ns <= INT64_MAX
    again = msgspec.convert(msgspec.to_builtins(found.line), type(found.line))
    assert again.input_id == found.line.input_id
    orjson.dumps(found.line.fields)
    msgspec.msgpack.encode(found.line)
    (found.line.event + (found.line.exception or "")).encode()


def check_span(span: FinishedSpan) -> None:
    """It has ids, and a time that can be drawn."""
    assert (len(span.trace_id), len(span.span_id)) == (16, 8)
    assert 0 < span.start_unix_ns <= span.end_unix_ns <= INT64_MAX
    assert all(0 < event.unix_ns <= INT64_MAX for event in span.events)
    orjson.dumps([span.own, span.attributes])
    msgspec.msgpack.encode(span)


def check_point(point: Point) -> None:
    """Its value is finite, its buckets are whole, its series equals itself."""
    assert 0 < point.unix_ns <= INT64_MAX
    assert point.attributes == tuple(sorted(dict(point.attributes).items()))
    if isinstance(point.value, Distribution):
        assert len(point.value.counts) == len(point.value.bounds) + 1
        assert point.value.count <= INT64_MAX
        assert math.isfinite(point.value.sum)
    else:
        assert math.isfinite(point.value)
    msgspec.json.encode(point)


CHECK: dict[Signal, Callable[[Any], None]] = {
    "logs": check_line,
    "spans": check_span,
    "metrics": check_point,
}


def wrong_ids(message: Any) -> list[str]:
    """Ids of a length that a Collector would refuse a whole request for."""
    found = []
    for field, value in message.ListFields():
        if field.name in LENGTHS and len(value) not in LENGTHS[field.name]:
            found.append(field.name)
        if field.message_type is not None:
            parts = value if hasattr(value, "append") else [value]
            found += [name for part in parts for name in wrong_ids(part)]
    return found


@SIGNALS
@MANY
@given(data=st.data())
def test_any_request_is_decoded(signal: Signal, data: st.DataObject) -> None:
    """Absurd times, NaN, huge numbers, wrong ids: kept, mended or counted."""
    request = data.draw(REQUESTS[signal])
    decoded = DECODE[signal](request.SerializeToString(), NOW_NS)

    for _resource, items in decoded.groups:
        for item in items:
            CHECK[signal](item)


@SIGNALS
@MANY
@given(data=st.data())
def test_what_is_sent_on_is_sound(signal: Signal, data: st.DataObject) -> None:
    """No id in it would make a Collector refuse all of it; nothing else is missing."""
    body = data.draw(REQUESTS[signal]).SerializeToString()
    decoded = DECODE[signal](body, NOW_NS)
    again = DECODE[signal](decoded.body, NOW_NS)

    assert wrong_ids(OFFICIAL[signal].FromString(decoded.body)) == []
    assert (again.refused, again.items) == (0, decoded.items)
    assert again.body == decoded.body


@SIGNALS
@MANY
@given(data=st.data())
def test_bytes_of_any_kind(signal: Signal, data: st.DataObject) -> None:
    """Random bytes, and requests with a few wrong ones: refused as a whole or read."""
    sound = bytearray(data.draw(REQUESTS[signal]).SerializeToString())
    for at in data.draw(st.lists(st.integers(0, 10_000), max_size=4)):
        if sound:
            sound[at % len(sound)] = data.draw(st.integers(0, 255))
    body = bytes(sound[: data.draw(st.integers(0, len(sound)))])
    try:
        decoded = DECODE[signal](body, NOW_NS)
    except MalformedError:
        return
    for _resource, items in decoded.groups:
        for item in items:
            CHECK[signal](item)


@MANY
@given(raw=st.binary(max_size=60))
@example(raw=b"\x0a\x0fservice.name\x12\x01x")
def test_garbage_in_an_attribute(raw: bytes) -> None:
    """Only the attribute is lost: its record is kept and goes on without it."""
    record = b"\x32" + bytes([len(raw)]) + raw + b"\x2a\x04\x0a\x02hi"
    scope = b"\x12" + bytes([len(record)]) + record
    resource = b"\x12" + bytes([len(scope)]) + scope
    decoded = decode_logs(b"\x0a" + bytes([len(resource)]) + resource, NOW_NS)

    assert [found.line.event for found in decoded.groups[0][1]] == ["hi"]
    assert decode_logs(decoded.body, NOW_NS).left_out == 0
