"""How many inputs of a function ran at each moment, exactly, from their executions."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Final, NamedTuple

from telemetry.core.errors import InvalidError
from telemetry.pipeline.store.queries.reading import Reader
from telemetry.pipeline.store.queries.timeline import checked_time, overlapping

MOST_BUCKETS: Final = 10_000

# An execution without an end runs still, or was never heard of again: then it lasted
# until its container or its process ended.
_SPANS: Final = """
select e.started_ns, coalesce(e.ended_ns, c.exited_ns, p.ended_ns, ?)
from executions e left join containers c on c.id = e.container
left join processes p on p.id = e.process
"""


class Bucket(NamedTuple):
    """A stretch of time.

    Attributes:
        mean: Inputs that ran, averaged over the stretch.
        peak: Most that ran at once.
        started: How many began.
    """

    since_ns: int
    until_ns: int
    mean: float
    peak: int
    started: int


def concurrency(
    reader: Reader,
    since_ns: int,
    until_ns: int,
    *,
    function: str | None = None,
    container_id: str | None = None,
    buckets: int = 60,
) -> list[Bucket]:
    """Running inputs over time, in *buckets* stretches of one length.

    Raises:
        InvalidError: The time is empty, or the number of buckets none.
        QueryTimeoutError: It took too long: ask for less time.
    """
    checked_time(since_ns, until_ns)
    if not 1 <= buckets <= MOST_BUCKETS:
        raise InvalidError(f"buckets is {buckets}; it must be 1 to {MOST_BUCKETS}")
    with reader.asking():
        where = overlapping(reader, since_ns, until_ns, function, container_id)
        rows = reader.rows(f"{_SPANS} {where}", (until_ns, *where.values))
    return over_time(rows, since_ns, until_ns, buckets)


def over_time(
    spans: Iterable[tuple[int, int]], since_ns: int, until_ns: int, buckets: int
) -> list[Bucket]:
    """The same of any spans of time, each from its start to its end.

    A span that ends at a moment and one that starts then do not overlap.
    """
    edges = [
        since_ns + (until_ns - since_ns) * at // buckets for at in range(buckets + 1)
    ]
    changes: list[tuple[int, int]] = []
    for start_ns, end_ns in spans:
        if end_ns > since_ns and start_ns < until_ns and end_ns > start_ns:
            changes += ((start_ns, 1), (end_ns, -1))
    changes.sort()  # at one moment: ends first
    found: list[Bucket] = []
    running = at = 0
    while at < len(changes) and changes[at][0] < since_ns:
        running += changes[at][1]
        at += 1
    for begin, end in pairwise(edges):
        area = started = 0
        now_ns, peak = begin, 0
        while at < len(changes) and changes[at][0] < end:
            when_ns, change = changes[at]
            if when_ns > now_ns:
                # Only what lasts counts: at one moment, some end before others start.
                peak = max(peak, running)
                area += running * (when_ns - now_ns)
                now_ns = when_ns
            running += change
            started += change > 0
            at += 1
        if end > now_ns:
            peak = max(peak, running)
            area += running * (end - now_ns)
        mean = area / (end - begin) if end > begin else float(running)
        found.append(Bucket(begin, end, mean, peak, started))
    return found
