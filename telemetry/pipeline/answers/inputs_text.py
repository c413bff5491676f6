"""Inputs as a table for people."""

from __future__ import annotations

from typing import Final

from telemetry.capture.terminal import id_colour
from telemetry.capture.wording import (
    ALARM,
    BAD,
    DIM,
    GOOD,
    Ink,
    cell,
    clock,
    counted,
    duration,
    table,
)
from telemetry.core.ids import short
from telemetry.core.outcome import Outcome
from telemetry.pipeline.store.queries.inputs import RUNNING, InputsPage, StoredInput

_HEADER: Final = (
    *("input", "function", "outcome", "began", "waited", "ran", "in all"),
    *("tries", "where", "marks", "why"),
)
_RIGHT: Final = "    rrrr"
_STYLES: Final = {
    Outcome.SUCCESS: GOOD,
    Outcome.ERROR: BAD,
    Outcome.TIMEOUT: BAD,
    Outcome.LOST: BAD,
    Outcome.CANCELLED: "35",
}


def inputs_text(page: InputsPage, ink: Ink) -> str:
    """A page of a list."""
    if not page.inputs:
        return "no such inputs\n"
    lines = table(_HEADER, [_row(each, ink) for each in page.inputs], ink, _RIGHT)
    if page.more is not None:
        shown = counted(len(page.inputs), "input")
        lines.append(ink(f"  {shown} shown, and there are more (-n)", DIM))
    return "\n".join(lines) + "\n"


def outcome_text(outcome: str | None, ink: Ink) -> str:
    """How an input settled; never told by its colour alone."""
    if outcome is None:
        return ink(RUNNING, ALARM)
    return ink(cell(outcome), _STYLES.get(Outcome(outcome)) if _is(outcome) else None)


def id_text(input_id: str, ink: Ink) -> str:
    """The short form of an id, in the colour that it has in log lines."""
    return ink(cell(short(input_id)), id_colour(input_id))


def marks(found: StoredInput) -> str:
    """What is remarkable about an input."""
    said = []
    if found.burst:
        said.append("burst")
    if found.cold:
        said.append("cold start")
    if found.cancel_cause and found.outcome != Outcome.CANCELLED:
        said.append(f"cancel {found.cancel_observed or 'asked'}")
    if found.blocked_s:
        said.append(f"blocked {duration(found.blocked_s)}")
    return ", ".join(said)


def place(container_id: str | None, slot: int | None) -> str:
    """Container and slot."""
    if container_id is None:
        return ""
    return cell(short(container_id)) + ("" if slot is None else f"/{slot}")


def _row(found: StoredInput, ink: Ink) -> tuple[str, ...]:
    why = found.error_text or found.error_type or found.cancel_cause
    return (
        id_text(found.input_id, ink),
        cell(found.function, 24),
        outcome_text(found.outcome, ink),
        clock(found.began_ns),
        seconds(found.wait_s),
        seconds(found.run_s),
        seconds(found.total_s),
        str(found.attempts) if found.attempts > 1 else "",
        place(found.container_id, found.slot),
        ink(marks(found), ALARM),
        cell(why, 48),
    )


def seconds(value: float | None) -> str:
    """A length of time, or nothing."""
    return "" if value is None else duration(value)


def _is(outcome: str) -> bool:
    return outcome in set(Outcome)
