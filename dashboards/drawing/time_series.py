"""Draws lines, areas and bars over time, with their legend."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from dashboards.drawing import theme
from dashboards.drawing.frame import Frame, Json, Named, cut, overrides_of
from dashboards.drawing.units import written

Floats = NDArray[np.float64]

_LEGEND_ROW_PX: Final = 14
_MOST_ROWS: Final = 6
_LEFT_PX: Final = 52
_CALCS: Final[Mapping[str, tuple[str, Callable[[Floats], float]]]] = {
    "lastNotNull": ("last", lambda values: float(values[-1])),
    "mean": ("mean", lambda values: float(values.mean())),
    "max": ("max", lambda values: float(values.max())),
    "sum": ("sum", lambda values: float(values.sum())),
}


def draw(frame: Frame) -> None:
    """A panel of the kind timeseries."""
    found = [each for each in frame.asked() if _says_something(each)]
    if not found:
        frame.say_nothing()
        return
    rows = min(len(found), _MOST_ROWS)
    legend_px = rows * _LEGEND_ROW_PX + _LEGEND_ROW_PX + 4
    axes = frame.inner(
        _LEFT_PX, 6, frame.width - _LEFT_PX - 12, frame.height - legend_px - 32
    )
    _lines(frame, axes, found)
    over_time(axes, frame)
    values_axis(axes, frame.unit)
    _thresholds(frame, axes)
    _legend(frame, found, frame.height - legend_px)


def _says_something(named: Named) -> bool:
    return any(not np.isnan(value) for _, value in named.series.points)


def _lines(frame: Frame, axes: Axes, found: Sequence[Named]) -> None:
    custom = frame.defaults.get("custom", {})
    grid = np.arange(
        frame.range.start_s, frame.range.end_s + 1, frame.range.step_s, dtype=float
    )
    stack = np.zeros_like(grid)
    stacked = (custom.get("stacking") or {}).get("mode", "none") != "none"
    bars = custom.get("drawStyle") == "bars"
    tallest = 0.0
    for place, each in enumerate(found):
        look = overrides_of(frame.panel, each.name)
        values = on_grid(each, grid, frame.range.step_s)
        alone = (look.get("custom.stacking") or {}).get("mode") == "none"
        style = _style(look, place, custom)
        tallest = max(tallest, float(np.nan_to_num(values).max()))
        if bars:
            filled = np.nan_to_num(values)
            axes.bar(
                grid,
                filled,
                width=frame.range.step_s,
                bottom=stack if stacked else None,
                color=style["color"],
                alpha=0.75,
            )
            stack += filled
        elif stacked and not alone:
            top = stack + np.nan_to_num(values)
            axes.fill_between(
                grid, stack, top, color=style["color"], alpha=style["fill"], lw=0
            )
            _line(axes, grid, np.where(np.isnan(values), np.nan, top), style)
            stack = top
        else:
            axes.fill_between(
                grid, 0, values, color=style["color"], alpha=style["fill"], lw=0
            )
            _line(axes, grid, values, style)
    _exemplars(frame, axes)
    _limits(frame, axes, tallest)


def _style(look: dict[str, Any], place: int, custom: Json) -> dict[str, Any]:
    colour = look.get("color", {}).get("fixedColor") or colour_of(place)
    every: float = custom.get("fillOpacity") or 0
    fill: float = look.get("custom.fillOpacity", every)
    return {
        "color": colour,
        "fill": fill / 100,
        "width": look.get("custom.lineWidth", custom.get("lineWidth", 1)),
        "dash": (look.get("custom.lineStyle") or {}).get("dash"),
    }


def _line(axes: Axes, grid: Floats, values: Floats, style: dict[str, Any]) -> None:
    width = float(style["width"]) * 1.1
    # A dash is given in pixels; the line's width is the unit here.
    dash = (0, [max(part / 2 / width, 0.6) for part in style["dash"] or ()])
    axes.plot(
        grid,
        values,
        color=style["color"],
        lw=width,
        ls=dash if style["dash"] else "-",
        solid_capstyle="round",
    )


def colour_of(place: int) -> str:
    """The colour of a series that has none of its own."""
    return theme.PALETTE[place % len(theme.PALETTE)]


def on_grid(named: Named, grid: Floats, step_s: float) -> Floats:
    """Values at the moments of the grid; not a number where there is none."""
    values = np.full_like(grid, np.nan)
    for when, value in named.series.points:
        place = round((when - grid[0]) / step_s)
        if 0 <= place < len(grid):
            values[place] = value
    return values


def _exemplars(frame: Frame, axes: Axes) -> None:
    """The greatest of each step: Grafana thins them as well."""
    for target in frame.panel["targets"]:
        if not target.get("exemplar"):
            continue
        found = frame.source.exemplars(
            frame.range.filled(target["expr"]), frame.range.start_s, frame.range.end_s
        )
        greatest: dict[int, tuple[float, float]] = {}
        for when, value in found:
            step = int(when // frame.range.step_s)
            if value > greatest.get(step, (0, 0))[1]:
                greatest[step] = when, value
        for when, value in greatest.values():
            axes.scatter(when, value, s=9, marker="D", color=theme.LINK, lw=0)


def _limits(frame: Frame, axes: Axes, tallest: float) -> None:
    low, high = axes.get_ylim()
    least, most = frame.defaults.get("min"), frame.defaults.get("max")
    low = low if least is None else float(least)
    top = high * 1.06 if most is None else float(most)
    # All zeros: an axis of thousandths would say that there is something.
    axes.set_ylim(low, low + 1 if most is None and tallest <= 0 else top)


def _thresholds(frame: Frame, axes: Axes) -> None:
    style = (frame.defaults.get("custom") or {}).get("thresholdsStyle") or {}
    if style.get("mode", "off") == "off":
        return
    low, high = axes.get_ylim()
    for step in frame.defaults["thresholds"]["steps"]:
        value = step.get("value")
        if value is not None and low <= value <= high:
            axes.axhline(value, color=step["color"], lw=1, ls=(0, (6, 4)), alpha=0.8)


def over_time(axes: Axes, frame: Frame) -> None:
    """The axis of time, in UTC."""
    axes.set_xlim(frame.range.start_s, frame.range.end_s)
    axes.xaxis.set_major_locator(MaxNLocator(max(3, int(frame.width // 90))))
    axes.xaxis.set_major_formatter(
        FuncFormatter(
            lambda when, _: datetime.fromtimestamp(when, UTC).strftime("%H:%M")
        )
    )
    plain(axes)


def values_axis(axes: Axes, unit: str) -> None:
    """The axis of values, with their unit."""
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: written(value, unit)))


def plain(axes: Axes) -> None:
    """Grid and labels, and no frame."""
    axes.grid(visible=True, color=theme.GRID, lw=0.7)
    axes.tick_params(colors=theme.FAINT, labelsize=theme.SMALL, length=0, pad=3)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _legend(frame: Frame, found: Sequence[Named], top: float) -> None:
    options = frame.panel["options"].get("legend", {})
    calcs = [calc for calc in options.get("calcs", []) if calc in _CALCS]
    right = frame.width - 12
    for place, calc in enumerate(reversed(calcs)):
        frame.text(
            right - place * 78, top + 9, _CALCS[calc][0], ha="right", color=theme.FAINT
        )
    shown = found[:_MOST_ROWS]
    if len(found) > _MOST_ROWS:
        shown = found[: _MOST_ROWS - 1]
    for row, each in enumerate(shown):
        y = top + 9 + (row + 1) * _LEGEND_ROW_PX
        look = overrides_of(frame.panel, each.name)
        style = _style(look, found.index(each), {})
        _swatch(frame, y, style)
        room = (right - 34 - 78 * len(calcs)) / 5.2
        frame.text(30, y, cut(each.name, room))
        values = np.array([value for _, value in each.series.points], dtype=float)
        values = values[~np.isnan(values)]
        for place, calc in enumerate(reversed(calcs)):
            text = written(_CALCS[calc][1](values), frame.unit)
            frame.text(right - place * 78, y, text, ha="right")
    if len(found) > _MOST_ROWS:
        y = top + 9 + _MOST_ROWS * _LEGEND_ROW_PX
        more = len(found) - len(shown)
        frame.text(30, y, f"and {more} more", color=theme.FAINT)


def _swatch(frame: Frame, y: float, style: dict[str, Any]) -> None:
    dash = (0, [max(part / 3, 1) for part in style["dash"] or ()])
    frame.axes.plot(
        [12, 25],
        [y - 3, y - 3],
        color=style["color"],
        lw=2,
        ls=dash if style["dash"] else "-",
        clip_on=True,
    )
