"""Draws what is read: tables, log lines, a trace, a text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from matplotlib.patches import Rectangle

from dashboards.drawing import theme
from dashboards.drawing.frame import (
    Frame,
    Json,
    colour_at,
    cut,
    overrides_of,
    transformation,
    wrapped,
)
from dashboards.drawing.units import written

_ROW_PX: Final = 22
_LINE_PX: Final = 15
_CHARACTER_PX: Final = 5.3
_LEVELS: Final = {
    "debug": "#8E8E8E",
    "info": "#5794F2",
    "warning": "#FF9830",
    "error": "#E02F44",
}

Row = dict[str, object]


def draw_table(frame: Frame) -> None:
    """A panel of the kind table."""
    of_tempo = frame.panel["datasource"]["type"] == "tempo"
    rows = _span_rows(frame) if of_tempo else _rows(frame)
    organised = transformation(frame.panel, "organize")[0]
    names = [organised["renameByName"].get(key, key) for key in _order(organised)]
    rows = [_renamed(row, organised) for row in rows]
    if not rows:
        frame.say_nothing()
        return
    for sort in reversed(frame.panel["options"].get("sortBy", [])):
        rows.sort(key=lambda row: _sortable(row.get(sort["displayName"])), reverse=True)
    _drawn(frame, names, rows)


def _order(organised: Json) -> list[str]:
    places: Mapping[str, int] = organised["indexByName"]
    return sorted(places, key=lambda name: places[name])


def _rows(frame: Frame) -> list[Row]:
    """Rows of all queries with the same labels, joined: what Grafana's merge does."""
    found: dict[tuple[tuple[str, str], ...], Row] = {}
    answers = frame.asked_now()
    for ref, series in answers.items():
        field = "Value" if len(answers) == 1 else f"Value #{ref}"
        for each in series:
            key = tuple(sorted(each.labels.items()))
            row = found.setdefault(key, dict(each.labels))
            row[field] = each.points[-1][1]
    return list(found.values())


def _span_rows(frame: Frame) -> list[Row]:
    query = frame.range.filled(frame.panel["targets"][0]["query"])
    return [dict(row) for row in frame.source.spans(query)]


def _renamed(row: Row, organised: Json) -> Row:
    renamed: Mapping[str, str] = organised["renameByName"]
    return {renamed.get(key, key): value for key, value in row.items()}


def _sortable(value: object) -> tuple[bool, float]:
    return isinstance(value, float), value if isinstance(value, float) else 0.0


def _drawn(frame: Frame, names: Sequence[str], rows: Sequence[Row]) -> None:
    settings = {name: overrides_of(frame.panel, name) for name in names}
    widths = _widths(frame, names, settings)
    x = 12.0
    for name in names:
        how = settings[name]
        number = any(isinstance(row.get(name), float) for row in rows)
        room = widths[name] / _CHARACTER_PX - 2
        edge = x + widths[name] - 12 if number else x
        align = "right" if number else "left"
        frame.text(edge, 18, cut(name, room), ha=align, color=theme.LINK)
        for place, row in enumerate(rows[: int((frame.height - 30) // _ROW_PX)]):
            y = 18 + (place + 1) * _ROW_PX
            text, colour = _cell(frame, row.get(name), how)
            frame.text(edge, y, cut(text, room), ha=align, color=colour)
        x += widths[name]
    for place in range(min(len(rows), int((frame.height - 30) // _ROW_PX)) + 1):
        y = 25 + place * _ROW_PX
        frame.axes.plot([8, frame.width - 8], [y, y], color=theme.GRID, lw=0.7)


def _widths(
    frame: Frame, names: Sequence[str], settings: Mapping[str, dict[str, Any]]
) -> dict[str, float]:
    fixed = {name: settings[name].get("custom.width", 0) for name in names}
    left = frame.width - 24 - sum(fixed.values())
    free = [name for name in names if not fixed[name]]
    share = max(left / max(len(free), 1), 40)
    return {name: fixed[name] or share for name in names}


def _cell(frame: Frame, value: object, how: Mapping[str, Any]) -> tuple[str, str]:
    colour = theme.LINK if how.get("links") else theme.TEXT
    if value is None:
        return "", colour
    if not isinstance(value, float):
        return str(value), colour
    unit = str(how.get("unit", frame.unit))
    if "thresholds" in how:
        colour = colour_at(value, how)
    return written(value, unit), colour


def draw_lines(frame: Frame) -> None:
    """A panel of the kind logs."""
    query = frame.range.filled(frame.panel["targets"][0]["expr"])
    found = frame.source.lines(query)
    if not found:
        frame.say_nothing()
        return
    room = (frame.width - 120) / _CHARACTER_PX
    for place, line in enumerate(found[: int((frame.height - 12) // _LINE_PX)]):
        y = 18 + place * _LINE_PX
        colour = _LEVELS.get(line.level, theme.FAINT)
        frame.axes.add_patch(Rectangle((10, y - 10), 3, 12, fc=colour, lw=0))
        when = datetime.fromtimestamp(line.unix_s, UTC).strftime("%H:%M:%S.%f")[:-3]
        frame.text(20, y, when, color=theme.FAINT, family="monospace")
        frame.text(106, y, cut(line.text, room), family="monospace")


def draw_trace(frame: Frame) -> None:
    """A panel of the kind traces: one bar for each span."""
    query = frame.range.filled(frame.panel["targets"][0]["query"])
    found = frame.source.spans(query)
    if not found:
        frame.say_nothing()
        return
    starts = [float(str(row["start"])) for row in found]
    begin, left, right = min(starts), 260.0, frame.width - 90
    whole = max(
        s + float(str(r["Duration"])) for s, r in zip(starts, found, strict=True)
    )
    scale = (right - left) / (whole - begin)
    for place, (start, row) in enumerate(zip(starts, found, strict=True)):
        y = 20 + place * 26
        indent = 14 * int(str(row.get("depth", 0)))
        frame.text(14 + indent, y + 4, cut(str(row["Name"]), 34))
        x = left + (start - begin) * scale
        length = max(float(str(row["Duration"])) * scale, 2)
        colour = theme.PALETTE[(2, 5, 0, 6)[int(str(row.get("depth", 0))) % 4]]
        frame.axes.add_patch(Rectangle((x, y - 6), length, 12, fc=colour, lw=0))
        took = written(float(str(row["Duration"])), "ns")
        frame.text(x + length + 6, y + 3, took, color=theme.FAINT)


def draw_text(frame: Frame) -> None:
    """A panel of the kind text, without its marks."""
    content = re.sub(r"[*`]", "", frame.panel["options"]["content"])
    y = 18.0
    for line in wrapped(content, (frame.width - 24) / 5.1):
        frame.text(12, y, line)
        y += _LINE_PX
