"""Bodies are unpacked within their caps."""

from __future__ import annotations

import gzip
import zlib

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1 import metrics_pb2 as otlp
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from telemetry.pipeline.outbox import Signal
from telemetry.pipeline.receiver import payloads
from telemetry.pipeline.receiver.admission import JSON, PROTOBUF
from telemetry.pipeline.receiver.http_head import RefusedError
from telemetry.pipeline.receiver.limits import MIB, Limits
from telemetry.pipeline.receiver.payloads import Payload, payload, unpacked
from tests.pipeline.receiver.otlp import logs_request, metrics_request, spans_request

TWO_LOGS = logs_request([LogRecord(), LogRecord()])


def raw_deflate(data: bytes) -> bytes:
    """Without zlib's header, as some send it."""
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("encoding", "raw"),
    [
        ("", TWO_LOGS),
        ("identity", TWO_LOGS),
        ("gzip", gzip.compress(TWO_LOGS)),
        ("x-gzip", gzip.compress(TWO_LOGS[:9]) + gzip.compress(TWO_LOGS[9:])),
        ("deflate", zlib.compress(TWO_LOGS)),
        ("deflate", raw_deflate(TWO_LOGS)),
    ],
)
def test_encodings(encoding: str, raw: bytes) -> None:
    """What is packed in any of the known ways comes out the same."""
    found = payload("logs", PROTOBUF, encoding, raw, Limits())

    assert found == Payload(TWO_LOGS, 2)


@pytest.mark.parametrize(
    ("signal", "body", "items"),
    [
        ("logs", TWO_LOGS, 2),
        ("spans", spans_request([Span()]), 1),
        (
            "metrics",
            metrics_request(
                [
                    otlp.Metric(gauge=otlp.Gauge(data_points=[otlp.NumberDataPoint()])),
                    otlp.Metric(name="nothing"),
                    otlp.Metric(
                        summary=otlp.Summary(data_points=[otlp.SummaryDataPoint()] * 2)
                    ),
                ]
            ),
            3,
        ),
    ],
)
def test_items_are_counted(signal: Signal, body: bytes, items: int) -> None:
    """Records, spans and data points; of metrics, of whatever kind."""
    assert payload(signal, PROTOBUF, "", body, Limits()).items == items


@pytest.mark.parametrize(
    ("media_type", "encoding", "raw", "why"),
    [
        (PROTOBUF, "gzip", TWO_LOGS, "not gzip"),
        (PROTOBUF, "gzip", b"", "ends too early"),
        (PROTOBUF, "gzip", gzip.compress(TWO_LOGS)[:-1], "ends too early"),
        (PROTOBUF, "gzip", gzip.compress(TWO_LOGS) + b"x", "not gzip"),
        (PROTOBUF, "gzip", gzip.compress(b"") * 1_000, "follows behind its end"),
        (PROTOBUF, "deflate", b"\x78\x9c?", "not deflate"),
        (PROTOBUF, "", b"\x0a\x05x", "pars"),
        (PROTOBUF, "", TWO_LOGS[:-1], "pars"),
        (JSON, "", TWO_LOGS, "no OTLP/JSON"),
    ],
)
def test_garbage(media_type: str, encoding: str, raw: bytes, why: str) -> None:
    """What is not what it says it is gets 400, and is told why."""
    with pytest.raises(RefusedError, match=why) as told:
        payload("logs", media_type, encoding, raw, Limits())
    assert told.value.status == 400


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_bombs(encoding: str) -> None:
    """A few kilobytes that are twenty megabytes: no more than the cap is unpacked."""
    packer = zlib.compressobj(9, wbits=31 if encoding == "gzip" else 15)
    bomb = b"".join(packer.compress(bytes(MIB)) for _ in range(20)) + packer.flush()

    with pytest.raises(RefusedError, match=f"larger than {MIB} bytes") as told:
        unpacked(bomb, encoding, MIB)
    assert told.value.status == 413
    form = 31 if encoding == "gzip" else 15
    parts = payloads._inflated(bomb, form, MIB, members=1)
    assert sum(map(len, parts)) == MIB + 1


def test_json_has_its_own_cap() -> None:
    """Objects take ten times what their text does."""
    with pytest.raises(RefusedError, match="larger than 9 bytes") as told:
        payload("logs", JSON, "", b'{"resourceLogs": []}', Limits(json_bytes=9))
    assert told.value.status == 413


EMPTY_RECORDS = b"\x12\x00" * (3 * MIB)
ONE_SCOPE = b"\x12" + b"\x80\x80\x80\x03" + EMPTY_RECORDS


@pytest.mark.parametrize(
    "body",
    [
        logs_request([LogRecord()] * 101),
        b"\x0a\x00" * (3 * MIB),
        b"\x0a" + b"\x85\x80\x80\x03" + ONE_SCOPE,
    ],
    ids=["small", "six megabytes of empty resources", "of empty records"],
)
def test_too_many_items(body: bytes) -> None:
    """Two bytes can be an item: there is a cap, and no object is made beyond it."""
    with pytest.raises(RefusedError, match="more than 100 items") as told:
        payload("logs", PROTOBUF, "", body, Limits(items=100))
    assert told.value.status == 413


def test_a_large_request_is_fine() -> None:
    """Ten megabytes of a few records are few items."""
    body = logs_request([LogRecord(event_name="x" * 5 * MIB)] * 2)

    assert payload("logs", PROTOBUF, "", body, Limits(items=2)).items == 2


def test_a_large_body_of_garbage() -> None:
    """It is told apart before it is parsed, and is 400."""
    with pytest.raises(RefusedError, match="byte"):
        payload("logs", PROTOBUF, "", b"\x0a\xff\xff" * (2 * MIB), Limits())
