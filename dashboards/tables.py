"""The kinds of panels that are read: tables, log lines, a trace, a text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import common, logs, table, text
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import common as c
from grafana_foundation_sdk.models import dashboard as model

from dashboards.links import Link
from dashboards.panel import (
    Ask,
    AskLogs,
    AskTraces,
    Head,
    Step,
    finished,
    thresholds,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table.

    Attributes:
        name: Above it.
        unit: Of its values; empty for text.
        steps: Colours of its cells, if any.
        to: Where a click on a cell leads.
        width: In pixels; 0 to share what is left.
    """

    name: str
    unit: str = ""
    steps: Sequence[Step] = ()
    to: Sequence[Link] = ()
    width: int = 0

    def override(self) -> model.DashboardFieldConfigSourceOverrides:
        """As an override by name."""
        found: list[tuple[str, object]] = []
        if self.unit:
            found.append(("unit", self.unit))
        if self.steps:
            found += [
                ("thresholds", thresholds(self.steps).build()),
                ("color", {"mode": "thresholds"}),
                ("custom.cellOptions", {"type": "color-text"}),
            ]
        if self.to:
            found.append(("links", [link.build().build() for link in self.to]))
        if self.width:
            found.append(("custom.width", self.width))
        return model.DashboardFieldConfigSourceOverrides(
            matcher=model.MatcherConfig("byName", self.name),
            properties=[model.DynamicConfigValue(key, value) for key, value in found],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """A table of several queries, one column each, joined by their labels.

    Attributes:
        labels: Columns by the label that they show; the first ones.
        values: Columns by the query that fills them.
        sort: Name of the column by which rows are sorted, the greatest first.
    """

    labels: Mapping[str, Column]
    values: Sequence[tuple[Ask, Column]]
    sort: str


def joined(head: Head, rows: Joined) -> model.Panel:
    """A table with one row for each set of labels."""
    columns = [*rows.labels.values(), *(column for _, column in rows.values)]
    # Grafana calls the values of a table with several queries after them: Value #A.
    single = len(rows.values) == 1
    shown = {label: column.name for label, column in rows.labels.items()}
    for place, (_, column) in enumerate(rows.values):
        shown["Value" if single else f"Value #{chr(ord('A') + place)}"] = column.name
    organised = {
        "excludeByName": {"Time": True, "__name__": True},
        "renameByName": shown,
        "indexByName": {name: place for place, name in enumerate(shown)},
    }
    panel = (
        _table(columns)
        .sort_by(
            [common.TableSortByFieldState().display_name(rows.sort).desc(desc=True)]
        )
        .with_transformation(model.DataTransformerConfig("merge", options={}))
        .with_transformation(model.DataTransformerConfig("organize", options=organised))
    )
    return finished(panel.build(), head, [ask.as_rows() for ask, _ in rows.values])


def spans(head: Head, ask: AskTraces, columns: Mapping[str, Column]) -> model.Panel:
    """A table with one row for each span that is found.

    Args:
        columns: By the name of Tempo's field, in the order in which they are shown.
    """
    organised = {
        "renameByName": {name: column.name for name, column in columns.items()},
        "indexByName": {name: place for place, name in enumerate(columns)},
        "excludeByName": {"spanID": True, "traceName": True, "traceService": True},
    }
    panel = _table(list(columns.values())).with_transformation(
        model.DataTransformerConfig("organize", options=organised)
    )
    return finished(panel.build(), head, [ask.as_spans()], "tempo")


def _table(columns: Sequence[Column]) -> table.Panel:
    panel = table.Panel().cell_height(c.TableCellHeight.SM).filterable(filterable=True)
    return panel.overrides([_Built(column.override()) for column in columns])


class _Built(build.DashboardFieldConfigSourceOverrides):
    """What is built already, where the SDK wants a builder."""

    def __init__(self, found: model.DashboardFieldConfigSourceOverrides) -> None:
        super().__init__()
        self._internal = found


def log_lines(head: Head, ask: AskLogs) -> model.Panel:
    """Log lines, the newest first."""
    panel = (
        logs.Panel()
        .show_time(show_time=True)
        .wrap_log_message(wrap_log_message=True)
        .enable_log_details(enable_log_details=True)
        .show_log_context_toggle(show_log_context_toggle=True)
        .sort_order(c.LogsSortOrder.DESCENDING)
    )
    return finished(panel.build(), head, [ask.over_time()], "loki")


def waterfall(head: Head, ask: AskTraces) -> model.Panel:
    """One trace, span by span."""
    panel = build.Panel().type("traces")
    return finished(panel.build(), head, [ask.as_trace()], "tempo")


def words(number: int, content: str) -> model.Panel:
    """A text that explains a dashboard; it asks nothing."""
    panel = text.Panel().content(content).transparent(transparent=True).build()
    panel.id_val = number
    panel.title = ""
    return panel
