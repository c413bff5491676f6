"""Draws what fills an area: heat maps, bands of states, clouds of points."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import PowerNorm
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedFormatter, FixedLocator, FuncFormatter, MaxNLocator

from dashboards.drawing import theme
from dashboards.drawing.frame import Frame, Named, cut, overrides_of
from dashboards.drawing.time_series import on_grid, over_time, plain, values_axis
from dashboards.drawing.units import written

_MOST_BANDS: Final = 12
_LABELS: Final = 5


def draw_heat(frame: Frame) -> None:
    """A panel of the kind heatmap, over buckets that count what is below a bound."""
    found = sorted(frame.asked(), key=_bound)
    grid = np.arange(
        frame.range.start_s, frame.range.end_s + 1, frame.range.step_s, dtype=float
    )
    below = np.array(
        [np.nan_to_num(on_grid(each, grid, frame.range.step_s)) for each in found]
    )
    if not found or not below.any():
        frame.say_nothing()
        return
    counts = np.diff(below, axis=0, prepend=0)
    used = np.flatnonzero(counts.max(axis=1) > 0)
    low, high = used[0], used[-1] + 1
    axes = frame.inner(56, 6, frame.width - 68, frame.height - 30)
    shown = np.ma.masked_less_equal(counts[low:high], 0)
    axes.pcolormesh(
        np.append(grid, grid[-1] + frame.range.step_s),
        np.arange(high - low + 1),
        shown,
        cmap=colormaps["Blues_r"],  # in the dark theme, the more the brighter
        norm=PowerNorm(0.5, vmin=0, vmax=float(counts.max())),
        edgecolors="none",
        antialiased=False,
    )
    over_time(axes, frame)
    bounds = [_bound(each) for each in found[low:high]]
    every = max(1, math.ceil(len(bounds) / _LABELS))
    places = list(range(len(bounds) - 1, -1, -every))
    axes.yaxis.set_major_locator(FixedLocator([place + 1 for place in places]))
    texts = [written(bounds[place], frame.unit) for place in places]
    axes.yaxis.set_major_formatter(FixedFormatter(texts))


def _bound(named: Named) -> float:
    return float(named.series.labels.get("le", "inf"))


def draw_states(frame: Frame) -> None:
    """A panel of the kind state-timeline."""
    found = frame.asked()
    if not found:
        frame.say_nothing()
        return
    options = frame.defaults["mappings"][0]["options"]
    bands = found[:_MOST_BANDS]
    left = min(max(len(each.name) for each in bands) * 7 + 20, frame.width * 0.34)
    axes = frame.inner(left, 6, frame.width - left - 12, frame.height - 54)
    step = frame.range.step_s
    for row, each in enumerate(bands):
        for start, end, state in _runs(each, step):
            colour = options.get(f"{state:g}", {}).get("color", theme.GRID)
            axes.add_patch(Rectangle((start, row + 0.1), end - start, 0.8, fc=colour))
        name = cut(each.name, left / 6.4)
        frame.text(
            left - 8, 6 + (row + 0.62) * _band_px(frame, len(bands)), name, ha="right"
        )
    axes.set_ylim(len(bands), 0)
    axes.yaxis.set_major_locator(FixedLocator([]))
    over_time(axes, frame)
    axes.grid(visible=False)
    x = 12.0
    for option in options.values():
        frame.axes.add_patch(
            Rectangle((x, frame.height - 16), 10, 8, fc=option["color"], lw=0)
        )
        frame.text(x + 14, frame.height - 9, option["text"])
        x += 24 + 7 * len(option["text"])


def _band_px(frame: Frame, bands: int) -> float:
    return (frame.height - 54) / bands


def _runs(named: Named, step_s: float) -> list[tuple[float, float, float]]:
    """Start, end and value of each stretch that stays the same."""
    found: list[tuple[float, float, float]] = []
    for when, value in named.series.points:
        if found and found[-1][2] == value and when - found[-1][1] <= step_s:
            found[-1] = (found[-1][0], when + step_s, value)
        else:
            found.append((when, when + step_s, value))
    return found


def draw_points(frame: Frame) -> None:
    """A panel of the kind xychart: one point for each moment."""
    found = {each.ref: dict(each.series.points) for each in frame.asked()}
    x, y = found.get("A", {}), found.get("B", {})
    both = sorted(x.keys() & y.keys())
    if not both:
        frame.say_nothing()
        return
    axes = frame.inner(62, 8, frame.width - 78, frame.height - 50)
    axes.scatter(
        [x[when] for when in both],
        [y[when] for when in both],
        s=12,
        color=theme.PALETTE[5],
        alpha=0.7,
        lw=0,
    )
    names = [target["legendFormat"] for target in frame.panel["targets"]]
    values_axis(axes, str(overrides_of(frame.panel, names[1]).get("unit", "short")))
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: written(v, "short")))
    axes.set_ylim(bottom=0)
    axes.set_xlim(left=0)
    plain(axes)
    axes.set_xlabel(names[0], color=theme.FAINT, fontsize=theme.SMALL)
    axes.set_ylabel(names[1], color=theme.FAINT, fontsize=theme.SMALL)
