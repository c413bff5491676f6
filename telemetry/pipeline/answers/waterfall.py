"""Lengths of time drawn one below the other; pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from telemetry.capture.terminal import cells, fitted, padded
from telemetry.capture.wording import DIM, Ink, duration

LABEL_COLUMNS: Final = 28
LEAST_BAR_COLUMNS: Final = 16
_BEHIND_COLUMNS: Final = 30
"""What is left for the text behind the bars."""
_NS_PER_S: Final = 1e9


class Stretch(NamedTuple):
    """One row.

    Attributes:
        label: What it is, escaped; *depth* says how far it is indented.
        ended_ns: None while it goes on.
        fill: What its bar is made of; one column.
        said: What stands behind it, painted perhaps.
    """

    label: str
    started_ns: int
    ended_ns: int | None
    fill: str = "█"
    style: str | None = None
    said: str = ""
    depth: int = 0


def waterfall(
    stretches: Sequence[Stretch], now_ns: int, columns: int, ink: Ink
) -> list[str]:
    """All of them on one scale, from the first beginning to the last end.

    Args:
        now_ns: What goes on lasts until then.
        columns: Of the terminal; the text behind the bars may go beyond.
    """
    if not stretches:
        return []
    first = min(each.started_ns for each in stretches)
    last = max(_end(each, now_ns) for each in stretches)
    labels = min(LABEL_COLUMNS, max(_indented(each) for each in stretches))
    said = max(cells(_length(each, now_ns)) for each in stretches)
    room = columns - labels - said - _BEHIND_COLUMNS
    width = max(room, LEAST_BAR_COLUMNS)
    whole = duration((last - first) / _NS_PER_S)
    head = f"0{whole:>{width - 1}}"
    rows = [f"  {' ' * labels}  {ink(head, DIM)}"]
    for each in stretches:
        label = fitted("  " * each.depth + each.label, labels)
        drawn = bar(each.started_ns, _end(each, now_ns), first, last, width, each.fill)
        length = _length(each, now_ns)
        tail = " " * (said - cells(length)) + length
        more = f"  {each.said}" if each.said else ""
        row = f"  {padded(label, labels)}  {ink(drawn, each.style)}  {tail}{more}"
        rows.append(row.rstrip())
    return rows


def bar(
    started_ns: int, ended_ns: int, first_ns: int, last_ns: int, width: int, fill: str
) -> str:
    """A bar on a scale of *width* columns; at least one column, however short it is."""
    whole = max(last_ns - first_ns, 1)
    start = min(int((started_ns - first_ns) / whole * width), width - 1)
    # Cut off like the start: where one ends and the next begins is the same column.
    end = min(max(int((ended_ns - first_ns) / whole * width), start + 1), width)
    return " " * start + fill * (end - start) + " " * (width - end)


def _end(each: Stretch, now_ns: int) -> int:
    return max(now_ns if each.ended_ns is None else each.ended_ns, each.started_ns)


def _length(each: Stretch, now_ns: int) -> str:
    seconds = (_end(each, now_ns) - each.started_ns) / _NS_PER_S
    return duration(seconds) + (" +" if each.ended_ns is None else "")


def _indented(each: Stretch) -> int:
    return cells(each.label) + 2 * each.depth
