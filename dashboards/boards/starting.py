"""Whether containers follow demand, and what a start costs: panels."""

from __future__ import annotations

from typing import Final

from dashboards import kinds, links, palette, promql
from dashboards import series as s
from dashboards.boards import shared
from dashboards.kinds import Drawn, Panel
from dashboards.links import Link
from dashboards.panel import Ask, Head
from telemetry.core import names

_NO_START: Final = "No container started in this time range."

_CONCURRENCY: Final = Link(links.CONCURRENCY)
_TUNING: Final = Link(links.TUNING)
_CANCELLATIONS: Final = Link(links.CANCELLATIONS)


def wanted() -> str:
    """Containers that the autoscaler wants."""
    return promql.total(promql.living(names.AUTOSCALER_WANT))


def following() -> list[shared.Wide]:
    """Containers, demand and decisions."""
    states = kinds.lines(
        Head(
            number=13,
            title="Containers and what is wanted",
            says="Containers by state; the dashed line is what the autoscaler wants.",
            unit="short",
            empty="No container ran in this time range.",
            to=[_CONCURRENCY],
        ),
        [
            Ask(
                promql.total(promql.chosen(s.series(names.CONTAINERS)), by=[s.STATE]),
                promql.legend(s.STATE),
            ),
            Ask(wanted(), "wanted"),
        ],
        Drawn(looks={**palette.STATES, **palette.LINES}, stack="normal"),
    )
    demand = kinds.lines(
        Head(
            number=14,
            title="Demand against capacity",
            says="Demand is running and queued inputs, averaged over the window of "
            "the autoscaler. Above the dashed line containers are missing, above the "
            "dotted one inputs wait.",
            unit="short",
            empty="No autoscaler decided anything yet.",
            to=[_CONCURRENCY],
        ),
        [
            Ask(f"sum ({promql.living(names.AUTOSCALER_DEMAND)})", "demand"),
            Ask(promql.total(promql.living(names.SLOTS_TARGET)), "target"),
            Ask(promql.total(promql.living(names.SLOTS_LIMIT)), "limit"),
        ],
        Drawn(looks={"demand": palette.EXACT, **palette.LINES}),
    )
    decisions = kinds.lines(
        Head(
            number=15,
            title="Decisions per minute",
            says="To grow and to shrink, by reason. Up and down in turn is a "
            "`scaledown_window` that is too short.",
            unit="cpm",
            empty="The autoscaler changed nothing in this time range.",
            to=[_TUNING],
        ),
        [
            Ask(
                promql.per_minute(
                    names.AUTOSCALER_DECISIONS,
                    f'{s.DIRECTION}!="hold"',
                    by=[s.DIRECTION, s.REASON],
                ),
                promql.legend(s.DIRECTION, s.REASON),
            )
        ],
        Drawn(bars=True, stack="normal", legend=("mean", "max")),
    )
    return [(8, states), (8, demand), (8, decisions)]


def starts() -> list[shared.Wide]:
    """Starts, exits and what they cost."""
    exits = kinds.lines(
        Head(
            number=16,
            title="Starts and exits per minute",
            says="Containers started, and why others ended.",
            unit="cpm",
            empty="No container started or ended in this time range.",
            to=[_CANCELLATIONS],
        ),
        [
            Ask(promql.per_minute(names.CONTAINER_STARTS), "started"),
            Ask(
                promql.per_minute(names.CONTAINER_EXITS, by=[s.REASON]),
                promql.legend(s.REASON),
            ),
        ],
        Drawn(
            looks={"started": palette.Look(palette.GREEN), **palette.EXITS},
            legend=("mean", "max"),
        ),
    )
    begun = promql.of_pools(promql.increase(names.STARTED, by=[s.FUNCTION], over="1h"))
    containers = promql.increase(names.CONTAINER_STARTS, by=[s.FUNCTION], over="1h")
    life = kinds.lines(
        Head(
            number=18,
            title="Inputs in the life of a container",
            says="Inputs begun for each container started, over an hour. Few means "
            "churn: the start is paid again and again.",
            unit="short",
            empty=_NO_START,
            to=[_TUNING],
        ),
        [
            Ask(
                promql.top(f"{begun} / ({containers} > 0)"),
                promql.legend(s.FUNCTION),
            )
        ],
    )
    return [(8, exits), (8, _phases()), (8, life)]


def _phases() -> Panel:
    return kinds.lines(
        Head(
            number=17,
            title="Where a cold start goes",
            says="Mean time of spawn, import and enter hooks. Import and enter are "
            "yours to make faster; `buffer_containers` hides what is left.",
            unit="s",
            empty=_NO_START,
            to=[_TUNING],
        ),
        [
            Ask(
                promql.mean(names.CONTAINER_START_DURATION, f'{s.PHASE}="{phase}"'),
                phase,
            )
            for phase in palette.PHASES
        ],
        Drawn(looks=palette.PHASES, stack="normal", legend=("mean", "max")),
    )
