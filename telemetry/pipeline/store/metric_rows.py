"""Metrics into the store, at a coarse step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import orjson

from telemetry.pipeline.points import Distribution, Exemplar, Point
from telemetry.pipeline.store.sorting import END_NS
from telemetry.pipeline.store.writing import Participant, Store

STEP_NS: Final = 10_000_000_000
"""Of all values of a series within such a step one is kept."""

_KNOWN_SERIES: Final = 10_000
_EXEMPLARS: Final = 4
_PUT: Final = "insert or replace into points values (?, ?, ?, ?, ?, ?, ?, ?, ?)"

Row = tuple[Any, ...]


class Points(Participant):
    """The tables ``series`` and ``points``. The writer's thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._series: dict[tuple[object, ...], int] = {}
        # The newest step of each series of deltas, whose values add up.
        self._sums: dict[int, Row] = {}
        store.join(self)

    def add(self, process: int, points: Sequence[Point]) -> int:
        """Keep the last value of each step; of deltas, their sum.

        Returns:
            How many could not be kept, as they hold what cannot be.
        """
        rows: dict[tuple[int, int], Row] = {}
        refused = 0
        for point in points:
            if not _is_sound(point):
                refused += 1
                continue
            try:
                series = self._number(process, point)
                row = _row(series, point)
            except (TypeError, ValueError):  # JSON cannot hold what it has
                refused += 1
                continue
            if point.delta:
                row = self._added(series, row)
            rows[series, row[1]] = row
        self._store.connection.executemany(_PUT, rows.values())
        return refused

    def forget(self) -> None:
        """Nothing that is remembered is in the file for certain."""
        self._series.clear()
        self._sums.clear()

    def _added(self, series: int, row: Row) -> Row:
        before = self._sums.get(series)
        if before is None or before[1] != row[1]:
            before = self._store.connection.execute(
                "select * from points where series = ? and step_ns = ?", row[:2]
            ).fetchone()
        if before is not None:
            row = _sum(before, row)
        if len(self._sums) >= _KNOWN_SERIES:
            self._sums.clear()
        self._sums[series] = row
        return row

    def _number(self, process: int, point: Point) -> int:
        key: tuple[object, ...] = (
            *(point.name, point.attributes, process, point.unit),
            *(point.shape, point.delta, _bounds(point)),
        )
        number = self._series.get(key)
        if number is None:
            number = self._looked_up(process, point)
            if len(self._series) >= _KNOWN_SERIES:
                self._series.clear()
            self._series[key] = number
        return number

    def _looked_up(self, process: int, point: Point) -> int:
        identity = (
            point.name,
            point.unit,
            point.shape,
            orjson.dumps(dict(point.attributes)).decode(),
            process,
            int(point.delta),
            orjson.dumps(_bounds(point)).decode(),
        )
        run = self._store.connection.execute
        found = run(
            "select id from series where name = ? and unit = ? and shape = ? and "
            "attributes = ? and process = ? and delta = ? and bounds = ?",
            identity,
        ).fetchone()
        if found is None:
            found = run(
                "insert into series (name, unit, shape, attributes, process, delta, "
                "bounds, description) values (?, ?, ?, ?, ?, ?, ?, ?) returning id",
                (*identity, point.description),
            ).fetchone()
        return int(found[0])


def _bounds(point: Point) -> tuple[float, ...]:
    return point.value.bounds if isinstance(point.value, Distribution) else ()


def _is_sound(point: Point) -> bool:
    return 0 < point.unix_ns < END_NS and 0 <= point.start_unix_ns < END_NS


def _row(series: int, point: Point) -> Row:
    value = point.value
    counts: str | None = None
    low = high = None
    if isinstance(value, Distribution):
        counts, number = orjson.dumps(value.counts).decode(), value.sum
        low, high = value.min, value.max
    else:
        number = float(value)
    return (
        series,
        point.unix_ns - point.unix_ns % STEP_NS,
        point.unix_ns,
        point.start_unix_ns,
        0.0 if number != number else number,  # noqa: PLR0124  # NaN, which SQLite takes for NULL
        counts,
        low,
        high,
        _exemplars(point.exemplars),
    )


def _sum(before: Row, row: Row) -> Row:
    """Two deltas of one step as one."""
    counts = row[5]
    if counts is not None and before[5] is not None:
        pairs = zip(orjson.loads(before[5]), orjson.loads(counts), strict=True)
        counts = orjson.dumps([a + b for a, b in pairs]).decode()
    lows = [each for each in (before[6], row[6]) if each is not None]
    highs = [each for each in (before[7], row[7]) if each is not None]
    return (
        *row[:3],
        min(before[3], row[3]),
        before[4] + row[4],
        counts,
        min(lows, default=None),
        max(highs, default=None),
        row[8] or before[8],
    )


def _exemplars(given: Sequence[Exemplar]) -> str | None:
    if not given:
        return None
    rows = [
        {
            **msgspec.structs.asdict(each),
            "trace_id": each.trace_id.hex(),
            "span_id": each.span_id.hex(),
            "attributes": dict(each.attributes),
        }
        for each in given[-_EXEMPLARS:]
    ]
    return orjson.dumps(rows).decode()
