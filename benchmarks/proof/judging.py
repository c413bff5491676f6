"""Waits until all has arrived, looks at everything, and tells what is not right."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, NamedTuple

from benchmarks.proof import asking, wire
from benchmarks.proof.amounts import amounts
from benchmarks.proof.answers import answers
from benchmarks.proof.comparing import Row, rows
from benchmarks.proof.deliveries import count_deliveries, count_drops, count_lines
from benchmarks.proof.ground import Ground
from benchmarks.proof.replay import Replayed
from benchmarks.proof.stack import Pace, Stack
from benchmarks.proof.sums import Counted
from benchmarks.proof.traces import SHARE, sampling
from benchmarks.report import Report
from dashboards.drawing.filling import Range
from telemetry.core import names
from telemetry.core.metrics import Metric
from tests.stack.programs import wait_until

ARRIVE_S: Final = 60.0
MOST_SHOWN: Final = 8
_AGAIN_S: Final = 1.0
_LOOK_S: Final = 0.3
_DECIDED: Final = "otelcol_processor_tail_sampling_global_count_traces_sampled_total"
_QUEUED: Final = "otelcol_exporter_queue_size"


class Check(NamedTuple):
    """Something that was looked at.

    Attributes:
        found: What there was.
        wrong: What is not as it should be.
    """

    what: str
    found: str
    wrong: list[str]


class Verdict(NamedTuple):
    """All that was looked at."""

    rows: list[Row]
    checks: list[Check]
    notes: list[str]

    @property
    def is_right(self) -> bool:
        """Whether nothing was found wrong."""
        return not any(wrong for _, wrong in self.findings())

    def findings(self) -> list[tuple[str, list[str]]]:
        """What is wrong with each thing that was looked at."""
        found = [(row.metric, row.wrong) for row in self.rows]
        return found + [(check.what, check.wrong) for check in self.checks]


def wait(running: Stack, ground: Ground, pace: Pace) -> None:
    """Wait until everything is where it goes, and all traces have been judged."""
    ground.wait_for_agent()
    ((traces,),) = ground.ask("select count(distinct trace_id) from spans")
    deadline_s = ARRIVE_S + pace.decision_s
    own = running.gateway.own_metrics
    _wait_until(
        lambda: own().get(_DECIDED, 0) >= traces, f"{traces} traces judged", deadline_s
    )
    _wait_until(lambda: own()[_QUEUED] == 0, "all has left", deadline_s)
    arrived_s = time.time()
    _wait_until(lambda: _evaluated_s(running) > arrived_s, "rules applied", deadline_s)


def _wait_until(holds: Callable[[], object], what: str, deadline_s: float) -> None:
    """As that of the kit, with pauses: each look costs those who are looked at."""

    def looked() -> object:
        time.sleep(_LOOK_S)
        return holds()

    wait_until(looked, what, deadline_s)


def _evaluated_s(running: Stack) -> float:
    """When the rule that was evaluated longest ago was, in Unix seconds."""
    told = [each["lastEvaluation"] for each in running.prometheus.rules()]
    return min(datetime.fromisoformat(each).timestamp() for each in told)


def judge(
    running: Stack, ground: Ground, pace: Pace, dropped: Mapping[str, int]
) -> Verdict:
    """Look at everything.

    Args:
        dropped: What a program had dropped before, by its own box.
    """
    told = ground.replayed()
    count_lines(told.counted, running.backends.logs())
    count_drops(told.counted, dropped)
    compared = _compared(running, told.counted, pace)
    asked, notes = _asked(running, told, pace)
    checks = [
        Check(
            "inputs of the demo, as their callers saw them",
            f"{sum(told.callers.values()):,}",
            list(told.errors),
        ),
        *_integrals(told.counted),
        *_arrivals(running, ground),
        _sampled(running, ground),
        *asked,
    ]
    return Verdict(compared, checks, [*told.notes, *notes])


def _compared(running: Stack, counted: Counted, pace: Pace) -> list[Row]:
    """The metrics; what has just been sent may take a moment until it is answered."""
    until_s = time.monotonic() + ARRIVE_S
    while True:
        found = answers(running.prometheus)
        count_deliveries(counted, running.gateway, found)
        compared = rows(counted, found, pace.lag_s)
        if not any(row.wrong for row in compared) or time.monotonic() > until_s:
            return compared
        time.sleep(_AGAIN_S)


def _integrals(counted: Counted) -> list[Check]:
    """The dispatcher's integrals beside the sums of what they are integrals of.

    Shown, and not judged: the dispatcher integrates at the end of each of its rounds,
    and on a machine with too much to do a round takes its time.
    """
    found = []
    for metric, sums, what in (
        (names.SLOTS_SECONDS, counted.occupied_s, "executions"),
        (names.QUEUE_SECONDS, counted.waited_s, "waits"),
        (names.ZONE_SECONDS, counted.served_s, "lives of containers"),
    ):
        integral, added = _total(counted, metric), sum(sums.values())
        shown = f"{integral:,.2f} s beside {added:,.2f} s"
        found.append(Check(f"{metric.name} beside the sum of {what}", shown, []))
    return found


def _total(counted: Counted, metric: Metric) -> float:
    return sum(v for key, v in counted.counters.items() if key[0] == metric.name)


def _arrivals(running: Stack, ground: Ground) -> list[Check]:
    logs, spans = running.backends.logs(), running.backends.spans()
    looked = {
        "samples in Prometheus, as sent": wire.points(
            running.gateway, running.prometheus
        ),
        "log records where Loki would be, as stored": wire.lines(ground, logs),
        "exemplars that lead to a span and an input": wire.exemplars(
            ground, running.prometheus
        ),
        "inputs found by id in lines and spans": wire.known_inputs(ground, logs, spans),
    }
    found = [
        Check(what, f"{each.looked_at:,}", each.wrong) for what, each in looked.items()
    ]
    unknown = asking.unknown_names(logs, spans)
    found.append(Check("names in LogQL and TraceQL", "on the wire", unknown))
    losses = wire.losses(running.gateway)
    found.append(Check("refused, dropped or failed at the gateway", "0", losses))
    return found


def _sampled(running: Stack, ground: Ground) -> Check:
    found = sampling(ground, running.backends.spans())
    wrong = [f"not kept: {each}" for each in found.lost]
    wrong += [f"not whole: {each}" for each in found.torn]
    if abs(found.share - SHARE) > found.slack:
        wrong.append(f"{found.share:.1%} of the rest were kept, not {SHARE:.0%}")
    why = ", ".join(f"{count:,} {name}" for name, count in found.reasons.most_common())
    kept = found.interesting - len(found.lost)
    shown = (
        f"{kept:,} of {found.interesting:,} ({why}); of the rest "
        f"{found.rest_kept:,} of {found.rest:,}, {found.share:.1%}"
    )
    return Check("traces that had to be kept", shown, wrong)


def _asked(running: Stack, told: Replayed, pace: Pace) -> tuple[list[Check], list[str]]:
    shown = Range(told.began_s - 60, time.time())
    of_panels = asking.panels(running.prometheus, shown, pace.look_s)
    of_rules, raised = asking.rules(running.prometheus)
    around_s = 2 * shown.rate_s
    of_amounts = amounts(
        running.prometheus,
        Range(told.began_s - around_s, told.ended_s + around_s),
        told.counted,
    )
    checks = [
        Check(
            what,
            f"{len(found):,}, {sum(each.is_empty for each in found)} of them empty",
            [f"{each.where}: {each.wrong}" for each in found if each.wrong],
        )
        for what, found in (
            ("queries of dashboards", of_panels),
            ("rules and alerts", of_rules),
            ("panels that add up to what was counted", of_amounts),
        )
    ]
    notes = [f"alerts: {', '.join(raised) or 'none'}"]
    notes += [each.where for each in of_amounts]
    empty = sorted({each.where for each in (*of_panels, *of_rules) if each.is_empty})
    return checks, [*notes, f"empty, as may be: {'; '.join(empty) or 'none'}"]


def tell(verdict: Verdict, report: Report) -> None:
    """Print the tables, and what is wrong."""
    head = ["metric", "as the runtime has counted", "as Prometheus answers", "series"]
    table = [
        [r.metric, r.counted, r.answered, f"{r.series:,}", "no" if r.wrong else "yes"]
        for r in verdict.rows
    ]
    report.table("Metrics", [*head, "equal"], table, texts=3)
    checked = [
        [each.what, each.found, "no" if each.wrong else "yes"]
        for each in verdict.checks
    ]
    report.table("Everything else", ["what", "found", "right"], checked, texts=2)
    report.keep("Metrics", table)
    report.keep("Everything else", checked)
    for note in verdict.notes:
        report.line(note)
    for what, wrong in verdict.findings():
        for text in wrong[:MOST_SHOWN]:
            report.line(f"WRONG: {what}: {text}")
        if len(wrong) > MOST_SHOWN:
            report.line(f"WRONG: {what}: and {len(wrong) - MOST_SHOWN} more")
