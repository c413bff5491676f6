"""What did not end well: cancellations and timeouts, exceptions by kind, the lost."""

from __future__ import annotations

from typing import Final

from telemetry.pipeline.store.queries.inputs import (
    InputFilter,
    StoredInput,
    input_life,
    inputs,
)
from telemetry.pipeline.store.queries.reading import Reader
from telemetry.view.answers.inputs import CancelledInput, Failures
from telemetry.view.answers.pages import ErrorGroup
from telemetry.view.asking.inputs import summary
from telemetry.view.asking.moments import moved
from telemetry.view.asking.times import ms

MOST_CANCELLED: Final = 300
MOST_GROUPS: Final = 100
MOST_INPUTS: Final = 5
STRETCHES: Final = 40
"""Into which the time from the first to the last exception is cut."""

_CANCELLED: Final = """
select input_id from inputs where cancel_cause is not null
and cancel_cause not in ('neighbour', 'shutdown') order by id desc limit ?
"""
_GROUPS: Final = """
select x.id, x.fingerprint, x.type, x.message, x.sample, x.seen, x.first_ns, x.last_ns
from exceptions x order by x.last_ns desc limit ?
"""
_COUNTS: Final = """
select min((unix_ns - ?) / ?, ?), count(*) from occurrences where exception = ?
group by 1
"""
_INPUTS: Final = """
select distinct i.input_id, t.text from
    (select execution from occurrences where exception = ?
        order by unix_ns desc limit 50) o
join executions e on e.id = o.execution join inputs i on i.id = e.input
left join texts t on t.id = e.function limit 50
"""
_CONTAINER: Final = "select id from containers where container_id = ?"


def failures(reader: Reader) -> Failures:
    """The newest of each."""
    ids = reader.rows(_CANCELLED, (MOST_CANCELLED + 1,))
    lives = [input_life(reader, input_id) for (input_id,) in ids[:MOST_CANCELLED]]
    cancelled = [life.input for life in lives if life is not None]
    lost = inputs(reader, InputFilter(outcome="lost"), limit=100).inputs
    return Failures(
        cancellations=[_cancelled(reader, each) for each in cancelled],
        groups=_groups(reader),
        lost=[summary(each) for each in lost],
        cut=len(ids) > MOST_CANCELLED,
    )


def _cancelled(reader: Reader, stored: StoredInput) -> CancelledInput:
    if stored.cancel_mechanism != "container" or stored.container_id is None:
        return CancelledInput(summary(stored), None, [])
    container = reader.one(_CONTAINER, (stored.container_id,))
    along = moved(reader, container, stored.input_id)
    return CancelledInput(summary(stored), stored.container_id, along)


def _groups(reader: Reader) -> list[ErrorGroup]:
    rows = reader.rows(_GROUPS, (MOST_GROUPS,))
    if not rows:
        return []
    first_ns = min(row[6] for row in rows)
    width_ns = max((max(row[7] for row in rows) - first_ns) // STRETCHES, 1) + 1
    found: list[ErrorGroup] = []
    for number, fingerprint, kind, message, sample, seen, begin_ns, end_ns in rows:
        counts = [0] * STRETCHES
        asked = (first_ns, width_ns, STRETCHES - 1, number)
        for at, count in reader.rows(_COUNTS, asked):
            counts[max(at, 0)] += count
        whose = reader.rows(_INPUTS, (number,))
        found.append(
            ErrorGroup(
                fingerprint=fingerprint,
                type=kind,
                message=message,
                sample=sample,
                count=seen,
                first_ms=ms(begin_ns),
                last_ms=ms(end_ns),
                counts=counts,
                functions=sorted({row[1] for row in whose if row[1]}),
                inputs=[row[0] for row in whose[:MOST_INPUTS]],
            )
        )
    return found
