"""What happens now, as rows of styled text; pure, for any terminal and any width."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from telemetry.capture.terminal import cells, escaped, fitted
from telemetry.capture.wording import counted
from telemetry.core.ids import short
from telemetry.core.outcome import Outcome
from telemetry.policy.bursts import Zone
from telemetry.view.answers.lines import Line
from telemetry.view.answers.pages import ContainerNow, FunctionNow, Now, SlotNow

NAMED_SLOTS: Final = 16
"""A container with at most so many slots has the ids of its inputs shown."""

_ID_COLUMNS: Final = 14
_WHO_COLUMNS: Final = 26


class Span(NamedTuple):
    """A piece of a row. *style*: "" or a key of `STYLES`."""

    text: str
    style: str = ""


Row = list[Span]

STYLES: Final = {
    "title": "bold",
    "dim": "dim",
    "normal": "green",
    "burst": "yellow",
    "saturated": "red",
    "idle": "dim",
    "cancelled": "magenta",
    "cold": "cyan",
    "bad": "bold red",
    "debug": "dim",
    "info": "",
    "warning": "yellow",
    "error": "red",
    "critical": "bold red",
}
"""Styles by what they mean, as rich and Textual name them."""

ZONE_MARKS: Final = {
    Zone.IDLE: "○",
    Zone.NORMAL: "●",
    Zone.BURST: "▲",
    Zone.SATURATED: "■",
}
"""Never colour alone: each zone has a mark of its own."""


def picture(now: Now, columns: int) -> list[Row]:
    """The present, as rows of at most *columns*."""
    rows = [_heading(now)]
    if now.problem:
        rows.append([Span(f"! {now.problem}", "bad")])
    for function in now.functions:
        mine = [each for each in now.containers if each.function == function.function]
        rows += [[], *_function(function, mine, now.now_ms, columns)]
    for scope in now.scopes:
        pid = f" · pid {scope.pid}" if scope.pid else ""
        rows += [[], [Span(scope.service or scope.process, "title"), Span(pid, "dim")]]
        rows += [
            [Span(f"  {_slot_text(slot, now.now_ms)}  "), Span(slot.function, "dim")]
            for slot in scope.slots[:NAMED_SLOTS]
        ]
    if not now.functions and not now.scopes:
        rows += [[], [Span("Nothing runs now.", "dim")]]
    return [_safe(row, columns) for row in rows]


def line_row(line: Line, columns: int) -> Row:
    """A log line as one row."""
    clock = datetime.fromtimestamp(line.at_ms / 1000).strftime("%H:%M:%S.%f")[:-3]  # noqa: DTZ006  # as people's clocks show it
    fields = "".join(f" {name}={value}" for name, value in line.fields[:8])
    row = [
        Span(f"{clock} ", "dim"),
        Span(f"{line.level:<8} ", line.level),
        Span(f"{short(line.input_id) if line.input_id else '-':<6} ", "cold"),
        Span(f"{line.function or '':<12.12} ", "dim"),
        Span(line.event),
        Span(fields, "dim"),
    ]
    return _safe(row, columns)


def _heading(now: Now) -> Row:
    running = sum(each.running for each in now.functions)
    waiting = sum(each.queued or 0 for each in now.functions)
    text = f"{counted(running, 'input')} running"
    if waiting:
        text += f", {waiting} waiting"
    agent = "agent runs" if now.agent.alive else "no agent runs"
    clock = datetime.fromtimestamp(now.now_ms / 1000).strftime("%H:%M:%S")  # noqa: DTZ006  # as above
    return [Span(text, "title"), Span(f" · {agent} · {clock}", "dim")]


def _function(
    now: FunctionNow, containers: Sequence[ContainerNow], now_ms: float, columns: int
) -> Iterator[Row]:
    limit = sum(each.limit or each.running for each in containers)
    target = sum(each.target or each.limit or 0 for each in containers)
    row = [
        Span(now.function, "title"),
        Span(f" {now.mode or ''}  ", "dim"),
        Span(f"running {now.running}"),
        Span(f" of {limit}, target {target}" if limit else "", "dim"),
    ]
    if now.queued:
        oldest = f" for {now.oldest_s:.1f} s" if now.oldest_s else ""
        row.append(Span(f"  queued {now.queued}{oldest}", "burst"))
    for state, count in sorted(now.states.items()):
        if state != "ready":
            row.append(Span(f"  {count} {state}", "cold"))
    for outcome in Outcome:
        if settled := now.settled.get(outcome):
            style = "dim" if outcome == Outcome.SUCCESS else "cancelled"
            row.append(Span(f"  {outcome} {settled}", style))
    yield row
    for each in containers:
        yield from _container(each, now_ms, columns)


def _container(each: ContainerNow, now_ms: float, columns: int) -> Iterator[Row]:
    mark = ZONE_MARKS[Zone(each.zone)]
    who = f"  {mark} {short(each.container_id)} "
    said = each.zone if each.state == "ready" else each.state
    head = [Span(who, each.zone), Span(f"{said:<{_WHO_COLUMNS - cells(who)}}", "dim")]
    if each.blocked is not None:
        by = f" by {short(each.blocked.input_id)}" if each.blocked.input_id else ""
        where = f" at {each.blocked.line}" if each.blocked.line else ""
        text = f"  ! event loop blocked for {each.blocked.seconds:.1f} s{by}{where}"
        yield [Span(text, "bad")]
    size = max(each.limit or 0, max((s.slot + 1 for s in each.slots), default=0))
    yield head + _gauge(each, size)
    if 0 < size <= NAMED_SLOTS:
        yield from _named(each, now_ms, columns)


def _gauge(each: ContainerNow, size: int) -> Row:
    """A cell per slot; what is above target stands behind a bar."""
    taken = {slot.slot: slot for slot in each.slots}
    target = each.target or size
    row: Row = []
    for at in range(size):
        if at == target:
            row.append(Span("│", "burst"))
        slot = taken.get(at)
        if slot is None:
            row.append(Span("·", "dim"))
        elif slot.cancelled:
            row.append(Span("x", "cancelled"))
        else:
            row.append(Span("█", "normal" if at < target else "burst"))
    return row


def _named(each: ContainerNow, now_ms: float, columns: int) -> Iterator[Row]:
    slots = sorted(each.slots, key=lambda slot: slot.slot)
    room = max((columns - 4) // _ID_COLUMNS, 1)
    for at in range(0, len(slots), room):
        row = [Span("    ")]
        for slot in slots[at : at + room]:
            text = _slot_text(slot, now_ms)
            style = "cancelled" if slot.cancelled else ""
            row.append(Span(f"{text:<{_ID_COLUMNS}}", style))
        yield row


def _slot_text(slot: SlotNow, now_ms: float) -> str:
    elapsed_s = max(now_ms - slot.since_ms, 0) / 1000
    text = f"{elapsed_s:.1f}s" if elapsed_s < 100 else f"{elapsed_s:.0f}s"  # noqa: PLR2004  # three digits
    return f"{short(slot.input_id)} {text}"


def _safe(row: Row, columns: int) -> Row:
    """Without what moves the cursor, and no longer than the terminal is wide."""
    found: Row = []
    left = columns
    for text, style in row:
        if left <= 0:
            break
        shown = fitted(escaped(text), left)
        found.append(Span(shown, style))
        left -= cells(shown)
    return found
