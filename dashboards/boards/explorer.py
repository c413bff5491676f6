"""Input explorer: all that is known of one input, and of who was beside it."""

from __future__ import annotations

from typing import Final

from dashboards import kinds, links, moments, palette, promql, tables, variables
from dashboards import series as s
from dashboards.board import Board, Row
from dashboards.boards import shared
from dashboards.kinds import Drawn, Panel
from dashboards.links import Link
from dashboards.panel import Ask, AskLogs, AskTraces, Head
from dashboards.tables import Column
from telemetry.core import names

_NO_INPUT: Final = "Type the id of an input above, or come here by a link."
_NO_CONTAINER: Final = "Choose a container: click on one in the first table."

_CONCURRENCY: Final = Link(links.CONCURRENCY)
_HEALTH: Final = Link(links.HEALTH)

_ID: Final = names.FIELD_INPUT_ID
_LINES: Final = '{service_name=~"$service"}'
_HERE: Final = f'{_LINES} | {s.CONTAINER}=~"$container"'

_INTRODUCTION: Final = (
    "Come here from a point in a heat map, a log line, a span or a row of a table, or "
    "type an id above. Then click on a row below: it fills in the **trace** and the "
    "**container**, and with them the panels that need them."
)


def board() -> Board:
    """The dashboard."""
    return Board(
        uid=links.EXPLORER,
        says="What happened to one input, what did it say, and who was beside it?",
        rows=[
            Row("Where to begin?", [(24, tables.words(1, _INTRODUCTION))], height=2),
            Row("What happened to $input_id?", [(24, _story())], height=6),
            Row("Where did its time go?", [(24, _trace())], height=11),
            Row("What did it say?", _lines(), height=11),
            Row("Who was beside it in $container?", _beside(), height=9),
            Row("What did the container say meanwhile?", _meanwhile(), height=10),
            Row("Can lines of it be missing?", _missing(), height=7),
        ],
        variables=variables.common(*_variables(), logs=True, traces=True),
        annotations=moments.usual(exits=True),
    )


def _variables() -> list[variables.Variable]:
    # Beginnings of ids, which no id equals: an empty value would match every line
    # that has no input at all.
    return [
        variables.service_of_logs(),
        variables.textbox(_ID, "Input id", "The id of an input: in-...", "in-"),
        variables.textbox(
            names.FIELD_TRACE_ID, "Trace id", "Filled in by a click on a row.", "0"
        ),
        variables.textbox(
            "container", "Container", "The id of a container: ct-...", "ct-"
        ),
    ]


def _story() -> Panel:
    here = Link(
        links.EXPLORER,
        "Show the trace and the container of this execution",
        (
            (_ID, links.field("Input")),
            (names.FIELD_TRACE_ID, links.field("traceIdHidden")),
            ("container", links.field("Container")),
        ),
    )
    fields = {
        names.INPUT_ID: Column(name="Input", to=[here], width=270),
        names.INPUT_ATTEMPT: Column(name="Attempt", width=80),
        names.INPUT_OUTCOME: Column(name="Outcome", width=100),
        names.INPUT_ZONE: Column(name="Zone", width=90),
        names.INPUT_CONCURRENCY: Column(name="Ran with", width=90),
        names.INPUT_WAIT_REASON: Column(name="Waited for", width=90),
        names.INPUT_SLOT: Column(name="Slot", width=50),
        names.INPUT_CONTAINER_ID: Column(name="Container", to=[here], width=270),
        names.ERROR_TYPE: Column(name="Error"),
    }
    selected = ", ".join(s.in_span(name) for name in fields)
    return tables.spans(
        Head(
            number=2,
            title="Its life, span by span",
            says="The call, the wait in the queue, and each execution. Several "
            "executions of one id are retries, or a container that went away. A click "
            "on the id fills in trace and container.",
            unit="short",
            empty=f"No trace of it. {_NO_INPUT} Uninteresting traces are sampled.",
            to=[_CONCURRENCY],
        ),
        AskTraces(
            f'{{ {s.in_span(names.INPUT_ID)} = "$input_id" }} | select({selected})'
        ),
        {
            "Start time": shared.WHEN,
            "Name": Column(name="Span", width=120),
            "Duration": Column(name="Took", unit="ns", width=90),
            **fields,
        },
    )


def _trace() -> Panel:
    return tables.waterfall(
        Head(
            number=3,
            title="Trace",
            says="From the caller over the queue to the execution, with the spans "
            "that the body made. Each span leads to its log lines.",
            unit="short",
            empty="Click on a row of the table above: it fills in the trace id.",
            to=[_CONCURRENCY],
        ),
        AskTraces("$trace_id"),
    )


def _lines() -> list[shared.Wide]:
    own = f'{_LINES} | {_ID}="$input_id"'
    lines = tables.log_lines(
        Head(
            number=4,
            title="Its lines",
            says="All that it wrote, from any thread, task, executor or child "
            "process: `logging`, structlog, `print`, warnings, output of C code.",
            unit="short",
            empty=f"It wrote nothing in this time range. {_NO_INPUT}",
            to=[_HEALTH],
        ),
        AskLogs(own),
    )
    rate = kinds.log_rates(
        Head(
            number=5,
            title="Its lines by level",
            says="A gap is where it computed, waited, or hung.",
            unit="short",
            empty="It wrote nothing in this time range.",
            to=[_HEALTH],
        ),
        AskLogs(
            f"sum by (detected_level) (count_over_time({own} [$__auto]))",
            promql.legend("detected_level"),
        ),
        Drawn(looks=palette.LEVELS, bars=True, stack="normal", legend=("sum",)),
    )
    return [(16, lines), (8, rate)]


def _beside() -> list[shared.Wide]:
    return [(8, _fullness()), (16, _neighbours())]


def _fullness() -> Panel:
    gauges = ((names.SLOTS_ACTIVE, "running"), (names.SLOTS_TARGET, "target"))
    asks = [
        Ask(f"max ({promql.per_container(metric)})", name)
        for metric, name in (*gauges, (names.SLOTS_LIMIT, "limit"))
    ]
    peak = f"{s.series(names.SLOTS_PEAK)}{{{promql.OF_CONTAINER}}}"
    asks.append(Ask(f"max (max_over_time({peak}[{promql.RATE}]))", "peak"))
    return kinds.lines(
        Head(
            number=6,
            title="How full the container was",
            says="Slots of this container, with its target and its limit.",
            unit="short",
            empty=_NO_CONTAINER,
            to=[_CONCURRENCY],
        ),
        asks,
        Drawn(looks={**palette.MEASURES, **palette.LINES}),
    )


def _neighbours() -> Panel:
    there = (
        (_ID, links.field("Input")),
        (names.FIELD_TRACE_ID, links.field("traceIdHidden")),
    )
    return tables.spans(
        Head(
            number=7,
            title="Other inputs in the container",
            says="Executions in the same container in this time range. A click on an "
            "id makes that input the one that is explored.",
            unit="short",
            empty=_NO_CONTAINER,
            to=[_CONCURRENCY],
        ),
        AskTraces(
            f'{{ {s.in_span(names.INPUT_CONTAINER_ID)} = "$container"'
            f' && {s.in_span(names.INPUT_ID)} != "$input_id" }}'
            f" | select({s.in_span(names.INPUT_ID)}, {s.in_span(names.INPUT_FUNCTION)},"
            f" {s.in_span(names.INPUT_SLOT)}, {s.in_span(names.INPUT_OUTCOME)},"
            f" {s.in_span(names.INPUT_LOOP_BLOCKED_S)})"
        ),
        {
            "Start time": shared.WHEN,
            "Duration": Column(name="Took", unit="ns", width=90),
            names.INPUT_ID: Column(
                name="Input",
                to=[Link(links.EXPLORER, "Explore this one", there)],
                width=270,
            ),
            names.INPUT_FUNCTION: Column(name="Function"),
            names.INPUT_SLOT: Column(name="Slot", width=60),
            names.INPUT_OUTCOME: Column(name="Outcome", width=100),
            names.INPUT_LOOP_BLOCKED_S: Column(name="Blocked for", unit="s"),
        },
    )


def _meanwhile() -> list[shared.Wide]:
    others = tables.log_lines(
        Head(
            number=8,
            title="Lines of its neighbours",
            says="What other inputs of the same container wrote. The line's fields "
            "lead to the input that wrote it.",
            unit="short",
            empty=_NO_CONTAINER,
            to=[_CONCURRENCY],
        ),
        AskLogs(f'{_HERE} | {_ID}!="$input_id" | {_ID}!=""', lines=200),
    )
    nobodys = tables.log_lines(
        Head(
            number=9,
            title="Lines without an input",
            says="What the container wrote outside of any input: imports, hooks, "
            "threads of libraries.",
            unit="short",
            empty=_NO_CONTAINER,
            to=[_HEALTH],
        ),
        AskLogs(f'{_HERE} | {_ID}=""', lines=200),
    )
    return [(12, others), (12, nobodys)]


def _missing() -> list[shared.Wide]:
    candidates = tables.log_lines(
        Head(
            number=10,
            title="Lines that may be its own",
            says="Output whose origin cannot be known, such as writes of C code while "
            "several inputs ran: it carries candidates, for a wrong id is worse than "
            "none.",
            unit="short",
            empty="No line names it as a candidate.",
            to=[_HEALTH],
        ),
        AskLogs(
            f'{_LINES} | {s.label(names.INPUT_CANDIDATES)}=~".*$input_id.*"', lines=100
        ),
    )
    late = kinds.number(
        Head(
            number=12,
            title="Late lines",
            says="Lines per second written after their input had settled: by a thread "
            "that it left behind.",
            unit="cps",
            empty="No line came late.",
            to=[_HEALTH],
        ),
        Ask(promql.or_zero(promql.rate(names.LOG_LATE))),
        ((None, palette.GREEN), (0.000_001, palette.ORANGE)),
    )
    return [(16, candidates), (4, shared.unattributed(11, _HEALTH)), (4, late)]
