"""The place of one panel in a picture: its axes, its words, its queries."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from matplotlib.axes import Axes

from dashboards.drawing import theme
from dashboards.drawing.filling import Range
from dashboards.drawing.source import Series, Source

Json = Mapping[str, Any]

_TEMPLATE: Final = re.compile(r"\{\{\s*(\w+)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Named:
    """A series with the name that its legend gives it, and the query it came from."""

    name: str
    ref: str
    series: Series


@dataclass(frozen=True, slots=True)
class Frame:
    """One panel: what it is, what it asks, and where it is drawn.

    Attributes:
        axes: The area below the title; one unit is one pixel, y goes down.
    """

    panel: Json
    axes: Axes
    width: float
    height: float
    range: Range
    source: Source

    @property
    def defaults(self) -> Json:
        """Settings of all fields."""
        found: Json = self.panel["fieldConfig"]["defaults"]
        return found

    @property
    def unit(self) -> str:
        """Of the values."""
        return str(self.defaults.get("unit", "none"))

    def asked(self) -> list[Named]:
        """What the queries answer, over time."""
        found: list[Named] = []
        for target in self.panel["targets"]:
            of_prometheus = target["datasource"]["type"] == "prometheus"
            ask = self.source.query if of_prometheus else self.source.counts
            series = ask(
                self.range.filled(target.get("expr") or target["query"]),
                self.range.start_s,
                self.range.end_s,
                self.range.step_s,
            )
            found += [
                Named(name_of(target, each), target["refId"], each)
                for each in series
                if each.points
            ]
        return found

    def asked_now(self) -> dict[str, list[Series]]:
        """What the queries answer at the end of the time range, by query."""
        return {
            target["refId"]: self.source.query(
                self.range.filled(target["expr"]),
                self.range.start_s,
                self.range.end_s,
                0,
            )
            for target in self.panel["targets"]
        }

    def say_nothing(self) -> None:
        """The panel's own words where there is no data."""
        said = wrapped(str(self.defaults.get("noValue", "No data")), self.width / 6)
        self.text(
            self.width / 2,
            self.height / 2,
            "\n".join(said),
            ha="center",
            va="center",
            color=theme.FAINT,
            fontsize=theme.NORMAL,
        )

    def text(self, x: float, y: float, text: str, **how: object) -> None:
        """Write at a place in pixels; dollars are no formulas."""
        how.setdefault("color", theme.TEXT)
        how.setdefault("fontsize", theme.SMALL)
        self.axes.text(x, y, text, parse_math=False, clip_on=True, **how)  # type: ignore[arg-type]  # settings of matplotlib, any of them

    def inner(self, left: float, top: float, width: float, height: float) -> Axes:
        """Axes of their own within the panel, in pixels."""
        box = (
            left / self.width,
            1 - (top + height) / self.height,
            width / self.width,
            height / self.height,
        )
        found = self.axes.inset_axes(box)
        found.set_facecolor("none")
        return found


def name_of(target: Json, series: Series) -> str:
    """The name that the legend of a query gives a series."""
    template = str(target.get("legendFormat", ""))
    if template in {"", "__auto"}:
        values = [f"{key}={value}" for key, value in series.labels.items()]
        return ", ".join(values) or "Value"
    return _TEMPLATE.sub(lambda found: series.labels.get(found[1], ""), template)


def colour_at(value: float, defaults: Json, otherwise: str = theme.TEXT) -> str:
    """The colour that thresholds give a value."""
    found = otherwise
    for step in (defaults.get("thresholds") or {}).get("steps", []):
        if step.get("value") is None or value >= step["value"]:
            found = step["color"]
    return found


def overrides_of(panel: Json, name: str) -> dict[str, Any]:
    """Settings of the field of that name."""
    return {
        each["id"]: each["value"]
        for override in panel["fieldConfig"].get("overrides", [])
        if override["matcher"]["id"] == "byName"
        and override["matcher"]["options"] == name
        for each in override["properties"]
    }


def wrapped(text: str, characters: float) -> list[str]:
    """Lines of at most so many characters."""
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + 1 + len(word) <= characters:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def cut(text: str, characters: float) -> str:
    """At most so many characters, with three points for what is missing."""
    most = max(int(characters), 4)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def transformation(panel: Json, kind: str) -> Sequence[Json]:
    """The panel's transformations of that kind."""
    return [
        each["options"]
        for each in panel.get("transformations") or []
        if each["id"] == kind
    ]
