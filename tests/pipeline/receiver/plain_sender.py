"""A program with plain OpenTelemetry, which knows nothing of the toolkit.

    plain_sender.py http|grpc

Where it sends, and how it packs, the standard variables say.
"""

from __future__ import annotations

import sys
from typing import Any

from opentelemetry._logs import SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.metrics.view import (
    ExponentialBucketHistogramAggregation,
    View,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanKind, StatusCode

RECORDS = 1_000


def exporters(protocol: str) -> tuple[Any, Any, Any]:
    """Those of the protocol, for logs, metrics and spans."""
    if protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc import (
            _log_exporter,
            metric_exporter,
            trace_exporter,
        )

        return (
            _log_exporter.OTLPLogExporter(),
            metric_exporter.OTLPMetricExporter(),
            trace_exporter.OTLPSpanExporter(),
        )
    from opentelemetry.exporter.otlp.proto.http import (
        _log_exporter as http_logs,
    )
    from opentelemetry.exporter.otlp.proto.http import (
        metric_exporter as http_metrics,
    )
    from opentelemetry.exporter.otlp.proto.http import (
        trace_exporter as http_spans,
    )

    delta: dict[type, AggregationTemporality] = {
        Counter: AggregationTemporality.DELTA,
        Histogram: AggregationTemporality.DELTA,
    }
    return (
        http_logs.OTLPLogExporter(),
        http_metrics.OTLPMetricExporter(preferred_temporality=delta),
        http_spans.OTLPSpanExporter(),
    )


def main(protocol: str) -> None:
    """Send some of everything, and end."""
    resource = Resource.create({"service.name": f"plain-{protocol}"})
    to_logs, to_metrics, to_spans = exporters(protocol)
    log_provider = LoggerProvider(resource)
    log_provider.add_log_record_processor(BatchLogRecordProcessor(to_logs))
    tracer_provider = TracerProvider(resource=resource)
    tracer_provider.add_span_processor(BatchSpanProcessor(to_spans))
    reader = PeriodicExportingMetricReader(to_metrics, 3_600_000)
    exponential = View(
        instrument_name="answer.size",
        aggregation=ExponentialBucketHistogramAggregation(),
    )
    meter_provider = MeterProvider([reader], resource, views=[exponential])

    tracer = tracer_provider.get_tracer("plain.tracer", "1.0")
    logger = log_provider.get_logger("plain.logger")
    meter = meter_provider.get_meter("plain.meter")
    counter = meter.create_counter("cart.orders", "{order}")
    seconds = meter.create_histogram(
        "answer.time", "s", explicit_bucket_boundaries_advisory=[0.1, 1.0]
    )
    size = meter.create_histogram("answer.size", "By")

    with tracer.start_as_current_span("first") as first:
        pass
    with tracer.start_as_current_span(
        "second",
        kind=SpanKind.SERVER,
        links=[Link(first.get_span_context(), {"why": "before"})],
        attributes={"input.id": "in-plain", "http.route": "/cart"},
    ) as span:
        span.add_event("thought", {"about": ["a", "b"]})
        span.set_status(StatusCode.ERROR, "no")
        for number in range(RECORDS):
            logger.emit(
                body=f"line {number}",
                severity_number=SeverityNumber.WARN,
                attributes={"input.id": "in-plain", "number": number, "ok": True},
            )
        counter.add(3, {"shop": "north"})
        seconds.record(0.5, {"shop": "north"})
        for value in (1, 2, 1_000):
            size.record(value)
    for provider in (log_provider, tracer_provider, meter_provider):
        provider.shutdown()


if __name__ == "__main__":
    main(sys.argv[1])
