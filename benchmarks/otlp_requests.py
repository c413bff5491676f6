"""Requests as exporters send them, each record with a few values of its own."""

from __future__ import annotations

import itertools

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)
from opentelemetry.proto.common.v1.common_pb2 import (
    AnyValue,
    InstrumentationScope,
    KeyValue,
)
from opentelemetry.proto.logs.v1 import logs_pb2
from opentelemetry.proto.metrics.v1 import metrics_pb2
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2

_RESOURCE = Resource(
    attributes=[
        KeyValue(key=name, value=AnyValue(string_value=value))
        for name, value in {
            "service.name": "shop",
            "service.instance.id": "627cc493-f310-47de-96bd-71410b7dec09",
            "telemetry.sdk.language": "python",
        }.items()
    ]
)
_SCOPE = InstrumentationScope(name="shop.cart")
_NOW_NS = 1_790_000_000_000_000_000
_numbers = itertools.count(1)
"""Over all requests, so that no two records are the same."""


def _text(name: str, value: str) -> KeyValue:
    return KeyValue(key=name, value=AnyValue(string_value=value))


def _number(name: str, value: int) -> KeyValue:
    return KeyValue(key=name, value=AnyValue(int_value=value))


def _seconds(name: str, value: float) -> KeyValue:
    return KeyValue(key=name, value=AnyValue(double_value=value))


def logs(count: int) -> bytes:
    """Log records of about 170 bytes: four attributes, of which two are new."""
    records = [
        logs_pb2.LogRecord(
            time_unix_nano=_NOW_NS + number,
            observed_time_unix_nano=_NOW_NS + number,
            severity_number=logs_pb2.SEVERITY_NUMBER_INFO,
            severity_text="INFO",
            body=AnyValue(string_value="cart was filled"),
            attributes=[
                _text("request.id", f"01M85ZRM1205MWTN6PQ5{number // 8:06d}"),
                _text("http.route", "/cart/{id}"),
                _number("items", number % 20),
                _seconds("took", number * 0.37),
            ],
            trace_id=number.to_bytes(16, "big"),
            span_id=number.to_bytes(8, "big"),
        )
        for number in itertools.islice(_numbers, count)
    ]
    scope = logs_pb2.ScopeLogs(scope=_SCOPE, log_records=records)
    whole = logs_pb2.ResourceLogs(resource=_RESOURCE, scope_logs=[scope])
    return bytes(ExportLogsServiceRequest(resource_logs=[whole]).SerializeToString())


def spans(count: int) -> bytes:
    """Spans of eight attributes, of which three are new."""
    made = [
        trace_pb2.Span(
            trace_id=number.to_bytes(16, "big"),
            span_id=number.to_bytes(8, "big"),
            parent_span_id=(number - 1).to_bytes(8, "big"),
            name="GET /cart/{id}",
            kind=trace_pb2.Span.SPAN_KIND_SERVER,
            start_time_unix_nano=_NOW_NS + number,
            end_time_unix_nano=_NOW_NS + number + 1_000_000,
            attributes=[
                _text("http.request.method", "GET"),
                _text("http.route", "/cart/{id}"),
                _text("url.path", f"/cart/{number}"),
                _text("server.address", "shop.example"),
                _number("server.port", 443),
                _number("http.response.status_code", 200),
                _number("client.port", 1_024 + number % 60_000),
                _seconds("took", number * 0.37),
            ],
            status=trace_pb2.Status(),
        )
        for number in itertools.islice(_numbers, count)
    ]
    scope = trace_pb2.ScopeSpans(scope=_SCOPE, spans=made)
    whole = trace_pb2.ResourceSpans(resource=_RESOURCE, scope_spans=[scope])
    return bytes(ExportTraceServiceRequest(resource_spans=[whole]).SerializeToString())


def points(count: int) -> bytes:
    """Points of a histogram with 15 bounds, of as many series."""
    bounds = [0.005 * 2**at for at in range(15)]
    made = [
        metrics_pb2.HistogramDataPoint(
            attributes=[
                _text("http.route", f"/route/{number % 100}"),
                _number("http.response.status_code", 200),
            ],
            start_time_unix_nano=_NOW_NS,
            time_unix_nano=_NOW_NS + number,
            count=16,
            sum=number * 0.1,
            bucket_counts=[1] * 16,
            explicit_bounds=bounds,
        )
        for number in itertools.islice(_numbers, count)
    ]
    metric = metrics_pb2.Metric(
        name="http.server.request.duration",
        unit="s",
        histogram=metrics_pb2.Histogram(
            data_points=made,
            aggregation_temporality=metrics_pb2.AGGREGATION_TEMPORALITY_CUMULATIVE,
        ),
    )
    scope = metrics_pb2.ScopeMetrics(scope=_SCOPE, metrics=[metric])
    whole = metrics_pb2.ResourceMetrics(resource=_RESOURCE, scope_metrics=[scope])
    request = ExportMetricsServiceRequest(resource_metrics=[whole])
    return bytes(request.SerializeToString())
