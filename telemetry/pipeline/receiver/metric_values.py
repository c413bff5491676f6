"""What a data point of OTLP says, as values of the four shapes of `Point`.

What has no shape becomes the nearest that there is: an exponential histogram gets
explicit buckets, a summary the series that Prometheus makes of one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from math import isfinite
from typing import Final, NamedTuple

from telemetry.pipeline.points import Distribution, Shape
from telemetry.pipeline.receiver.exponential import Buckets, explicit
from telemetry.pipeline.receiver.reading import INT64_MAX
from telemetry.pipeline.receiver.schema import Message

# Source: opentelemetry/proto/metrics/v1/metrics.proto, AggregationTemporality and
# DataPointFlags.
_DELTA: Final = 1
_NO_RECORDED_VALUE: Final = 1

_MOST_BUCKETS: Final = 10_000


class UnfitError(ValueError):
    """A value that the store has no place for."""


class Value(NamedTuple):
    """What one series of a data point is at.

    Attributes:
        ending: What the name of the metric gets appended.
        quantile: The attribute ``quantile``; "" for none.
    """

    shape: Shape
    value: float | Distribution
    delta: bool = False
    ending: str = ""
    quantile: str = ""


def values(kind: str, data: Message, point: Message) -> Iterable[Value]:
    """The values of one data point; none for the mark that a series has ended.

    Args:
        kind: The field of ``Metric`` that is set.
        data: What is in it.

    Raises:
        UnfitError: It has no value, or one that is not finite, or buckets that do
            not fit each other.
    """
    if point.flags & _NO_RECORDED_VALUE:
        return ()
    return _OF_KIND[kind](data, point)


def _gauge(_data: Message, point: Message) -> Iterator[Value]:
    yield Value("gauge", _number(point))


def _sum(data: Message, point: Message) -> Iterator[Value]:
    shape: Shape = "counter" if data.is_monotonic else "up-down counter"
    yield Value(shape, _number(point), _is_delta(data))


def _histogram(data: Message, point: Message) -> Iterator[Value]:
    bounds, counts = tuple(point.explicit_bounds), tuple(point.bucket_counts)
    if not bounds and not counts:
        counts = (point.count,)
    yield Value("histogram", _distribution(point, bounds, counts), _is_delta(data))


def _exponential(data: Message, point: Message) -> Iterator[Value]:
    above, below = (
        Buckets(side.offset, side.bucket_counts)
        for side in (point.positive, point.negative)
    )
    try:
        bounds, counts = explicit(point.scale, point.zero_count, above, below)
    except ValueError as error:
        raise UnfitError(str(error)) from None
    yield Value("histogram", _distribution(point, bounds, counts), _is_delta(data))


def _summary(_data: Message, point: Message) -> Iterator[Value]:
    yield Value("counter", point.count, ending="_count")
    yield Value("counter", _finite(point.sum), ending="_sum")
    for each in point.quantile_values[:_MOST_BUCKETS]:
        if isfinite(each.value):  # NaN says that there was nothing lately
            yield Value("gauge", each.value, quantile=f"{each.quantile:g}")


def _is_delta(data: Message) -> bool:
    return bool(data.aggregation_temporality == _DELTA)


def _number(point: Message) -> float:
    kind: str | None = point.WhichOneof("value")
    if kind is None:
        raise UnfitError("there is no value")
    return _finite(getattr(point, kind))


def _finite(value: float) -> float:
    if not isfinite(value):
        raise UnfitError(f"the value is {value}")
    return value


def _distribution(
    point: Message, bounds: tuple[float, ...], counts: tuple[int, ...]
) -> Distribution:
    if len(counts) != len(bounds) + 1 or len(counts) > _MOST_BUCKETS:
        raise UnfitError(f"{len(counts)} counts for {len(bounds)} bounds")
    if not all(map(isfinite, bounds)) or any(a >= b for a, b in pairwise(bounds)):
        raise UnfitError("the bounds do not rise")
    if sum(counts) > INT64_MAX:
        raise UnfitError("the counts are beyond 64 bits")
    return Distribution(
        bounds,
        counts,
        # Missing where values can be negative, as it is no counter then: 0 is said.
        _finite(point.sum),
        _finite(point.min) if point.HasField("min") else None,
        _finite(point.max) if point.HasField("max") else None,
    )


_OF_KIND: Final[dict[str, Callable[[Message, Message], Iterator[Value]]]] = {
    "gauge": _gauge,
    "sum": _sum,
    "histogram": _histogram,
    "exponential_histogram": _exponential,
    "summary": _summary,
}
