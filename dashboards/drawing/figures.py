"""Draws single figures with their course, and bars beside names."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from matplotlib.patches import FancyBboxPatch

from dashboards.drawing import theme
from dashboards.drawing.frame import (
    Frame,
    Named,
    colour_at,
    cut,
    name_of,
    transformation,
)
from dashboards.drawing.time_series import on_grid
from dashboards.drawing.units import written

_BAR_PX: Final = 34


def draw_number(frame: Frame) -> None:
    """A panel of the kind stat."""
    instant = frame.panel["targets"][0].get("instant")
    found = _now(frame) if instant else frame.asked()
    own = [each for each in found if each.ref == "A"]
    # The last that is a number, as Grafana's lastNotNull has it.
    values = [v for each in own[:1] for _, v in each.series.points if not np.isnan(v)]
    if not values:
        frame.say_nothing()
        return
    value = values[-1]
    colour = colour_at(value, _settings(frame, found))
    decimals = frame.defaults.get("decimals")
    if frame.panel["options"].get("graphMode") != "none" and not instant:
        _course(frame, own[0], colour)
    frame.text(
        frame.width / 2,
        frame.height * 0.46,
        written(value, frame.unit, decimals),
        ha="center",
        va="center",
        color=colour,
        fontsize=min(22, frame.width / 9),
        fontweight="bold",
    )


def _now(frame: Frame) -> list[Named]:
    targets = {target["refId"]: target for target in frame.panel["targets"]}
    return [
        Named(name_of(targets[ref], series), ref, series)
        for ref, found in frame.asked_now().items()
        for series in found
    ]


def _settings(frame: Frame, found: list[Named]) -> dict[str, Any]:
    """Settings with the thresholds that a query tells, if one does."""
    settings = dict(frame.defaults)
    for options in transformation(frame.panel, "configFromData"):
        for mapping in options["mappings"]:
            limits = [each for each in found if each.ref == options["configRefId"]]
            if limits:
                step = {
                    "value": limits[0].series.points[-1][1],
                    "color": mapping["handlerArguments"]["threshold"]["color"],
                }
                steps = [*settings["thresholds"]["steps"], step]
                settings["thresholds"] = {"steps": steps}
    return settings


def _course(frame: Frame, named: Named, colour: str) -> None:
    grid = np.arange(
        frame.range.start_s, frame.range.end_s + 1, frame.range.step_s, dtype=float
    )
    values = on_grid(named, grid, frame.range.step_s)
    axes = frame.inner(6, frame.height * 0.62, frame.width - 12, frame.height * 0.34)
    axes.axis("off")
    axes.fill_between(grid, np.nanmin(values), values, color=colour, alpha=0.16, lw=0)
    axes.plot(grid, values, color=colour, lw=1)
    axes.set_xlim(grid[0], grid[-1])


def draw_bars(frame: Frame) -> None:
    """A panel of the kind bargauge."""
    found = _now(frame)
    if not found:
        frame.say_nothing()
        return
    found.sort(key=lambda each: -each.series.points[-1][1])
    most = float(frame.defaults.get("max", 1))
    left, right = 12.0, frame.width - 80
    room = int((frame.height - 12) // _BAR_PX)
    for place, each in enumerate(found[:room]):
        value = each.series.points[-1][1]
        y = 14 + place * _BAR_PX
        frame.text(left, y + 2, cut(each.name, frame.width / 6))
        colour = colour_at(value, frame.defaults)
        share = min(max(value / most, 0), 1)
        _bar(frame, left, y + 7, right - left, theme.GRID)
        _bar(frame, left, y + 7, max((right - left) * share, 3), colour)
        frame.text(
            frame.width - 12,
            y + 17,
            written(value, frame.unit),
            ha="right",
            color=colour,
            fontsize=theme.BIG,
        )


def _bar(frame: Frame, x: float, y: float, width: float, colour: str) -> None:
    frame.axes.add_patch(
        FancyBboxPatch(
            (x, y), width, 12, boxstyle="round,pad=0,rounding_size=2", fc=colour, lw=0
        )
    )
