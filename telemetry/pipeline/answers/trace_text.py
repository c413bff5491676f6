"""The life of one input for people: its waits, its attempts, its spans, its company."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from telemetry.capture.line import Line
from telemetry.capture.pretty import Pretty
from telemetry.capture.wording import (
    ALARM,
    BAD,
    BOLD,
    DIM,
    GOOD,
    Ink,
    cell,
    counted,
    day_and_time,
    duration,
    pairs,
)
from telemetry.core.outcome import Outcome
from telemetry.pipeline.answers.inputs_text import (
    id_text,
    marks,
    outcome_text,
    place,
)
from telemetry.pipeline.answers.waterfall import Stretch, waterfall
from telemetry.pipeline.store.queries.inputs import InputLife, StoredExecution
from telemetry.pipeline.store.queries.traces import StoredSpan

_WAIT: Final = "░"
_RUN: Final = "█"
_SPAN: Final = "▄"
_COMPANY: Final = "▒"
_MOST_NEIGHBOURS: Final = 12
_MOST_SPANS: Final = 40
_ERROR: Final = 2
_OURS: Final = frozenset({"queue"})


class Told(NamedTuple):
    """What is told of an input.

    Attributes:
        spans: Of its trace.
        company: What ran in its container at the same time.
        lines: Its last ones.
    """

    life: InputLife
    spans: Sequence[StoredSpan]
    company: Sequence[StoredExecution]
    lines: Sequence[Line]


def trace_text(told: Told, now_ns: int, columns: int, ink: Ink, pretty: Pretty) -> str:
    """All of it."""
    found = told.life.input
    title = (
        f"{ink(cell(found.function or 'input', 48), BOLD)}  "
        f"{id_text(found.input_id, ink)}  {outcome_text(found.outcome, ink)}"
    )
    if found.total_s is not None:
        title += f" after {duration(found.total_s)}"
    parts = [
        [title, *pairs(_facts(told.life, ink), ink)],
        waterfall(
            [*_attempts(told.life, ink), *_spans(told, ink)], now_ns, columns, ink
        ),
        _company(told, now_ns, columns, ink),
        _lines(told, ink, pretty),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _facts(life: InputLife, ink: Ink) -> list[tuple[str, str]]:
    found = life.input
    cancel = ""
    if found.cancel_cause:
        how = (found.cancel_phase, found.cancel_mechanism, found.cancel_observed)
        cancel = ", ".join([f"by {found.cancel_cause}", *filter(None, how)])
    running = ""
    if found.concurrency is not None:
        running = f"{found.concurrency} running, {found.zone or '?'}"
    return [
        ("id", found.input_id),
        ("call", found.call_id or ""),
        ("called by", found.parent or ""),
        ("began", day_and_time(found.began_ns)),
        ("container", running),
        ("marks", ink(marks(found), ALARM)),
        ("cancelled", cancel),
        ("error", ink(cell(found.error_text or found.error_type, 200), BAD)),
        ("batch with", ", ".join(life.batch[:8])),
        ("calls", counted(len(life.children), "input") if life.children else ""),
        ("trace", found.trace_id or ""),
    ]


def _attempts(life: InputLife, ink: Ink) -> Iterator[Stretch]:
    for each in life.executions:
        if each.started_ns is None:
            continue
        if each.wait_s:
            waited_ns = each.started_ns - round(each.wait_s * 1e9)
            why = each.wait_reason or ""
            yield Stretch(
                "waited", waited_ns, each.started_ns, _WAIT, DIM, ink(cell(why), DIM)
            )
        said = f"{each.ending or 'running'}  {place(each.container_id, each.slot)}"
        if each.burst:
            said += f"  {ink('burst', ALARM)}"
        style = GOOD if each.ending in {None, Outcome.SUCCESS} else BAD
        label = f"attempt {each.attempt}"
        yield Stretch(label, each.started_ns, each.ended_ns, _RUN, style, said)


def _spans(told: Told, ink: Ink) -> Iterator[Stretch]:
    """Spans below those of the executions; each below its parent."""
    own = {each.span_id for each in told.spans if _is_execution(each)}
    below: dict[str, list[StoredSpan]] = {}
    for each in told.spans:
        if each.parent_span_id and not _is_execution(each) and each.name not in _OURS:
            below.setdefault(each.parent_span_id, []).append(each)
    waiting = [(1, each) for parent in own for each in below.get(parent, [])]
    waiting.sort(key=lambda item: item[1].started_ns, reverse=True)
    shown = 0
    while waiting and shown < _MOST_SPANS:
        depth, span = waiting.pop()
        shown += 1
        style = BAD if span.status == _ERROR else "36"
        said = ink(cell(span.status_text, 60), BAD)
        yield Stretch(
            cell(span.name, 40),
            span.started_ns,
            span.ended_ns,
            _SPAN,
            style,
            said,
            depth,
        )
        waiting += [(depth + 1, each) for each in reversed(below.get(span.span_id, []))]


def _is_execution(span: StoredSpan) -> bool:
    return "faas.invocation_id" in span.attributes


def _company(told: Told, now_ns: int, columns: int, ink: Ink) -> list[str]:
    if not told.company:
        return []
    shown = told.company[:_MOST_NEIGHBOURS]
    rows = waterfall(
        [
            Stretch(
                f"{cell(each.function, 16)} {each.input_id[-6:]}",
                each.started_ns or 0,
                each.ended_ns,
                _COMPANY,
                None,
                f"{each.ending or 'running'}  {place(each.container_id, each.slot)}",
            )
            for each in shown
        ],
        now_ns,
        columns,
        ink,
    )
    title = f"ran beside it: {counted(len(told.company), 'input')}"
    if len(shown) < len(told.company):
        title += f", the first {len(shown)}"
    return [title, *rows]


def _lines(told: Told, ink: Ink, pretty: Pretty) -> list[str]:
    if not told.lines:
        return []
    text = "".join(pretty(each) for each in told.lines).rstrip("\n")
    title = f"its last {counted(len(told.lines), 'line')}"
    return [ink(title, DIM), text]
