"""The spans and the log lines that are shipped: ours, and the same as the SDK's."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from opentelemetry._logs import SeverityNumber
from opentelemetry.context import Context
from opentelemetry.sdk._logs import LoggerProvider, ReadableLogRecord
from opentelemetry.sdk._logs.export import (
    InMemoryLogRecordExporter,
    SimpleLogRecordProcessor,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan

from telemetry.capture.blackbox.decoding import RecordDecoder
from telemetry.capture.blackbox.reader import Found
from telemetry.capture.blackbox.records import line_of
from telemetry.capture.span_records import FinishedSpan, Settled, span_of
from telemetry.pipeline.delivery.direct_source import readable_span
from telemetry.pipeline.otlp.envelope import resource_of
from telemetry.pipeline.otlp.line_attributes import content_of
from telemetry.pipeline.otlp.logs import uid_head

BATCH: Final = 512
"""Items of a batch. Source: the default of the SDK."""
BOX: Final = {
    "box": "ct-1",
    "service_name": "bench",
    "container_id": "ct-01M85ZRM1205MWTN6PQ5000000",
    "function": "embed",
    "pid": 1,
    "host": "bench",
}
_INPUTS: Final = 40
_NS: Final = 1_700_000_000_000_000_000


def finished_spans() -> tuple[list[Settled], list[FinishedSpan]]:
    """Executions as a container leaves them, and their spans."""
    settled = [
        Settled(
            f"in-01M85ZRM1205MWTN6PQ5{number:06d}",
            _NS + number,
            _NS + number + 10_000_000,
            "success",
            0,
            "embed",
            f"fc-01M85ZRM1205MWTN6PQ5{number // 100:06d}",
            str(BOX["container_id"]),
            number % _INPUTS,
        )
        for number in range(BATCH)
    ]
    # Through msgpack, as every text that comes out of a box is one of its own.
    data = [msgspec.msgpack.encode(each) for each in settled]
    read = [msgspec.msgpack.decode(each, type=Settled) for each in data]
    spans = [span_of(each) for each in read]
    return settled, [span for span in spans if span is not None]


def sdk_spans(spans: list[FinishedSpan]) -> list[ReadableSpan]:
    """The same ones."""
    attributes: Any = resource_of(BOX)
    resource = Resource(attributes)
    return [readable_span(span, resource) for span in spans]


def found_lines() -> list[Found]:
    """Lines of forty inputs at once, with four keys each."""
    decoder = RecordDecoder()
    found: list[Found] = []
    for number in range(BATCH):
        body = msgspec.msgpack.encode(_line(number))
        what, head = decoder.decode(body) or (None, None)
        found.append(Found(_NS + number, what, 3, 1, 256 * number, head))
    return found


def _line(number: int) -> list[Any]:
    at = number % _INPUTS
    who = [
        f"in-01M85ZRM1205MWTN6PQ5{at:06d}",
        f"fc-01M85ZRM1205MWTN6PQ5{at:06d}",
        *("embed", 0, BOX["container_id"], at, None, False),
        *(f"{at + 1:032x}", f"{at + 1:016x}"),
    ]
    keys = {"fn": "embed", "step": number, "secs": 0.25, "ok": True}
    said = [_NS + number, "step done", [], keys]
    return [20, ["app.embedding", {}], who, "MainThread", said]


def sdk_records(lines: list[Found]) -> list[ReadableLogRecord]:
    """The same ones."""
    exporter: Any = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]  # the SDK's
    attributes: Any = resource_of(BOX)
    provider = LoggerProvider(Resource(attributes), shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    logger: Any = provider.get_logger("app.embedding")
    for each in lines:
        line = line_of(each.record)
        uid = f"{uid_head('ct-1', each.block, each.generation)}{each.offset:x}"
        content = content_of(line, uid)
        logger.emit(
            timestamp=line.unix_ns,
            observed_timestamp=line.unix_ns,
            context=Context(),
            severity_number=SeverityNumber.INFO,
            severity_text="INFO",
            body=content.body,
            attributes=content.attributes,
        )
    return list(exporter.get_finished_logs())
