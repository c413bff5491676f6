"""Metrics that are kept at a coarse step."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import orjson

from telemetry.pipeline.store.queries.reading import (
    MOST_ROWS,
    Reader,
    Where,
    checked_limit,
)

_SERIES: Final = """
select s.id, s.name, s.unit, s.shape, s.attributes, p.name, p.service, s.delta,
    s.bounds, s.description
from series s left join processes p on p.id = s.process
"""


class StoredSeries(NamedTuple):
    """A series of a metric.

    Attributes:
        shape: As in `telemetry.pipeline.points`.
        delta: Its values count since the one before.
        bounds: Upper bounds of the buckets of a histogram.
    """

    number: int
    name: str
    unit: str
    shape: str
    attributes: dict[str, Any]
    process: str | None
    service: str | None
    delta: bool
    bounds: list[float]
    description: str


class StoredPoint(NamedTuple):
    """The last value within a step of ten seconds; of deltas, their sum.

    Attributes:
        step_ns: When the step began.
        value: Of a histogram, the sum of its values.
        counts: Of its buckets.
        exemplars: Each with ``unix_ns``, ``value``, ``trace_id`` and ``attributes``.
    """

    step_ns: int
    unix_ns: int
    start_ns: int
    value: float
    counts: list[int]
    min: float | None
    max: float | None
    exemplars: list[dict[str, Any]]


def series(
    reader: Reader,
    *,
    name: str | None = None,
    function: str | None = None,
    limit: int = 1_000,
) -> list[StoredSeries]:
    """Series, by name; of one function where their attributes say so."""
    checked_limit(limit)
    with reader.asking():
        where = Where()
        where.add_given("s.name = ?", name)
        where.add_given("s.attributes ->> '$.\"input.function\"' = ?", function)
        rows = reader.rows(
            f"{_SERIES} {where} order by s.name, s.id limit ?", (*where.values, limit)
        )
    return [
        StoredSeries(*row)._replace(
            attributes=orjson.loads(row[4]),
            delta=bool(row[7]),
            bounds=orjson.loads(row[8]),
        )
        for row in rows
    ]


def points(
    reader: Reader,
    number: int,
    *,
    since_ns: int | None = None,
    until_ns: int | None = None,
) -> list[StoredPoint]:
    """The values of a series in the order of time; ten thousand at most."""
    with reader.asking():
        where = Where()
        where.add("series = ?", number)
        where.add_given("step_ns >= ?", since_ns)
        where.add_given("step_ns < ?", until_ns)
        rows = reader.rows(
            "select step_ns, unix_ns, start_ns, value, counts, min, max, exemplars "
            f"from points {where} order by step_ns limit ?",
            (*where.values, MOST_ROWS),
        )
    return [
        StoredPoint(*row)._replace(
            counts=orjson.loads(row[4]) if row[4] else [],
            exemplars=orjson.loads(row[7]) if row[7] else [],
        )
        for row in rows
    ]
