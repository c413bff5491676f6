"""Panels and queries that stand on more than one dashboard."""

from __future__ import annotations

from typing import Final

from dashboards import kinds, links, palette, promql
from dashboards import series as s
from dashboards.kinds import Drawn, Panel
from dashboards.links import Link
from dashboards.panel import Ask, Head
from dashboards.tables import Column
from telemetry.core import names
from telemetry.core.metrics import Metric

Wide = tuple[int, Panel]
"""A panel and its width."""

OBJECTIVE: Final = "max (slo:input_total_duration:objective_seconds)"
"""The latency objective, as a rule records it: one place to change it."""

SLOTS_OR_ONE: Final = (
    f"clamp_min({promql.total(promql.living(names.SLOTS_LIMIT))} or vector(0), 1)"
)
"""All slots that there are; one where no container is ready, so that a queue before
none is full, and none is not."""

ABOVE_TARGET: Final = f'{s.ZONE}=~"burst|saturated"'
AT_OR_UNDER: Final = f'{s.ZONE}="normal"'


WHEN: Final = Column(name="When", width=190)


def column_of_inputs() -> Column:
    """An input's id that leads to all that is known of it."""
    there = Link(
        links.EXPLORER,
        "Open this input",
        (
            ("input_id", links.field("Input")),
            ("trace_id", links.field("traceIdHidden")),
        ),
    )
    return Column(name="Input", to=[there], width=270)


def percentiles(metric: Metric, *more: str) -> list[Ask]:
    """The median, p95 and p99, with single inputs as points at the last."""
    shares = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
    return [
        Ask(promql.quantile(share, metric, *more), name, exemplars=name == "p99")
        for name, share in shares
    ]


def active_target_limit(number: int, to: Link) -> Panel:
    """Three lines in one picture: what runs, what should, what may."""
    active = promql.chosen(s.series(names.ACTIVE))
    by_function = promql.total(active, by=[s.FUNCTION])
    return kinds.lines(
        Head(
            number=number,
            title="Running, target and limit",
            says="Running inputs, of the 20 busiest functions and of all, against the "
            "sums of `target_inputs` (dashed) and `max_inputs` (dotted) of the "
            "containers that live. Above the dashed line they burst, at the dotted "
            "line inputs wait.",
            unit="short",
            empty="No inputs in this time range. Containers of a class with several "
            "methods are under its name: choose the class.",
            to=[to],
        ),
        [
            Ask(promql.top(by_function), promql.legend(s.FUNCTION)),
            Ask(promql.total(active), "all"),
            Ask(promql.total(promql.living(names.SLOTS_TARGET)), "target"),
            Ask(promql.total(promql.living(names.SLOTS_LIMIT)), "limit"),
        ],
        Drawn(looks={"all": palette.EXACT, **palette.LINES}, stack="normal"),
    )


def zone_shares(number: int, to: Link) -> Panel:
    """Where the time of containers goes."""
    whole = promql.rate(names.ZONE_SECONDS)
    return kinds.lines(
        Head(
            number=number,
            title="Time by zone",
            says="Share of container time: idle (nothing runs), normal (up to the "
            "target), burst (above it), saturated (at the limit). Exact: a burst of a "
            "second between two exports counts.",
            unit="percentunit",
            empty="No container ran in this time range.",
            to=[to],
        ),
        # One query for each zone, so that they lie on each other in this order.
        [Ask(f"{_zone_time(zone)} / ({whole} > 0)", zone) for zone in palette.ZONES],
        Drawn(looks=palette.ZONES, stack="normal", ceiling=1, legend=("mean",)),
    )


def _zone_time(zone: str) -> str:
    return promql.rate(names.ZONE_SECONDS, f'{s.ZONE}="{zone}"')


def loop_lag(number: int, to: Link) -> Panel:
    """A blocked loop looks like high concurrency and is none."""
    return kinds.lines(
        Head(
            number=number,
            title="Lag of the event loop",
            says="How late the loops of async containers run what is due. A body that "
            "computes or blocks in a loop stops all its neighbours.",
            unit="s",
            empty="No async function ran, or its loops were never watched.",
            to=[to],
        ),
        percentiles(names.LOOP_LAG),
        Drawn(
            looks=palette.PERCENTILES,
            steps=((None, palette.GREEN), (0.1, palette.ORANGE), (0.25, palette.RED)),
        ),
    )


def unattributed(number: int, to: Link) -> Panel:
    """Lost correlation is itself a figure."""
    return kinds.number(
        Head(
            number=number,
            title="Lines without an input",
            says="Share of log records that know no input. Imports and hooks have "
            "none; above 1 % a road by which ids get lost is likely.",
            unit="percentunit",
            empty="No function wrote a line in this time range.",
            to=[to],
        ),
        Ask(
            promql.share(
                promql.rate(names.LOG_RECORDS, f'{s.BOUND}="false"'),
                promql.rate(names.LOG_RECORDS),
            )
        ),
        kinds.worse_above(0.01, 0.05),
        decimals=2,
    )


def little(number: int, to: Link) -> Panel:
    """Whether three measurements that hang together do."""
    alone = f'{s.MODE}!="batch"'
    arrivals = promql.rate(names.STARTED, alone)
    stay = promql.mean(names.DURATION, alone)
    running = promql.rate(names.SLOTS_SECONDS, alone)
    return kinds.lines(
        Head(
            number=number,
            title="Gap to Little's law",
            says="Arrivals times mean run time must be the mean of what runs; batches, "
            "whose inputs share a slot, are left out. A gap above 20 % means lost "
            "telemetry, inputs longer than the time range, or a machine with too much "
            "to do: a slot is taken from dispatch until the driver hears of the end.",
            unit="percentunit",
            empty="No inputs in this time range.",
            to=[to],
        ),
        [Ask(f"1 - ({arrivals} * {stay}) / ({running} > 0)", "gap")],
        Drawn(
            floor=None,
            steps=(
                (None, palette.ORANGE),
                (-0.2, palette.GREEN),
                (0.2, palette.ORANGE),
            ),
        ),
    )
