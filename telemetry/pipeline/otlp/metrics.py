"""Points as an OTLP metrics request.

Source of the numbers of fields: opentelemetry/proto/metrics/v1/metrics.proto.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from struct import pack
from typing import Final

from telemetry.capture.span_records import SPAN_ID_BYTES, TRACE_ID_BYTES
from telemetry.core import names
from telemetry.pipeline.otlp.envelope import (
    ITEM,
    encoded_resource,
    encoded_scope,
    enveloped,
)
from telemetry.pipeline.otlp.values import attribute, utf8
from telemetry.pipeline.otlp.wire import double, fixed64, framed
from telemetry.pipeline.points import Attribute, Distribution, Exemplar, Point, Shape

_NAME: Final = b"\x0a"
_DESCRIPTION: Final = b"\x12"
_UNIT: Final = b"\x1a"
_GAUGE: Final = b"\x2a"
_SUM: Final = b"\x3a"
_HISTOGRAM: Final = b"\x4a"
_DATA: Final = {
    "gauge": _GAUGE,
    "counter": _SUM,
    "up-down counter": _SUM,
    "histogram": _HISTOGRAM,
}
_POINT: Final = b"\x0a"
_DELTA: Final = b"\x10\x01"
_CUMULATIVE: Final = b"\x10\x02"
_MONOTONIC: Final = b"\x18\x01"

_START: Final = b"\x11"
_TIME: Final = b"\x19"
_AS_DOUBLE: Final = b"\x21"
_AS_INT: Final = b"\x31"
_NUMBER_ATTRIBUTE: Final = b"\x3a"
_NUMBER_EXEMPLAR: Final = b"\x2a"

_COUNT: Final = b"\x21"
_TOTAL: Final = b"\x29"
_COUNTS: Final = b"\x32"
_BOUNDS: Final = b"\x3a"
_EXEMPLAR: Final = b"\x42"
_ATTRIBUTE: Final = b"\x4a"
_MIN: Final = b"\x59"
_MAX: Final = b"\x61"

_EXEMPLAR_TIME: Final = b"\x11"
_EXEMPLAR_DOUBLE: Final = b"\x19"
_EXEMPLAR_SPAN: Final = b"\x22"
_EXEMPLAR_TRACE: Final = b"\x2a"
_EXEMPLAR_ATTRIBUTE: Final = b"\x3a"

_INT_MIN: Final = -(2**63)
_INT_MAX: Final = 2**63 - 1


def metrics_request(
    resource_attributes: Mapping[str, object],
    points: Sequence[Point],
    *,
    scope_name: str = names.PROVIDER,
    scope_version: str = "",
) -> tuple[bytes, int]:
    """An ``ExportMetricsServiceRequest``, and how many points are in it.

    Points of one metric are put together, wherever they stand. Points that differ in
    name, unit, shape or temporality are of different metrics. One that cannot be
    encoded, such as with a negative count, is left out.
    """
    found: dict[tuple[str, str, Shape, bool], tuple[Point, list[bytes]]] = {}
    count = 0
    for point in points:
        try:
            encoded = _point(point)
        except Exception:  # noqa: BLE001, S112  # of somebody else, and no reason to stop
            continue
        key = (point.name, point.unit, point.shape, point.delta)
        found.setdefault(key, (point, []))[1].append(encoded)
        count += 1
    if not count:
        return b"", 0
    metrics = [framed(ITEM, _metric(*each)) for each in found.values()]
    scope = encoded_scope(scope_name, scope_version)
    resource = encoded_resource(resource_attributes)
    return enveloped(resource, [(scope, metrics)]), count


def _metric(first: Point, points: list[bytes]) -> bytes:
    head = framed(_NAME, utf8(first.name))
    if first.description:
        head += framed(_DESCRIPTION, utf8(first.description))
    if first.unit:
        head += framed(_UNIT, utf8(first.unit))
    data = [framed(_POINT, point) for point in points]
    if first.shape != "gauge":
        data.append(_DELTA if first.delta else _CUMULATIVE)
    if first.shape == "counter":
        data.append(_MONOTONIC)
    return head + framed(_DATA[first.shape], b"".join(data))


def _point(point: Point) -> bytes:
    times = _TIME + fixed64(point.unix_ns)
    if point.start_unix_ns:
        times = _START + fixed64(point.start_unix_ns) + times
    value = point.value
    if isinstance(value, Distribution):
        parts = _distribution(value)
        heads = _ATTRIBUTE, _EXEMPLAR
    else:
        parts = [_number(value)]
        heads = _NUMBER_ATTRIBUTE, _NUMBER_EXEMPLAR
    parts += _attributes(heads[0], point.attributes)
    parts += [framed(heads[1], _exemplar(each)) for each in point.exemplars]
    return times + b"".join(parts)


def _distribution(value: Distribution) -> list[bytes]:
    counts, bounds = value.counts, value.bounds
    parts = [
        _COUNT + fixed64(value.count),
        _TOTAL + double(value.sum),
        framed(_COUNTS, pack(f"<{len(counts)}Q", *counts)),
        framed(_BOUNDS, pack(f"<{len(bounds)}d", *bounds)),
    ]
    if value.min is not None:
        parts.append(_MIN + double(value.min))
    if value.max is not None:
        parts.append(_MAX + double(value.max))
    return parts


def _number(value: float) -> bytes:
    if isinstance(value, int) and _INT_MIN <= value <= _INT_MAX:
        return _AS_INT + pack("<q", value)
    return _AS_DOUBLE + double(value)


def _exemplar(exemplar: Exemplar) -> bytes:
    parts = [
        _EXEMPLAR_TIME + fixed64(exemplar.unix_ns),
        _EXEMPLAR_DOUBLE + double(exemplar.value),
    ]
    ids = exemplar.trace_id, exemplar.span_id
    if (len(ids[0]), len(ids[1])) == (TRACE_ID_BYTES, SPAN_ID_BYTES):
        # With ids of another length, a Collector refuses the whole request.
        parts.append(framed(_EXEMPLAR_SPAN, ids[1]))
        parts.append(framed(_EXEMPLAR_TRACE, ids[0]))
    parts += _attributes(_EXEMPLAR_ATTRIBUTE, exemplar.attributes)
    return b"".join(parts)


def _attributes(
    head: bytes, attributes: Iterable[tuple[str, Attribute]]
) -> list[bytes]:
    return [attribute(head, name, value) for name, value in attributes]
