"""Concurrency and bursts: are containers full, and what does a burst cost."""

from __future__ import annotations

from typing import Final

from dashboards import kinds, links, moments, palette, promql, variables
from dashboards import series as s
from dashboards.board import Board, Row
from dashboards.boards import shared
from dashboards.kinds import Drawn, Panel
from dashboards.links import Link
from dashboards.panel import Ask, Head
from telemetry.core import names
from telemetry.core.metrics import Metric

_NOTHING: Final = "No inputs in this time range."
_NO_CONTAINER: Final = (
    "No container ran in this time range. Those of a class with several methods are "
    "under its name: choose the class."
)
_NO_BURST: Final = "No container ran above its target in this time range."

_TUNING: Final = Link(links.TUNING)
_SCALING: Final = Link(links.SCALING)
_EXPLORER: Final = Link(links.EXPLORER)
_HEALTH: Final = Link(links.HEALTH)


def board() -> Board:
    """The dashboard."""
    return Board(
        uid=links.CONCURRENCY,
        says="Are containers full, when do they burst, and what does that cost?",
        rows=[
            Row("How full are the containers?", _fullness(), height=9),
            Row("How much above target?", _figures(), height=4),
            Row("Where does their time go?", _zones(), height=9),
            Row("What does a burst cost, and why did it begin?", _bursts(), height=8),
            Row("How is it in each container?", _containers(), height=8),
            Row("Can the picture be trusted?", _trust(), height=7),
        ],
        variables=variables.common(variables.container()),
        annotations=moments.usual(exits=True),
    )


def _fullness() -> list[shared.Wide]:
    peaks = promql.total(promql.chosen(s.series(names.SLOTS_PEAK)))
    exact = kinds.lines(
        Head(
            number=2,
            title="Exact mean, sample and peak",
            says="The mean is the integral of running inputs: exact, whatever happens "
            "between two exports. The sample is what ran at the moment of an export. "
            "The peak adds up the most that each container ran at once: an upper "
            "bound, and the one that shows a burst of a second.",
            unit="short",
            empty=_NOTHING,
            to=[_TUNING],
        ),
        [
            Ask(promql.rate(names.SLOTS_SECONDS), "mean"),
            Ask(promql.total(promql.chosen(s.series(names.ACTIVE))), "sample"),
            Ask(f"max_over_time(({peaks})[{promql.RATE}:15s])", "peak"),
            Ask(promql.total(promql.living(names.SLOTS_TARGET)), "target"),
            Ask(promql.total(promql.living(names.SLOTS_LIMIT)), "limit"),
        ],
        Drawn(looks={**palette.MEASURES, **palette.LINES}),
    )
    return [(12, shared.active_target_limit(1, _TUNING)), (12, exact)]


def _figures() -> list[shared.Wide]:
    above = kinds.number(
        Head(
            number=3,
            title="Containers above target",
            says="Containers that run more than `target_inputs` at this moment.",
            unit="short",
            empty=_NO_CONTAINER,
            to=[_TUNING],
        ),
        Ask(promql.total(f"{_active()} > bool {_gauge(names.SLOTS_TARGET)}")),
        ((None, palette.GREEN), (1, palette.ORANGE)),
    )
    headroom = kinds.number(
        Head(
            number=4,
            title="Free slots",
            says="How many more inputs could run now in the containers that are ready.",
            unit="short",
            empty="No container is ready now.",
            to=[_SCALING],
        ),
        # None of them is a state of its own, and not a shortage.
        Ask(
            f"({promql.total(promql.living(names.SLOTS_LIMIT))} > 0)"
            f" - {promql.total(promql.chosen(s.series(names.ACTIVE)))}"
        ),
        ((None, palette.RED), (1, palette.GREEN)),
    )
    stuck = kinds.number(
        Head(
            number=8,
            title="Stuck slots",
            says="Slots whose input was cancelled and still runs: it swallows the "
            "exception, or sits in C code. After `cancel_grace` the container goes.",
            unit="short",
            empty=_NO_CONTAINER,
            to=[Link(links.CANCELLATIONS)],
        ),
        Ask(promql.total(promql.living(names.SLOTS_STUCK))),
        ((None, palette.GREEN), (1, palette.RED)),
    )
    return [(4, above), (4, headroom), *((4, each) for each in _episodes()), (4, stuck)]


def _active() -> str:
    return promql.living(names.SLOTS_ACTIVE)


def _gauge(metric: Metric) -> str:
    return promql.chosen(s.series(metric))


def _episodes() -> list[Panel]:
    time = kinds.number(
        Head(
            number=5,
            title="Time above target",
            says="Share of container time above `target_inputs`, exact.",
            unit="percentunit",
            empty=_NO_CONTAINER,
            to=[_TUNING],
        ),
        Ask(promql.time_above_target()),
        kinds.worse_above(0.2, 0.5),
    )
    bursts = kinds.number(
        Head(
            number=6,
            title="Bursts in the last hour",
            says="How often a function went above its target.",
            unit="short",
            empty=_NO_BURST,
            to=[_TUNING],
        ),
        Ask(promql.or_zero(promql.increase(names.BURSTS, over="1h"))),
        kinds.NEUTRAL,
        decimals=0,
    )
    length = kinds.figure_now(
        Head(
            number=7,
            title="Length of bursts, p95",
            says="Over the time range. A burst bridges a cold start; one that lasts "
            "much longer waits for containers that do not come.",
            unit="s",
            empty=_NO_BURST,
            to=[_SCALING],
        ),
        Ask(promql.quantile_in_range(0.95, names.BURST_DURATION)),
        kinds.NEUTRAL,
    )
    return [time, bursts, length]


def _zones() -> list[shared.Wide]:
    by_container = kinds.states(
        Head(
            number=10,
            title="Zone of each container",
            says="Idle, normal (up to the target), burst (above it), saturated (at "
            "the limit, or at a limit that is the target while inputs wait). Sampled "
            "at each export. A container that is gone ends.",
            unit="short",
            empty=_NO_CONTAINER,
            to=[_EXPLORER],
        ),
        Ask(promql.zone_of_container(), promql.legend(s.CONTAINER)),
        palette.ZONE_NUMBERS,
    )
    return [(12, shared.zone_shares(9, _TUNING)), (12, by_container)]


def _bursts() -> list[shared.Wide]:
    reasons = kinds.lines(
        Head(
            number=13,
            title="Bursts per minute, by reason",
            says="`cold_start`: help is on its way. `max_containers`: nobody may come, "
            "so the function has to burst or to wait.",
            unit="cpm",
            empty=_NO_BURST,
            to=[_SCALING],
        ),
        [Ask(promql.per_minute(names.BURSTS, by=[s.REASON]), promql.legend(s.REASON))],
        Drawn(
            looks=palette.BURST_REASONS,
            bars=True,
            stack="normal",
            legend=("mean", "max"),
        ),
    )
    return [(8, _run_time()), (8, _slowdown()), (8, reasons)]


def _run_time() -> Panel:
    return kinds.lines(
        Head(
            number=11,
            title="Run time p95 by zone at admission",
            says="One execution, by how full its container was when it began. If burst "
            "lies far above normal, inputs above the target slow each other down: "
            "lower `max_inputs`. If it does not, the target is too careful.",
            unit="s",
            empty="No input ended in this time range.",
            to=[_TUNING, _EXPLORER],
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


def _slowdown() -> Panel:
    above, under = (
        promql.quantile(0.95, names.DURATION, zone, by=[s.FUNCTION])
        for zone in (shared.ABOVE_TARGET, shared.AT_OR_UNDER)
    )
    return kinds.lines(
        Head(
            number=12,
            title="Slowdown inside bursts",
            says="Run time p95 of inputs admitted above the target, divided by that of "
            "inputs admitted at or under it. 1 means that bursts cost nothing; above 2 "
            "waiting would have been as good.",
            unit="none",
            empty="No input was admitted above the target, or none under it.",
            to=[_TUNING],
        ),
        [
            Ask(
                promql.top(promql.above_target(f"({above} / {under})")),
                promql.legend(s.FUNCTION),
            )
        ],
        Drawn(steps=((None, palette.GREEN), (1.2, palette.ORANGE), (2, palette.RED))),
    )


def _containers() -> list[shared.Wide]:
    chosen = promql.OF_CONTAINER
    peaks = promql.most(names.SLOTS_PEAK, chosen, by=s.CONTAINER)
    peak = kinds.lines(
        Head(
            number=14,
            title="Peak in each container",
            says="The most that ran at once since the export before, in the 20 "
            "fullest, against the greatest target and limit. A sample misses what lies "
            "between two exports.",
            unit="short",
            empty=_NO_CONTAINER,
            to=[_EXPLORER],
        ),
        [
            Ask(promql.top(peaks), promql.legend(s.CONTAINER)),
            Ask(f"max ({promql.most(names.SLOTS_TARGET, chosen)})", "target"),
            Ask(f"max ({promql.most(names.SLOTS_LIMIT, chosen)})", "limit"),
        ],
        Drawn(looks=palette.LINES),
    )
    met = kinds.heat(
        Head(
            number=15,
            title="Concurrency that inputs met",
            says="How many ran in the container as an input began, itself included.",
            unit="short",
            empty=_NOTHING,
            to=[_TUNING],
        ),
        Ask(promql.buckets(names.CONCURRENCY)),
    )
    length = kinds.heat(
        Head(
            number=16,
            title="Length of bursts",
            says="How long functions stayed above their target.",
            unit="s",
            empty=_NO_BURST,
            to=[_SCALING],
        ),
        Ask(promql.buckets(names.BURST_DURATION)),
    )
    return [(8, peak), (8, met), (8, length)]


def _trust() -> list[shared.Wide]:
    blocked = kinds.lines(
        Head(
            number=19,
            title="Blocked loops per minute",
            says="Times that a body held the event loop longer than the watchdog "
            "allows, by function. The record names the input and the line of code.",
            unit="cpm",
            empty="No event loop was blocked in this time range.",
            to=[_EXPLORER],
        ),
        [
            Ask(
                promql.top(promql.per_minute(names.LOOP_BLOCKED, by=[s.FUNCTION])),
                promql.legend(s.FUNCTION),
            )
        ],
        Drawn(bars=True, stack="normal", legend=("mean", "max")),
    )
    return [
        (8, shared.little(17, _HEALTH)),
        (8, shared.loop_lag(18, _EXPLORER)),
        (8, blocked),
    ]
