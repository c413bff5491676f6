"""What frames the timeline: all containers, and from when to when there was one."""

from __future__ import annotations

from typing import Final

from telemetry.pipeline.store.queries.reading import Reader
from telemetry.view.answers.timeline import Container, Layout
from telemetry.view.asking.containers import MOST, containers, programs
from telemetry.view.asking.moments import moments
from telemetry.view.asking.times import ms

_ENDS: Final = """
select max(ended_ns), max(began_ns) from
(select began_ns, ended_ns from inputs order by id desc limit 5000)
"""


def everyone(reader: Reader) -> list[Container]:
    """All containers, and all programs that have inputs without any."""
    return containers(reader) + programs(reader)


def layout(reader: Reader, store: str, now_ns: int) -> Layout:
    """All that the timeline shows beside executions."""
    known = everyone(reader)
    found, cut = moments(reader)
    first, last = extent(reader)
    return Layout(
        store=store,
        now_ms=ms(now_ns),
        first_ms=first,
        last_ms=last,
        containers=known,
        moments=found,
        cut=cut or len(known) >= MOST,
    )


def extent(reader: Reader) -> tuple[float | None, float | None]:
    """From when to when inputs and containers were."""
    bounds = (
        reader.one("select min(began_ns) from inputs"),
        reader.one("select min(starting_ns) from containers"),
    )
    # Those that ended last are among those that came last.
    ends = (
        *reader.rows(_ENDS)[0],
        reader.one("select max(exited_ns) from containers"),
        reader.one("select max(ready_ns) from containers"),
    )
    return (
        ms(min((each for each in bounds if each is not None), default=None)),
        ms(max((each for each in ends if each is not None), default=None)),
    )
