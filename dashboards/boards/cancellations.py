"""Cancellations and failures: who cancels, how fast it stops, whom else it hits."""

from __future__ import annotations

from typing import Final

from dashboards import kinds, links, moments, palette, promql, variables
from dashboards import series as s
from dashboards.board import Board, Row
from dashboards.boards import failures, shared
from dashboards.kinds import Drawn, Panel
from dashboards.links import Link
from dashboards.panel import Ask, Head
from telemetry.core import names

_NO_CANCEL: Final = "No input was cancelled in this time range."
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
            Row("How fast does it stop?", failures.stopping(), height=8),
            Row("What fails?", failures.failures(), height=8),
            Row(
                "Which inputs?",
                [(24, failures.cancelled()), (24, failures.failed())],
                height=7,
            ),
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
