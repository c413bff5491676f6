"""The part of the summary that tells stories: what was cancelled, what was killed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from examples.demo.director import Report
from examples.demo.figures import count, duration, listed
from examples.demo.observer import Container, Function, Observer
from examples.demo.table import table
from examples.demo.theme import Theme
from telemetry.capture.runtime_records import InputSettled
from telemetry.core.ids import short
from telemetry.core.outcome import Outcome

_MOST_ROWS: Final = 12
_NAMED: Final = 9
_NONE: Final = "-"

_TITLES: Final = (
    *("input", "", "cause", "mechanism", "observed", "after", "outcome", "neighbours"),
)


def cancellations(
    observer: Observer, functions: Sequence[Function], theme: Theme
) -> list[str]:
    """A row for each: cause, mechanism, what was observed, and the neighbours."""
    found = sorted(
        (each for function in functions for each in function.cancellations),
        key=lambda each: each.at_s,
    )
    if not found:
        return ["none"]
    rows = [list(_TITLES)]
    rows += [_cancellation(observer, each) for each in found[:_MOST_ROWS]]
    head, *shown = table(rows, left=len(_TITLES))
    left_out = len(found) - _MOST_ROWS
    more = [f"and {left_out:,} more"] if left_out > 0 else []
    return [theme.paint(head, "dim"), *shown, *more]


def _cancellation(observer: Observer, settled: InputSettled) -> list[str]:
    asked = settled.cancelled
    if asked is None:
        return []
    return [
        short(settled.input_id),
        settled.function,
        asked.cause,
        asked.mechanism or "in queue",
        asked.observed or "no start",
        duration(settled.at_s - asked.requested_s),
        settled.outcome.value,
        _neighbours(observer, settled),
    ]


def _neighbours(observer: Observer, settled: InputSettled) -> str:
    asked = settled.cancelled
    if asked is None or asked.phase == "queued" or settled.container_id is None:
        return _NONE
    if asked.mechanism != "container":
        return "untouched"
    moved = [
        each.input_id
        for each in observer.containers[settled.container_id].interrupted
        if each.reason == "neighbour"
    ]
    if not moved:
        return "had none"
    return f"{len(moved)} rerun, {fates(observer, moved)}"


def fates(observer: Observer, input_ids: Iterable[str]) -> str:
    """What became of inputs: ``all succeeded``, or how many of each outcome."""
    ends = Counter(observer.outcomes.get(each) for each in input_ids)
    if set(ends) == {Outcome.SUCCESS}:
        return "all succeeded"
    return listed(
        [
            f"{times} {'not settled' if outcome is None else outcome.value}"
            for outcome, times in ends.most_common()
        ]
    )


def kill(observer: Observer, report: Report, theme: Theme) -> list[str]:
    """What ran in the container that was killed, and what became of it."""
    notes = [theme.paint(each, "warn") for each in report.notes]
    victim = report.victim
    if victim is None:
        return notes or ["nobody was killed"]
    return [
        _deed(victim, len(report.at_work)),
        *_work(observer, victim, report.at_work),
        *notes,
    ]


def _deed(victim: Container, running: int) -> str:
    ready, exited = victim.ready, victim.exited
    pid = "" if ready is None else f" (pid {ready.pid})"
    seen = "its end was not seen"
    if exited is not None:
        how = "" if exited.status is None else f" ({exited.status})"
        seen = f"seen as {exited.reason}{how}"
    return (
        f"container {short(victim.container_id)}{pid} of {victim.pool}: SIGKILL with "
        f"{count(running, 'input')} in mid-work; {seen}"
    )


def _work(observer: Observer, victim: Container, at_work: Sequence[str]) -> list[str]:
    lost = [each.input_id for each in victim.interrupted if each.reason == "lost"]
    # One or the other may have ended between the look and the shot.
    ended = [each for each in at_work if each not in lost]
    rows = []
    if lost:
        rows.append(
            f"{count(len(lost), 'input')} rescheduled under the same id, attempt + 1: "
            f"{fates(observer, lost)}"
        )
        names = ", ".join(short(each) for each in lost[:_NAMED])
        more = f" and {len(lost) - _NAMED} more" if len(lost) > _NAMED else ""
        rows.append(f"they are {names}{more}")
    if ended:
        rows.append(f"{count(len(ended), 'input')} had just ended")
    return rows
