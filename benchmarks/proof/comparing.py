"""The table: each metric as counted by the runtime, and as Prometheus answers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from benchmarks.proof.answers import Answers, Samples
from benchmarks.proof.sums import Counted, Spread, Told
from telemetry.core import names
from telemetry.core.metrics import Metric

RELATIVE: Final = 1e-9
"""Of sums of seconds: they are added in another order. Counts must be equal."""

LAST_BYTES: Final = 65_536
"""Most bytes that the last export may find waiting: what was said just then."""


class Row(NamedTuple):
    """One metric.

    Attributes:
        series: How many Prometheus has of it.
        wrong: What is not as it should be; nothing where all is.
    """

    metric: str
    counted: str
    answered: str
    series: int
    wrong: list[str]


def rows(counted: Counted, found: Answers, lag_s: float) -> list[Row]:
    """One for each metric of the contract, in its order.

    Args:
        lag_s: Most seconds from what the dispatcher saw until an export says so: a
            sample of a gauge must be one of the values that it has had so long before.
    """
    return [_row(metric, counted, found, lag_s) for metric in names.METRICS]


def _row(metric: Metric, counted: Counted, found: Answers, lag_s: float) -> Row:
    if metric.kind == "counter":
        row = _counter(metric, counted, found)
    elif metric.kind == "histogram":
        row = _histogram(metric, counted, found)
    elif metric == names.TELEMETRY_BACKLOG:
        row = _backlog(found)
    else:
        row = _gauge(metric, counted, found, lag_s)
    row.wrong.extend(found.unseen.get(metric.name, []))
    return row


def _counter(metric: Metric, counted: Counted, found: Answers) -> Row:
    mine = {k[1]: v for k, v in counted.counters.items() if k[0] == metric.name}
    theirs = {k[1]: v for k, v in found.counters.items() if k[0] == metric.name}
    wrong = [
        f"{_named(values)}: {mine.get(values, 0)!r} counted, "
        f"{theirs.get(values, 0)!r} answered"
        for values in sorted({*mine, *theirs})
        if not _same(metric, mine.get(values, 0), theirs.get(values, 0))
    ]
    sums = [_shown(metric, sum(each.values())) for each in (mine, theirs)]
    return Row(metric.name, sums[0], sums[1], len(theirs), wrong)


def _same(metric: Metric, one: float, other: float) -> bool:
    if metric.unit == "s":
        return math.isclose(one, other, rel_tol=RELATIVE, abs_tol=RELATIVE)
    return one == other


def _histogram(metric: Metric, counted: Counted, found: Answers) -> Row:
    mine = {k[1]: v for k, v in counted.spreads.items() if k[0] == metric.name}
    theirs = {k[1]: v for k, v in found.spreads.items() if k[0] == metric.name}
    empty = Spread([0] * (len(metric.bounds) + 1))
    wrong = []
    for values in sorted({*mine, *theirs}):
        one, other = mine.get(values, empty), theirs.get(values, empty)
        if one.counts != other.counts or not math.isclose(
            one.sum, other.sum, rel_tol=RELATIVE, abs_tol=RELATIVE
        ):
            wrong.append(f"{_named(values)}: {one} counted, {other} answered")
    sums = [_shown_spreads(metric, each.values()) for each in (mine, theirs)]
    return Row(metric.name, sums[0], sums[1], len(theirs), wrong)


def _backlog(found: Answers) -> Row:
    """What waits is the agent's own figure: all has left, so it must say so."""
    metric = names.TELEMETRY_BACKLOG
    samples = found.gauges.get((metric.name, ()), [])
    last = samples[-1][1] if samples else math.nan
    highest = max((value for _, value in samples), default=0)
    wrong = [] if last <= LAST_BYTES else [f"{last:,.0f} bytes wait at the end"]
    answered = f"{last:,.0f} B at the end; highest {highest:,.0f} B"
    return Row(metric.name, "0 B at the end", answered, 1, wrong)


def _gauge(metric: Metric, counted: Counted, found: Answers, lag_s: float) -> Row:
    mine = {k[1]: v for k, v in counted.gauges.items() if k[0] == metric.name}
    theirs = {k[1]: v for k, v in found.gauges.items() if k[0] == metric.name}
    wrong, asked, right = [], 0, 0
    for values, samples in sorted(theirs.items()):
        told = mine.get(values)
        if told is None:
            wrong.append(f"{_named(values)}: {len(samples)} samples, and none is due")
            continue
        running = None
        if metric == names.SLOTS_PEAK:
            running = counted.gauges[names.SLOTS_ACTIVE.name, values]
        strange = list(_strange(told, samples, running, lag_s))
        asked, right = asked + len(samples), right + len(samples) - len(strange)
        wrong += [f"{_named(values)}: {text}" for text in strange]
        if told.gone_s is not None and samples[-1][1] != 0:
            wrong.append(f"{_named(values)}: gone, and it still says {samples[-1][1]}")
        if metric == names.SLOTS_PEAK:
            wrong += _lost_peak(values, told, samples)
    if metric == names.SLOTS_PEAK or names.INPUT_CONTAINER_ID not in metric.attributes:
        # Other gauges of a container that came and went in between were never seen.
        wrong += [
            f"{_named(values)}: not told at all"
            for values in mine.keys() - theirs
            if any(value for _, value in mine[values].changes)
        ]
    highest = max(
        (value for told in mine.values() for _, value in told.changes), default=0
    )
    shown = max((value for each in theirs.values() for _, value in each), default=0)
    return Row(
        metric.name,
        f"{asked:,} samples; highest {highest:g}",
        f"{right:,} as told; highest {shown:g}",
        len(theirs),
        wrong,
    )


def _strange(
    told: Told, samples: Samples, running: Told | None, lag_s: float
) -> Iterator[str]:
    """The samples that are none of the values that the gauge has had lately.

    Args:
        running: Of a peak, which holds since the sample before, and is what runs
            where nothing was measured since.
    """
    before_s = float("-inf")
    for when_s, value in samples:
        since_s = when_s - lag_s
        if running is not None:
            since_s = min(since_s, before_s - lag_s)
        allowed = _values(told, since_s, when_s)
        if running is not None:
            allowed |= _values(running, since_s, when_s)
        if value not in allowed:
            yield f"{value} at {when_s}, and not one of {sorted(allowed)}"
        before_s = when_s


def _values(told: Told, since_s: float, until_s: float) -> set[float]:
    """The values that a gauge has had in that time."""
    found = {each for at_s, each in told.changes if since_s < at_s <= until_s}
    before = [each for at_s, each in told.changes if at_s <= since_s]
    return found.union(before[-1:])


def _lost_peak(values: tuple[str, ...], told: Told, samples: Samples) -> Iterable[str]:
    """A peak holds between two exports: the highest of all must have been told."""
    highest = max(value for _, value in told.changes)
    shown = max(value for _, value in samples)
    if highest != shown:
        yield f"{_named(values)}: a peak of {highest} was, {shown} was told"


def _named(values: tuple[str, ...]) -> str:
    return " ".join(value or "''" for value in values) or "all"


def _shown(metric: Metric, value: float) -> str:
    return f"{value:,.3f} s" if metric.unit == "s" else f"{value:,.0f}"


def _shown_spreads(metric: Metric, spreads: Iterable[Spread]) -> str:
    count, total = 0, 0.0
    for each in spreads:
        count += sum(each.counts)
        total += each.sum
    return f"{count:,} of {_shown(metric, total)}"
