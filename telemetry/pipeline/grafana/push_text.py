"""What `telemetry dashboards` says: rows of steps, and what differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from telemetry.capture.terminal import escaped
from telemetry.capture.wording import ALARM, BAD, DIM, GOOD, Ink, counted, table
from telemetry.pipeline.grafana.bodies import counted as places
from telemetry.pipeline.grafana.client import GrafanaError
from telemetry.pipeline.grafana.pushing import Step
from telemetry.pipeline.grafana.shipped import Shipped
from telemetry.policy.pushing import Action

_DONE: Final[Mapping[Action, tuple[str, str]]] = {
    Action.CREATE: ("created", GOOD),
    Action.UPDATE: ("updated", GOOD),
    Action.NOTHING: ("unchanged", DIM),
    Action.KEEP_CHANGED: ("left alone", ALARM),
    Action.KEEP_FOREIGN: ("left alone", ALARM),
    Action.KEEP_LOCKED: ("left alone", ALARM),
}
_PLANNED: Final[Mapping[Action, tuple[str, str]]] = {
    **_DONE,
    Action.CREATE: ("would be created", GOOD),
    Action.UPDATE: ("would be updated", GOOD),
}
_STATES: Final[Mapping[Action, tuple[str, str]]] = {
    Action.CREATE: ("not there", ALARM),
    Action.UPDATE: ("older", ALARM),
    Action.NOTHING: ("the same", GOOD),
    Action.KEEP_CHANGED: ("changed", ALARM),
    Action.KEEP_FOREIGN: ("not ours", ALARM),
    Action.KEEP_LOCKED: ("not the same", ALARM),
}
_REASONS: Final[Mapping[Action, str]] = {
    Action.KEEP_CHANGED: "changed by others since we pushed it; --force overwrites",
    Action.KEEP_FOREIGN: "we never pushed it here; --force overwrites",
    Action.KEEP_LOCKED: "it is provisioned by a file, which alone can change it",
}


def done_text(step: Step, error: GrafanaError | None, ink: Ink) -> str:
    """One row for a step that was carried out, or not."""
    if error is not None:
        return _row(step, ("failed", BAD), str(error), ink)
    return _row(step, _DONE[step.action], _why(step), ink)


def plan_text(steps: Sequence[Step], ink: Ink) -> str:
    """What would be done, and what would differ by it."""
    return "".join(
        _row(step, _PLANNED[step.action], _why(step), ink) + _differences(step, ink)
        for step in steps
    )


def state_text(steps: Sequence[Step], ink: Ink) -> str:
    """How what is there compares with what we ship."""
    return "".join(
        _row(step, _STATES[step.action], _REASONS.get(step.action, ""), ink)
        + _differences(step, ink)
        for step in steps
    )


def _why(step: Step) -> str:
    if step.action is Action.UPDATE:
        return f"{counted(places(step.lines), 'difference')}"
    return _REASONS.get(step.action, "")


def _row(step: Step, word: tuple[str, str], why: str, ink: Ink) -> str:
    text, style = word
    tail = f"  {ink(escaped(why), DIM)}" if why else ""
    return f"{ink(f'{text:<16}', style)}  {step.kind} {escaped(step.name)}{tail}\n"


def _differences(step: Step, ink: Ink) -> str:
    # The same content in another form is not worth a reader's time.
    if step.action is Action.NOTHING:
        return ""
    return "".join(f"    {_difference(line, ink)}\n" for line in step.lines)


def _difference(line: str, ink: Ink) -> str:
    sign = line[:3]
    style = {"  -": BAD, "  +": GOOD}.get(sign)
    return ink(escaped(line), style)


def listing_text(dashboards: Sequence[Shipped], ink: Ink) -> str:
    """What we ship, one row each."""
    rows = [
        (each.uid, each.title, str(each.panels), ink(each.fingerprint, DIM))
        for each in dashboards
    ]
    header = ("uid", "title", "panels", "content")
    return "\n".join(table(header, rows, ink, right="llrl")) + "\n"
