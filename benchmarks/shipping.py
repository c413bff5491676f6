"""Encoding OTLP and sending it, beside OpenTelemetry's exporters.

    python -m benchmarks.shipping [--rounds N] [--json FILE] [--quick]

The same spans and log records for all, in batches of 512, over HTTP to a process that
takes them and decodes nothing. "joined" is as the shipper sends a backlog: requests
of up to 4 MB. CPU is that of the sender alone.
"""

from __future__ import annotations

from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

from benchmarks.machine import PACKAGES
from benchmarks.measure import Case, Measured, Plan, measure
from benchmarks.otlp_receiver import receiving
from benchmarks.report import Report, parser, rounds_of
from benchmarks.shipping_data import BATCH, BOX, found_lines, sdk_records, sdk_spans
from benchmarks.shipping_data import finished_spans as made_spans
from telemetry.capture.span_records import Settled, span_of
from telemetry.pipeline.delivery.endpoints import endpoints
from telemetry.pipeline.delivery.http_sender import HttpSender
from telemetry.pipeline.otlp.box_encoder import BoxEncoder
from telemetry.policy.delivery import Meaning

FLOOR: Final = "floor: a ready body, http.client"
OURS: Final = "ours: encoded and sent"
JOINED: Final = "ours: encoded and sent, joined"
WHOLE: Final = "ours: from the record of the box, joined"
GZIP: Final = "ours: joined, gzip"
ENCODED: Final = "ours: encoded alone"
SDK: Final = "SDK: exporter"
SDK_GZIP: Final = "SDK: exporter, gzip"
SDK_ENCODED: Final = "SDK: encoded alone"

WANTED: Final = {"spans": 15, "logs": 8}
"""How many times as many items per second and core as the SDK's exporter."""

_JOINED: Final = 16
_BLOCK_S: Final = 0.3
_QUICK_BLOCK_S: Final = 0.005

Encode = Callable[[], bytes]
Send = Callable[[bytes], object]


def sender(url: str, signal: str, *, gzip: bool = False) -> Send:
    """Ours, which must succeed."""
    environ = {"OTEL_EXPORTER_OTLP_COMPRESSION": "gzip"} if gzip else {}
    made = HttpSender(endpoints(environ, url)[signal])  # type: ignore[index]  # a signal

    def send(body: bytes) -> None:
        verdict = made.send(body)
        if verdict.meaning is not Meaning.DELIVERED:
            raise RuntimeError(verdict.text)

    return send


def bare(url: str) -> Send:
    """The least that sends a request."""
    connection = HTTPConnection(urlsplit(url).netloc)

    def send(body: bytes) -> None:
        connection.request("POST", "/", body)
        connection.getresponse().read()

    return send


def each(encode: Encode, send: Send | None = None) -> Callable[[int], None]:
    """One request for each batch."""

    def run(count: int) -> None:
        for _ in range(count // BATCH):
            body = encode()
            if send is not None:
                send(body)

    return run


def joined(encode: Encode, send: Send) -> Callable[[int], None]:
    """One request for many batches, each encoded by itself."""

    def run(count: int) -> None:
        for _ in range(count // BATCH // _JOINED):
            send(b"".join([encode() for _ in range(_JOINED)]))

    return run


def exporting(exporter: Any, batch: list[Any]) -> Callable[[int], None]:  # noqa: ANN401  # two classes
    """The SDK's exporter, which must succeed."""

    def run(count: int) -> None:
        for _ in range(count // BATCH):
            if exporter.export(batch).name != "SUCCESS":
                raise RuntimeError("the exporter has failed")

    return run


def span_cases(url: str) -> list[Case]:
    """All that is measured of spans."""
    encoder = BoxEncoder(BOX)
    settled, spans = made_spans()
    theirs = sdk_spans(spans)
    records = [msgspec.msgpack.encode(one) for one in settled]
    decode = msgspec.msgpack.Decoder(Settled).decode

    def from_records() -> bytes:
        made = [span_of(decode(record)) for record in records]
        return encoder.spans([span for span in made if span is not None])[0]

    def ours() -> bytes:
        return encoder.spans(spans)[0]

    where = f"{url}/v1/traces"
    step = BATCH * _JOINED
    ready = ours()
    return [
        Case(FLOOR, each(lambda: ready, bare(url)), step=BATCH),
        Case(ENCODED, each(ours), step=BATCH),
        Case(OURS, each(ours, sender(url, "spans")), step=BATCH),
        Case(JOINED, joined(ours, sender(url, "spans")), step=step),
        Case(WHOLE, joined(from_records, sender(url, "spans")), step=step),
        Case(GZIP, joined(ours, sender(url, "spans", gzip=True)), step=step),
        Case(
            SDK_ENCODED,
            each(lambda: encode_spans(theirs).SerializeToString()),
            step=BATCH,
        ),
        Case(SDK, exporting(OTLPSpanExporter(where), theirs), step=BATCH),
        Case(
            SDK_GZIP,
            exporting(OTLPSpanExporter(where, compression=Compression.Gzip), theirs),
            step=BATCH,
        ),
    ]


def log_cases(url: str) -> list[Case]:
    """All that is measured of log records."""
    encoder = BoxEncoder(BOX)
    lines = found_lines()
    theirs = sdk_records(lines)

    def ours() -> bytes:
        return encoder.logs(lines, "ct-1")[0]

    where = f"{url}/v1/logs"
    step = BATCH * _JOINED
    ready = ours()
    return [
        Case(FLOOR, each(lambda: ready, bare(url)), step=BATCH),
        Case(ENCODED, each(ours), step=BATCH),
        Case(OURS, each(ours, sender(url, "logs")), step=BATCH),
        Case(JOINED, joined(ours, sender(url, "logs")), step=step),
        Case(GZIP, joined(ours, sender(url, "logs", gzip=True)), step=step),
        Case(
            SDK_ENCODED,
            each(lambda: encode_logs(theirs).SerializeToString()),
            step=BATCH,
        ),
        Case(SDK, exporting(OTLPLogExporter(where), theirs), step=BATCH),
        Case(
            SDK_GZIP,
            exporting(OTLPLogExporter(where, compression=Compression.Gzip), theirs),
            step=BATCH,
        ),
    ]


def verdicts(signal: str, measured: Measured) -> list[list[str]]:
    """The target, with batches of the SDK's size and as the shipper sends."""
    rows = []
    for name in (OURS, JOINED):
        wall, cpu = measured.ratio(SDK, name), measured.cpu_ratio(SDK, name)
        used_us = measured.cpu_median_us(name) or measured.median_us(name)
        factor = (cpu or wall).median
        rows.append(
            [
                f"T12, {signal}: SDK's exporter / {name}",
                f"at least {WANTED[signal]} x",
                f"{wall.median:.1f} x",
                "-" if cpu is None else f"{cpu.median:.1f} x",
                f"{1e6 / used_us:,.0f}",
                "met" if factor >= WANTED[signal] else "missed",
            ]
        )
    return rows


def main() -> None:
    """Measure, and print three tables."""
    options = parser(__doc__, rounds=9).parse_args()
    plan = Plan(rounds_of(options), _QUICK_BLOCK_S if options.quick else _BLOCK_S)
    packages = (*PACKAGES, "opentelemetry-sdk", "protobuf")
    report = Report("Encoding and sending OTLP", options, packages)
    rows: list[list[str]] = []
    with receiving() as url:
        for signal, cases in (("spans", span_cases(url)), ("logs", log_cases(url))):
            measured = measure(cases, plan)
            report.measured(f"One item: {signal}", measured, FLOOR)
            rows += verdicts(signal, measured)
    head = ["target", "wanted", "wall", "CPU", "items/s per core", "verdict"]
    report.table("Target", head, rows, texts=2)
    report.close()


if __name__ == "__main__":
    main()
