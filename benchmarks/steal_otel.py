"""What OpenTelemetry's SDK does for an input; imported where it may be loaded."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable, Sequence

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import get_current
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import (
    BatchLogRecordProcessor,
    LogRecordExporter,
    LogRecordExportResult,
)
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    SpanExporter,
    SpanExportResult,
)


class NoSpans(SpanExporter):
    """Takes spans, and does nothing with them."""

    def export(self, spans: object) -> SpanExportResult:  # noqa: ARG002 - the interface
        """Nothing."""
        return SpanExportResult.SUCCESS


class NoLogs(LogRecordExporter):
    """Takes log records, and does nothing with them."""

    def export(self, batch: Sequence[object]) -> LogRecordExportResult:  # noqa: ARG002 - the interface
        """Nothing."""
        return LogRecordExportResult.SUCCESS

    def shutdown(self) -> None:
        """Nothing."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 - the interface
        """Nothing."""
        return True


def make(queue: int) -> tuple[Callable[[int], None], Callable[[], object]]:
    """What an input leaves, and what waits until it has been exported.

    The log record goes straight to the SDK, which is half of what a line costs that
    comes by way of ``logging``.
    """
    traces = TracerProvider()
    traces.add_span_processor(BatchSpanProcessor(NoSpans(), max_queue_size=queue))
    logs = LoggerProvider()
    logs.add_log_record_processor(
        BatchLogRecordProcessor(NoLogs(), max_queue_size=queue)
    )
    tracer, logger = traces.get_tracer("benchmarks"), logs.get_logger("benchmarks")

    def leave(number: int) -> None:
        input_id = f"in-01M85ZRM1205MWTN6PQ{number % 10_000_000:07d}"
        own: dict[str, str | int | float | bool] = {
            "app": "demo",
            "function": "embed",
            "input_id": input_id,
            "attempt": 0,
            "container": "ct-0123456789",
            "region": "local",
            "queue_ms": 1.25,
            "cold": False,
        }
        with tracer.start_as_current_span("input", attributes=own):
            logger.emit(
                LogRecord(
                    timestamp=time.time_ns(),
                    context=get_current(),
                    severity_number=SeverityNumber.INFO,
                    severity_text="INFO",
                    body="step done",
                    attributes={
                        "input_id": input_id,
                        "fn": "embed",
                        "step": number,
                        "secs": 0.25,
                    },
                )
            )

    def flush() -> None:
        traces.force_flush()
        logs.force_flush()

    return leave, flush


def log_handler() -> logging.Handler:
    """OpenTelemetry's handler of ``logging``; its batches are exported nowhere."""
    with warnings.catch_warnings():
        # Deprecated for one in a package of its own, which is the same.
        warnings.simplefilter("ignore", DeprecationWarning)
        provider = LoggerProvider()
        provider.add_log_record_processor(BatchLogRecordProcessor(NoLogs()))
        return LoggingHandler(logging.INFO, provider)
