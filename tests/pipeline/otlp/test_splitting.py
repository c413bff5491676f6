"""A request cut in two is two requests with the same items."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)

from telemetry.pipeline.otlp.splitting import halves, item_count
from telemetry.pipeline.otlp.wire import MalformedError


def request_of(shape: list[list[int]]) -> ExportTraceServiceRequest:
    """For each resource the numbers of spans in its scopes; all spans are numbered."""
    request, number = ExportTraceServiceRequest(), 0
    for at, scopes in enumerate(shape):
        resource = request.resource_spans.add(schema_url=f"schema-{at}")
        resource.resource.attributes.add(key="number").value.int_value = at
        for count in scopes:
            scope = resource.scope_spans.add(schema_url="scope")
            scope.scope.name = f"scope-{at}"
            for _ in range(count):
                scope.spans.add(name=str(number), kind=2)
                number += 1
    return request


def spans_in(request: ExportTraceServiceRequest) -> list[tuple[int, str, str, Any]]:
    """Each span with what it stands in."""
    return [
        (
            resource.resource.attributes[0].value.int_value,
            resource.schema_url,
            scope.scope.name,
            span,
        )
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


@given(st.lists(st.lists(st.integers(0, 5), max_size=4), max_size=4))
def test_halves(shape: list[list[int]]) -> None:
    """All spans, each once, in order, with their resource and their scope."""
    request = request_of(shape)
    count = sum(map(sum, shape))
    parts = halves("spans", request.SerializeToString())

    assert item_count("spans", request.SerializeToString()) == count
    assert (parts is None) == (count < 2)
    if parts is not None:
        first, second = (ExportTraceServiceRequest.FromString(each) for each in parts)
        assert len(spans_in(first)) == count // 2
        assert spans_in(first) + spans_in(second) == spans_in(request)


def test_metrics_are_cut_between_points() -> None:
    """One metric with many points: each half has its name, its unit, its shape."""
    request = ExportMetricsServiceRequest()
    scope = request.resource_metrics.add().scope_metrics.add()
    scope.metrics.add(name="a", unit="s").gauge.data_points.add(as_int=0)
    counter = scope.metrics.add(name="b", unit="By").sum
    counter.is_monotonic = True
    counter.aggregation_temporality = 2
    for number in range(1, 6):
        counter.data_points.add(as_int=number)
    parts = halves("metrics", request.SerializeToString())
    assert parts is not None
    found = [ExportMetricsServiceRequest.FromString(each) for each in parts]

    values: list[list[int]] = []
    for each in found:
        metrics = each.resource_metrics[0].scope_metrics[0].metrics
        values.append([])
        for metric in metrics:
            assert (metric.name, metric.unit) in {("a", "s"), ("b", "By")}
            points = metric.gauge.data_points or metric.sum.data_points
            values[-1] += [point.as_int for point in points]
            if metric.name == "b":
                assert metric.sum.is_monotonic
                assert metric.sum.aggregation_temporality == 2
    assert values == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize("body", [b"\x0a\x05abc", b"\x08\x01\x0f", b"\x0a\x02\x12\x09"])
def test_what_is_no_request(body: bytes) -> None:
    """Is told apart."""
    with pytest.raises(MalformedError):
        halves("logs", body)
