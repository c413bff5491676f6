"""Metrics of OTLP become points, each shape of them."""

from __future__ import annotations

import math
from typing import Any

import pytest
from opentelemetry.proto.metrics.v1 import metrics_pb2 as otlp

from telemetry.pipeline.points import Distribution, Exemplar, Point
from telemetry.pipeline.receiver.decoding import Decoded, decode_metrics
from tests.pipeline.receiver.otlp import metrics_request, pairs

NOW_NS = 1_790_000_000_000_000_000
CUMULATIVE = otlp.AGGREGATION_TEMPORALITY_CUMULATIVE
DELTA = otlp.AGGREGATION_TEMPORALITY_DELTA
TIMES: dict[str, Any] = {"start_time_unix_nano": 10, "time_unix_nano": 20}


def decoded(**data: Any) -> Decoded[Point]:
    """What a request with one metric is."""
    metric = otlp.Metric(name="cart.size", unit="By", description="How large.", **data)
    return decode_metrics(metrics_request([metric]), NOW_NS)


def points(**data: Any) -> list[Point]:
    """The points of one metric."""
    return decoded(**data).groups[0][1]


def number(value: float, **more: Any) -> otlp.NumberDataPoint:
    """A point of a sum or a gauge."""
    return otlp.NumberDataPoint(as_double=value, **TIMES, **more)


def test_gauge() -> None:
    """Attributes are sorted, and a gauge starts at no time."""
    given = number(1.5, attributes=pairs({"b": 2, "a": True}))

    assert points(gauge=otlp.Gauge(data_points=[given])) == [
        Point(
            "cart.size",
            "By",
            "gauge",
            (("a", True), ("b", 2)),
            0,
            20,
            1.5,
            "How large.",
        )
    ]


@pytest.mark.parametrize(
    ("monotonic", "temporality", "shape", "delta"),
    [
        (True, CUMULATIVE, "counter", False),
        (True, DELTA, "counter", True),
        (False, CUMULATIVE, "up-down counter", False),
        (False, 0, "up-down counter", False),
    ],
)
def test_sums(monotonic: bool, temporality: Any, shape: str, delta: bool) -> None:
    """A monotonic sum is a counter; both keep since when they count, and how."""
    given = otlp.NumberDataPoint(as_int=2**62, **TIMES)
    (point,) = points(
        sum=otlp.Sum(
            data_points=[given],
            is_monotonic=monotonic,
            aggregation_temporality=temporality,
        )
    )

    assert (point.shape, point.delta) == (shape, delta)
    assert (point.start_unix_ns, point.unix_ns, point.value) == (10, 20, 2**62)


def test_histogram_with_exemplars() -> None:
    """Buckets, sum and extremes as sent; the exemplar leads to its trace."""
    exemplar = otlp.Exemplar(
        time_unix_nano=15,
        as_double=3.0,
        trace_id=b"t" * 16,
        span_id=b"s" * 8,
        filtered_attributes=pairs({"input_id": "in-1"}),
    )
    given = otlp.HistogramDataPoint(
        count=3,
        sum=7.5,
        min=0.5,
        explicit_bounds=[1.0, 5.0],
        bucket_counts=[1, 2, 0],
        exemplars=[exemplar],
        **TIMES,
    )
    (point,) = points(histogram=otlp.Histogram(data_points=[given]))

    assert point.value == Distribution((1.0, 5.0), (1, 2, 0), 7.5, 0.5, None)
    assert point.exemplars == (
        Exemplar(15, 3.0, b"t" * 16, b"s" * 8, (("input_id", "in-1"),)),
    )


def test_histogram_without_buckets() -> None:
    """One that only counts is one bucket without bounds."""
    given = otlp.HistogramDataPoint(count=3, sum=7.5)
    (point,) = points(histogram=otlp.Histogram(data_points=[given]))

    assert point.value == Distribution((), (3,), 7.5)


def test_exponential_histogram_gets_bounds() -> None:
    """At scale 0 the bounds are powers of two; what is about 0 lies in between."""
    sides = otlp.ExponentialHistogramDataPoint.Buckets
    given = otlp.ExponentialHistogramDataPoint(
        count=10,
        sum=1.0,
        scale=0,
        zero_count=4,
        positive=sides(offset=1, bucket_counts=[1, 2]),
        negative=sides(offset=0, bucket_counts=[3]),
    )
    (point,) = points(
        exponential_histogram=otlp.ExponentialHistogram(data_points=[given])
    )

    assert point.value == Distribution(
        (-2.0, -1.0, 2.0, 4.0, 8.0), (0, 3, 4, 1, 2, 0), 1.0
    )


def test_summary_becomes_what_prometheus_makes_of_it() -> None:
    """A gauge per quantile, and two counters; a quantile of nothing is left out."""
    quantile = otlp.SummaryDataPoint.ValueAtQuantile
    given = otlp.SummaryDataPoint(
        count=3,
        sum=7.5,
        attributes=pairs({"z": 1}),
        quantile_values=[
            quantile(quantile=0.5, value=2.0),
            quantile(quantile=0.99, value=math.nan),
        ],
        **TIMES,
    )
    found = points(summary=otlp.Summary(data_points=[given]))

    assert [(p.name, p.shape, p.attributes, p.value) for p in found] == [
        ("cart.size_count", "counter", (("z", 1),), 3),
        ("cart.size_sum", "counter", (("z", 1),), 7.5),
        ("cart.size", "gauge", (("quantile", "0.5"), ("z", 1)), 2.0),
    ]


BAD_BOUNDS = {"bucket_counts": [1, 1], "explicit_bounds": [math.nan]}
FALLING = {"bucket_counts": [1, 1, 1], "explicit_bounds": [2.0, 1.0]}


@pytest.mark.parametrize(
    "data",
    [
        {"gauge": otlp.Gauge(data_points=[number(math.nan)])},
        {"gauge": otlp.Gauge(data_points=[number(-math.inf)])},
        {"gauge": otlp.Gauge(data_points=[otlp.NumberDataPoint()])},
        {
            "histogram": otlp.Histogram(
                data_points=[otlp.HistogramDataPoint(sum=math.nan)]
            )
        },
        {
            "histogram": otlp.Histogram(
                data_points=[otlp.HistogramDataPoint(bucket_counts=[1])],
            )
        },
        {
            "histogram": otlp.Histogram(
                data_points=[otlp.HistogramDataPoint(count=2**64 - 1)]
            )
        },
    ],
)
def test_what_is_no_number_goes_on_alone(data: dict[str, Any]) -> None:
    """The store does without it, and says so; the Collector may do as it likes."""
    found = decoded(**data)
    untouched = decoded(**data).body

    if found.left_out:
        assert found.groups[0][1] == []
    assert (found.items, found.refused, found.body) == (1, 0, untouched)


def test_the_end_of_a_series_is_no_loss() -> None:
    """A point that says "no recorded value" is no value, and nothing is missing."""
    found = decoded(gauge=otlp.Gauge(data_points=[number(0.0, flags=1)]))

    assert (found.groups[0][1], found.items, found.left_out) == ([], 1, 0)


def test_a_series_equals_itself() -> None:
    """NaN as an attribute, a list or nothing would make a new series of each point."""
    odd = {"nan": math.nan, "list": ["a", 1], "map": {"k": 1}}
    given = [number(1.0, attributes=pairs(odd)) for _ in range(2)]
    first, second = points(gauge=otlp.Gauge(data_points=given))

    assert first.attributes == second.attributes
    assert dict(first.attributes) == {"nan": "nan", "list": '["a",1]', "map": '{"k":1}'}
