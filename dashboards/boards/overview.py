"""Overview: is everything all right, and where to look if it is not."""

from __future__ import annotations

from typing import Final

from dashboards import kinds, links, moments, palette, promql, tables, variables
from dashboards import series as s
from dashboards.board import Board, Row
from dashboards.boards import shared
from dashboards.kinds import Drawn
from dashboards.links import Link
from dashboards.panel import Ask, Head
from dashboards.tables import Column, Joined
from telemetry.core import names

_NOTHING: Final = "No inputs in this time range."
_SETTLED: Final = "No input settled in this time range."

_CONCURRENCY: Final = Link(links.CONCURRENCY)
_SCALING: Final = Link(links.SCALING)
_CANCELLATIONS: Final = Link(links.CANCELLATIONS)


def board() -> Board:
    """The dashboard."""
    return Board(
        uid=links.OVERVIEW,
        says="Is everything all right? Where to look if it is not.",
        rows=[
            Row("Is it healthy?", _figures(), height=4),
            Row("What do callers get?", _callers(), height=9),
            Row("How full is it?", _fullness(), height=9),
            Row("Which function?", [(24, _functions())], height=8),
            Row("What fires?", [(24, _alerts())], height=6),
        ],
        variables=variables.common(),
        annotations=moments.usual(),
    )


def _figures() -> list[shared.Wide]:
    failed = promql.rate(names.COMPLETED, s.FAILED)
    settled = promql.rate(names.COMPLETED, s.NOT_CANCELLED)
    started = kinds.number(
        Head(
            number=1,
            title="Inputs per second",
            says="Executions begun, retries and second attempts included.",
            unit="reqps",
            empty=_NOTHING,
            to=[_CONCURRENCY],
        ),
        Ask(promql.rate(names.STARTED)),
        kinds.NEUTRAL,
    )
    success = kinds.number(
        Head(
            number=2,
            title="Success",
            says="Share of settled inputs that are no error, timeout or loss. "
            "Cancelled ones count for neither side.",
            unit="percentunit",
            empty=_SETTLED,
            to=[_CANCELLATIONS],
        ),
        Ask(f"1 - {promql.share(failed, settled)}"),
        kinds.worse_below(0.99, 0.995),
        decimals=2,
    )
    return [
        (3, started),
        (3, success),
        (3, _budget()),
        (3, _latency()),
        (3, _queue()),
        (3, _burst_time()),
        *((3, each) for each in _cancellations()),
    ]


def _budget() -> kinds.Panel:
    chosen = promql.OF_RECORDED
    failed = f"sum (sum_over_time(function:input_failed:rate5m{{{chosen}}}[30d]))"
    settled = f"sum (sum_over_time(function:input_settled:rate5m{{{chosen}}}[30d]))"
    return kinds.figure_now(
        Head(
            number=3,
            title="Budget left, 30 d",
            says="Of the failures that the objective allows in 30 days, weighted by "
            "traffic. Below zero the objective is missed. The objective is "
            "`slo:input_failed:budget_ratio` in `rules/slo.yaml`.",
            unit="percentunit",
            empty="The rules of dashboards/rules are not loaded, or nothing settled.",
            to=[_CANCELLATIONS],
        ),
        Ask(f"1 - {failed} / ({settled} > 0) / max (slo:input_failed:budget_ratio)"),
        kinds.worse_below(0, 0.25),
    )


def _latency() -> kinds.Panel:
    return kinds.number_against(
        Head(
            number=4,
            title="End to end, p95",
            says="From enqueue to settled, waiting and all attempts included. Red "
            "above the objective of `rules/slo.yaml`.",
            unit="s",
            empty=_SETTLED,
            to=[_SCALING],
        ),
        Ask(promql.quantile(0.95, names.TOTAL_DURATION)),
        Ask(shared.OBJECTIVE, "objective"),
    )


def _queue() -> kinds.Panel:
    return kinds.number_against(
        Head(
            number=5,
            title="Queued",
            says="Inputs that wait for a slot now. Red when more wait than all "
            "containers can run at once.",
            unit="short",
            empty=_NOTHING,
            to=[_SCALING],
        ),
        Ask(promql.or_zero(promql.total(promql.chosen(s.series(names.QUEUED))))),
        Ask(shared.SLOTS_OR_ONE, "limit"),
    )


def _burst_time() -> kinds.Panel:
    return kinds.number(
        Head(
            number=6,
            title="Time above target",
            says="Share of container time spent above `target_inputs`, exact between "
            "exports. Short bursts are what the limit is for; half of the time is a "
            "target or a `max_containers` that is too low.",
            unit="percentunit",
            empty="No container ran in this time range.",
            to=[_CONCURRENCY],
        ),
        Ask(promql.time_above_target()),
        kinds.worse_above(0.2, 0.5),
    )


def _cancellations() -> list[kinds.Panel]:
    cancelled = kinds.number(
        Head(
            number=7,
            title="Cancelled per second",
            says="Cancellations carried out: asked for by a caller, by a timeout, or "
            "by a shutdown.",
            unit="reqps",
            empty="No input was ever cancelled.",
            to=[_CANCELLATIONS],
        ),
        Ask(promql.or_zero(promql.rate(names.CANCELLED))),
        ((None, palette.PURPLE),),
    )
    neighbours = kinds.number(
        Head(
            number=8,
            title="Neighbours hit",
            says="Inputs per second that have to run again because another input of "
            'their container was cancelled. `cancellation="input"` avoids it.',
            unit="reqps",
            empty="No input was ever rescheduled.",
            to=[_CANCELLATIONS],
        ),
        Ask(promql.or_zero(promql.rate(names.RESCHEDULED, s.BY_CANCELLATION))),
        ((None, palette.GREEN), (0.000_001, palette.RED)),
    )
    return [cancelled, neighbours]


def _callers() -> list[shared.Wide]:
    success = f'{s.OUTCOME}="success"'
    others = f'{s.OUTCOME}!="success"'
    by_outcome = promql.legend(s.OUTCOME)
    outcomes = kinds.lines(
        Head(
            number=9,
            title="Inputs by outcome",
            says="Every input settles once: success, error, timeout, lost, or "
            "cancelled, which is no error.",
            unit="reqps",
            empty=_SETTLED,
            to=[_CANCELLATIONS],
        ),
        [
            Ask(promql.rate(names.COMPLETED, success, by=[s.OUTCOME]), by_outcome),
            Ask(
                promql.rate(names.COMPLETED, others, by=[s.OUTCOME]),
                by_outcome,
                exemplars=True,
            ),
        ],
        Drawn(looks=palette.OUTCOMES, stack="normal", legend=("mean", "max")),
    )
    heat = kinds.heat(
        Head(
            number=10,
            title="End to end",
            says="How long inputs took, from enqueue to settled. Points are single "
            "inputs: they lead to their trace and to the input explorer.",
            unit="s",
            empty=_SETTLED,
            to=[Link(links.EXPLORER), _SCALING],
        ),
        Ask(promql.buckets(names.TOTAL_DURATION), exemplars=True),
    )
    return [(8, outcomes), (8, heat), (8, _percentiles())]


def _percentiles() -> kinds.Panel:
    return kinds.lines(
        Head(
            number=11,
            title="End to end, percentiles",
            says="Waiting and all attempts included, beside the objective of "
            "`rules/slo.yaml`.",
            unit="s",
            empty=_SETTLED,
            to=[_SCALING, Link(links.EXPLORER)],
        ),
        [
            *shared.percentiles(names.TOTAL_DURATION),
            Ask(shared.OBJECTIVE, "objective"),
        ],
        Drawn(looks={**palette.PERCENTILES, **palette.LINES}),
    )


def _fullness() -> list[shared.Wide]:
    used = promql.total(promql.chosen(s.series(names.ACTIVE)), by=[s.FUNCTION])
    target = promql.total(promql.living(names.SLOTS_TARGET), by=[s.FUNCTION])
    use = kinds.bars(
        Head(
            number=14,
            title="Use of target by function",
            says="Running inputs as a share of the sum of `target_inputs`. Above 1 "
            "its containers burst.",
            unit="percentunit",
            empty=_NOTHING,
            to=[links.to_function(links.CONCURRENCY, s.FUNCTION), _CONCURRENCY],
        ),
        Ask(promql.top(f"{used} / ({target} > 0)"), promql.legend(s.FUNCTION)),
        ((None, palette.GREEN), (1.000_001, palette.ORANGE)),
        most=1.5,
    )
    return [
        (8, shared.active_target_limit(12, _CONCURRENCY)),
        (8, shared.zone_shares(13, _CONCURRENCY)),
        (8, use),
    ]


def _functions() -> kinds.Panel:
    by = [s.FUNCTION]
    failed = promql.rate(names.COMPLETED, s.FAILED, by=by)
    settled = promql.rate(names.COMPLETED, s.NOT_CANCELLED, by=by)
    active = promql.total(promql.chosen(s.series(names.ACTIVE)), by=by)
    target = promql.total(promql.living(names.SLOTS_TARGET), by=by)
    queued = promql.total(promql.chosen(s.series(names.QUEUED)), by=by)
    to = [
        links.row_to_function(uid, "Function")
        for uid in (links.CONCURRENCY, links.SCALING, links.CANCELLATIONS, links.TUNING)
    ]
    return tables.joined(
        Head(
            number=15,
            title="Functions",
            says="The 50 busiest, now. A click on a name opens what is known of it. "
            "Containers and queues of a class with several methods have a row of their "
            "own, under its name.",
            unit="short",
            empty=_NOTHING,
            to=[_CONCURRENCY],
        ),
        Joined(
            labels={s.FUNCTION: Column(name="Function", to=to, width=260)},
            values=[
                (
                    Ask(f"topk(50, {promql.rate(names.STARTED, by=by)})"),
                    Column(name="Inputs/s", unit="reqps"),
                ),
                (
                    Ask(f"1 - ({failed} or 0 * {settled}) / ({settled} > 0)"),
                    Column(
                        name="Success",
                        unit="percentunit",
                        steps=kinds.worse_below(0.99, 0.995),
                    ),
                ),
                (
                    Ask(promql.quantile(0.95, names.TOTAL_DURATION, by=by)),
                    Column(name="p95", unit="s"),
                ),
                (Ask(active), Column(name="Running", unit="short")),
                (
                    Ask(f"{active} / ({target} > 0)"),
                    Column(
                        name="Use of target",
                        unit="percentunit",
                        steps=((None, palette.GREEN), (1.000_001, palette.ORANGE)),
                    ),
                ),
                (Ask(queued), Column(name="Queued", unit="short")),
                (
                    Ask(promql.rate(names.CANCELLED, by=by)),
                    Column(name="Cancelled/s", unit="reqps"),
                ),
                (
                    Ask(f"60 * {promql.rate(names.CONTAINER_STARTS, by=by)}"),
                    Column(name="Cold starts/min", unit="short"),
                ),
            ],
            sort="Inputs/s",
        ),
    )


def _alerts() -> kinds.Panel:
    labels = f"alertname, severity, {s.FUNCTION}, dashboard"
    firing = f'ALERTS{{alertstate="firing", {promql.OF_ALERTS}}}'
    since = f"ALERTS_FOR_STATE{{{promql.OF_ALERTS}}}"
    there = Link(
        '${__data.fields["Dashboard"]}',
        "Open its dashboard",
        (("function", links.field("Function")),),
    )
    return tables.joined(
        Head(
            number=16,
            title="Firing alerts",
            says="Alerts of `dashboards/rules`; what each of them means and what to do "
            "stands in `docs/runbooks`.",
            unit="short",
            empty="No alert fires, or the rules of dashboards/rules are not loaded.",
            to=[Link(links.HEALTH)],
        ),
        Joined(
            labels={
                "alertname": Column(name="Alert", to=[there], width=320),
                "severity": Column(name="Severity", width=120),
                s.FUNCTION: Column(name="Function"),
                "dashboard": Column(name="Dashboard"),
            },
            values=[
                (
                    Ask(
                        f"time() - max by ({labels}) ({since})"
                        f" and on ({labels}) max by ({labels}) ({firing})"
                    ),
                    Column(name="For", unit="dtdurations"),
                )
            ],
            sort="For",
        ),
    )
