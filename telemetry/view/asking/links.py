"""Executions that were interrupted, and where the same input ran again."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Final

from telemetry.pipeline.store.queries.reading import Reader
from telemetry.view.answers.timeline import Link
from telemetry.view.asking.times import ms

MOST: Final = 300
"""Links of one tile: more lines across each other tell nobody anything."""

_LINK: Final = """
select i.input_id, e.attempt, e.ending, cf.container_id, e.slot, e.ended_ns,
    ct.container_id, n.slot, n.started_ns
from executions e
join executions n on n.input = e.input and n.attempt = e.attempt + 1
join inputs i on i.id = e.input
join containers cf on cf.id = e.container join containers ct on ct.id = n.container
where e.input = ? and e.attempt = ?
and e.ended_ns is not null and n.started_ns is not null
"""


def links(reader: Reader, interrupted: Iterable[tuple[int, int]]) -> list[Link]:
    """Where those ran again.

    Args:
        interrupted: Numbers of inputs, with the attempt that was not the last.
    """
    return [
        Link(
            input=row[0],
            attempt=row[1],
            ending="died" if row[2] == "lost" else row[2] or "died",
            from_container=row[3],
            from_slot=row[4] or 0,
            from_ms=ms(row[5]),
            to_container=row[6],
            to_slot=row[7] or 0,
            to_ms=ms(row[8]),
        )
        for key in islice(interrupted, MOST)
        for row in reader.rows(_LINK, key)
    ]
