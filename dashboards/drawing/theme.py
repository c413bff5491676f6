"""Colours and sizes of Grafana's dark theme, and the classic palette."""

from __future__ import annotations

from typing import Final

CANVAS: Final = "#111217"
PANEL: Final = "#181b1f"
BORDER: Final = "#2a2d33"
GRID: Final = "#26292f"
TEXT: Final = "#ccccdc"
FAINT: Final = "#8e8e9c"
LINK: Final = "#6e9fff"

COLUMN_PX: Final = 62
ROW_PX: Final = 36
GAP_PX: Final = 8
MARGIN_PX: Final = 16
HEAD_PX: Final = 92
DPI: Final = 100

PALETTE: Final = (
    *("#73BF69", "#F2CC0C", "#8AB8FF", "#FF780A", "#F2495C", "#5794F2", "#B877D9"),
    *("#705DA0", "#37872D", "#FADE2A", "#447EBC", "#C15C17", "#890F02", "#0A437C"),
)
"""Source: classicColors of packages/grafana-data."""

SMALL: Final = 7.5
NORMAL: Final = 8.5
BIG: Final = 10.0
FONTS: Final = ("Inter", "DejaVu Sans")
