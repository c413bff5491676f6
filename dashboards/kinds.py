"""The kinds of panels that draw series: lines, numbers, heat, bars, states, points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    heatmap,
    stat,
    statetimeline,
    timeseries,
    xychart,
)
from grafana_foundation_sdk.models import common as c
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models import heatmap as heatmap_model
from grafana_foundation_sdk.models import xychart as xychart_model

from dashboards import palette
from dashboards.palette import Look
from dashboards.panel import (
    Ask,
    AskLogs,
    AskTraces,
    Head,
    Step,
    finished,
    overrides,
    thresholds,
)

Panel = model.Panel

_ALPHA_OF_AREA: Final = 0
_ALPHA_OF_STACK: Final = 55


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """How lines are drawn.

    Attributes:
        looks: Of series, by name in the legend.
        stack: ``normal`` adds them up, ``percent`` shows shares of a whole.
        bars: Bars instead of lines, for what is counted in each step.
        steps: Lines across the panel where health changes; for values that no query
            can tell.
        floor: The least value of the axis; None where values may be negative.
        ceiling: The greatest value of the axis; None to follow the values.
        legend: Figures in the legend.
    """

    looks: Mapping[str, Look] = field(default_factory=dict)
    stack: str = ""
    bars: bool = False
    steps: Sequence[Step] = ()
    floor: float | None = 0
    ceiling: float | None = None
    legend: Sequence[str] = ("lastNotNull", "max")


PLAIN: Final = Drawn()


def lines(head: Head, asks: Sequence[Ask], drawn: Drawn = PLAIN) -> model.Panel:
    """Series over time."""
    panel = (
        _time_series(drawn)
        .legend(_legend(drawn.legend))
        .tooltip(_tooltip())
        .overrides(overrides(drawn.looks))
    )
    return finished(panel.build(), head, [ask.over_time() for ask in asks])


def log_rates(head: Head, ask: AskLogs, drawn: Drawn) -> model.Panel:
    """Counts of log lines over time."""
    panel = (
        _time_series(drawn)
        .legend(_legend(drawn.legend))
        .tooltip(_tooltip())
        .overrides(overrides(drawn.looks))
    )
    return finished(panel.build(), head, [ask.over_time()], "loki")


def span_rates(head: Head, ask: AskTraces, drawn: Drawn) -> model.Panel:
    """What Tempo counts, over time."""
    panel = _time_series(drawn).legend(_legend(drawn.legend)).tooltip(_tooltip())
    return finished(panel.build(), head, [ask.as_metric()], "tempo")


def _time_series(drawn: Drawn) -> timeseries.Panel:
    stacked = bool(drawn.stack)
    panel = (
        timeseries.Panel()
        .line_width(1)
        .fill_opacity(_ALPHA_OF_STACK if stacked else _ALPHA_OF_AREA)
        .show_points(c.VisibilityMode.NEVER)
        # A container that is gone leaves a gap; a late export does not.
        .span_nulls(60_000)
    )
    if drawn.bars:
        panel = panel.draw_style(c.GraphDrawStyle.BARS).fill_opacity(_ALPHA_OF_STACK)
    if stacked:
        mode = c.StackingMode(drawn.stack)
        panel = panel.stacking(common.StackingConfig().mode(mode).group("A"))
    if drawn.floor is not None:
        panel = panel.min(drawn.floor)
    if drawn.ceiling is not None:
        panel = panel.max(drawn.ceiling)
    if drawn.steps:
        style = common.GraphThresholdsStyleConfig()
        panel = panel.thresholds(thresholds(drawn.steps)).thresholds_style(
            style.mode(c.GraphThresholdsStyleMode.DASHED)
        )
    return panel


def _legend(figures: Sequence[str]) -> common.VizLegendOptions:
    legend = (
        common.VizLegendOptions()
        .show_legend(show_legend=True)
        .placement(c.LegendPlacement.BOTTOM)
    )
    if not figures:
        return legend.display_mode(c.LegendDisplayMode.LIST)
    return legend.display_mode(c.LegendDisplayMode.TABLE).calcs(list(figures))


def _tooltip() -> common.VizTooltipOptions:
    return (
        common.VizTooltipOptions()
        .mode(c.TooltipDisplayMode.MULTI)
        .sort(c.SortOrder.DESCENDING)
    )


def number(
    head: Head, ask: Ask, steps: Sequence[Step], *, decimals: int | None = None
) -> model.Panel:
    """One figure, with its course in the background.

    Blue alone means that the figure is neither good nor bad.
    """
    panel = _number(steps)
    if decimals is not None:
        panel = panel.decimals(decimals)
    return finished(panel.build(), head, [ask.over_time()])


def _number(steps: Sequence[Step]) -> stat.Panel:
    return (
        stat.Panel()
        .thresholds(thresholds(steps))
        .color_mode(c.BigValueColorMode.VALUE)
        .graph_mode(c.BigValueGraphMode.AREA)
        .text_mode(c.BigValueTextMode.VALUE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )


def figure_now(head: Head, ask: Ask, steps: Sequence[Step]) -> model.Panel:
    """One figure at the end of the time range, for what is costly to ask."""
    panel = _number(steps).graph_mode(c.BigValueGraphMode.NONE)
    return finished(panel.build(), head, [ask.once()])


def number_against(head: Head, ask: Ask, most: Ask) -> model.Panel:
    """One figure, red from a value on that a query tells.

    Args:
        most: The query; its legend is the name of its series.
    """
    mapping = {
        "fieldName": most.legend,
        "handlerKey": "threshold1",
        "handlerArguments": {"threshold": {"color": palette.RED}},
    }
    panel = _number(((None, palette.GREEN),)).with_transformation(
        model.DataTransformerConfig(
            "configFromData", options={"configRefId": "B", "mappings": [mapping]}
        )
    )
    return finished(panel.build(), head, [ask.over_time(), most.over_time()])


NEUTRAL: Final[Sequence[Step]] = ((None, palette.BLUE),)


def worse_above(warn: float, bad: float) -> Sequence[Step]:
    """Green, from *warn* on orange, from *bad* on red."""
    return ((None, palette.GREEN), (warn, palette.ORANGE), (bad, palette.RED))


def worse_below(bad: float, warn: float) -> Sequence[Step]:
    """Red below *bad*, orange below *warn*, else green."""
    return ((None, palette.RED), (bad, palette.ORANGE), (warn, palette.GREEN))


def heat(head: Head, ask: Ask) -> model.Panel:
    """Buckets of a histogram over time; the darker, the more."""
    colours = (
        heatmap.HeatmapColorOptions()
        .mode(heatmap_model.HeatmapColorMode.SCHEME)
        .scheme("Blues")
        .scale(heatmap_model.HeatmapColorScale.EXPONENTIAL)
        .exponent(0.5)
        .steps(32)
    )
    panel = (
        heatmap.Panel()
        .calculate(calculate=False)
        .color(colours)
        .cell_gap(1)
        .y_axis(
            heatmap.YAxisConfig().unit(head.unit).axis_placement(c.AxisPlacement.LEFT)
        )
        .cell_values(heatmap.CellValues().unit("short"))
        .tooltip(
            heatmap.HeatmapTooltip()
            .mode(c.TooltipDisplayMode.SINGLE)
            .y_histogram(y_histogram=True)
        )
        .show_legend()
        .exemplars_color(palette.ORANGE)
    )
    return finished(panel.build(), head, [ask.as_heat()])


def bars(head: Head, ask: Ask, steps: Sequence[Step], *, most: float) -> model.Panel:
    """One horizontal bar for each series, the longest first."""
    panel = (
        bargauge.Panel()
        .min(0)
        .max(most)
        .thresholds(thresholds(steps))
        .display_mode(c.BarGaugeDisplayMode.BASIC)
        .orientation(c.VizOrientation.HORIZONTAL)
        .show_unfilled(show_unfilled=True)
        .value_mode(c.BarGaugeValueMode.COLOR)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )
    return finished(panel.build(), head, [ask.once()])


def states(head: Head, ask: Ask, named: Mapping[str, str]) -> model.Panel:
    """A band for each series that changes with its value.

    Args:
        named: Names of zones, by value.
    """
    results = {
        value: model.ValueMappingResult(
            text=name, color=palette.ZONES[name].colour, index=place
        )
        for place, (value, name) in enumerate(named.items())
    }
    panel = (
        statetimeline.Panel()
        .mappings([model.ValueMap(results)])
        .show_value(c.VisibilityMode.AUTO)
        .merge_values(merge_values=True)
        .row_height(0.85)
        .fill_opacity(80)
        .per_page(20)
        .legend(_legend(()))
        .tooltip(_tooltip())
    )
    return finished(panel.build(), head, [ask.over_time()])


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of a cloud of points: a query, whose legend names it."""

    ask: Ask
    unit: str


def points(head: Head, x: Axis, y: Axis) -> model.Panel:
    """A cloud of points, one for each moment at which both queries have a value."""
    panel = (
        xychart.Panel()
        .mapping(xychart_model.SeriesMapping.MANUAL)
        .series([_cloud(x.ask.legend, y.ask.legend)])
        .legend(_legend(()))
        .tooltip(common.VizTooltipOptions().mode(c.TooltipDisplayMode.SINGLE))
        .with_transformation(
            model.DataTransformerConfig(
                "joinByField", options={"byField": "Time", "mode": "inner"}
            )
        )
    )
    for axis in (x, y):
        panel = panel.override_by_name(
            axis.ask.legend,
            [
                model.DynamicConfigValue("unit", axis.unit),
                model.DynamicConfigValue("custom.axisLabel", axis.ask.legend),
            ],
        )
    return finished(panel.build(), head, [x.ask.over_time(), y.ask.over_time()])


def _cloud(x: str, y: str) -> xychart.XYSeriesConfig:
    def named(name: str) -> xychart.MatcherConfig:
        return xychart.MatcherConfig().id("byName").options(name)

    return (
        xychart.XYSeriesConfig()
        .x(xychart.XychartXYSeriesConfigX().matcher(named(x)))
        .y(xychart.XychartXYSeriesConfigY().matcher(named(y)))
    )
