"""What a Collector's file exporter has written, as plain data: OTLP in JSON lines."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

_T = TypeVar("_T")
Attributes = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ReceivedLog:
    """A log record; times are Unix nanoseconds, ids hexadecimal."""

    resource: Attributes
    scope: str
    body: Any
    attributes: Attributes
    severity_number: int
    severity_text: str
    unix_ns: int
    trace_id: str
    span_id: str


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """An event of a span."""

    name: str
    unix_ns: int
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class ReceivedSpan:
    """A span; *kind* and *status* are the numbers of OTLP, links are pairs of ids."""

    resource: Attributes
    scope: str
    name: str
    kind: int
    trace_id: str
    span_id: str
    parent_span_id: str
    start_unix_ns: int
    end_unix_ns: int
    attributes: Attributes
    status: int
    status_text: str
    events: tuple[ReceivedEvent, ...]
    links: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ReceivedPoint:
    """A point of a metric.

    Attributes:
        kind: ``sum``, ``gauge``, ``histogram``, ``exponentialHistogram``, ``summary``.
        temporality: 1 delta, 2 cumulative, 0 for gauges.
        value: Of a sum or gauge; the sum of a histogram.
        count: Of a histogram, as *bounds* and *counts*.
        exemplars: As OTLP writes them.
    """

    resource: Attributes
    scope: str
    name: str
    unit: str
    kind: str
    monotonic: bool
    temporality: int
    attributes: Attributes
    start_unix_ns: int
    unix_ns: int
    value: float
    count: int
    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    exemplars: tuple[dict[str, Any], ...]


class Lines(Generic[_T]):
    """The items in a growing set of files, each line read once."""

    def __init__(
        self,
        folder: Path,
        pattern: str,
        decode: Callable[[dict[str, Any]], Iterator[_T]],
    ) -> None:
        self._folder = folder
        self._pattern = pattern
        self._decode = decode
        self._read_bytes: dict[Path, int] = {}
        self._items: list[_T] = []

    def items(self) -> list[_T]:
        """All items until now, oldest file first."""
        for path in sorted(self._folder.glob(self._pattern)):
            with path.open("rb") as file:
                file.seek(self._read_bytes.get(path, 0))
                for line in file:
                    if not line.endswith(b"\n"):  # still being written, or torn
                        break
                    self._read_bytes[path] = self._read_bytes.get(path, 0) + len(line)
                    self._items.extend(self._decode(json.loads(line)))
        return list(self._items)


def logs_of(request: dict[str, Any]) -> Iterator[ReceivedLog]:
    """The log records of one export."""
    for resource, scope, group in _scopes(request, "resourceLogs", "scopeLogs"):
        for item in group.get("logRecords", ()):
            yield ReceivedLog(
                resource,
                scope,
                _value(item.get("body", {})),
                _attributes(item),
                item.get("severityNumber", 0),
                item.get("severityText", ""),
                int(item.get("timeUnixNano", 0)),
                item.get("traceId", ""),
                item.get("spanId", ""),
            )


def spans_of(request: dict[str, Any]) -> Iterator[ReceivedSpan]:
    """The spans of one export."""
    for resource, scope, group in _scopes(request, "resourceSpans", "scopeSpans"):
        for item in group.get("spans", ()):
            yield ReceivedSpan(
                resource,
                scope,
                item.get("name", ""),
                item.get("kind", 0),
                item.get("traceId", ""),
                item.get("spanId", ""),
                item.get("parentSpanId", ""),
                int(item.get("startTimeUnixNano", 0)),
                int(item.get("endTimeUnixNano", 0)),
                _attributes(item),
                item.get("status", {}).get("code", 0),
                item.get("status", {}).get("message", ""),
                tuple(
                    ReceivedEvent(
                        event.get("name", ""),
                        int(event.get("timeUnixNano", 0)),
                        _attributes(event),
                    )
                    for event in item.get("events", ())
                ),
                tuple((e["traceId"], e["spanId"]) for e in item.get("links", ())),
            )


def points_of(request: dict[str, Any]) -> Iterator[ReceivedPoint]:
    """The points of the metrics of one export."""
    for resource, scope, group in _scopes(request, "resourceMetrics", "scopeMetrics"):
        for metric in group.get("metrics", ()):
            (kind,) = metric.keys() & {
                *("sum", "gauge", "histogram", "exponentialHistogram", "summary")
            }
            data = metric[kind]
            for item in data.get("dataPoints", ()):
                yield ReceivedPoint(
                    resource,
                    scope,
                    metric["name"],
                    metric.get("unit", ""),
                    kind,
                    data.get("isMonotonic", False),
                    data.get("aggregationTemporality", 0),
                    _attributes(item),
                    int(item.get("startTimeUnixNano", 0)),
                    int(item.get("timeUnixNano", 0)),
                    float(
                        item.get("asDouble", item.get("asInt", item.get("sum", 0.0)))
                    ),
                    int(item.get("count", 0)),
                    tuple(item.get("explicitBounds", ())),
                    tuple(int(n) for n in item.get("bucketCounts", ())),
                    tuple(item.get("exemplars", ())),
                )


def _scopes(
    request: dict[str, Any], resources: str, scopes: str
) -> Iterator[tuple[Attributes, str, dict[str, Any]]]:
    for outer in request.get(resources, ()):
        resource = _attributes(outer.get("resource", {}))
        for group in outer.get(scopes, ()):
            yield resource, group.get("scope", {}).get("name", ""), group


def _attributes(item: dict[str, Any]) -> Attributes:
    return {a["key"]: _value(a.get("value", {})) for a in item.get("attributes", ())}


def _value(value: dict[str, Any]) -> Any:
    """Source: the JSON form of AnyValue, opentelemetry-proto docs/specification."""
    if not value:
        return None
    ((kind, inner),) = value.items()
    if kind == "intValue":
        return int(inner)
    if kind == "arrayValue":
        return [_value(v) for v in inner.get("values", ())]
    if kind == "kvlistValue":
        return {p["key"]: _value(p.get("value", {})) for p in inner.get("values", ())}
    return inner
