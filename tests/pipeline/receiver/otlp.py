"""Parts of OTLP requests, as tests write them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

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
    ArrayValue,
    InstrumentationScope,
    KeyValue,
    KeyValueList,
)
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    Metric,
    ResourceMetrics,
    ScopeMetrics,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

RESOURCE = {"service.name": "shop", "process.pid": 7}
SCOPE = InstrumentationScope(name="shop.cart", version="1.2")

_FIELDS = {
    bool: "bool_value",
    int: "int_value",
    float: "double_value",
    bytes: "bytes_value",
    str: "string_value",
}


def any_value(value: object) -> AnyValue:
    """*value* as OTLP has it."""
    if isinstance(value, list | tuple):
        return AnyValue(array_value=ArrayValue(values=map(any_value, value)))
    if isinstance(value, dict):
        return AnyValue(kvlist_value=KeyValueList(values=pairs(value)))
    field = _FIELDS[type(value)]
    return AnyValue(**{field: value})  # type: ignore[arg-type]  # the type is looked up


def pairs(given: dict[str, Any]) -> list[KeyValue]:
    """Attributes as OTLP has them."""
    return [KeyValue(key=name, value=any_value(value)) for name, value in given.items()]


def logs_request(records: Iterable[LogRecord]) -> bytes:
    """A request with one resource and one scope."""
    inner = ScopeLogs(scope=SCOPE, log_records=records)
    outer = ResourceLogs(
        resource=Resource(attributes=pairs(RESOURCE)), scope_logs=[inner]
    )
    return bytes(ExportLogsServiceRequest(resource_logs=[outer]).SerializeToString())


def spans_request(spans: Iterable[Span]) -> bytes:
    """A request with one resource and one scope."""
    inner = ScopeSpans(scope=SCOPE, spans=spans)
    outer = ResourceSpans(
        resource=Resource(attributes=pairs(RESOURCE)), scope_spans=[inner]
    )
    return bytes(ExportTraceServiceRequest(resource_spans=[outer]).SerializeToString())


def metrics_request(metrics: Iterable[Metric]) -> bytes:
    """A request with one resource and one scope."""
    inner = ScopeMetrics(scope=SCOPE, metrics=metrics)
    outer = ResourceMetrics(
        resource=Resource(attributes=pairs(RESOURCE)), scope_metrics=[inner]
    )
    return bytes(
        ExportMetricsServiceRequest(resource_metrics=[outer]).SerializeToString()
    )
