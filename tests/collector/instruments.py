"""One synthetic point of each instrument, as OpenTelemetry's own messages."""

from __future__ import annotations

import time
from typing import Final

from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AggregationTemporality,
    Exemplar,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    Sum,
)

from telemetry.core import metrics as core
from tests.stack import sending

CUMULATIVE: Final = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
DELTA: Final = AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
TRACE_ID: Final = sending.trace_id_of(1)
SPAN_ID: Final = (7).to_bytes(8, "big")
INPUT_ID: Final = "in-01JDTH8M6Z0000000000000000"
MINUTE_NS: Final = 60_000_000_000


def attribute_values(metric: core.Metric) -> dict[str, str]:
    """A value for each attribute: the name of it, so that each is another."""
    return {name: f"a {name}" for name in metric.attributes}


def point_of(metric: core.Metric, value: float) -> Metric:
    """A point with *value*; of a histogram one value in the second bucket."""
    made = Metric(name=metric.name, unit=metric.unit, description=metric.description)
    now_ns = time.time_ns()
    attributes = sending.attributes_of(attribute_values(metric))
    if metric.kind == "histogram":
        counts = [0, 1, *[0] * (len(metric.bounds) - 1)]
        exemplar = Exemplar(
            filtered_attributes=sending.attributes_of({"input_id": INPUT_ID}),
            time_unix_nano=now_ns,
            as_double=metric.bounds[1],
            trace_id=TRACE_ID,
            span_id=SPAN_ID,
        )
        point = HistogramDataPoint(
            attributes=attributes,
            start_time_unix_nano=now_ns - MINUTE_NS,
            time_unix_nano=now_ns,
            count=1,
            sum=value,
            bucket_counts=counts,
            explicit_bounds=metric.bounds,
            exemplars=[exemplar],
        )
        made.histogram.CopyFrom(
            Histogram(data_points=[point], aggregation_temporality=CUMULATIVE)
        )
        return made
    number = NumberDataPoint(
        attributes=attributes,
        start_time_unix_nano=now_ns - MINUTE_NS,
        time_unix_nano=now_ns,
        as_double=value,
    )
    if "gauge" in metric.kind:
        made.gauge.CopyFrom(Gauge(data_points=[number]))
        return made
    made.sum.CopyFrom(
        Sum(
            data_points=[number],
            aggregation_temporality=CUMULATIVE,
            is_monotonic=metric.kind == "counter",
        )
    )
    return made
