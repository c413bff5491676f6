"""Points arrive at a Collector as they were, and as OpenTelemetry's SDK sends them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    HistogramDataPoint,
    InMemoryMetricReader,
)
from opentelemetry.sdk.resources import Resource

from telemetry.pipeline.otlp.metrics import metrics_request
from telemetry.pipeline.points import Attribute, Distribution, Exemplar, Point, Shape
from tests.pipeline.otlp.plain_values import expected, read_all

NS = 1_700_000_000_000_000_000
RESOURCE = {"service.name": "demo"}


def point(value: Any, shape: Shape = "gauge", **others: Any) -> Point:
    """A point of the metric ``m``."""
    given_ = {
        "name": "m",
        "unit": "s",
        "shape": shape,
        "attributes": (("a", "b"),),
        "start_unix_ns": 0 if shape == "gauge" else NS - 9,
        "unix_ns": NS,
        "value": value,
        **others,
    }
    return Point(**given_)


def metrics(*points: Point) -> Any:
    """The metrics of a request, read back."""
    body, count = metrics_request(RESOURCE, points)
    (resource,) = ExportMetricsServiceRequest.FromString(body).resource_metrics
    (scope,) = resource.scope_metrics
    assert count == len(points)
    assert scope.scope.name == "telemetry"
    assert read_all(resource.resource.attributes) == expected(RESOURCE)
    return list(scope.metrics)


@pytest.mark.parametrize(
    ("shape", "delta", "kind", "monotonic", "temporality"),
    [
        ("counter", False, "sum", True, 2),
        ("counter", True, "sum", True, 1),
        ("up-down counter", False, "sum", False, 2),
        ("histogram", False, "histogram", None, 2),
        ("histogram", True, "histogram", None, 1),
        ("gauge", False, "gauge", None, None),
    ],
)
def test_shape(
    shape: Shape,
    delta: bool,
    kind: str,
    monotonic: bool | None,
    temporality: int | None,
) -> None:
    """What each is in OTLP: monotonic or not, since the start or since the last."""
    value: Any = Distribution((), (1,), 0.5) if shape == "histogram" else 3
    (metric,) = metrics(point(value, shape, delta=delta, description="Said."))
    data = getattr(metric, kind)

    assert (metric.name, metric.unit, metric.description) == ("m", "s", "Said.")
    assert metric.WhichOneof("data") == kind
    assert getattr(data, "is_monotonic", None) == monotonic
    assert getattr(data, "aggregation_temporality", None) == temporality
    assert data.data_points[0].time_unix_nano == NS
    assert data.data_points[0].start_time_unix_nano == (
        0 if kind == "gauge" else NS - 9
    )


@pytest.mark.parametrize("value", [0, -5, 2**63 - 1, 0.25, float("inf")])
def test_number(value: float) -> None:
    """A whole one stays whole."""
    (metric,) = metrics(point(value))
    found = metric.gauge.data_points[0]

    assert found.WhichOneof("value") == (
        "as_int" if type(value) is int else "as_double"
    )
    assert getattr(found, found.WhichOneof("value")) == value


def test_number_beyond_64_bits() -> None:
    """Not exact, and not lost."""
    assert metrics(point(2**70))[0].gauge.data_points[0].as_double == 2.0**70


def test_points_of_a_metric_are_together() -> None:
    """Wherever they stood; what differs in more than attributes is another metric."""
    found = metrics(
        point(1, name="a"),
        point(2, name="b"),
        point(3, name="a"),
        point(4, "counter", name="a"),
        point(5, name="a", unit="By"),
    )

    assert [(m.name, m.unit, m.WhichOneof("data")) for m in found] == [
        ("a", "s", "gauge"),
        ("b", "s", "gauge"),
        ("a", "s", "sum"),
        ("a", "By", "gauge"),
    ]
    assert [each.as_int for each in found[0].gauge.data_points] == [1, 3]


def test_histogram() -> None:
    """Bounds, counts, sum, and what is known of the extremes."""
    value = Distribution((1.0, 2.5), (1, 0, 2**40), 7.5, 0.0, None)
    data = metrics(point(value, "histogram"))[0].histogram.data_points[0]

    assert list(data.explicit_bounds) == [1.0, 2.5]
    assert list(data.bucket_counts) == [1, 0, 2**40]
    assert (data.count, data.sum) == (1 + 2**40, 7.5)
    assert (data.HasField("min"), data.HasField("max")) == (True, False)


@pytest.mark.parametrize("shape", ["counter", "histogram"])
def test_exemplar(shape: Shape) -> None:
    """The trace, the moment, the value, and the id that is on no series."""
    trace_id, span_id = bytes(range(16)), bytes(range(8))
    with_trace = Exemplar(NS - 1, 0.5, trace_id, span_id, (("input_id", "in-1"),))
    given_ = (with_trace, Exemplar(NS, 2.0))
    value: Any = Distribution((), (1,), 0.5) if shape == "histogram" else 1
    (metric,) = metrics(point(value, shape, exemplars=given_))
    data = metric.histogram if shape == "histogram" else metric.sum
    first, second = data.data_points[0].exemplars

    assert (first.time_unix_nano, first.as_double) == (NS - 1, 0.5)
    assert (first.trace_id, first.span_id) == (trace_id, span_id)
    assert read_all(first.filtered_attributes) == expected({"input_id": "in-1"})
    assert (second.trace_id, second.span_id) == (b"", b"")


@pytest.mark.parametrize(
    "bad",
    [
        point(Distribution((), (-1,), 0.0), "histogram"),
        point(1, unix_ns=-1),
        point("x"),
        point(1, attributes=None),
    ],
    ids=["count", "time", "value", "attributes"],
)
def test_bad_point_holds_up_nothing(bad: Point) -> None:
    """It is left out, and not counted."""
    body, count = metrics_request(RESOURCE, [point(1), bad, point(2)])
    (resource,) = ExportMetricsServiceRequest.FromString(body).resource_metrics
    (metric,) = resource.scope_metrics[0].metrics

    assert [each.as_int for each in metric.gauge.data_points] == [1, 2]
    assert count == 2


def test_exemplar_with_bad_ids() -> None:
    """The ids are left out: a Collector would refuse the whole request."""
    exemplar = Exemplar(NS, 0.5, b"short", b"short")
    (metric,) = metrics(point(1, "counter", exemplars=(exemplar,)))

    assert metric.sum.data_points[0].exemplars[0].trace_id == b""


def test_nothing() -> None:
    """No points, no request."""
    assert metrics_request(RESOURCE, []) == (b"", 0)


VALUES = st.text(max_size=10) | st.booleans() | st.integers(0, 9) | st.floats(0, 9)


@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), VALUES, max_size=4))
def test_attributes(given_: dict[str, Attribute]) -> None:
    """Each kind of value that a series can have."""
    pairs = tuple(sorted(given_.items()))
    found = metrics(point(1, attributes=pairs))[0].gauge.data_points[0]

    assert read_all(found.attributes) == expected(dict(pairs))


def test_as_the_sdk_encodes_them() -> None:
    """What the SDK has measured, as points of ours: the same message."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], Resource({"service.name": "demo"}))
    meter = provider.get_meter("telemetry")
    counter = meter.create_counter("c", "{input}", "Counted.")
    for number in range(5):
        counter.add(number, {"n": number % 2})
    meter.create_up_down_counter("u").add(-3, {"x": "y"})
    meter.create_gauge("g", "By").set(0.5)
    duration = meter.create_histogram(
        "h", "s", explicit_bucket_boundaries_advisory=[0.1, 1.0]
    )
    for seconds in (0.05, 0.5, 5.0):
        duration.record(seconds, {"x": "y"})
    data = reader.get_metrics_data()
    assert data is not None
    theirs = encode_metrics(data)
    provider.shutdown()
    body, _ = metrics_request(RESOURCE, _points(data))

    assert ExportMetricsServiceRequest.FromString(body) == theirs


def _points(data: Any) -> list[Point]:
    found: list[Point] = []
    shapes: dict[str, Shape] = {
        "c": "counter",
        "u": "up-down counter",
        "g": "gauge",
        "h": "histogram",
    }
    for metric in data.resource_metrics[0].scope_metrics[0].metrics:
        delta = getattr(metric.data, "aggregation_temporality", None)
        assert delta != AggregationTemporality.DELTA
        for each in metric.data.data_points:
            value: Any = getattr(each, "value", None)
            if isinstance(each, HistogramDataPoint):
                value = Distribution(
                    tuple(each.explicit_bounds),
                    tuple(each.bucket_counts),
                    each.sum,
                    each.min,
                    each.max,
                )
            found.append(
                Point(
                    metric.name,
                    metric.unit or "",
                    shapes[metric.name],
                    tuple(each.attributes.items()),
                    getattr(each, "start_time_unix_nano", None) or 0,
                    each.time_unix_nano,
                    value,
                    metric.description or "",
                )
            )
    return found
