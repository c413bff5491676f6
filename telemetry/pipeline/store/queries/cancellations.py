"""Cancellations, and what they did to the neighbours."""

from __future__ import annotations

from typing import Final, NamedTuple

from telemetry.pipeline.store.queries.reading import (
    Reader,
    Where,
    checked_limit,
    number_of,
)

NEIGHBOUR: Final = "neighbour"
"""The ending of an execution whose container had to go because of another input."""

_CANCELLED: Final = """
select i.id, i.input_id, t.text, i.outcome, i.cancel_cause, i.cancel_phase,
    i.cancel_mechanism, i.cancel_observed, i.cancel_requested_ns,
    i.cancel_delivered_ns, i.ended_ns,
    c.container_id, i.container
from inputs i left join texts t on t.id = i.function
left join containers c on c.id = i.container
"""
_SOON_NS: Final = 60_000_000_000
"""A container that has to go is gone after that: its grace is far shorter."""


class Rescheduled(NamedTuple):
    """A neighbour that had to run again.

    Attributes:
        lost_s: Seconds that its execution had run for nothing.
        outcome: What became of it in the end; None while it runs.
    """

    input_id: str
    attempt: int
    ended_ns: int | None
    lost_s: float | None
    outcome: str | None


class Cancellation(NamedTuple):
    """An input that was cancelled, or ran into its timeout.

    Attributes:
        outcome: What came of it all the same: a body may swallow a cancellation.
        cause: user, timeout, shutdown or neighbour.
        phase: queued or running.
        mechanism: task, exception or container.
        observed: unwound, swallowed, raised, never_started, stuck or died.
        delivered_ns: When the body was told; None where it never was.
        took_s: Seconds from the request to its end.
        rescheduled: Neighbours that had to run again because of it.
    """

    input_id: str
    function: str | None
    outcome: str | None
    cause: str
    phase: str | None
    mechanism: str | None
    observed: str | None
    requested_ns: int | None
    delivered_ns: int | None
    ended_ns: int | None
    container_id: str | None
    took_s: float | None
    rescheduled: list[Rescheduled]


def cancellations(
    reader: Reader,
    *,
    function: str | None = None,
    cause: str | None = None,
    since_ns: int | None = None,
    until_ns: int | None = None,
    limit: int = 100,
) -> list[Cancellation]:
    """Cancelled inputs, the newest first."""
    checked_limit(limit)
    found: list[Cancellation] = []
    with reader.asking():
        where = Where()
        where.add("i.cancel_cause is not null")
        if function is not None:
            where.add("i.function = ?", number_of(reader, function))
        where.add_given("i.cancel_cause = ?", cause)
        where.add_given("i.began_ns >= ?", since_ns)
        where.add_given("i.began_ns < ?", until_ns)
        rows = reader.rows(
            f"{_CANCELLED} {where} order by i.began_ns desc, i.id desc limit ?",
            (*where.values, limit),
        )
        for number, *columns, container in rows:
            asked_ns, ended_ns = columns[7], columns[9]
            took_s = None
            if asked_ns is not None and ended_ns is not None:
                took_s = max(ended_ns - asked_ns, 0) / 1e9
            others: list[Rescheduled] = []
            if container is not None and asked_ns is not None:
                others = _rescheduled(reader, container, number, asked_ns)
            found.append(Cancellation(*(*columns, took_s, others)))
    return found


def _rescheduled(
    reader: Reader, container: int, number: int, asked_ns: int
) -> list[Rescheduled]:
    rows = reader.rows(
        "select i.input_id, e.attempt, e.ended_ns, "
        "(e.ended_ns - e.started_ns) / 1e9, i.outcome "
        "from executions e join inputs i on i.id = e.input "
        "where e.container = ? and e.ending = ? and e.input <> ? "
        "and e.ended_ns between ? and ? order by e.ended_ns",
        (container, NEIGHBOUR, number, asked_ns, asked_ns + _SOON_NS),
    )
    return [Rescheduled(*row) for row in rows]
