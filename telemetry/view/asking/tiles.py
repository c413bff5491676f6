"""A tile of the timeline: executions as bars, or as dots where they are too short.

However long the stretch of time is, the answer is bounded: what is shorter than a
column of pixels is counted by SQLite per slot and column, and each slot has at most
one longer execution per column.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from telemetry.core.errors import InvalidError
from telemetry.pipeline.store.queries.reading import Reader
from telemetry.view.answers.timeline import (
    ENDING_LETTERS,
    ZONE_LETTERS,
    Bars,
    Container,
    Dots,
    Tile,
)
from telemetry.view.asking.containers import PROGRAM_PREFIX, PROGRAM_ROWS
from telemetry.view.asking.links import links
from telemetry.view.asking.load import loads
from telemetry.view.asking.times import NS_PER_MS

COLUMNS: Final = 256
"""Columns of a tile. Two to four tiles fill a window, so a column is 1 to 3 pixels."""

MOST_BARS: Final = 8_000
"""Bars of a tile; when there are more, columns for them get wider."""

LEAST_LEVEL: Final = 6
MOST_LEVEL: Final = 36
"""A tile is 2^level ms wide: from 64 ms to two years."""

_COVERING: Final = """
select {columns} from executions e
where e.container {container} and e.started_ns < :to
and coalesce(e.ended_ns, :open) > :from
"""

_BARS: Final = (
    _COVERING
    + """
and coalesce(e.ended_ns, :open) - e.started_ns >= :least
order by e.started_ns limit :most
"""
)
_BAR_COLUMNS: Final = """
e.slot, e.started_ns, e.ended_ns, e.ending, e.zone, e.attempt, e.wait_s,
(select input_id from inputs where id = e.input),
e.ending = 'lost' and exists
    (select 1 from executions n where n.input = e.input and n.attempt = e.attempt + 1),
e.concurrency, e.input
"""

_DOTS: Final = (
    _COVERING
    + """
and e.ended_ns - e.started_ns < :least
group by 1, 2
"""
)
_DOT_COLUMNS: Final = """
e.slot, (max(e.started_ns, :from) - :from) / :column, count(*),
sum(e.ended_ns - e.started_ns),
max(case e.ending when 'success' then 0 when 'retry' then 2 when 'neighbour' then 3
    when 'cancelled' then 4 when 'timeout' then 5 when 'error' then 6
    when 'lost' then 7 else 1 end),
max(case e.zone when 'saturated' then 3 when 'burst' then 2 when 'normal' then 1
    else 0 end),
max(e.concurrency)
"""
_INTERRUPTED: Final = frozenset({"retry", "neighbour"})
_RANKED_ENDINGS: Final = "s-rnctel"
_RANKED_ZONES: Final = "inbs"


class Stretch:
    """A stretch of time in columns; its times are Unix nanoseconds."""

    def __init__(self, from_ns: int, to_ns: int, columns: int, open_ns: int) -> None:
        self.from_ns: Final = from_ns
        self.to_ns: Final = to_ns
        self.columns: Final = columns
        self.column_ns: Final = max((to_ns - from_ns) // columns, 1)
        self.open_ns: Final = open_ns

    def column(self, unix_ns: int) -> int:
        """The column of a moment; outside of the stretch, the nearest."""
        at = (unix_ns - self.from_ns) // self.column_ns
        return min(max(at, 0), self.columns - 1)

    def ms(self, unix_ns: int) -> float:
        """Milliseconds from its begin, to a microsecond."""
        return (unix_ns - self.from_ns) // 1000 / 1000


def stretch_of(level: int, index: int, now_ns: int) -> Stretch:
    """The stretch that a tile covers.

    Raises:
        InvalidError: There is no such tile.
    """
    if not LEAST_LEVEL <= level <= MOST_LEVEL:
        raise InvalidError(
            f"level is {level}; it must be from {LEAST_LEVEL} to {MOST_LEVEL}"
        )
    width_ns = (1 << level) * NS_PER_MS
    if not 0 <= index < (1 << 63) // width_ns:
        raise InvalidError(f"index is {index}; there is no time that late or early")
    from_ns = index * width_ns
    return Stretch(from_ns, from_ns + width_ns, COLUMNS, max(now_ns, from_ns))


def tile(
    reader: Reader,
    stretch: Stretch,
    known: Sequence[Container],
    most_bars: int = MOST_BARS,
) -> Tile:
    """What ran in a stretch of time.

    Args:
        known: All containers, those of programs among them.
        most_bars: More than about this many become dots.
    """
    begin_ms, end_ms = stretch.from_ns / NS_PER_MS, stretch.to_ns / NS_PER_MS
    there = [each for each in known if _covers(each, begin_ms, end_ms)]
    drawing = _Drawing(stretch)
    least_ns = stretch.column_ns
    share = max(most_bars // max(len(there), 1), 64)
    for place, container in enumerate(there):
        drawing.add(reader, container, place, least_ns, share)
    found_loads, functions = loads(reader, stretch, there, drawing.concurrency)
    return Tile(
        from_ms=begin_ms,
        to_ms=end_ms,
        columns=stretch.columns,
        containers=[each.container_id for each in there],
        functions=functions,
        bars=drawing.bars,
        dots=drawing.dots,
        load=found_loads,
        links=links(reader, sorted(drawing.interrupted)),
        complete=drawing.complete,
    )


def _covers(container: Container, begin_ms: float, end_ms: float) -> bool:
    first = container.starting_ms or container.ready_ms or 0.0
    last = container.exited_ms
    # What ended with its container may be noted a moment later than that.
    return first < end_ms and (last is None or last + 1000 > begin_ms)


class _Drawing:
    """Gathers the bars and dots of one tile."""

    def __init__(self, stretch: Stretch) -> None:
        self._stretch = stretch
        self.bars = Bars()
        self.dots = Dots()
        self.complete = True
        self.concurrency: dict[int, list[int]] = {}
        self.interrupted: set[tuple[int, int]] = set()

    def add(
        self,
        reader: Reader,
        container: Container,
        place: int,
        least_ns: int,
        most: int,
    ) -> None:
        stretch = self._stretch
        asked: dict[str, Any] = {
            "from": stretch.from_ns,
            "to": stretch.to_ns,
            "open": stretch.open_ns,
            "column": stretch.column_ns,
            "most": most + 1,
        }
        where = _where(container, asked)
        bars = _BARS.format(columns=_BAR_COLUMNS, container=where)
        while True:
            asked["least"] = least_ns
            rows = reader.rows(bars, asked)
            if len(rows) <= most or least_ns > stretch.to_ns - stretch.from_ns:
                break
            least_ns *= 2
        peaks = self.concurrency.setdefault(place, [0] * stretch.columns)
        self._add_bars(rows, container, place, peaks)
        dots = _DOTS.format(columns=_DOT_COLUMNS, container=where)
        self._add_dots(reader.rows(dots, asked), place, peaks)

    def _add_bars(
        self,
        rows: list[tuple[Any, ...]],
        container: Container,
        place: int,
        peaks: list[int],
    ) -> None:
        bars, stretch = self.bars, self._stretch
        packing = Packing() if container.state == "program" else None
        endings, zones = [bars.ending], [bars.zone]
        for row in rows:
            slot, started, ended, ending, zone, attempt, wait_s, input_id, died = row[
                :9
            ]
            if packing is not None:
                slot = packing.row(started, ended or stretch.open_ns)  # it has none
            bars.container.append(place)
            bars.slot.append(slot or 0)
            bars.start.append(stretch.ms(started))
            bars.end.append(-1 if ended is None else stretch.ms(ended))
            bars.attempt.append(attempt)
            bars.wait.append(round((wait_s or 0.0) * 1000, 3))
            bars.input.append(input_id or "")
            endings.append(ENDING_LETTERS["died" if died else ending])
            zones.append(ZONE_LETTERS.get(zone, "-"))
            self.complete = self.complete and ended is not None
            if attempt:
                self.interrupted.add((row[10], attempt - 1))
            if died or ending in _INTERRUPTED:
                self.interrupted.add((row[10], attempt))
            if started >= stretch.from_ns:
                at = stretch.column(started)
                peaks[at] = max(peaks[at], row[9] or 1)
        bars.ending, bars.zone = "".join(endings), "".join(zones)

    def _add_dots(
        self, rows: list[tuple[Any, ...]], place: int, peaks: list[int]
    ) -> None:
        dots, stretch = self.dots, self._stretch
        endings, zones = [dots.ending], [dots.zone]
        for slot, column, count, took_ns, ending, zone, most in rows:
            at = min(column, stretch.columns - 1)
            dots.container.append(place)
            dots.slot.append(slot or 0)
            dots.column.append(at)
            dots.count.append(count)
            dots.share.append(min(round(took_ns / stretch.column_ns, 3), 1.0))
            endings.append(_RANKED_ENDINGS[ending])
            zones.append(_RANKED_ZONES[zone])
            peaks[at] = max(peaks[at], most or 1)
        dots.ending, dots.zone = "".join(endings), "".join(zones)


def _where(container: Container, asked: dict[str, Any]) -> str:
    """How executions of a container are found; *asked* gets the values."""
    if container.state == "program":
        asked["process"] = int(container.container_id.removeprefix(PROGRAM_PREFIX))
        return "is null and e.process = :process"
    asked["container"] = container.container_id
    return "= (select id from containers where container_id = :container)"


class Packing:
    """Rows for executions without slots: the lowest that is free when one begins."""

    def __init__(self, rows: int = PROGRAM_ROWS) -> None:
        self._free_ns = [0] * rows

    def row(self, started_ns: int, ended_ns: int) -> int:
        """The row of the next execution, in the order of their beginnings."""
        for row, free_ns in enumerate(self._free_ns):
            if free_ns <= started_ns:
                self._free_ns[row] = ended_ns
                return row
        return len(self._free_ns) - 1
