"""What ran where and when: containers, their slots, and the executions in them."""

from __future__ import annotations

from typing import Final, NamedTuple

from telemetry.core.errors import InvalidError
from telemetry.pipeline.store.queries.reading import (
    Reader,
    Row,
    Where,
    checked_limit,
    number_of,
)

_BARS: Final = """
select coalesce(c.container_id, p.name, ''), e.slot, i.input_id, e.attempt, t.text,
    e.started_ns, coalesce(e.ended_ns, c.exited_ns, p.ended_ns), e.ending, e.zone,
    e.concurrency, e.burst, e.batch_size
from executions e join inputs i on i.id = e.input
left join texts t on t.id = e.function left join containers c on c.id = e.container
left join processes p on p.id = e.process
"""


class Bar(NamedTuple):
    """An execution in a slot.

    Attributes:
        ended_ns: None while it runs.
        ending: Its outcome, or why it ran again.
        batch_size: Inputs that ran in it; the input is the first of them.
    """

    input_id: str
    attempt: int
    function: str | None
    started_ns: int
    ended_ns: int | None
    ending: str | None
    zone: str | None
    concurrency: int | None
    burst: bool | None
    batch_size: int | None


class Lane(NamedTuple):
    """A slot; *slot* is None where inputs have none, as without the runtime."""

    slot: int | None
    bars: list[Bar]


class Track(NamedTuple):
    """A container, or else a process, with its slots in order.

    Attributes:
        name: Id of the container, or name of the process.
        starting_ns: When the container was asked for; this and the next two are None
            where there is none, or nothing is known.
    """

    name: str
    function: str | None
    starting_ns: int | None
    ready_ns: int | None
    exited_ns: int | None
    lanes: list[Lane]


class Timeline(NamedTuple):
    """Tracks in the order in which they began; *more*: not all executions are there.

    Of too many the latest are left out.
    """

    tracks: list[Track]
    more: bool


def timeline(
    reader: Reader,
    since_ns: int,
    until_ns: int,
    *,
    function: str | None = None,
    container_id: str | None = None,
    limit: int = 5_000,
) -> Timeline:
    """The executions that ran at any time from *since_ns* to *until_ns*.

    Args:
        limit: Of executions.

    Raises:
        InvalidError: The time is empty, or the limit none.
        QueryTimeoutError: It took too long: ask for less time.
    """
    checked_limit(limit)
    checked_time(since_ns, until_ns)
    with reader.asking():
        where = overlapping(reader, since_ns, until_ns, function, container_id)
        where.add("coalesce(e.batch_index, 0) = 0")  # a batch is one bar
        # One without an end may have ended with its container: looked at below.
        rows = reader.rows(
            f"{_BARS} {where} order by e.started_ns limit ?",
            (*where.values, limit + 1),
        )
        kept = [row for row in rows[:limit] if row[6] is None or row[6] > since_ns]
        tracks = _tracks(reader, kept)
    return Timeline(tracks, len(rows) > limit)


def overlapping(
    reader: Reader,
    since_ns: int,
    until_ns: int,
    function: str | None,
    container_id: str | None,
) -> Where:
    """Executions that ran within a time, found in an index that has all it needs."""
    inner = Where()
    if container_id is not None:
        inner.add(
            "container = (select id from containers where container_id = ?)",
            container_id,
        )
    inner.add("started_ns < ?", until_ns)
    inner.add("ended_ns is null or ended_ns > ?", since_ns)
    if function is not None:
        inner.add("function = ?", number_of(reader, function))
    where = Where()
    where.add(
        f"e.id in (select id from executions indexed by executions_time {inner})",
        *inner.values,
    )
    return where


def checked_time(since_ns: int, until_ns: int) -> None:
    """See that a time has a length.

    Raises:
        InvalidError: It has none.
    """
    if not 0 <= since_ns < until_ns:
        raise InvalidError(
            f"the time is from {since_ns} to {until_ns}; it must have a length"
        )


def _tracks(reader: Reader, rows: list[Row]) -> list[Track]:
    lanes: dict[str, dict[int | None, list[Bar]]] = {}
    for name, slot, *bar in rows:
        found = Bar(*bar)
        if found.burst is not None:
            found = found._replace(burst=bool(found.burst))
        lanes.setdefault(name, {}).setdefault(slot, []).append(found)
    tracks: list[Track] = []
    for name, slots in lanes.items():
        known = reader.rows(
            "select t.text, c.starting_ns, c.ready_ns, c.exited_ns from containers c "
            "left join texts t on t.id = c.function where c.container_id = ?",
            (name,),
        )
        of = known[0] if known else (None, None, None, None)
        order = sorted(slots, key=lambda slot: -1 if slot is None else slot)
        tracks.append(Track(*(name, *of, [Lane(slot, slots[slot]) for slot in order])))
    return sorted(tracks, key=_began)


def _began(track: Track) -> tuple[int, str]:
    first_ns = min(lane.bars[0].started_ns for lane in track.lanes)
    if track.starting_ns is not None:
        first_ns = min(first_ns, track.starting_ns)
    return first_ns, track.name
