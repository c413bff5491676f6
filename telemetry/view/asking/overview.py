"""All that is stored, in figures: a row for each function."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final

import orjson

from telemetry.pipeline.store.queries.reading import Reader
from telemetry.view.answers.pages import FunctionTotals

MOST_SAMPLED: Final = 5_000
"""Percentiles are of so many inputs of a function, the newest: milliseconds of work."""

_FUNCTIONS: Final = """
select i.function, t.text, i.outcome, i.count from
(select function, outcome, count(*) as count from inputs not indexed
    group by function, outcome) i
left join texts t on t.id = i.function
"""
_AGAIN: Final = """
select e.function, e.ending, count(*) from executions e
where e.attempt < (select attempts - 1 from inputs where id = e.input)
and e.input in (select id from inputs where attempts > 1)
group by e.function, e.ending
"""
_SAMPLE: Final = """
select wait_s, run_s from inputs where function is ? and ended_ns is not null
order by began_ns desc limit ?
"""
_BURSTS: Final = """
select t.text, count(*), sum(b.ended_ns - b.started_ns) / 1e9, max(b.peak)
from bursts b join texts t on t.id = b.function group by b.function
"""
_POOLS: Final = """
select t.text, p.declared from pools p join texts t on t.id = p.function
where p.declared is not null
"""
_OPEN: Final = "running"


def totals(reader: Reader) -> list[FunctionTotals]:
    """Each function that has inputs, by name."""
    outcomes: dict[tuple[int | None, str], dict[str, int]] = defaultdict(dict)
    for number, name, outcome, count in reader.rows(_FUNCTIONS):
        outcomes[number, name or ""][outcome or _OPEN] = count
    again: dict[int, dict[str, int]] = defaultdict(dict)
    for number, ending, count in reader.rows(_AGAIN):
        again[number][ending] = count
    bursts = {row[0]: row[1:] for row in reader.rows(_BURSTS)}
    pools = declared(reader)
    found: list[FunctionTotals] = []
    for (number, name), counts in outcomes.items():
        waits, runs = _sampled(reader, number)
        pool = pools.get(name) or pools.get(pool_of(name)) or {}
        amount, burst_s, peak = (
            bursts.get(name) or bursts.get(pool_of(name)) or (0,) * 3
        )
        moved = again[number] if number is not None else {}
        found.append(
            FunctionTotals(
                function=name,
                mode=(pool.get("methods") or {}).get(name) or pool.get("mode"),
                inputs=sum(counts.values()),
                outcomes=counts,
                rescheduled=moved.get("neighbour", 0) + moved.get("lost", 0),
                retried=moved.get("retry", 0),
                wait_p50_s=percentile(waits, 0.5),
                wait_p95_s=percentile(waits, 0.95),
                run_p50_s=percentile(runs, 0.5),
                run_p95_s=percentile(runs, 0.95),
                bursts=amount,
                burst_s=burst_s or 0.0,
                peak=peak or 0,
                target=pool.get("target"),
                limit=pool.get("limit"),
            )
        )
    return sorted(found, key=lambda each: each.function)


def declared(reader: Reader) -> dict[str, dict[str, Any]]:
    """What each pool was declared as, by the name of its function or class."""
    return {name: orjson.loads(text) for name, text in reader.rows(_POOLS)}


def pool_of(function: str) -> str:
    """The class whose containers run a method; a function's are its own."""
    return function.partition(".")[0]


def percentile(values: list[float], share: float) -> float | None:
    """The value below which *share* of the sorted *values* are; None without any."""
    if not values:
        return None
    return values[min(int(len(values) * share), len(values) - 1)]


def _sampled(reader: Reader, function: int | None) -> tuple[list[float], list[float]]:
    rows = reader.rows(_SAMPLE, (function, MOST_SAMPLED))
    return (
        sorted(row[0] for row in rows if row[0] is not None),
        sorted(row[1] for row in rows if row[1] is not None),
    )
