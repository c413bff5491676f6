"""Synthetic OTLP, built with OpenTelemetry's own message classes, and its sending."""

from __future__ import annotations

import hashlib
import itertools
import time
from collections.abc import Iterable, Mapping
from typing import Final

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, SeverityNumber
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.stack import programs

Request = (
    ExportLogsServiceRequest | ExportMetricsServiceRequest | ExportTraceServiceRequest
)
RESOURCE: Final = {
    "service.name": "synthetic",
    "service.instance.id": "ct-1",
    "host.name": "host-1",
}
MS: Final = 1_000_000
_NUMBERS: Final = itertools.count(1)


def value_of(value: object) -> AnyValue:
    """OTLP's form of a plain value."""
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    return AnyValue(string_value=str(value))


def attributes_of(values: Mapping[str, object]) -> list[KeyValue]:
    """OTLP's form of attributes."""
    return [KeyValue(key=key, value=value_of(value)) for key, value in values.items()]


def trace_id_of(number: int) -> bytes:
    """A trace id that looks random and is the same in each run."""
    return hashlib.blake2b(str(number).encode(), digest_size=16).digest()


def span(
    trace_id: bytes,
    name: str,
    attributes: Mapping[str, object] | None = None,
    *,
    kind: int = Span.SPAN_KIND_INTERNAL,
    lasts_ms: float = 20,
    failed: bool = False,
) -> Span:
    """A span that ends now."""
    end_ns = time.time_ns()
    code = Status.STATUS_CODE_ERROR if failed else Status.STATUS_CODE_UNSET
    return Span(
        trace_id=trace_id,
        span_id=next(_NUMBERS).to_bytes(8, "big"),
        name=name,
        kind=Span.SpanKind.Name(kind),
        start_time_unix_nano=end_ns - int(lasts_ms * MS),
        end_time_unix_nano=end_ns,
        attributes=attributes_of(attributes or {}),
        status=Status(code=code),
    )


def log_record(body: str, attributes: Mapping[str, object] | None = None) -> LogRecord:
    """A log record of this moment."""
    return LogRecord(
        time_unix_nano=time.time_ns(),
        severity_number=SeverityNumber.SEVERITY_NUMBER_INFO,
        severity_text="INFO",
        body=value_of(body),
        attributes=attributes_of(attributes or {}),
    )


def traces(spans: Iterable[Span]) -> ExportTraceServiceRequest:
    """One request with all of them."""
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add(resource=_resource())
    group.scope_spans.add(spans=list(spans))
    return request


def logs(records: Iterable[LogRecord]) -> ExportLogsServiceRequest:
    """One request with all of them."""
    request = ExportLogsServiceRequest()
    group = request.resource_logs.add(resource=_resource())
    group.scope_logs.add(log_records=list(records))
    return request


def metrics(of: Iterable[Metric]) -> ExportMetricsServiceRequest:
    """One request with all of them."""
    request = ExportMetricsServiceRequest()
    group = request.resource_metrics.add(resource=_resource())
    group.scope_metrics.add(metrics=list(of))
    return request


def send(port: int, request: Request, headers: Mapping[str, str] | None = None) -> None:
    """Has the Collector at *port* take a request over HTTP."""
    kind = type(request).__name__
    signal = kind.removeprefix("Export").removesuffix("ServiceRequest").lower()
    path = {"trace": "traces"}.get(signal, signal)
    status, body = programs.ask(
        port,
        f"/v1/{path}",
        request.SerializeToString(),
        {"Content-Type": "application/x-protobuf", **(headers or {})},
    )
    # The second one is what the Collector says: a partial_success without content.
    accepted = (b"", b"\n\0")
    assert status == programs.OK and body in accepted, (status, body[:200])


def _resource() -> Resource:
    return Resource(attributes=attributes_of(RESOURCE))
