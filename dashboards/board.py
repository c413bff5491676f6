"""A dashboard as rows of panels, and where each panel stands."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model

from dashboards.links import TAG, TITLES
from dashboards.variables import Variable

COLUMNS: Final = 24
"""Width of Grafana's grid."""

_FIRST_ROW_NUMBER: Final = 900
"""Ids of rows begin here, so that they never meet those of panels."""


@dataclass(frozen=True, slots=True)
class Row:
    """Panels beside each other that answer one question.

    Attributes:
        asks: The question; it stands above them.
        panels: Each with its width; those of one line fill the grid.
        height: Of each panel, in units of the grid.
    """

    asks: str
    panels: Sequence[tuple[int, model.Panel]]
    height: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """One dashboard.

    Attributes:
        uid: Never changes: links and bookmarks hold it.
        shown: The time range at first, back from now.
    """

    uid: str
    says: str
    rows: Sequence[Row]
    variables: Sequence[Variable]
    annotations: Sequence[build.AnnotationQuery] = field(default_factory=tuple)
    shown: str = "now-1h"

    def build(self) -> model.Dashboard:
        """As the SDK has it."""
        found = (
            build.Dashboard(TITLES[self.uid])
            .uid(self.uid)
            .description(self.says)
            .tags([TAG, "opentelemetry"])
            .readonly()
            .timezone("browser")
            .time(self.shown, "now")
            .refresh("30s")
            .tooltip(model.DashboardCursorSync.CROSSHAIR)
            .variables(list(self.variables))
            .annotations(list(self.annotations))
            .link(_to_the_others())
            .build()
        )
        found.panels = list(placed(self.rows))
        return found

    def text(self) -> str:
        """As JSON, the same for the same board."""
        return (
            json.dumps(
                self.build(),
                cls=JSONEncoder,
                indent=2,
                sort_keys=True,
                ensure_ascii=False,
            )
            + "\n"
        )


def placed(rows: Sequence[Row]) -> Iterator[model.Panel | model.RowPanel]:
    """Rows and panels, each with its place in the grid.

    Raises:
        ValueError: The panels of a line do not fill the grid.
    """
    y = 0
    for number, row in enumerate(rows, _FIRST_ROW_NUMBER):
        place = model.GridPos(h=1, w=COLUMNS, x=0, y=y)
        yield model.RowPanel(title=row.asks, id_val=number, grid_pos=place, panels=[])
        y += 1
        x = 0
        for width, panel in row.panels:
            panel.grid_pos = model.GridPos(h=row.height, w=width, x=x, y=y)
            yield panel
            x += width
            if x > COLUMNS:
                raise ValueError(f"{row.asks!r}: {x} columns, there are {COLUMNS}")
            if x == COLUMNS:
                x, y = 0, y + row.height
        if x:
            raise ValueError(f"{row.asks!r} leaves {COLUMNS - x} columns empty")


def _to_the_others() -> build.DashboardLink:
    return (
        build.DashboardLink("Inputs")
        .type(model.DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .as_dropdown(as_dropdown=True)
        .include_vars(include_vars=True)
        .keep_time(keep_time=True)
        .icon("external link")
        .tooltip("The other dashboards of these inputs")
    )
