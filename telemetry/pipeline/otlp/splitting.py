"""A request cut in two, without decoding what it holds.

For who is told that a request is too large, or that something in it is bad: all three
services of OTLP have the same form (see `telemetry.pipeline.otlp.envelope`), so one
walk does for all. Metrics are cut between metrics, and then between their points.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from telemetry.pipeline.otlp.wire import (
    BYTES,
    Field,
    MalformedError,
    fields,
    framed,
    tag,
)
from telemetry.pipeline.outbox import Signal

_RESOURCES: Final = 1
_SCOPES: Final = 2
_ITEMS: Final = 2
_DATA: Final = frozenset({5, 7, 9, 10, 11})
"""Gauge, sum, histogram, exponential histogram and summary, each a list of points."""
_POINTS: Final = 1


class _Level(NamedTuple):
    """A message on the way to the items: its list, and what stands beside that."""

    numbers: frozenset[int]
    inner: _Level | None


_SCOPE: Final = _Level(frozenset({_ITEMS}), None)
_RESOURCE: Final = _Level(frozenset({_SCOPES}), _SCOPE)
_ROOT: Final = _Level(frozenset({_RESOURCES}), _RESOURCE)
_POINT_LIST: Final = _Level(frozenset({_POINTS}), None)
_METRIC: Final = _Level(_DATA, _POINT_LIST)
_METRIC_ROOT: Final = _Level(
    frozenset({_RESOURCES}),
    _Level(frozenset({_SCOPES}), _Level(frozenset({_ITEMS}), _METRIC)),
)


def item_count(signal: Signal, body: bytes) -> int:
    """How many log records, spans or data points a request holds.

    Raises:
        MalformedError: It is no request.
    """
    return _count(body, 0, len(body), _root(signal))


def halves(signal: Signal, body: bytes) -> tuple[bytes, bytes] | None:
    """Two requests with the items of *body*, in their order, about as many in each.

    None when there is one item, which cannot be cut.

    Raises:
        MalformedError: It is no request.
    """
    count = item_count(signal, body)
    if count < 2:  # noqa: PLR2004  # two make halves
        return None
    root, middle = _root(signal), count // 2
    first = _part(body, 0, len(body), root, (0, middle))
    second = _part(body, 0, len(body), root, (middle, count))
    return first, second


def _root(signal: Signal) -> _Level:
    return _METRIC_ROOT if signal == "metrics" else _ROOT


def _count(data: bytes, start: int, end: int, level: _Level) -> int:
    found = 0
    for field in _listed(data, start, end, level):
        if level.inner is None:
            found += 1
        else:
            found += _count(data, field.value, field.end, level.inner)
    return found


def _listed(data: bytes, start: int, end: int, level: _Level) -> Iterator[Field]:
    for field in fields(data, start, end):
        if field.number in level.numbers:
            if field.kind != BYTES:
                raise MalformedError(f"field {field.number} has no length")
            yield field


def _part(
    data: bytes, start: int, end: int, level: _Level, wanted: tuple[int, int]
) -> bytes:
    """The message with those of its items whose numbers are in *wanted*.

    What stands beside the lists (the resource, a scope, a unit) is kept.
    """
    first, behind = wanted
    parts: list[bytes] = []
    at = start
    for field in fields(data, start, end):
        whole, at = data[at : field.end], field.end
        if field.number not in level.numbers:
            parts.append(whole)
            continue
        if level.inner is None:
            count = 1
        else:
            count = _count(data, field.value, field.end, level.inner)
        inside = max(first, 0), min(behind, count)
        if inside == (0, count):
            parts.append(whole)
        elif inside[0] < inside[1] and level.inner is not None:
            body = _part(data, field.value, field.end, level.inner, inside)
            parts.append(framed(tag(field.number, BYTES), body))
        first, behind = first - count, behind - count
    return b"".join(parts)
