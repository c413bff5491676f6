"""Tuning: what target_inputs and max_inputs should be, and what that would cost."""

from __future__ import annotations

from typing import Final

from dashboards import kinds, links, moments, palette, promql, tables, variables
from dashboards import series as s
from dashboards.board import Board, Row
from dashboards.boards import shared
from dashboards.kinds import Axis, Drawn, Panel
from dashboards.links import Link
from dashboards.panel import Ask, Head
from dashboards.tables import Column, Joined
from telemetry.core import names
from telemetry.core.metrics import Metric

_NOTHING: Final = "No inputs in this time range."
_NO_CONTAINER: Final = (
    "No container ran in this time range. Those of a class with several methods are "
    "under its name: choose the class."
)
_NO_BATCH: Final = "No batched function ran in this time range."

_CONCURRENCY: Final = Link(links.CONCURRENCY)
_SCALING: Final = Link(links.SCALING)
_EXPLORER: Final = Link(links.EXPLORER)

_INTRODUCTION: Final = (
    "**Too low a target** shows as time above target, long waits and no slowdown "
    "inside bursts: raise `target_inputs`. **Too high a limit** shows as a slowdown "
    "well above 1, or lag of the loop: lower `max_inputs`. **Too many containers** "
    "show as idle time: a shorter `scaledown_window`, or fewer `min_containers`."
)


def board() -> Board:
    """The dashboard."""
    return Board(
        uid=links.TUNING,
        says="What should target_inputs and max_inputs be?",
        rows=[
            Row("What do the figures advise?", _advice(), height=10),
            Row("What does it cost to run above target?", _cost(), height=9),
            Row("What does it save?", _saved(), height=8),
            Row("Is there room?", _room(), height=8),
            Row("Are batches well filled?", _batches(), height=8),
        ],
        variables=variables.common(variables.container()),
        annotations=moments.usual(),
        shown="now-6h",
    )


def _advice() -> list[shared.Wide]:
    return [(5, tables.words(1, _INTRODUCTION)), (19, _sizes())]


def _sizes() -> Panel:
    by = [s.FUNCTION]
    whole = promql.increase(names.ZONE_SECONDS, by=by, over=promql.RANGE)

    def greatest(metric: Metric) -> str:
        return promql.most(metric, promql.OF_FUNCTION, over=promql.RANGE)

    def time_in(zones: str) -> str:
        zone = f'{s.ZONE}=~"{zones}"'
        part = promql.increase(names.ZONE_SECONDS, zone, by=by, over=promql.RANGE)
        return f"({part} or 0 * {whole}) / ({whole} > 0)"

    def run_time(zone: str) -> str:
        return promql.quantile_in_range(0.95, names.DURATION, zone, by=by)

    above = promql.above_target(run_time(shared.ABOVE_TARGET))
    under = run_time(shared.AT_OR_UNDER)
    most = greatest(names.SLOTS_PEAK)
    # Whole inputs: within the first bucket a quantile would be 0.95 of one.
    met = f"ceil({promql.quantile_in_range(0.95, names.CONCURRENCY, by=by)})"
    slow = kinds.worse_above(1.2, 2)
    return tables.joined(
        Head(
            number=2,
            title="Sizes by function, over the time range",
            says="Per container: target and limit, the concurrency that 95 of 100 "
            "inputs met, the greatest peak; then how the time of containers went, and "
            "the run time of inputs admitted at or under and above the target. A class "
            "with several methods has a row for its containers and one for each.",
            unit="short",
            empty=_NOTHING,
            to=[_CONCURRENCY],
        ),
        Joined(
            labels={
                s.FUNCTION: Column(
                    name="Function",
                    to=[links.row_to_function(links.CONCURRENCY, "Function")],
                    width=220,
                )
            },
            values=[
                (Ask(greatest(names.SLOTS_TARGET)), Column(name="Target")),
                (Ask(greatest(names.SLOTS_LIMIT)), Column(name="Limit")),
                # Buckets are wide, and a quantile within one may lie above the peak.
                (
                    Ask(f"({met} < {most}) or {most} or {met}"),
                    Column(name="Met, p95", unit="short"),
                ),
                (Ask(most), Column(name="Peak")),
                (Ask(time_in("idle")), Column(name="Idle", unit="percentunit")),
                (
                    Ask(promql.above_target(time_in("burst|saturated"))),
                    Column(
                        name="Above target",
                        unit="percentunit",
                        steps=kinds.worse_above(0.2, 0.5),
                    ),
                ),
                (Ask(under), Column(name="p95 under", unit="s")),
                (Ask(above), Column(name="p95 above", unit="s")),
                (
                    Ask(f"{above} / {under}"),
                    Column(name="Slowdown", unit="none", steps=slow),
                ),
            ],
            sort="Above target",
        ),
    )


def _cost() -> list[shared.Wide]:
    above, under = (
        promql.quantile_in_range(0.95, names.DURATION, zone, by=[s.FUNCTION])
        for zone in (shared.ABOVE_TARGET, shared.AT_OR_UNDER)
    )
    penalty = kinds.figure_now(
        Head(
            number=4,
            title="Worst slowdown in bursts",
            says="Run time p95 of inputs admitted above the target, divided by that "
            "at or under it, over the time range; of the function that has it worst.",
            unit="none",
            empty="No input was admitted above the target, or none under it.",
            to=[_CONCURRENCY],
        ),
        Ask(f"max ({promql.above_target(f'({above} / {under})')})"),
        kinds.worse_above(1.2, 2),
    )
    run_time = kinds.lines(
        Head(
            number=3,
            title="Run time p95 by zone at admission",
            says="One execution. Burst far above normal: lower the limit. The same: "
            "the target can rise.",
            unit="s",
            empty="No input ended in this time range.",
            to=[_EXPLORER],
        ),
        [
            Ask(
                promql.quantile(0.95, names.DURATION, by=[s.ZONE]),
                promql.legend(s.ZONE),
                exemplars=True,
            )
        ],
        Drawn(looks=palette.ZONES),
    )
    return [(9, run_time), (4, penalty), (11, _throughput())]


def _throughput() -> Panel:
    return kinds.points(
        Head(
            number=5,
            title="Throughput against concurrency",
            says="Each point is a moment: inputs settled per second over the exact "
            "mean of what ran. Where the cloud flattens, more concurrency brings no "
            "more throughput. Choose one function.",
            unit="reqps",
            empty=_NOTHING,
            to=[_CONCURRENCY],
        ),
        Axis(Ask(promql.rate(names.SLOTS_SECONDS), "Mean running"), "short"),
        Axis(Ask(promql.rate(names.COMPLETED), "Settled per second"), "reqps"),
    )


def _saved() -> list[shared.Wide]:
    by_zone = kinds.lines(
        Head(
            number=6,
            title="Wait p95 by zone at admission",
            says="Inputs that were admitted into a burst did not wait for a container. "
            "What `normal` shows in a cold start is what they would have waited.",
            unit="s",
            empty=_NOTHING,
            to=[_SCALING],
        ),
        [
            Ask(
                promql.quantile(0.95, names.QUEUE_DURATION, by=[s.ZONE]),
                promql.legend(s.ZONE),
            )
        ],
        Drawn(looks=palette.ZONES),
    )
    admitted = kinds.lines(
        Head(
            number=7,
            title="Inputs by zone at admission",
            says="How many inputs began at or under the target, and how many above it.",
            unit="reqps",
            empty=_NOTHING,
            to=[_CONCURRENCY],
        ),
        [Ask(promql.rate(names.STARTED, by=[s.ZONE]), promql.legend(s.ZONE))],
        Drawn(looks=palette.ZONES, stack="normal", legend=("mean", "max")),
    )
    start = kinds.lines(
        Head(
            number=8,
            title="Cold start p95",
            says="What a burst bridges: the longer a start takes, the more a limit "
            "above the target is worth.",
            unit="s",
            empty="No container started in this time range.",
            to=[_SCALING],
        ),
        [
            Ask(
                promql.quantile(
                    0.95,
                    names.CONTAINER_START_DURATION,
                    f'{s.PHASE}="total"',
                    by=[s.FUNCTION],
                ),
                promql.legend(s.FUNCTION),
            )
        ],
    )
    return [(8, by_zone), (8, admitted), (8, start)]


def _room() -> list[shared.Wide]:
    most = promql.most(names.SLOTS_PEAK, promql.OF_FUNCTION)
    limit = promql.most(names.SLOTS_LIMIT, promql.OF_FUNCTION)
    unused = kinds.lines(
        Head(
            number=9,
            title="Unused limit",
            says="Limit of a container less the greatest peak of one, by function. "
            "Never 0: the limit may be lower, or was never tried.",
            unit="short",
            empty=_NO_CONTAINER,
            to=[_CONCURRENCY],
        ),
        [Ask(promql.top(f"{limit} - {most}"), promql.legend(s.FUNCTION))],
    )
    settled = promql.of_pools(promql.rate(names.COMPLETED, by=[s.FUNCTION]))
    lived = promql.rate(names.ZONE_SECONDS, by=[s.FUNCTION])
    cost = kinds.lines(
        Head(
            number=10,
            title="Container time per input",
            says="Seconds that containers lived for each input that settled, idle "
            "time included: what an input costs.",
            unit="s",
            empty=_NOTHING,
            to=[_SCALING],
        ),
        [
            Ask(
                promql.top(f"{lived} / ({settled} > 0)"),
                promql.legend(s.FUNCTION),
            )
        ],
    )
    return [(8, unused), (8, cost), (8, shared.loop_lag(11, _EXPLORER))]


def _batches() -> list[shared.Wide]:
    size = kinds.heat(
        Head(
            number=12,
            title="Size of batches",
            says="Inputs in a batch. Mostly 1: `wait_ms` is too short, or there is too "
            "little to do.",
            unit="short",
            empty=_NO_BATCH,
            to=[_SCALING],
        ),
        Ask(promql.buckets(names.BATCH_SIZE)),
    )
    linger = kinds.lines(
        Head(
            number=13,
            title="Linger of batches",
            says="From the first input of a batch to its dispatch: what batching "
            "adds to the wait, up to `wait_ms`.",
            unit="s",
            empty=_NO_BATCH,
            to=[_SCALING],
        ),
        shared.percentiles(names.BATCH_LINGER),
        Drawn(looks=palette.PERCENTILES),
    )
    return [(12, size), (12, linger)]
