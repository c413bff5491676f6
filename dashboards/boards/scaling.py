"""Queueing and scaling: how long inputs wait, why, and whether containers follow."""

from __future__ import annotations

from typing import Final

from dashboards import kinds, links, moments, palette, promql, tables, variables
from dashboards import series as s
from dashboards.board import Board, Row
from dashboards.boards import shared, starting
from dashboards.kinds import Drawn, Panel
from dashboards.links import Link
from dashboards.panel import Ask, AskTraces, Head
from telemetry.core import names

_NOTHING: Final = "No inputs in this time range."
_NO_QUEUE: Final = "Nothing was ever queued."
_NO_START: Final = "No container started in this time range."

_CONCURRENCY: Final = Link(links.CONCURRENCY)
_TUNING: Final = Link(links.TUNING)
_EXPLORER: Final = Link(links.EXPLORER)

_COLD: Final = f'{s.WAIT_REASON}="cold_start"'
_SLOW_S: Final = 1


def board() -> Board:
    """The dashboard."""
    return Board(
        uid=links.SCALING,
        says="How long do inputs wait, for what, and do containers follow demand?",
        rows=[
            Row("Does anything wait?", _figures(), height=4),
            Row("How long do inputs wait?", _waits(), height=8),
            Row("What do they wait for?", _reasons(), height=8),
            Row("Do containers follow demand?", starting.following(), height=9),
            Row("What does a start cost?", starting.starts(), height=8),
            Row("Which inputs waited long?", [(24, _slow())], height=9),
        ],
        variables=variables.common(variables.short_service(), traces=True),
        annotations=moments.usual(exits=True),
    )


def _figures() -> list[shared.Wide]:
    queued = kinds.number_against(
        Head(
            number=1,
            title="Queued",
            says="Inputs that wait for a slot now. Red when more wait than all "
            "containers can run at once.",
            unit="short",
            empty=_NO_QUEUE,
            to=[_CONCURRENCY],
        ),
        Ask(promql.or_zero(promql.total(promql.chosen(s.series(names.QUEUED))))),
        Ask(shared.SLOTS_OR_ONE, "limit"),
    )
    oldest = kinds.number(
        Head(
            number=2,
            title="Oldest wait",
            says="Age of the input that has waited longest and waits still.",
            unit="s",
            empty=_NO_QUEUE,
            to=[_EXPLORER],
        ),
        Ask(f"max ({promql.living(names.QUEUE_OLDEST)})"),
        kinds.worse_above(1, 10),
    )
    wait = kinds.number(
        Head(
            number=3,
            title="Wait, p95",
            says="From enqueue to dispatch.",
            unit="s",
            empty=_NOTHING,
            to=[_TUNING],
        ),
        Ask(promql.quantile(0.95, names.QUEUE_DURATION)),
        kinds.worse_above(0.5, 5),
    )
    return [
        (4, queued),
        (4, oldest),
        (4, wait),
        *((4, each) for each in _figures_of_containers()),
    ]


def _figures_of_containers() -> list[Panel]:
    dispatched = s.counted(names.QUEUE_DURATION)
    cold = kinds.number(
        Head(
            number=4,
            title="Waited for a cold start",
            says="Share of inputs that waited because a container had to start.",
            unit="percentunit",
            empty=_NOTHING,
            to=[_TUNING],
        ),
        Ask(promql.share(promql.rate(dispatched, _COLD), promql.rate(dispatched))),
        kinds.worse_above(0.05, 0.25),
    )
    missing = kinds.number(
        Head(
            number=5,
            title="Containers missing",
            says="What the autoscaler wants and what is neither ready nor starting.",
            unit="short",
            empty="No autoscaler decided anything yet.",
            to=[_CONCURRENCY],
        ),
        Ask(f"clamp_min({starting.wanted()} - {_containers('ready|starting')}, 0)"),
        ((None, palette.GREEN), (1, palette.ORANGE)),
    )
    start = kinds.figure_now(
        Head(
            number=6,
            title="Cold start, p95",
            says="Spawn, import and enter hooks together, over the time range.",
            unit="s",
            empty=_NO_START,
            to=[_TUNING],
        ),
        Ask(
            promql.quantile_in_range(
                0.95, names.CONTAINER_START_DURATION, f'{s.PHASE}="total"'
            )
        ),
        kinds.NEUTRAL,
    )
    return [cold, missing, start]


def _containers(states: str) -> str:
    return promql.total(
        promql.chosen(s.series(names.CONTAINERS), f'{s.STATE}=~"{states}"')
    )


def _waits() -> list[shared.Wide]:
    queued = promql.total(promql.chosen(s.series(names.QUEUED)), by=[s.FUNCTION])
    oldest_by = f"max by ({s.FUNCTION}) ({promql.living(names.QUEUE_OLDEST)})"
    depth = kinds.lines(
        Head(
            number=7,
            title="Queue",
            says="Queued inputs by function, sampled at each export, and the exact "
            "mean over all of them: the integral of the queue.",
            unit="short",
            empty=_NO_QUEUE,
            to=[_CONCURRENCY],
        ),
        [
            Ask(promql.top(queued), promql.legend(s.FUNCTION)),
            Ask(promql.rate(names.QUEUE_SECONDS), "exact mean"),
        ],
        Drawn(looks={"exact mean": palette.EXACT}, stack="normal"),
    )
    oldest = kinds.lines(
        Head(
            number=8,
            title="Oldest queued input",
            says="A line that rises without an end is a function that starts nothing.",
            unit="s",
            empty=_NO_QUEUE,
            to=[_EXPLORER],
        ),
        [Ask(promql.top(oldest_by), promql.legend(s.FUNCTION))],
    )
    wait = kinds.lines(
        Head(
            number=9,
            title="Wait, percentiles",
            says="From enqueue to dispatch. Points are single inputs.",
            unit="s",
            empty=_NOTHING,
            to=[_EXPLORER],
        ),
        shared.percentiles(names.QUEUE_DURATION),
        Drawn(looks=palette.PERCENTILES),
    )
    return [(8, depth), (8, oldest), (8, wait)]


def _reasons() -> list[shared.Wide]:
    by = [s.WAIT_REASON]
    named = promql.legend(s.WAIT_REASON)
    lost = kinds.lines(
        Head(
            number=10,
            title="Time lost to waiting",
            says="Seconds of waiting per second, by reason. `cold_start`: a container "
            "had to start. `capacity`: all were at their limit. `retry`: the retry "
            "policy held it back.",
            unit="none",
            empty=_NOTHING,
            to=[_TUNING],
        ),
        [Ask(promql.rate(s.summed(names.QUEUE_DURATION), by=by), named)],
        Drawn(looks=palette.WAITS, stack="normal", legend=("mean", "max")),
    )
    inputs = kinds.lines(
        Head(
            number=11,
            title="Inputs by what they waited for",
            says="Inputs per second by what kept them; `none` went straight to a slot.",
            unit="reqps",
            empty=_NOTHING,
            to=[_TUNING],
        ),
        [Ask(promql.rate(s.counted(names.QUEUE_DURATION), by=by), named)],
        Drawn(looks=palette.WAITS, stack="normal", legend=("mean", "max")),
    )
    long = kinds.lines(
        Head(
            number=12,
            title="Wait p95 by reason",
            says="How long an input waits once it has to.",
            unit="s",
            empty=_NOTHING,
            to=[_EXPLORER],
        ),
        [
            Ask(
                promql.quantile(0.95, names.QUEUE_DURATION, by=by),
                named,
                exemplars=True,
            )
        ],
        Drawn(looks=palette.WAITS),
    )
    return [(8, lost), (8, inputs), (8, long)]


def _slow() -> Panel:
    return tables.spans(
        Head(
            number=19,
            title=f"Waits longer than {_SLOW_S} s",
            says="Queue spans of single inputs. A click on an id opens the input.",
            unit="short",
            empty=f"No kept trace of an input that waited longer than {_SLOW_S} s.",
            to=[_EXPLORER],
        ),
        AskTraces(
            f'{{ resource.service.name =~ "$service" && name = "{names.SPAN_QUEUE}"'
            f" && duration > {_SLOW_S}s }}"
            f" | select({s.in_span(names.INPUT_ID)}, {s.in_span(names.INPUT_FUNCTION)},"
            f" {s.in_span(names.INPUT_WAIT_REASON)})"
        ),
        {
            "Start time": shared.WHEN,
            names.INPUT_ID: shared.column_of_inputs(),
            names.INPUT_FUNCTION: tables.Column(name="Function"),
            names.INPUT_WAIT_REASON: tables.Column(name="Waited for"),
            "Duration": tables.Column(name="Waited", unit="ns"),
        },
    )
