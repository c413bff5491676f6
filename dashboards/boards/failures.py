"""How fast what is cancelled stops, what fails, and which inputs: panels."""

from __future__ import annotations

from typing import Final

from dashboards import kinds, links, palette, promql, tables
from dashboards import series as s
from dashboards.boards import shared
from dashboards.kinds import Drawn, Panel
from dashboards.links import Link
from dashboards.panel import Ask, AskTraces, Head
from dashboards.tables import Column
from telemetry.core import names

_NO_CANCEL: Final = "No input was cancelled in this time range."
_NO_FAILURE: Final = "No input failed in this time range."

_CONCURRENCY: Final = Link(links.CONCURRENCY)
_SCALING: Final = Link(links.SCALING)
_EXPLORER: Final = Link(links.EXPLORER)


def stopping() -> list[shared.Wide]:
    """From the request to the end of the body."""
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


def failures() -> list[shared.Wide]:
    """What fails, and what runs again."""
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


def cancelled() -> Panel:
    """A table of cancelled inputs."""
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


def failed() -> Panel:
    """A table of failed inputs."""
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
