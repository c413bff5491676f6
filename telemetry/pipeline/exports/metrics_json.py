"""Stored points in the form of OTLP/JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from telemetry.pipeline.exports.json_values import attributes, double
from telemetry.pipeline.store.queries.measures import StoredPoint, StoredSeries

# Source: metrics.proto, AggregationTemporality.
_DELTA: Final = 1
_CUMULATIVE: Final = 2


def metric(series: StoredSeries, points: Sequence[StoredPoint]) -> dict[str, Any]:
    """A ``Metric`` with the points of one series."""
    found: dict[str, Any] = {
        "name": series.name,
        "unit": series.unit,
        "description": series.description,
    }
    temporality = _DELTA if series.delta else _CUMULATIVE
    if series.shape == "histogram":
        data = [_distribution(series, point) for point in points]
        found["histogram"] = {"dataPoints": data, "aggregationTemporality": temporality}
        return found
    data = [_number(series, point) for point in points]
    if series.shape == "gauge":
        found["gauge"] = {"dataPoints": data}
        return found
    found["sum"] = {
        "dataPoints": data,
        "aggregationTemporality": temporality,
        "isMonotonic": series.shape == "counter",
    }
    return found


def _number(series: StoredSeries, point: StoredPoint) -> dict[str, Any]:
    return {**_point(series, point), "asDouble": double(point.value)}


def _distribution(series: StoredSeries, point: StoredPoint) -> dict[str, Any]:
    found = {
        **_point(series, point),
        "count": str(sum(point.counts)),
        "sum": double(point.value),
        "bucketCounts": [str(count) for count in point.counts],
        "explicitBounds": series.bounds,
    }
    if point.min is not None:
        found["min"] = double(point.min)
    if point.max is not None:
        found["max"] = double(point.max)
    return found


def _point(series: StoredSeries, point: StoredPoint) -> dict[str, Any]:
    return {
        "attributes": attributes(series.attributes),
        "startTimeUnixNano": str(point.start_ns),
        "timeUnixNano": str(point.unix_ns),
        "exemplars": [_exemplar(each) for each in point.exemplars],
    }


def _exemplar(exemplar: dict[str, Any]) -> dict[str, Any]:
    return {
        "timeUnixNano": str(exemplar["unix_ns"]),
        "asDouble": double(exemplar["value"]),
        "traceId": exemplar["trace_id"],
        "spanId": exemplar["span_id"],
        "filteredAttributes": attributes(exemplar["attributes"]),
    }
