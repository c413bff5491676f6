"""Lines and spans for pictures where no Loki and no Tempo is at hand."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from dashboards.drawing.source import Line, Series
from telemetry.core import names

INPUT: Final = "in-01KB3V8Q6C9M2T7X4Z0J5H1RWD"
CONTAINER: Final = "ct-01KB3V8M2Q7T5Y9X3W6NTR0001"
"""The first one of the simulated function translate."""
TRACE: Final = "4bf92f3577b34da6a3ce929d0e0e4736"

VALUES: Final = {
    names.FIELD_INPUT_ID: INPUT,
    names.FIELD_TRACE_ID: TRACE,
    "container": CONTAINER,
}
"""Of the variables of the explorer."""

Rows = list[Mapping[str, object]]

_OTHERS: Final = (
    "in-01KB3V8Q7H2D5R8N1S4W6Y9A0C",
    "in-01KB3V8Q8K4F7T0P3V6X9Z2B5D",
    "in-01KB3V8QA1M6J9S2Q5T8W0Y3E7",
    "in-01KB3V8QB5P8L1V4X7Z0C3F6H9",
    "in-01KB3V8QC9S0N3Y6A9D2G5J8M1",
)


def lines_at(end_s: float) -> Mapping[str, list[Line]]:
    """Log lines, by a piece of the query that asks for them."""

    def told(place: float, level: str, text: str) -> Line:
        return Line(end_s - 40 + place, level, text, {})

    own = [
        told(1.402, "info", "finished  tokens=412 took_s=1.38"),
        told(1.122, "warning", "UserWarning: falling back to greedy decoding"),
        told(0.871, "info", "decoded 1 of 1 sentences"),
        told(0.310, "debug", "POST /v1/embed 200 184ms  [httpx]"),
        told(0.044, "info", "tokenised  language=de characters=1873"),
        told(0.001, "info", "input.start  attempt=0 slot=11 waited_s=0.004"),
    ]
    others = [
        told(1.611, "info", "finished  tokens=77 took_s=0.91"),
        told(1.433, "info", "tokenised  language=fr characters=402"),
        told(1.207, "error", "ValueError: unknown language 'xx'"),
        told(0.998, "info", "input.start  attempt=1 slot=4 waited_s=0.0"),
        told(0.714, "info", "decoded 3 of 3 sentences"),
        told(0.523, "debug", "cache miss  key=fr:402"),
    ]
    nobodys = [
        told(1.301, "info", "gc: collected 1204 objects"),
        told(0.250, "debug", "Starting new HTTPS connection (1): models:8443"),
    ]
    return {'!=""': others, '=""': nobodys, f'="{INPUT}"': own}


def lines(end_s: float, expr: str) -> list[Line]:
    """The lines of the first piece that the query has."""
    if "candidates" in expr:
        return []
    return next((v for key, v in lines_at(end_s).items() if key in expr), [])


def counts(query: str, start_s: float, end_s: float, step_s: float) -> list[Series]:
    """Series for what Loki and Tempo count on our dashboards."""
    if "detected_level" in query:
        at = [end_s - 40 + 5 * place for place in range(3)]
        told = {"info": (1, 2, 1), "debug": (1, 0, 0), "warn": (0, 0, 1)}
        return [
            Series({"detected_level": level}, list(zip(at, values, strict=True)))
            for level, values in told.items()
        ]
    steps = range(int((end_s - start_s) // step_s))
    kinds = ("PIL.UnidentifiedImageError", "ValueError", "timeout")
    return [
        Series(
            {names.ERROR_TYPE: kind},
            [
                (start_s + at * step_s, max(0.0, math.sin(at / (17 + 5 * place))) / 9)
                for at in steps
            ],
        )
        for place, kind in enumerate(kinds)
    ]


def spans(query: str) -> Rows:
    """Rows of spans for the queries of our dashboards."""
    if query == TRACE:
        return _trace()
    if names.INPUT_CANCELLATION_OBSERVED in query:
        return [_row(place, **each) for place, each in enumerate(_CANCELLED)]
    if "timeout|lost" in query:
        return [_row(place, **each) for place, each in enumerate(_FAILED)]
    if f'name = "{names.SPAN_QUEUE}"' in query:
        return [_row(place, **each) for place, each in enumerate(_WAITED)]
    if "!=" in query:
        return [_row(place, **each) for place, each in enumerate(_BESIDE)]
    return _life()


def _row(place: int, **more: object) -> Mapping[str, object]:
    second = 58 - 7 * place
    keys = {
        "function": names.INPUT_FUNCTION,
        "cause": names.INPUT_CANCELLATION_CAUSE,
        "mechanism": names.INPUT_CANCELLATION_MECHANISM,
        "observed": names.INPUT_CANCELLATION_OBSERVED,
        "outcome": names.INPUT_OUTCOME,
        "error": names.ERROR_TYPE,
        "attempt": names.INPUT_ATTEMPT,
        "slot": names.INPUT_SLOT,
        "waited": names.INPUT_WAIT_REASON,
        "blocked": names.INPUT_LOOP_BLOCKED_S,
    }
    return {
        "Start time": f"2026-11-28 14:41:{second:02d}.{137 * (place + 1) % 1000:03d}",
        "Duration": float(str(more.pop("took_s"))) * 1e9,
        names.INPUT_ID: _OTHERS[place % len(_OTHERS)],
        **{keys[name]: value for name, value in more.items()},
    }


_CANCELLED: Final = (
    {"took_s": 0.21, "function": "translate", "cause": "user"}
    | {"mechanism": "task", "observed": "unwound"},
    {"took_s": 1.92, "function": "resize", "cause": "timeout"}
    | {"mechanism": "container", "observed": "unwound"},
    {"took_s": 0.88, "function": "translate", "cause": "user"}
    | {"mechanism": "task", "observed": "swallowed"},
    {"took_s": 0.05, "function": "translate", "cause": "user"}
    | {"mechanism": "task", "observed": "unwound"},
)
_FAILED: Final = (
    {"took_s": 0.34, "function": "resize", "outcome": "error"}
    | {"error": "PIL.UnidentifiedImageError", "attempt": "0"},
    {"took_s": 30.0, "function": "resize", "outcome": "timeout"}
    | {"error": "timeout", "attempt": "2"},
    {"took_s": 0.91, "function": "translate", "outcome": "error"}
    | {"error": "ValueError", "attempt": "0"},
)
_WAITED: Final = (
    {"took_s": 6.21, "function": "embed", "waited": "cold_start"},
    {"took_s": 5.87, "function": "embed", "waited": "cold_start"},
    {"took_s": 2.44, "function": "resize", "waited": "capacity"},
    {"took_s": 1.31, "function": "translate", "waited": "capacity"},
)
_BESIDE: Final = (
    {"took_s": 0.91, "function": "translate", "slot": "3", "outcome": "success"},
    {"took_s": 1.72, "function": "translate", "slot": "4", "outcome": "error"},
    {"took_s": 1.15, "function": "translate", "slot": "7", "outcome": "success"},
    {"took_s": 2.03, "function": "translate", "slot": "12", "outcome": "success"}
    | {"blocked": 0.18},
    {"took_s": 0.66, "function": "translate", "slot": "0", "outcome": "cancelled"},
)


def _life() -> Rows:
    common = {names.INPUT_ID: INPUT}
    executed = {
        names.INPUT_ATTEMPT: "0",
        names.INPUT_OUTCOME: "success",
        names.INPUT_ZONE: "burst",
        names.INPUT_CONCURRENCY: "23",
        names.INPUT_SLOT: "11",
        names.INPUT_CONTAINER_ID: CONTAINER,
    }
    begun = "2026-11-28 14:41:18"
    return [
        {"Start time": f"{begun}.004", "Name": "translate", "Duration": 1.38e9}
        | common
        | executed,
        {"Start time": f"{begun}.000", "Name": names.SPAN_QUEUE, "Duration": 4.1e6}
        | common
        | {names.INPUT_WAIT_REASON: "none"},
        {"Start time": f"{begun}.000", "Name": "translate", "Duration": 1.39e9}
        | common,
    ]


def _trace() -> Rows:
    spans = (
        ("translate  (caller)", 0.0, 1.39e9, 0),
        (names.SPAN_QUEUE, 0.4e6, 4.1e6, 1),
        ("translate  (execution)", 4.6e6, 1.38e9, 1),
        ("tokenise", 9e6, 38e6, 2),
        ("POST /v1/embed", 61e6, 244e6, 2),
        ("decode", 322e6, 980e6, 2),
    )
    return [
        {"Name": name, "start": start, "Duration": took, "depth": depth}
        for name, start, took, depth in spans
    ]
