"""Draws a whole dashboard: every panel in its place, with what its queries answer."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from PIL import Image

from dashboards.drawing import fields, figures, reading, theme, time_series
from dashboards.drawing.filling import Range
from dashboards.drawing.frame import Frame, Json, cut
from dashboards.drawing.source import Source

KINDS: Final[Mapping[str, Callable[[Frame], None]]] = {
    "timeseries": time_series.draw,
    "stat": figures.draw_number,
    "bargauge": figures.draw_bars,
    "heatmap": fields.draw_heat,
    "state-timeline": fields.draw_states,
    "xychart": fields.draw_points,
    "table": reading.draw_table,
    "logs": reading.draw_lines,
    "traces": reading.draw_trace,
    "text": reading.draw_text,
}

_TITLE_PX: Final = 26
_COLOURS: Final = 160
"""Of a picture: enough for text that is smooth, and a third of the size."""


def draw(board: Json, source: Source, shown: Range, path: Path) -> None:
    """Draw a dashboard as a PNG.

    Args:
        board: The JSON of the dashboard.
        shown: The time range, and values of variables.
    """
    bottom = max(p["gridPos"]["y"] + p["gridPos"]["h"] for p in board["panels"])
    width = 24 * theme.COLUMN_PX + 2 * theme.MARGIN_PX
    height = bottom * theme.ROW_PX + theme.HEAD_PX + theme.MARGIN_PX
    # No `pyplot`: a figure of its own needs no display and is nobody's state.
    with mpl.rc_context({"font.family": list(theme.FONTS), "font.size": theme.NORMAL}):
        figure = Figure((width / theme.DPI, height / theme.DPI), dpi=theme.DPI)
        figure.set_facecolor(theme.CANVAS)
        whole = figure.add_axes((0, 0, 1, 1))
        whole.set_xlim(0, width)
        whole.set_ylim(height, 0)
        whole.axis("off")
        page = _Page(figure, width, height)
        page.head(board, shown)
        for panel in board["panels"]:
            page.add(panel, source, shown)
        _save(figure, path)


class _Page:
    """A figure whose panels are placed in pixels, from the top left."""

    def __init__(self, figure: Figure, width: float, height: float) -> None:
        self._figure = figure
        self._width = width
        self._height = height
        self._whole = figure.axes[0]

    def head(self, board: Json, shown: Range) -> None:
        """The title, and what can be chosen."""
        left = theme.MARGIN_PX
        self._say(left, 30, str(board["title"]), fontsize=15, fontweight="bold")
        x = left + 0.0
        for variable in board["templating"]["list"]:
            if variable.get("hide") or variable["type"] == "datasource":
                continue
            value = shown.values.get(variable["name"], "All")
            label = str(variable.get("label") or variable["name"])
            self._say(x, 66, label, color=theme.FAINT)
            text = cut(value, 34)
            wide = 18 + 7.4 * len(text)
            at = x + 10 + 6.6 * len(label)
            self._box(at, 53, wide, 20, theme.PANEL)
            self._say(at + 8, 66, text)
            x = at + wide + 18

    def add(self, panel: Json, source: Source, shown: Range) -> None:
        """One panel, or the head of a row."""
        place = panel["gridPos"]
        x = theme.MARGIN_PX + place["x"] * theme.COLUMN_PX
        y = theme.HEAD_PX + place["y"] * theme.ROW_PX
        if panel["type"] == "row":
            title = panel["title"]
            for name, value in shown.values.items():
                title = title.replace(f"${name}", value)
            self._say(x + 2, y + 24, f"▾ {title}", fontsize=11, fontweight="bold")
            return
        width = place["w"] * theme.COLUMN_PX - theme.GAP_PX
        height = place["h"] * theme.ROW_PX - theme.GAP_PX
        if not panel.get("transparent"):
            self._box(x, y, width, height, theme.PANEL)
        top = _TITLE_PX if panel.get("title") else 4
        title = cut(str(panel.get("title", "")), width / 6.6)
        self._say(x + 12, y + 19, title, fontsize=theme.BIG)
        KINDS[panel["type"]](
            self._frame(panel, source, shown, (x, y + top, width, height - top))
        )

    def _frame(
        self,
        panel: Json,
        source: Source,
        shown: Range,
        box: tuple[float, float, float, float],
    ) -> Frame:
        x, y, width, height = box
        axes = self._figure.add_axes(
            (
                x / self._width,
                1 - (y + height) / self._height,
                width / self._width,
                height / self._height,
            )
        )
        axes.set_xlim(0, width)
        axes.set_ylim(height, 0)
        axes.axis("off")
        return Frame(panel, axes, width, height, shown, source)

    def _say(self, x: float, y: float, text: str, **how: object) -> None:
        how.setdefault("color", theme.TEXT)
        how.setdefault("fontsize", theme.NORMAL)
        self._whole.text(x, y, text, parse_math=False, **how)  # type: ignore[arg-type]  # its own settings, any of them

    def _box(self, x: float, y: float, width: float, height: float, fill: str) -> None:
        self._whole.add_patch(
            FancyBboxPatch(
                (x, y),
                width,
                height,
                boxstyle="round,pad=0,rounding_size=3",
                fc=fill,
                ec=theme.BORDER,
                lw=0.8,
            )
        )


def _save(figure: Figure, path: Path) -> None:
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", facecolor=theme.CANVAS)
    drawn.seek(0)
    path.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(drawn) as image:
        image.convert("RGB").quantize(_COLOURS).save(path, optimize=True)
