"""What every panel has, whatever it draws: words, queries, thresholds, links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import loki, prometheus, tempo
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models import prometheus as prometheus_model
from grafana_foundation_sdk.models import tempo as tempo_model
from grafana_foundation_sdk.models.common import DataSourceRef

from dashboards import variables
from dashboards.links import Link
from dashboards.palette import Look

Step = tuple[float | None, str]
"""From which value on a colour holds; None for the lowest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a panel says of itself.

    Attributes:
        number: Its id. It never changes and is never given again: links, alerts and
            people's bookmarks hold it.
        says: Which question it answers and how to read it, in Markdown.
        empty: What stands there instead of "No data": why there may be none.
        to: The next level.
    """

    number: int
    title: str
    says: str
    unit: str
    empty: str
    to: Sequence[Link] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Ask:
    """A query to Prometheus.

    Attributes:
        legend: Name of the series; a template, such as ``{{input_function}}``.
        exemplars: Show single inputs as points beside the lines.
    """

    expr: str
    legend: str = ""
    exemplars: bool = False

    def over_time(self) -> Builder[Dataquery]:
        """For every step of the time range."""
        return (
            prometheus.Dataquery()
            .expr(self.expr)
            .legend_format(self.legend or "__auto")
            .exemplar(self.exemplars)
            .range()
        )

    def once(self) -> Builder[Dataquery]:
        """At the end of the time range alone."""
        found = prometheus.Dataquery().expr(self.expr).instant()
        return found.legend_format(self.legend or "__auto").exemplar(exemplar=False)

    def as_heat(self) -> Builder[Dataquery]:
        """Over time, as buckets."""
        found = prometheus.Dataquery().expr(self.expr).legend_format("{{le}}").range()
        return found.exemplar(self.exemplars).format(
            prometheus_model.PromQueryFormat.HEATMAP
        )

    def as_rows(self) -> Builder[Dataquery]:
        """At the end of the time range, one row for each series."""
        found = (
            prometheus.Dataquery().expr(self.expr).instant().exemplar(exemplar=False)
        )
        return found.format(prometheus_model.PromQueryFormat.TABLE)


@dataclass(frozen=True, slots=True)
class AskLogs:
    """A query to Loki."""

    expr: str
    legend: str = ""
    lines: int = 500

    def over_time(self) -> Builder[Dataquery]:
        """For the time range."""
        found = (
            loki.Dataquery().expr(self.expr).query_type("range").max_lines(self.lines)
        )
        return found.legend_format(self.legend) if self.legend else found


@dataclass(frozen=True, slots=True)
class AskTraces:
    """A query to Tempo in TraceQL."""

    query: str
    limit: int = 50

    def as_spans(self) -> Builder[Dataquery]:
        """One row for each span that is found."""
        return self._with(tempo_model.SearchTableType.SPANS)

    def as_trace(self) -> Builder[Dataquery]:
        """The whole trace, for the waterfall."""
        return self._with(tempo_model.SearchTableType.TRACES)

    def as_metric(self) -> Builder[Dataquery]:
        """Series over time, counted by Tempo."""
        found = tempo.Dataquery().query_type("traceql").query(self.query)
        return found.metrics_query_type(tempo_model.MetricsQueryType.RANGE)

    def _with(self, table: tempo_model.SearchTableType) -> Builder[Dataquery]:
        found = tempo.Dataquery().query_type("traceql").query(self.query)
        return found.limit(self.limit).table_type(table)


_SOURCES: Final[Mapping[str, DataSourceRef]] = {
    "prometheus": variables.PROMETHEUS,
    "loki": variables.LOKI,
    "tempo": variables.TEMPO,
}


def finished(
    panel: model.Panel,
    head: Head,
    queries: Sequence[Builder[Dataquery]],
    source: str = "prometheus",
) -> model.Panel:
    """The panel with its words, queries and links."""
    where = _SOURCES[source]
    panel.id_val = head.number
    panel.title = head.title
    panel.description = head.says
    panel.datasource = where
    panel.targets = [
        _told(query.build(), where, chr(ord("A") + place))
        for place, query in enumerate(queries)
    ]
    panel.links = [link.build().build() for link in head.to]
    if panel.field_config is None:
        panel.field_config = model.FieldConfigSource(model.FieldConfig(), [])
    defaults = panel.field_config.defaults
    defaults.unit = head.unit
    defaults.no_value = head.empty
    if defaults.links is None and head.to:
        # A click on a value leads where the panel's own link leads.
        defaults.links = [head.to[0].build().build()]
    return panel


def _told(query: Dataquery, where: DataSourceRef, name: str) -> Dataquery:
    # Every kind of query has these two; the SDK has no class for what they share.
    query.datasource = where  # type: ignore[attr-defined]  # see above
    query.ref_id = name  # type: ignore[attr-defined]  # see above
    return query


def thresholds(steps: Sequence[Step]) -> build.ThresholdsConfig:
    """Colours from values on."""
    found = build.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE)
    return found.steps([model.Threshold(value, colour) for value, colour in steps])


def overrides(
    looks: Mapping[str, Look],
) -> list[Builder[model.DashboardFieldConfigSourceOverrides]]:
    """A look for each series, by its name in the legend."""
    return [
        build.DashboardFieldConfigSourceOverrides()
        .matcher(model.MatcherConfig("byName", name))
        .properties(look.properties())
        for name, look in looks.items()
    ]
