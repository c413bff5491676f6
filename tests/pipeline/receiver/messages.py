"""OTLP requests as strategies: of the right form, with contents as bad as they come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
from opentelemetry.proto.common.v1 import common_pb2 as common
from opentelemetry.proto.logs.v1 import logs_pb2 as logs
from opentelemetry.proto.metrics.v1 import metrics_pb2 as metrics
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2 as trace

from telemetry.core import names
from telemetry.pipeline.outbox import Signal

UINT64 = st.integers(0, 2**64 - 1)
INT64 = st.integers(-(2**63), 2**63 - 1)
INT32 = st.integers(-(2**31), 2**31 - 1)
UINT32 = st.integers(0, 2**32 - 1)
TIMES = st.sampled_from([0, 1, 1_790_000_000_000_000_000, 2**63, 2**64 - 1]) | UINT64
FLOATS = st.floats()
TEXTS = st.text(max_size=12)
NAMES = TEXTS | st.sampled_from(
    [*sorted(names.ATTRIBUTES), "input_id", "event", "trace_id", "quantile"]
)


def ids(length: int) -> st.SearchStrategy[bytes]:
    """An id, or something of another length."""
    return st.binary(min_size=length, max_size=length) | st.binary(max_size=length + 1)


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    arrays = st.lists(inner, max_size=3).map(
        lambda many: common.AnyValue(array_value=common.ArrayValue(values=many))
    )
    pairs = st.builds(common.KeyValue, key=TEXTS, value=inner)
    return arrays | st.lists(pairs, max_size=3).map(
        lambda many: common.AnyValue(kvlist_value=common.KeyValueList(values=many))
    )


ANY = st.recursive(
    st.just(common.AnyValue())
    | st.builds(common.AnyValue, string_value=TEXTS)
    | st.builds(common.AnyValue, bool_value=st.booleans())
    | st.builds(common.AnyValue, int_value=INT64)
    | st.builds(common.AnyValue, double_value=FLOATS)
    | st.builds(common.AnyValue, bytes_value=st.binary(max_size=8)),
    _nested,
    max_leaves=5,
)
ATTRIBUTES = st.lists(st.builds(common.KeyValue, key=NAMES, value=ANY), max_size=4)
SCOPES = st.builds(
    common.InstrumentationScope, name=TEXTS, version=TEXTS, attributes=ATTRIBUTES
)
RESOURCES = st.builds(Resource, attributes=ATTRIBUTES)

RECORDS = st.builds(
    logs.LogRecord,
    time_unix_nano=TIMES,
    observed_time_unix_nano=TIMES,
    severity_number=st.integers(-3, 40),
    severity_text=TEXTS | st.sampled_from(["WARN", "Fatal"]),
    body=ANY,
    attributes=ATTRIBUTES,
    trace_id=ids(16),
    span_id=ids(8),
    event_name=TEXTS,
)
SPANS = st.builds(
    trace.Span,
    trace_id=ids(16),
    span_id=ids(8),
    parent_span_id=ids(8),
    trace_state=TEXTS,
    name=TEXTS,
    kind=st.integers(-2, 9),
    start_time_unix_nano=TIMES,
    end_time_unix_nano=TIMES,
    attributes=ATTRIBUTES,
    dropped_attributes_count=UINT32,
    events=st.lists(
        st.builds(
            trace.Span.Event, time_unix_nano=TIMES, name=TEXTS, attributes=ATTRIBUTES
        ),
        max_size=2,
    ),
    links=st.lists(
        st.builds(
            trace.Span.Link, trace_id=ids(16), span_id=ids(8), attributes=ATTRIBUTES
        ),
        max_size=2,
    ),
    status=st.builds(trace.Status, code=st.integers(-1, 5), message=TEXTS),
)

EXEMPLARS = st.lists(
    st.builds(
        metrics.Exemplar,
        time_unix_nano=TIMES,
        as_double=FLOATS,
        trace_id=ids(16),
        span_id=ids(8),
        filtered_attributes=ATTRIBUTES,
    ),
    max_size=2,
)
_POINT: dict[str, st.SearchStrategy[Any]] = {
    "attributes": ATTRIBUTES,
    "start_time_unix_nano": TIMES,
    "time_unix_nano": TIMES,
    "flags": st.integers(0, 3),
}
_COUNTED: dict[str, st.SearchStrategy[Any]] = {
    **_POINT,
    "exemplars": EXEMPLARS,
    "count": UINT64,
    "sum": FLOATS,
    "min": FLOATS,
    "max": FLOATS,
}
NUMBERS = (
    st.builds(metrics.NumberDataPoint, **_POINT)
    | st.builds(
        metrics.NumberDataPoint, **_POINT, exemplars=EXEMPLARS, as_double=FLOATS
    )
    | st.builds(metrics.NumberDataPoint, **_POINT, exemplars=EXEMPLARS, as_int=INT64)
)
HISTOGRAMS = st.builds(
    metrics.HistogramDataPoint,
    **_COUNTED,
    explicit_bounds=st.lists(FLOATS, max_size=3),
    bucket_counts=st.lists(UINT64, max_size=4),
)
SIDES = st.builds(
    metrics.ExponentialHistogramDataPoint.Buckets,
    offset=INT32 | st.integers(-50, 50),
    bucket_counts=st.lists(UINT64 | st.integers(0, 3), max_size=6),
)
EXPONENTIALS = st.builds(
    metrics.ExponentialHistogramDataPoint,
    **_COUNTED,
    scale=INT32 | st.integers(-12, 22),
    zero_count=UINT64,
    zero_threshold=FLOATS,
    positive=SIDES,
    negative=SIDES,
)
SUMMARIES = st.builds(
    metrics.SummaryDataPoint,
    **_POINT,
    count=UINT64,
    sum=FLOATS,
    quantile_values=st.lists(
        st.builds(
            metrics.SummaryDataPoint.ValueAtQuantile, quantile=FLOATS, value=FLOATS
        ),
        max_size=3,
    ),
)


def _metric(field: str, kind: Callable[..., Any], points: Any, **more: Any) -> Any:
    data = st.builds(kind, data_points=st.lists(points, max_size=2), **more)
    return st.builds(
        metrics.Metric, name=TEXTS, unit=TEXTS, description=TEXTS, **{field: data}
    )


_TEMPORALITY = {"aggregation_temporality": st.integers(-1, 4)}
METRICS = st.one_of(
    st.builds(metrics.Metric, name=TEXTS, metadata=ATTRIBUTES),
    _metric("gauge", metrics.Gauge, NUMBERS),
    _metric("sum", metrics.Sum, NUMBERS, is_monotonic=st.booleans(), **_TEMPORALITY),
    _metric("histogram", metrics.Histogram, HISTOGRAMS, **_TEMPORALITY),
    _metric(
        "exponential_histogram",
        metrics.ExponentialHistogram,
        EXPONENTIALS,
        **_TEMPORALITY,
    ),
    _metric("summary", metrics.Summary, SUMMARIES),
)

LOG_REQUESTS = st.builds(
    ExportLogsServiceRequest,
    resource_logs=st.lists(
        st.builds(
            logs.ResourceLogs,
            resource=RESOURCES,
            scope_logs=st.lists(
                st.builds(
                    logs.ScopeLogs,
                    scope=SCOPES,
                    log_records=st.lists(RECORDS, max_size=3),
                ),
                max_size=2,
            ),
        ),
        max_size=2,
    ),
)
SPAN_REQUESTS = st.builds(
    ExportTraceServiceRequest,
    resource_spans=st.lists(
        st.builds(
            trace.ResourceSpans,
            resource=RESOURCES,
            scope_spans=st.lists(
                st.builds(
                    trace.ScopeSpans, scope=SCOPES, spans=st.lists(SPANS, max_size=3)
                ),
                max_size=2,
            ),
        ),
        max_size=2,
    ),
)
METRIC_REQUESTS = st.builds(
    ExportMetricsServiceRequest,
    resource_metrics=st.lists(
        st.builds(
            metrics.ResourceMetrics,
            resource=RESOURCES,
            scope_metrics=st.lists(
                st.builds(
                    metrics.ScopeMetrics,
                    scope=SCOPES,
                    metrics=st.lists(METRICS, max_size=3),
                ),
                max_size=2,
            ),
        ),
        max_size=2,
    ),
)

REQUESTS: dict[Signal, st.SearchStrategy[Any]] = {
    "logs": LOG_REQUESTS,
    "spans": SPAN_REQUESTS,
    "metrics": METRIC_REQUESTS,
}
