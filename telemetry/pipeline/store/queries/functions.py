"""Functions: how many inputs, how they ended, how long they took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from telemetry.core.outcome import Outcome
from telemetry.pipeline.store.queries.inputs import RUNNING
from telemetry.pipeline.store.queries.reading import Reader, Where

SAMPLE: Final = 200_000
"""Inputs of one function whose durations are looked at: its newest."""

_SHARES: Final = (0.5, 0.9, 0.99)
_COUNTS: Final = """
select i.function, t.text, i.outcome, count(*), sum(coalesce(i.burst, 0)),
    sum(i.cancel_cause is not null), min(i.began_ns), max(i.began_ns)
from inputs i left join texts t on t.id = i.function
"""


class _Count(NamedTuple):
    """Inputs of one function that ended in one way."""

    function: str | None
    outcome: str | None
    inputs: int
    burst: int
    cancelled: int
    first_ns: int
    last_ns: int


class Percentiles(NamedTuple):
    """Of durations, in seconds; None where there are none."""

    p50: float | None
    p90: float | None
    p99: float | None
    max: float | None


class FunctionFigures(NamedTuple):
    """A function over a stretch of time.

    Attributes:
        function: None: inputs of which no function is known.
        outcomes: How many inputs ended how, or are ``running``.
        burst: Inputs that were admitted above the target of their container.
        cancelled: Inputs that were asked to end, whatever came of it.
        run_s: Of executions; this and the next two of the newest inputs only, where
            *sampled* says so.
        wait_s: From the queue to a slot.
        total_s: From the first enqueueing to the outcome.
    """

    function: str | None
    inputs: int
    outcomes: dict[str, int]
    burst: int
    cancelled: int
    first_ns: int
    last_ns: int
    run_s: Percentiles
    wait_s: Percentiles
    total_s: Percentiles
    sampled: bool

    @property
    def failed_ratio(self) -> float:
        """Which part of the inputs that have settled did not succeed, 0 to 1."""
        settled = self.inputs - self.outcomes.get(RUNNING, 0)
        good = self.outcomes.get(Outcome.SUCCESS, 0)
        return (settled - good) / settled if settled else 0.0


def functions(
    reader: Reader, *, since_ns: int | None = None, until_ns: int | None = None
) -> list[FunctionFigures]:
    """All functions whose inputs began within a time, the busiest first.

    Raises:
        QueryTimeoutError: It took too long: ask for less time.
    """
    with reader.asking():
        where = Where()
        where.add_given("i.began_ns >= ?", since_ns)
        where.add_given("i.began_ns < ?", until_ns)
        rows = reader.rows(
            f"{_COUNTS} {where} group by i.function, i.outcome", where.values
        )
        numbers: dict[int | None, list[_Count]] = {}
        for number, *rest in rows:
            numbers.setdefault(number, []).append(_Count(*rest))
        found = [_figures(reader, number, of, where) for number, of in numbers.items()]
    return sorted(found, key=lambda each: each.inputs, reverse=True)


def percentiles(values: Sequence[float]) -> Percentiles:
    """By the nearest rank: each is one of the values, which come sorted."""
    if not values:
        return Percentiles(None, None, None, None)
    last = len(values) - 1
    ranks = [min(int(len(values) * share), last) for share in _SHARES]
    return Percentiles(*(*(values[rank] for rank in ranks), values[-1]))


def _figures(
    reader: Reader, number: int | None, counts: Sequence[_Count], where: Where
) -> FunctionFigures:
    outcomes = Counter[str]()
    for each in counts:
        outcomes[each.outcome or RUNNING] += each.inputs
    run_s, wait_s, total_s = _durations(reader, number, where)
    return FunctionFigures(
        counts[0].function,
        outcomes.total(),
        dict(outcomes),
        sum(each.burst for each in counts),
        sum(each.cancelled for each in counts),
        min(each.first_ns for each in counts),
        max(each.last_ns for each in counts),
        percentiles(run_s),
        percentiles(wait_s),
        percentiles(total_s),
        sampled=outcomes.total() > SAMPLE,
    )


def _durations(
    reader: Reader, number: int | None, where: Where
) -> tuple[list[float], list[float], list[float]]:
    """How long its newest inputs ran, waited and took in all; each sorted."""
    of = Where()
    of.add("i.function is ?", number)
    condition = " and ".join([str(of), str(where).removeprefix("where ")])
    rows = reader.rows(
        "select i.run_s, i.wait_s, i.total_s from inputs i "
        f"{condition.removesuffix(' and ')} order by i.began_ns desc limit ?",
        (*of.values, *where.values, SAMPLE),
    )
    run, wait, total = (
        sorted(row[at] for row in rows if row[at] is not None) for at in range(3)
    )
    return run, wait, total
