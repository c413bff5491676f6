"""Metrics of OTLP, as points."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite
from typing import Final

from telemetry.capture.span_records import SPAN_ID_BYTES, TRACE_ID_BYTES
from telemetry.pipeline.otlp.wire import MalformedError
from telemetry.pipeline.points import Attribute, Exemplar, Point
from telemetry.pipeline.receiver.attribute_reading import (
    MOST_PARTS,
    Remembered,
    as_text,
    attribute,
    read_all,
    text,
)
from telemetry.pipeline.receiver.metric_values import UnfitError, Value, values
from telemetry.pipeline.receiver.reading import (
    Tally,
    mapping,
    parsed,
    sane_ns,
)
from telemetry.pipeline.receiver.schema import ITEMS, Message

_QUANTILE: Final = "quantile"
"""Source: the label that Prometheus gives the series of a summary."""

_Pair = tuple[str, Attribute]
_Pairs = tuple[_Pair, ...]

_exemplar: Final = ITEMS.message("metrics.v1.Exemplar").FromString


class PointReader:
    """Makes points of metrics, and mends these where that is needed.

    Args:
        received_ns: What stands in for a time that is missing or absurd.
    """

    __slots__ = ("_received_ns", "_tally")

    def __init__(self, received_ns: int, tally: Tally) -> None:
        self._received_ns = received_ns
        self._tally = tally

    def read(self, of_scope: Message) -> list[Point]:
        """The points in a ``ScopeMetrics``."""
        return [point for metric in of_scope.metrics for point in self._points(metric)]

    def _points(self, metric: Message) -> Iterator[Point]:
        mapping(metric.metadata, self._tally)
        kind: str | None = metric.WhichOneof("data")
        if kind is None:
            return
        name, unit = text(metric.name), text(metric.unit)
        description = text(metric.description)
        data = getattr(metric, kind)
        self._tally.items += len(data.data_points)
        for point in data.data_points:
            attributes = self._attributes(point.attributes)
            exemplars = self._exemplars(point)
            unix_ns = sane_ns(point.time_unix_nano, self._received_ns)
            start_ns = sane_ns(point.start_time_unix_nano, 0)
            for found in self._values(kind, data, point):
                yield Point(
                    name + found.ending,
                    unit,
                    found.shape,
                    _with_quantile(attributes, found.quantile),
                    0 if found.shape == "gauge" else start_ns,
                    unix_ns,
                    found.value,
                    description,
                    exemplars,
                    found.delta,
                )

    def _values(self, kind: str, data: Message, point: Message) -> list[Value]:
        try:
            return list(values(kind, data, point))
        except UnfitError:
            self._tally.left_out += 1
            return []

    def _attributes(self, raws: Message) -> _Pairs:
        found, left_out = read_all(raws, _read)
        self._tally.mended(left_out)
        return _sorted(found)

    def _exemplars(self, point: Message) -> tuple[Exemplar, ...]:
        raws = getattr(point, "exemplars", None)
        if not raws:  # a summary has no such field
            return ()
        found, left_out = read_all(raws, self._exemplar)
        self._tally.mended(left_out)
        return tuple(found)

    def _exemplar(self, raw: bytes) -> Exemplar:
        exemplar = parsed(_exemplar, raw)
        trace_id, span_id = exemplar.trace_id, exemplar.span_id
        if len(trace_id) not in _TRACE_LENGTHS or len(span_id) not in _SPAN_LENGTHS:
            raise MalformedError("an exemplar has ids of another length")
        kind: str | None = exemplar.WhichOneof("value")
        value = 0 if kind is None else getattr(exemplar, kind)
        if not isfinite(value):
            raise MalformedError("an exemplar is not a number")
        return Exemplar(
            sane_ns(exemplar.time_unix_nano, self._received_ns),
            value,
            trace_id,
            span_id,
            _sorted(list(map(_read, exemplar.filtered_attributes[:MOST_PARTS]))),
        )


def _sorted(found: list[_Pair]) -> _Pairs:
    return tuple(sorted(dict(found).items()))


def _with_quantile(attributes: _Pairs, quantile: str) -> _Pairs:
    return _sorted([*attributes, (_QUANTILE, quantile)]) if quantile else attributes


def _pair(raw: bytes) -> _Pair:
    """An attribute of a series: a scalar, and equal to itself, which NaN is not."""
    name, value = attribute(raw)
    if isinstance(value, str | int) or (isinstance(value, float) and isfinite(value)):
        return name, value
    return name, as_text(value)


_TRACE_LENGTHS: Final = (0, TRACE_ID_BYTES)
_SPAN_LENGTHS: Final = (0, SPAN_ID_BYTES)
_read: Final = Remembered(_pair).__getitem__
