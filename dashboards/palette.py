"""Colours with one meaning each, on every dashboard, and never colour alone.

Green, orange and red tell health; blue is neutral. A series that has a colour of its
own has a line of its own too, so that it can be told apart without colours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

GREY: Final = "#8E8E8E"
GREEN: Final = "#56A64B"
ORANGE: Final = "#FF9830"
RED: Final = "#E02F44"
PURPLE: Final = "#A352CC"
BLUE: Final = "#5794F2"
LIGHT_BLUE: Final = "#C0D8FF"
DARK_BLUE: Final = "#1F60C4"
YELLOW: Final = "#F2CC0C"
DARK_RED: Final = "#AD0317"
BROWN: Final = "#B5793A"


@dataclass(frozen=True, slots=True)
class Look:
    """How one series is drawn.

    Attributes:
        dash: Lengths of lines and gaps; empty for a solid line.
        fill: Opacity in percent of the area below; None as the panel has it.
        width: Of the line; None as the panel has it.
    """

    colour: str
    dash: tuple[int, ...] = ()
    fill: int | None = None
    width: int | None = None

    def properties(self) -> list[DynamicConfigValue]:
        """As properties of an override."""
        found: list[tuple[str, object]] = [
            ("color", {"mode": "fixed", "fixedColor": self.colour})
        ]
        if self.dash:
            style = {"fill": "dash", "dash": list(self.dash)}
            found.append(("custom.lineStyle", style))
        if self.fill is not None:
            found.append(("custom.fillOpacity", self.fill))
            # A line for orientation is no part of what is stacked.
            found.append(("custom.stacking", {"mode": "none", "group": "A"}))
        if self.width is not None:
            found.append(("custom.lineWidth", self.width))
        return [DynamicConfigValue(name, value) for name, value in found]


_DASH: Final = (10, 6)
_DOTS: Final = (2, 6)
_DASH_DOT: Final = (12, 5, 2, 5)
_LONG: Final = (20, 4)
_SHORT: Final = (5, 3)

LINES: Final[Mapping[str, Look]] = {
    "target": Look(ORANGE, (14, 8), fill=0, width=2),
    "limit": Look(RED, (3, 3), fill=0, width=2),
    "objective": Look(RED, (16, 4, 4, 4), fill=0, width=2),
    "wanted": Look(LIGHT_BLUE, (8, 3), fill=0, width=2),
}
"""Thresholds that come from a query."""

ZONES: Final[Mapping[str, Look]] = {
    "idle": Look(GREY, _DOTS),
    "normal": Look(GREEN),
    "burst": Look(ORANGE, _DASH),
    "saturated": Look(RED, _DASH_DOT),
}
ZONE_NUMBERS: Final = {"0": "idle", "1": "normal", "2": "burst", "3": "saturated"}

OUTCOMES: Final[Mapping[str, Look]] = {
    "success": Look(GREEN),
    "cancelled": Look(PURPLE, _DASH),
    "error": Look(RED, _DASH_DOT),
    "timeout": Look(BROWN, _DOTS),
    "lost": Look(DARK_RED, _LONG),
}

WAITS: Final[Mapping[str, Look]] = {
    "none": Look(GREY, _DOTS),
    "cold_start": Look(BLUE),
    "capacity": Look(RED, _DASH),
    "retry": Look(YELLOW, _DASH_DOT),
}

STATES: Final[Mapping[str, Look]] = {
    "ready": Look(GREEN),
    "starting": Look(BLUE, _DASH),
    "draining": Look(GREY, _DOTS),
}

EXITS: Final[Mapping[str, Look]] = {
    "scaledown": Look(GREY, _DOTS),
    "shutdown": Look(DARK_BLUE, _DASH),
    "cancellation": Look(PURPLE, (8, 3, 2, 3, 2, 3)),
    "timeout": Look(BROWN, _DASH_DOT),
    "crash": Look(RED, _LONG),
    "start_failed": Look(DARK_RED, _SHORT),
}

BURST_REASONS: Final[Mapping[str, Look]] = {
    "cold_start": Look(BLUE),
    "max_containers": Look(ORANGE, _DASH),
}

CANCEL_PHASES: Final[Mapping[str, Look]] = {
    "queued": Look(GREY, _DOTS),
    "running": Look(PURPLE),
}

MECHANISMS: Final[Mapping[str, Look]] = {
    "task": Look(GREEN),
    "exception": Look(BLUE, _DASH),
    "container": Look(RED, _DASH_DOT),
}

LEVELS: Final[Mapping[str, Look]] = {
    "debug": Look(GREY),
    "info": Look(BLUE),
    "warn": Look(ORANGE),
    "warning": Look(ORANGE),
    "error": Look(RED),
    "critical": Look(DARK_RED),
}

SIGNALS: Final[Mapping[str, Look]] = {
    "logs": Look(BLUE),
    "spans": Look(DARK_BLUE),
    "metrics": Look(GREY),
    "records": Look(PURPLE),
}

RECEIVED: Final[Mapping[str, Look]] = {
    "logs": Look(BLUE, _DOTS),
    "spans": Look(DARK_BLUE),
    "metrics": Look(GREY, _SHORT),
    "refused": Look(RED, _DASH_DOT),
    "no memory": Look(DARK_RED, _LONG),
}

LINES_OF_LOG: Final[Mapping[str, Look]] = {
    "with an input": Look(GREEN),
    "without": Look(ORANGE, _DASH),
    "late": Look(PURPLE, _DOTS),
}

PHASES: Final[Mapping[str, Look]] = {
    "spawn": Look(GREY),
    "import": Look(BLUE, _DASH),
    "enter": Look(DARK_BLUE, _DASH_DOT),
}

EXACT: Final = Look(DARK_BLUE, fill=0, width=2)
"""What is an integral, beside what is a sample."""

MEASURES: Final[Mapping[str, Look]] = {
    "mean": EXACT,
    "sample": Look(BLUE, _DOTS),
    "peak": Look(PURPLE, _DASH_DOT),
}

PERCENTILES: Final[Mapping[str, Look]] = {
    "p50": Look(BLUE, _DOTS),
    "p95": Look(BLUE, _DASH),
    "p99": Look(DARK_BLUE),
}
