"""What all functions did, and what is in the store, for people."""

from __future__ import annotations

from typing import Final, NamedTuple

from telemetry.capture.wording import (
    ALARM,
    BAD,
    DIM,
    Ink,
    cell,
    counted,
    counted_of,
    day_and_time,
    pairs,
    size,
    table,
)
from telemetry.core.outcome import Outcome
from telemetry.pipeline.agent.status import AgentStatus
from telemetry.pipeline.answers.inputs_text import seconds
from telemetry.pipeline.store.queries.figures import StoreFigures
from telemetry.pipeline.store.queries.functions import FunctionFigures
from telemetry.pipeline.store.queries.inputs import RUNNING

_OUTCOMES: Final = (*Outcome, RUNNING)
_HEADER: Final = (
    *("function", "inputs", *map(str, _OUTCOMES), "burst"),
    *("ran p50", "p99", "waited p50", "p99"),
)
_RIGHT: Final = " " + "r" * (len(_HEADER) - 1)
_BAD: Final = frozenset({Outcome.ERROR, Outcome.TIMEOUT, Outcome.LOST})


class Stats(NamedTuple):
    """What is told: functions, store, and the agent that serves the folder."""

    functions: list[FunctionFigures]
    store: StoreFigures
    agent: AgentStatus | None


def stats_text(stats: Stats, ink: Ink) -> str:
    """All of it."""
    rows = [_row(each, ink) for each in stats.functions]
    parts = [
        table(_HEADER, rows, ink, _RIGHT) if rows else ["  no inputs in this time"],
        ["store", *pairs(_store(stats.store), ink)],
        ["agent", *pairs(_agent(stats.agent, ink), ink)],
    ]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _row(found: FunctionFigures, ink: Ink) -> tuple[str, ...]:
    outcomes = []
    for name in _OUTCOMES:
        count = found.outcomes.get(name, 0)
        outcomes.append(
            ink(f"{count:,}", BAD if name in _BAD else None) if count else ""
        )
    return (
        cell(found.function or "?", 32),
        f"{found.inputs:,}",
        *outcomes,
        ink(f"{found.burst:,}", ALARM) if found.burst else "",
        seconds(found.run_s.p50),
        seconds(found.run_s.p99),
        seconds(found.wait_s.p50),
        seconds(found.wait_s.p99),
    )


def _store(found: StoreFigures) -> list[tuple[str, str]]:
    since = "" if found.oldest_ns is None else day_and_time(found.oldest_ns)
    waiting = [
        f"{counted(each.items, 'item')} of {signal} ({size(each.size_bytes)})"
        for signal, each in found.waiting.items()
    ]
    dropped = [
        f"{items:,} {signal} ({reason})"
        for (signal, reason), items in found.dropped.items()
    ]
    shipped = [f"{items:,} {signal}" for signal, items in found.shipped.items()]
    rest = ", ".join(
        counted_of(count, name) for name, count in found.rows.items() if count
    )
    return [
        ("size", size(found.file_bytes)),
        ("lines", f"{found.lines:,}" + (f" since {since}" if since else "")),
        ("rows", rest),
        ("to deliver", ", ".join(waiting)),
        ("delivered", ", ".join(shipped)),
        ("dropped", ", ".join(dropped)),
    ]


def _agent(found: AgentStatus | None, ink: Ink) -> list[tuple[str, str]]:
    if found is None:
        return [
            ("state", ink("none runs; app.run() and telemetry agent start one", DIM))
        ]
    goes = [
        f"{signal} to {each.endpoint}" + (f": {each.problem}" if each.problem else "")
        for signal, each in found.deliveries.items()
    ]
    return [
        ("pid", str(found.pid)),
        (
            "takes OTLP",
            " and ".join(filter(None, (found.receiver, found.receiver_grpc))),
        ),
        ("view", found.view),
        ("delivers", "; ".join(goes) or "nowhere: no endpoint is set"),
        ("problems", ink("; ".join(found.problems), BAD)),
    ]
