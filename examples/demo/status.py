"""The rows below the log: what runs where, at this moment; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from examples.demo.observer import Function, Observer
from examples.demo.theme import Theme
from telemetry.policy.bursts import Zone

_ZONE_STYLES: Final = {
    Zone.IDLE: "dim",
    Zone.NORMAL: "good",
    Zone.BURST: "warn",
    Zone.SATURATED: "bad",
}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the replay is.

    Attributes:
        elapsed_s: Since its start.
        length_s: Of the whole replay.
        arrived: Inputs submitted; of `planned`.
    """

    elapsed_s: float
    length_s: float
    arrived: int
    planned: int


def status(observer: Observer, progress: Progress, theme: Theme) -> str:
    """Rows of text: time and arrivals, then one row for each function."""
    share = progress.elapsed_s / progress.length_s
    clock = f"{min(progress.elapsed_s, progress.length_s):5.1f} s"
    done = sum(each.settled.total() for each in observer.functions.values())
    head = (
        f" {theme.paint(clock, 'title')} of {progress.length_s:.0f} s "
        f"{theme.paint(theme.bar(share, 24), 'info')} "
        f"{progress.arrived:,} of {progress.planned:,} arrived, {done:,} settled"
    )
    return "\n".join(
        [head, *(_row(observer, each, theme) for each in observer.functions.values())]
    )


def _row(observer: Observer, function: Function, theme: Theme) -> str:
    shape = function.shape
    living = observer.living(function)
    starting = sum(
        each.ready is None and each.exited is None for each in observer.of(function)
    )
    zone = observer.zone(function)
    gauges = " ".join(
        theme.gauge(each.running, shape.target, shape.limit) for each in living
    )
    containers = f"{len(living)}" + (f"+{starting}" if starting else "")
    return (
        f" {shape.name:<14} "
        f"running {len(function.running):>3}  queued {function.queued:>4}  "
        f"containers {containers:<4} "
        f"{theme.paint(f'{zone.value:<9}', _ZONE_STYLES[zone])} {gauges}"
    )
