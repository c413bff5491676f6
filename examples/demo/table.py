"""Rows of cells as aligned columns; cells may hold colour codes."""

from __future__ import annotations

from collections.abc import Sequence

from telemetry.capture.terminal import cells, padded


def table(rows: Sequence[Sequence[str]], left: int = 1, gap: int = 2) -> list[str]:
    """One text per row.

    Args:
        rows: Each with as many cells as the first.
        left: How many columns are flush left; the others are flush right.
        gap: Spaces between columns.
    """
    widths = [max(map(cells, column)) for column in zip(*rows, strict=True)]
    return [
        (" " * gap)
        .join(
            padded(cell, width) if place < left else " " * (width - cells(cell)) + cell
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        .rstrip()
        for row in rows
    ]
