"""Cancellations and failures: who cancels, how fast it stops, whom else it hits."""

from __future__ import annotations

from typing import Final

from dashboards import kinds, links, moments, palette, promql, tables, variables
from dashboards import series as s
from dashboards.board import Board, Row
from dashboards.boards import shared
from dashboards.kinds import Drawn, Panel
from dashboards.links import Link
from dashboards.panel import Ask, AskTraces, Head
from dashboards.tables import Column
from telemetry.core import names

_NO_CANCEL: Final = "No input was cancelled in this time range."
_NO_FAILURE: Final = "No input failed in this time range."
_NO_EXIT: Final = "No container ended in this time range."

_CONCURRENCY: Final = Link(links.CONCURRENCY)
_SCALING: Final = Link(links.SCALING)
_EXPLORER: Final = Link(links.EXPLORER)

_SYNC: Final = f'{s.MODE}="sync"'
_ADVICE: Final = (
    'An async body, or `@concurrent(..., cancellation="input")`, ends alone: its '
    "neighbours do not notice."
)


def board() -> Board:
    """The dashboard."""
    return Board(
        uid=links.CANCELLATIONS,
        says="Who cancels, how fast does it stop, whom does it hit, and what fails?",
        rows=[
            Row("How much is cancelled, and what does it hit?", _figures(), height=4),
            Row("Who cancels, and how?", _who(), height=8),
            Row("What does it do to the neighbours?", _neighbours(), height=8),
            Row("How fast does it stop?", _stopping(), height=8),
            Row("What fails?", _failures(), height=8),
            Row("Which inputs?", [(24, _cancelled()), (24, _failed())], height=7),
        ],
        variables=variables.common(variables.short_service(), traces=True),
        annotations=moments.usual(exits=True),
    )


def _figures() -> list[shared.Wide]:
    rate = kinds.number(
        Head(
            number=1,
            title="Cancelled per second",
            says="Cancellations carried out, of queued and of running inputs.",
            unit="reqps",
            empty=_NO_CANCEL,
            to=[_EXPLORER],
        ),
        Ask(promql.or_zero(promql.rate(names.CANCELLED))),
        ((None, palette.PURPLE),),
    )
    ratio = kinds.number(
        Head(
            number=2,
            title="Cancelled of settled",
            says="Share of inputs that were cancelled. Much work that nobody waits "
            "for any more: look for callers with a deadline that is too short.",
            unit="percentunit",
            empty="No input settled in this time range.",
            to=[_SCALING],
        ),
        Ask(promql.share(promql.rate(names.CANCELLED), promql.rate(names.COMPLETED))),
        kinds.worse_above(0.05, 0.2),
    )
    return [
        (4, rate),
        (4, ratio),
        *((4, each) for each in _damage()),
        (4, _time_to_stop()),
        (4, _stuck()),
    ]


def _blast_radius(over: str) -> str:
    hit = promql.increase(names.RESCHEDULED, s.BY_CANCELLATION, over=over)
    running = f'{s.CANCEL_PHASE}="running"'
    shots = promql.increase(names.CANCELLED, _SYNC, running, over=over)
    return f"{promql.or_zero(hit)} / ({shots} > 0)"


def _damage() -> list[Panel]:
    radius = kinds.number(
        Head(
            number=3,
            title="Blast radius",
            says="Neighbours that had to run again for each running sync input that "
            f"was cancelled, over the time range. 0 is best. {_ADVICE}",
            unit="short",
            empty="No running sync input was cancelled in this time range.",
            to=[_CONCURRENCY],
        ),
        Ask(_blast_radius(promql.RANGE)),
        ((None, palette.GREEN), (0.01, palette.ORANGE), (1, palette.RED)),
        decimals=2,
    )
    gone = f'{s.REASON}=~"cancellation|timeout"'
    containers = kinds.number(
        Head(
            number=4,
            title="Containers lost to it",
            says="Containers that were ended because of a cancellation or a timeout, "
            "over the time range.",
            unit="short",
            empty=_NO_EXIT,
            to=[_SCALING],
        ),
        Ask(
            promql.or_zero(
                promql.increase(names.CONTAINER_EXITS, gone, over=promql.RANGE)
            )
        ),
        ((None, palette.GREEN), (0.5, palette.ORANGE)),
        decimals=0,
    )
    return [radius, containers]


def _time_to_stop() -> Panel:
    unwind = f'{s.STAGE}="unwind"'
    return kinds.figure_now(
        Head(
            number=5,
            title="Time to unwind, p95",
            says="From the moment that a body got the cancellation to its end, over "
            "the time range.",
            unit="s",
            empty=_NO_CANCEL,
            to=[_EXPLORER],
        ),
        Ask(promql.quantile_in_range(0.95, names.CANCELLATION_DURATION, unwind)),
        kinds.worse_above(1, 5),
    )


def _stuck() -> Panel:
    return kinds.number(
        Head(
            number=6,
            title="Stuck slots",
            says="Slots whose input is cancelled and runs on: it swallows the "
            "exception, or sits in C code.",
            unit="short",
            empty="No container runs.",
            to=[_CONCURRENCY],
        ),
        Ask(promql.total(promql.living(names.SLOTS_STUCK))),
        ((None, palette.GREEN), (1, palette.RED)),
    )


def _who() -> list[shared.Wide]:
    cause = kinds.lines(
        Head(
            number=7,
            title="By cause and mode",
            says="Who asked: a caller (`user`), a `timeout`, a `shutdown`; and how "
            "bodies of the function run.",
            unit="reqps",
            empty=_NO_CANCEL,
            to=[_EXPLORER],
        ),
        [
            Ask(
                promql.rate(names.CANCELLED, by=[s.CAUSE, s.MODE]),
                promql.legend(s.CAUSE, s.MODE),
                exemplars=True,
            )
        ],
        Drawn(stack="normal", legend=("mean", "max")),
    )
    phase = kinds.lines(
        Head(
            number=8,
            title="By phase",
            says="Queued inputs are dropped and cost nothing. Running ones have to be "
            "told, and have worked in vain.",
            unit="reqps",
            empty=_NO_CANCEL,
            to=[_SCALING],
        ),
        [
            Ask(
                promql.rate(names.CANCELLED, by=[s.CANCEL_PHASE]),
                promql.legend(s.CANCEL_PHASE),
            )
        ],
        Drawn(looks=palette.CANCEL_PHASES, stack="normal", legend=("mean", "max")),
    )
    running = f'{s.CANCEL_PHASE}="running"'
    mechanism = kinds.lines(
        Head(
            number=9,
            title="Running ones by mechanism",
            says="`task`: a cancelled asyncio task. `exception`: raised in the body's "
            "thread. `container`: the whole container had to go.",
            unit="reqps",
            empty=_NO_CANCEL,
            to=[_CONCURRENCY],
        ),
        [
            Ask(
                promql.rate(names.CANCELLED, running, by=[s.MECHANISM]),
                promql.legend(s.MECHANISM),
            )
        ],
        Drawn(looks=palette.MECHANISMS, stack="normal", legend=("mean", "max")),
    )
    return [(8, cause), (8, phase), (8, mechanism)]


def _neighbours() -> list[shared.Wide]:
    rescheduled = kinds.lines(
        Head(
            number=10,
            title="Rescheduled by reason",
            says="Inputs that run again under the same id because their container "
            "went away: by the cancellation or the timeout of a neighbour, or a crash.",
            unit="reqps",
            empty="No input was rescheduled in this time range.",
            to=[_EXPLORER],
        ),
        [
            Ask(
                promql.rate(names.RESCHEDULED, by=[s.REASON]),
                promql.legend(s.REASON),
                exemplars=True,
            )
        ],
        Drawn(stack="normal", legend=("mean", "max")),
    )
    radius = kinds.lines(
        Head(
            number=11,
            title="Blast radius over time",
            says="Neighbours rescheduled for each running sync input that was "
            f"cancelled, over 10 minutes. {_ADVICE}",
            unit="short",
            empty="No running sync input was cancelled in this time range.",
            to=[_CONCURRENCY],
        ),
        [Ask(_blast_radius("10m"), "neighbours for each cancellation")],
        Drawn(
            looks={"neighbours for each cancellation": palette.Look(palette.PURPLE)},
            steps=((None, palette.GREEN), (1, palette.RED)),
        ),
    )
    exits = kinds.lines(
        Head(
            number=12,
            title="Containers ended per minute",
            says="A sync function's default is that a cancellation ends the container.",
            unit="cpm",
            empty=_NO_EXIT,
            to=[_SCALING],
        ),
        [
            Ask(
                promql.per_minute(names.CONTAINER_EXITS, by=[s.REASON]),
                promql.legend(s.REASON),
            )
        ],
        Drawn(looks=palette.EXITS, bars=True, stack="normal", legend=("mean", "max")),
    )
    return [(8, rescheduled), (8, radius), (8, exits)]


def _stopping() -> list[shared.Wide]:
    stages = kinds.lines(
        Head(
            number=13,
            title="Time to stop p95, by stage and mechanism",
            says="`deliver`: from the request until the body got it; a blocked loop or "
            "C code delays it. `unwind`: from there to the end of the body.",
            unit="s",
            empty=_NO_CANCEL,
            to=[_EXPLORER],
        ),
        [
            Ask(
                promql.quantile(
                    0.95, names.CANCELLATION_DURATION, by=[s.STAGE, s.MECHANISM]
                ),
                promql.legend(s.STAGE, s.MECHANISM),
                exemplars=True,
            )
        ],
    )
    heat = kinds.heat(
        Head(
            number=14,
            title="Time to stop",
            says="Both stages. The second cluster at `cancel_grace` (5 s) is bodies "
            "that do not stop.",
            unit="s",
            empty=_NO_CANCEL,
            to=[_EXPLORER],
        ),
        Ask(promql.buckets(names.CANCELLATION_DURATION), exemplars=True),
    )
    stuck = kinds.lines(
        Head(
            number=15,
            title="Stuck slots by function",
            says="Cancelled and running on. Each one is a slot less.",
            unit="short",
            empty="No container ran in this time range.",
            to=[_CONCURRENCY],
        ),
        [
            Ask(
                promql.top(
                    promql.total(promql.living(names.SLOTS_STUCK), by=[s.FUNCTION])
                ),
                promql.legend(s.FUNCTION),
            )
        ],
        Drawn(stack="normal"),
    )
    return [(8, stages), (8, heat), (8, stuck)]


def _failures() -> list[shared.Wide]:
    outcomes = kinds.lines(
        Head(
            number=16,
            title="Failures by outcome",
            says="`error`: the body raised. `timeout`: it ran too long. `lost`: its "
            "containers died under it, again and again.",
            unit="reqps",
            empty=_NO_FAILURE,
            to=[_EXPLORER],
        ),
        [
            Ask(
                promql.rate(names.COMPLETED, s.FAILED, by=[s.OUTCOME]),
                promql.legend(s.OUTCOME),
                exemplars=True,
            )
        ],
        Drawn(looks=palette.OUTCOMES, stack="normal", legend=("mean", "max")),
    )
    again = kinds.lines(
        Head(
            number=17,
            title="Retried and rejected",
            says="Run again by the retry policy; or never accepted at all.",
            unit="reqps",
            empty="No input was retried or rejected in this time range.",
            to=[_SCALING],
        ),
        [
            Ask(
                promql.rate(names.RETRIED, by=[s.REASON]),
                f"retried: {promql.legend(s.REASON)}",
            ),
            Ask(
                promql.rate(names.REJECTED, by=[s.REASON]),
                f"rejected: {promql.legend(s.REASON)}",
            ),
        ],
    )
    types = kinds.span_rates(
        Head(
            number=18,
            title="Errors by type",
            says="Counted by Tempo from the traces that are kept; errors always are.",
            unit="reqps",
            empty="No kept trace of an error, or this Tempo counts nothing.",
            to=[_EXPLORER],
        ),
        AskTraces(
            '{ resource.service.name =~ "$service" && status = error }'
            f" | rate() by ({s.in_span(names.ERROR_TYPE)})"
        ),
        Drawn(stack="normal", legend=("mean", "max")),
    )
    return [(8, outcomes), (8, again), (8, types)]


def _cancelled() -> Panel:
    return tables.spans(
        Head(
            number=19,
            title="Cancelled inputs",
            says="What was asked for, and what the body made of it: `swallowed` means "
            "that it returned all the same. A click on an id opens the input.",
            unit="short",
            empty="No kept trace of a cancelled input.",
            to=[_EXPLORER],
        ),
        AskTraces(
            '{ resource.service.name =~ "$service"'
            f' && {s.in_span(names.INPUT_OUTCOME)} = "cancelled" }}'
            f" | select({s.in_span(names.INPUT_ID)}, {s.in_span(names.INPUT_FUNCTION)},"
            f" {s.in_span(names.INPUT_CANCELLATION_CAUSE)},"
            f" {s.in_span(names.INPUT_CANCELLATION_MECHANISM)},"
            f" {s.in_span(names.INPUT_CANCELLATION_OBSERVED)})"
        ),
        {
            "Start time": shared.WHEN,
            names.INPUT_ID: shared.column_of_inputs(),
            names.INPUT_FUNCTION: Column(name="Function"),
            names.INPUT_CANCELLATION_CAUSE: Column(name="Cause"),
            names.INPUT_CANCELLATION_MECHANISM: Column(name="Mechanism"),
            names.INPUT_CANCELLATION_OBSERVED: Column(name="Observed"),
            "Duration": Column(name="Ran", unit="ns"),
        },
    )


def _failed() -> Panel:
    return tables.spans(
        Head(
            number=20,
            title="Failed inputs",
            says="Errors, timeouts and losses. A click on an id opens the input.",
            unit="short",
            empty="No kept trace of a failed input.",
            to=[_EXPLORER],
        ),
        AskTraces(
            '{ resource.service.name =~ "$service"'
            f' && {s.in_span(names.INPUT_OUTCOME)} =~ "error|timeout|lost" }}'
            f" | select({s.in_span(names.INPUT_ID)}, {s.in_span(names.INPUT_FUNCTION)},"
            f" {s.in_span(names.INPUT_OUTCOME)}, {s.in_span(names.ERROR_TYPE)},"
            f" {s.in_span(names.INPUT_ATTEMPT)})"
        ),
        {
            "Start time": shared.WHEN,
            names.INPUT_ID: shared.column_of_inputs(),
            names.INPUT_FUNCTION: Column(name="Function"),
            names.INPUT_OUTCOME: Column(name="Outcome"),
            names.ERROR_TYPE: Column(name="Error"),
            names.INPUT_ATTEMPT: Column(name="Attempt"),
            "Duration": Column(name="Ran", unit="ns"),
        },
    )
