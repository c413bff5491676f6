"""Telemetry health: does what happens arrive, and is what arrives complete."""

from __future__ import annotations

from typing import Final

from dashboards import kinds, links, moments, palette, promql, tables, variables
from dashboards import series as s
from dashboards.board import Board, Row
from dashboards.boards import shared
from dashboards.kinds import Drawn, Panel
from dashboards.links import Link
from dashboards.panel import Ask, Head
from dashboards.tables import Column, Joined
from telemetry.core import names
from telemetry.core.metrics import Metric

_NO_AGENT: Final = "No agent reports in this time range."
_NO_COLLECTOR: Final = "No Collector reports its own metrics to this Prometheus."

_OVERVIEW: Final = Link(links.OVERVIEW)
_EXPLORER: Final = Link(links.EXPLORER)
_CONCURRENCY: Final = Link(links.CONCURRENCY)

_COLLECTOR: Final = 'job=~"$collector"'
_SIGNALS: Final = {"spans": "spans", "metric_points": "metrics", "log_records": "logs"}
"""Signals, by what the Collector calls their items."""


def board() -> Board:
    """The dashboard."""
    return Board(
        uid=links.HEALTH,
        says="Does what happens arrive here, and is it complete?",
        rows=[
            Row("Is anything lost?", _figures(), height=4),
            Row("Does every line know its input?", _lines(), height=8),
            Row("Does the agent deliver?", _agent(), height=8),
            Row("Does the Collector keep up?", _collector(), height=8),
            Row("Does Prometheus hold it?", _prometheus(), height=9),
        ],
        variables=variables.common(variables.collector()),
        annotations=moments.usual(),
    )


def _figures() -> list[shared.Wide]:
    counter = f"{s.series(names.TELEMETRY_DROPPED)}{{{promql.SERVICE}}}"
    dropped_in_all = f"sum (increase({counter}[{promql.RANGE}]))"
    dropped = kinds.number(
        Head(
            number=1,
            title="Dropped",
            says="Log records, spans and points that were given up in the time range.",
            unit="short",
            empty=_NO_AGENT,
            to=[_OVERVIEW],
        ),
        Ask(promql.or_zero(dropped_in_all)),
        ((None, palette.GREEN), (0.5, palette.RED)),
        decimals=0,
    )
    backlog = kinds.number(
        Head(
            number=2,
            title="Not delivered yet",
            says="Bytes that wait in agents. It rises while the Collector is away.",
            unit="bytes",
            empty=_NO_AGENT,
            to=[_OVERVIEW],
        ),
        Ask(f"sum ({_of_process(names.TELEMETRY_BACKLOG)})"),
        kinds.worse_above(16 * 2**20, 48 * 2**20),
    )
    overflow = kinds.number(
        Head(
            number=6,
            title="Cardinality overflow",
            says="Series into which an SDK folded what was too many. Figures by "
            "label are wrong while there is one.",
            unit="short",
            empty="No series overflows.",
            to=[_OVERVIEW],
        ),
        Ask(f'count ({{otel_metric_overflow="true", {promql.SERVICE}}}) or vector(0)'),
        ((None, palette.GREEN), (1, palette.RED)),
    )
    return [
        (4, dropped),
        (4, backlog),
        (4, shared.unattributed(3, _EXPLORER)),
        *((4, each) for each in _figures_of_collector()),
        (4, overflow),
    ]


def _figures_of_collector() -> list[Panel]:
    lost = " or ".join(
        f'label_replace({_collected(what)}, "what", "{what}", "", "")'
        for what in ("exporter_send_failed", "exporter_enqueue_failed")
    )
    failed = kinds.number(
        Head(
            number=4,
            title="Collector loses",
            says="Items per second that exporters of the Collector failed to send or "
            "to queue.",
            unit="cps",
            empty=_NO_COLLECTOR,
            to=[_OVERVIEW],
        ),
        Ask(promql.or_zero(f"sum ({lost})")),
        ((None, palette.GREEN), (0.000_001, palette.RED)),
    )
    fill = kinds.number(
        Head(
            number=5,
            title="Collector's fullest queue",
            says="The share of an exporter's queue that is used. At 1 data is refused.",
            unit="percentunit",
            empty=_NO_COLLECTOR,
            to=[_OVERVIEW],
        ),
        Ask(f"max ({_fill()})"),
        kinds.worse_above(0.6, 0.8),
    )
    return [failed, fill]


def _per_second(metric: Metric, *by: str) -> str:
    # Of a process and not of a function: what is lost may be nobody's.
    counter = f"{s.series(metric)}{{{promql.SERVICE}}}"
    return f"sum{promql.grouped(by)} (rate({counter}[{promql.RATE}]))"


def _of_process(metric: Metric) -> str:
    return promql.fresh(f"{s.series(metric)}{{{promql.SERVICE}}}")


def _collected(what: str, by: str = "") -> str:
    # The Collector's own metrics come by OTLP, or are scraped under the same names.
    # rate() drops names, and these may differ by their name alone.
    rates = " or ".join(
        f"label_replace(rate(otelcol_{what}_{kind}_total{{{_COLLECTOR}}}"
        f'[{promql.RATE}]), "signal", "{signal}", "", "")'
        for kind, signal in _SIGNALS.items()
    )
    labels = [by, "signal"] if by else ["signal"]
    return f"sum{promql.grouped(labels)} ({rates})"


def _fill() -> str:
    size = f"otelcol_exporter_queue_size{{{_COLLECTOR}}}"
    return f"{size} / (otelcol_exporter_queue_capacity{{{_COLLECTOR}}} > 0)"


def _lines() -> list[shared.Wide]:
    nobodys = f'{s.BOUND}="false"'
    records = promql.rate(names.LOG_RECORDS, by=[s.FUNCTION])
    share = promql.rate(names.LOG_RECORDS, nobodys, by=[s.FUNCTION])
    unbound = kinds.lines(
        Head(
            number=7,
            title="Lines without an input, by function",
            says="Share of log records that know no input. Some are right: imports, "
            "hooks. A rise is a road by which ids get lost.",
            unit="percentunit",
            empty="No function wrote a line in this time range.",
            to=[_EXPLORER],
        ),
        [
            Ask(
                promql.top(f"({share} or 0 * {records}) / ({records} > 0)"),
                promql.legend(s.FUNCTION),
            )
        ],
        Drawn(
            steps=((None, palette.GREEN), (0.01, palette.ORANGE), (0.05, palette.RED))
        ),
    )
    written = kinds.lines(
        Head(
            number=8,
            title="Lines written",
            says="Log records per second, with and without an input; those of programs "
            "that run no function too.",
            unit="cps",
            empty="No function wrote a line in this time range.",
            to=[_EXPLORER],
        ),
        [
            Ask(_lines_per_second(names.LOG_RECORDS, "true"), "with an input"),
            Ask(_lines_per_second(names.LOG_RECORDS, "false"), "without"),
            Ask(promql.rate(names.LOG_LATE), "late"),
        ],
        Drawn(looks=palette.LINES_OF_LOG, stack="normal", legend=("mean", "max")),
    )
    return [(8, unbound), (8, written), (8, shared.little(9, _CONCURRENCY))]


def _lines_per_second(metric: Metric, bound: str) -> str:
    # Of no function: lines of the driver, and of programs that run none.
    counter = f'{s.series(metric)}{{{promql.SERVICE}, {s.BOUND}="{bound}"}}'
    return f"sum (rate({counter}[{promql.RATE}]))"


def _agent() -> list[shared.Wide]:
    signal = promql.legend(s.SIGNAL)
    shipped = kinds.lines(
        Head(
            number=10,
            title="Delivered",
            says="Items per second that arrived at the Collector, by signal.",
            unit="cps",
            empty=_NO_AGENT,
            to=[_OVERVIEW],
        ),
        [Ask(_per_second(names.TELEMETRY_SHIPPED, s.SIGNAL), signal)],
        Drawn(looks=palette.SIGNALS, stack="normal", legend=("mean", "max")),
    )
    dropped = kinds.lines(
        Head(
            number=11,
            title="Dropped per minute",
            says="Items that were given up: the budget was spent, or the Collector "
            "refused them for good.",
            unit="cpm",
            empty="Nothing was dropped in this time range.",
            to=[_OVERVIEW],
        ),
        [
            Ask(
                f"60 * {_per_second(names.TELEMETRY_DROPPED, s.SIGNAL, s.REASON)}",
                promql.legend(s.SIGNAL, s.REASON),
            )
        ],
        Drawn(bars=True, stack="normal", legend=("mean", "max")),
    )
    backlog = kinds.lines(
        Head(
            number=12,
            title="Backlog by process",
            says="Bytes written and not delivered. A line that only rises ends in "
            "drops.",
            unit="bytes",
            empty=_NO_AGENT,
            to=[_OVERVIEW],
        ),
        [
            Ask(
                promql.top(
                    f"max by (instance) ({_of_process(names.TELEMETRY_BACKLOG)})"
                ),
                promql.legend("instance"),
            )
        ],
    )
    return [(8, shipped), (8, dropped), (8, backlog)]


def _collector() -> list[shared.Wide]:
    received = kinds.lines(
        Head(
            number=13,
            title="Accepted and refused",
            says="Items per second that the Collector accepts, by signal; that it "
            "refuses; and those for which it has no memory, which are sent again.",
            unit="cps",
            empty=_NO_COLLECTOR,
            to=[_OVERVIEW],
        ),
        [
            Ask(_collected("receiver_accepted"), "{{signal}}"),
            Ask(f"sum ({_collected('receiver_refused')})", "refused"),
            Ask(f"sum ({_collected('processor_memory_limiter_refused')})", "no memory"),
        ],
        Drawn(looks=palette.RECEIVED),
    )
    fill = kinds.lines(
        Head(
            number=14,
            title="Queues of exporters",
            says="Used share. Above 0.8 the backend is too slow, or away.",
            unit="percentunit",
            empty=_NO_COLLECTOR,
            to=[_OVERVIEW],
        ),
        [Ask(f"max by (exporter) ({_fill()})", "{{exporter}}")],
        Drawn(
            ceiling=1,
            steps=((None, palette.GREEN), (0.6, palette.ORANGE), (0.8, palette.RED)),
        ),
    )
    lost = kinds.lines(
        Head(
            number=15,
            title="Failures of exporters",
            says="Items per second that were not sent, and those that did not even fit "
            "into the queue: these are lost.",
            unit="cps",
            empty="No exporter failed, or no Collector reports.",
            to=[_OVERVIEW],
        ),
        [
            Ask(
                _collected("exporter_send_failed", "exporter"),
                "send: {{exporter}} {{signal}}",
            ),
            Ask(
                _collected("exporter_enqueue_failed", "exporter"),
                "lost: {{exporter}} {{signal}}",
            ),
        ],
    )
    return [(8, received), (8, fill), (8, lost)]


def _prometheus() -> list[shared.Wide]:
    last = f"timestamp({promql.chosen(s.series(names.STARTED))})"
    age = f"time() - max by (job, instance) ({last})"
    fresh = tables.joined(
        Head(
            number=16,
            title="Freshness by process",
            says="How old the newest metrics of each process are. A process that "
            "ended is here for 5 minutes.",
            unit="s",
            empty="No process reports in this time range.",
            to=[_OVERVIEW],
        ),
        Joined(
            labels={
                "job": Column(name="Service"),
                "instance": Column(name="Instance"),
            },
            values=[
                (
                    Ask(age),
                    Column(name="Age", unit="s", steps=kinds.worse_above(60, 300)),
                )
            ],
            sort="Age",
        ),
    )
    count = (
        f'topk(20, count by (__name__) ({{__name__=~"input_.+", {promql.SERVICE}}}))'
    )
    series = tables.joined(
        Head(
            number=17,
            title="Series by metric",
            says="How many series each metric has. Ids of inputs are never labels; "
            "ids of containers are, on five gauges.",
            unit="short",
            empty="No metrics of inputs in this Prometheus.",
            to=[_OVERVIEW],
        ),
        Joined(
            labels={"__name__": Column(name="Metric")},
            values=[(Ask(count), Column(name="Series", unit="short"))],
            sort="Series",
        ),
    )
    return [(12, fresh), (12, series)]
