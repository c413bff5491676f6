"""OpenTelemetry's own exporters and batch processors, and whether they succeeded.

Nobody asks an exporter of the SDK what came of a batch: ``force_flush`` is true
whatever happened. So each is wrapped, and what it answers is looked at on the way.
Imported in direct mode alone: the SDK is slow to load.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Generic, TypeVar, cast

from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import (
    OTLPLogExporter as HttpLogExporter,
)
from opentelemetry.exporter.otlp.proto.http.trace_exporter import (
    OTLPSpanExporter as HttpSpanExporter,
)
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import (
    BatchLogRecordProcessor,
    LogRecordExporter,
    LogRecordExportResult,
)
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    SpanExporter,
    SpanExportResult,
)

from telemetry.capture.sink import failed
from telemetry.pipeline.delivery.endpoints import Endpoint

Item = TypeVar("Item")

BATCH: Final = 512
"""Items that are exported at once. Source: the default of the SDK."""

_QUEUE: Final = 2 * BATCH
_NEVER_MS: Final = 3_600_000
"""Batches go when we say so, and never more than fit into the queue: a full one would
drop what it holds."""


class WatchedLogExporter(LogRecordExporter):
    """An exporter of log records, and how many of them it failed to deliver."""

    def __init__(self, exporter: LogRecordExporter) -> None:
        self.failed = 0
        self._exporter = exporter

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        """Export, and count."""
        self.failed += len(batch)  # also when it raises
        result = self._exporter.export(batch)
        if result is LogRecordExportResult.SUCCESS:
            self.failed -= len(batch)
        return result

    def shutdown(self) -> None:
        """End it; what it is waiting for is cut short."""
        cast("Callable[[], object]", self._exporter.shutdown)()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """It holds nothing back."""
        return self._exporter.force_flush(timeout_millis)


class WatchedSpanExporter(SpanExporter):
    """An exporter of spans, and how many of them it failed to deliver."""

    def __init__(self, exporter: SpanExporter) -> None:
        self.failed = 0
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export, and count."""
        self.failed += len(spans)  # also when it raises
        result = self._exporter.export(spans)
        if result is SpanExportResult.SUCCESS:
            self.failed -= len(spans)
        return result

    def shutdown(self) -> None:
        """End it; what it is waiting for is cut short."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """It holds nothing back."""
        return self._exporter.force_flush(timeout_millis)


class Road(Generic[Item]):
    """The way of one signal: a batch processor, and the exporter behind it.

    Args:
        put: Hands an item to the processor.
    """

    def __init__(
        self,
        exporter: WatchedLogExporter | WatchedSpanExporter,
        processor: BatchLogRecordProcessor | BatchSpanProcessor,
        put: Callable[[Item], object],
    ) -> None:
        self._exporter = exporter
        self._processor = processor
        self._put = put

    def send(self, items: list[Item]) -> bool:
        """Export *items*, and clear them; False when that has failed."""
        if items:
            self._exporter.failed = 0
            for item in items:
                try:
                    self._put(item)
                except Exception as error:  # noqa: BLE001  # one that the SDK does not take
                    failed(error, "direct")
            self._processor.force_flush()
            if self._exporter.failed:
                return False
        items.clear()
        return True

    def abort(self) -> None:
        """Let an export that is under way end soon, without success."""
        self._exporter.shutdown()

    def close(self) -> None:
        """End the thread of the processor."""
        cast("Callable[[], object]", self._processor.shutdown)()


def log_road(
    endpoint: Endpoint,
) -> tuple[Road[Callable[[], object]], BatchLogRecordProcessor]:
    """The way of log records, each of which puts itself into the processor."""
    exporter = WatchedLogExporter(_log_exporter(endpoint))
    processor = BatchLogRecordProcessor(exporter, _NEVER_MS, BATCH, None, _QUEUE)
    return Road(exporter, processor, lambda emit: emit()), processor


def span_road(endpoint: Endpoint) -> Road[ReadableSpan]:
    """The way of spans."""
    exporter = WatchedSpanExporter(_span_exporter(endpoint))
    processor = BatchSpanProcessor(exporter, _QUEUE, _NEVER_MS, BATCH)
    return Road(exporter, processor, processor.on_end)


def _log_exporter(endpoint: Endpoint) -> LogRecordExporter:
    if endpoint.protocol != "grpc":
        return HttpLogExporter(**_http_arguments(endpoint))
    from opentelemetry.exporter.otlp.proto.grpc._log_exporter import (  # noqa: PLC0415  # not before it is asked for
        OTLPLogExporter,
    )

    return OTLPLogExporter(**_grpc_arguments(endpoint))


def _span_exporter(endpoint: Endpoint) -> SpanExporter:
    if endpoint.protocol != "grpc":
        return HttpSpanExporter(**_http_arguments(endpoint))
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (  # noqa: PLC0415  # the same
        OTLPSpanExporter,
    )

    return OTLPSpanExporter(**_grpc_arguments(endpoint))


def _http_arguments(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "endpoint": endpoint.url,
        "headers": dict(endpoint.headers),
        "timeout": endpoint.timeout_s,
        "compression": Compression(endpoint.compression),
        "certificate_file": endpoint.certificate,
        "client_certificate_file": endpoint.client_certificate,
        "client_key_file": endpoint.client_key,
    }


def _grpc_arguments(endpoint: Endpoint) -> dict[str, Any]:
    import grpc  # noqa: PLC0415  # its package may be missing

    compressions = grpc.Compression
    gzip = endpoint.compression == "gzip"
    found = {
        "endpoint": endpoint.url,
        "insecure": endpoint.url.startswith("http:"),
        "headers": endpoint.headers,
        "timeout": endpoint.timeout_s,
        "compression": compressions.Gzip if gzip else compressions.NoCompression,
    }
    if not found["insecure"]:
        files = (
            endpoint.certificate,
            endpoint.client_key or endpoint.client_certificate,
            endpoint.client_certificate,
        )
        contents = [None if each is None else Path(each).read_bytes() for each in files]
        found["credentials"] = grpc.ssl_channel_credentials(*contents)
    return found
