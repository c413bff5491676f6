"""What was out of the ordinary, the newest first, with what led to what."""

from __future__ import annotations

from typing import Any, Final

from telemetry.pipeline.store.queries.reading import Reader
from telemetry.view.answers.timeline import Moment, Moved
from telemetry.view.asking.times import ms

MOST: Final = 400
"""Moments of one answer; of more, the newest."""

MOST_MOVED: Final = 64
"""Neighbours of one cancellation that are named."""

_BURSTS: Final = """
select b.started_ns, b.ended_ns, t.text, b.peak, b.reason from bursts b
left join texts t on t.id = b.function order by b.started_ns desc limit ?
"""
_BLOCKED: Final = """
select b.began_ns, b.seconds, t.text, c.container_id, b.input, b.line from blocked b
left join texts t on t.id = b.function left join containers c on c.id = b.container
order by b.began_ns desc limit ?
"""
_FAILED: Final = """
select coalesce(i.cancel_requested_ns, i.ended_ns, i.began_ns), i.ended_ns, t.text,
    c.container_id, i.input_id, i.attempts, i.slot, i.outcome, i.cancel_cause,
    i.error_text, i.cancel_mechanism, i.container
from inputs i left join texts t on t.id = i.function
left join containers c on c.id = i.container
where i.outcome <> 'success' and i.outcome = ? order by i.began_ns desc limit ?
"""
_CONTAINERS: Final = """
select c.starting_ns, c.ready_ns, c.exited_ns, t.text, c.container_id, c.pid,
    c.spawn_s, c.import_s, c.enter_s, c.exit_reason, c.exit_status, c.id
from containers c left join texts t on t.id = c.function order by c.id desc limit ?
"""
_MOVED: Final = """
select i.input_id, e.attempt, e.slot, i.outcome from executions e
join inputs i on i.id = e.input
where e.container = ? and e.ending in ('neighbour', 'lost') and i.input_id <> ?
and exists
    (select 1 from executions n where n.input = e.input and n.attempt = e.attempt + 1)
order by e.slot limit ?
"""
_OUTCOMES: Final = ("cancelled", "timeout", "error", "lost")
_DEADLY: Final = frozenset({"crash", "start_failed"})


def moments(reader: Reader, most: int = MOST) -> tuple[list[Moment], bool]:
    """The newest of all kinds, and whether there were more."""
    ask = reader.rows
    found = [
        Moment(
            "burst", ms(row[0]), row[2] or "", ms(row[1]), peak=row[3], reason=row[4]
        )
        for row in ask(_BURSTS, (most,))
    ]
    found += [_blocked(row) for row in ask(_BLOCKED, (most,))]
    for outcome in _OUTCOMES:
        found += [_failed(reader, row) for row in ask(_FAILED, (outcome, most))]
    for row in ask(_CONTAINERS, (most,)):
        found += _of_container(reader, row)
    found.sort(key=lambda each: each.at_ms, reverse=True)
    return found[:most], len(found) > most


def moved(reader: Reader, container: int | None, culprit: str = "") -> list[Moved]:
    """Who had to run again, as that container had to go.

    Args:
        container: Its number.
        culprit: The input because of which it went.
    """
    if container is None:
        return []
    rows = reader.rows(_MOVED, (container, culprit, MOST_MOVED))
    return [Moved(*row) for row in rows]


def _blocked(row: tuple[Any, ...]) -> Moment:
    began_ns, seconds, function, container, input_id, line = row
    return Moment(
        "blocked",
        ms(began_ns),
        function or "",
        ms(began_ns + round(seconds * 1e9)),
        container_id=container,
        input_id=input_id,
        seconds=seconds,
        detail=line,
    )


def _failed(reader: Reader, row: tuple[Any, ...]) -> Moment:
    at_ns, ended_ns, function, container_id, input_id, attempts, slot = row[:7]
    outcome, cause, error, mechanism, container = row[7:]
    kind = "cancellation" if outcome == "cancelled" else outcome
    took_along = mechanism == "container"
    return Moment(
        kind,
        ms(at_ns),
        function or "",
        ms(ended_ns),
        container_id=container_id,
        input_id=input_id,
        attempt=max(attempts - 1, 0),
        slot=slot,
        reason=cause,
        moved=moved(reader, container, input_id) if took_along else [],
        detail=error if outcome == "error" else None,
    )


def _of_container(reader: Reader, row: tuple[Any, ...]) -> list[Moment]:
    starting_ns, ready_ns, exited_ns, function, container_id, pid = row[:6]
    reason, status = row[9:11]
    name = function or ""
    found: list[Moment] = []
    if starting_ns is not None and ready_ns is not None:
        seconds = sum(each or 0.0 for each in row[6:9])
        found.append(
            Moment(
                "cold_start",
                ms(starting_ns),
                name,
                ms(ready_ns),
                container_id=container_id,
                seconds=seconds or (ready_ns - starting_ns) / 1e9,
            )
        )
    if exited_ns is not None and reason in _DEADLY:
        said = f"pid {pid}" if pid else ""
        if status is not None and status < 0:
            said += f"{', ' if said else ''}signal {-status}"
        found.append(
            Moment(
                reason,
                ms(exited_ns),
                name,
                container_id=container_id,
                reason=reason,
                moved=moved(reader, row[11]),
                detail=said or None,
            )
        )
    return found
