"""The page of containers: what each did, and why there were as many."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from telemetry.capture.blackbox.places import SUFFIX
from telemetry.pipeline.store.queries.reading import Reader
from telemetry.view.answers.pages import ContainerRow, ContainersPage, Decision
from telemetry.view.asking.containers import containers
from telemetry.view.asking.layout import extent
from telemetry.view.asking.load import histories
from telemetry.view.asking.tiles import Stretch
from telemetry.view.asking.times import ms, ns

MOST: Final = 1_000
MOST_DECISIONS: Final = 2_000
COLUMNS: Final = 400

_DONE: Final = """
select c.container_id, d.count, d.peak, d.interrupted from
(select container, count(*) as count, max(concurrency) as peak,
    sum(ending in ('neighbour', 'lost')) as interrupted
    from executions not indexed group by container) d
join containers c on c.id = d.container
"""
_DECISIONS: Final = """
select d.unix_ns, t.text, d.want, d.have, d.demand, d.reason from decisions d
left join texts t on t.id = d.function order by d.unix_ns desc limit ?
"""


def containers_page(reader: Reader, boxes: Path, now_ns: int) -> ContainersPage:
    """All of it; *boxes* is where black boxes lie."""
    known = containers(reader, MOST)
    done = {row[0]: row[1:] for row in reader.rows(_DONE)}
    boxed = {path.name.removesuffix(SUFFIX) for path in boxes.glob(f"*{SUFFIX}")}
    decisions = [
        Decision(ms(row[0]), row[1] or "", *row[2:])
        for row in reader.rows(_DECISIONS, (MOST_DECISIONS,))
    ]
    rows: list[ContainerRow] = []
    for each in known:
        count, peak, interrupted = done.get(each.container_id) or (0, 0, 0)
        in_a_box = each.container_id in boxed
        rows.append(ContainerRow(each, count, interrupted or 0, peak or 0, in_a_box))
    first_ms, last_ms = extent(reader)
    load = []
    if first_ms is not None and last_ms is not None:
        from_ns, to_ns = ns(first_ms), ns(last_ms) + 1
        load = histories(reader, Stretch(from_ns, to_ns, COLUMNS, now_ns), known)
    return ContainersPage(containers=rows, decisions=decisions[::-1], load=load)
