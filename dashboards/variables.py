"""What a person can choose at the top of a dashboard."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.common import DataSourceRef
from grafana_foundation_sdk.models.dashboard import (
    VariableHide,
    VariableModel,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from dashboards import promql
from dashboards import series as s
from telemetry.core import names

Variable = Builder[VariableModel]

PROMETHEUS: Final = DataSourceRef("prometheus", "${prometheus_datasource}")
LOKI: Final = DataSourceRef("loki", "${loki_datasource}")
TEMPO: Final = DataSourceRef("tempo", "${tempo_datasource}")

_EVERYTHING: Final = ".+"
_STARTED: Final = s.series(names.STARTED)
_LIMIT: Final = s.series(names.SLOTS_LIMIT)


def datasource(kind: str) -> Variable:
    """Which Prometheus, Loki or Tempo is asked."""
    # Names and labels: rule template-datasource of Grafana's dashboard linter.
    return (
        build.DatasourceVariable(f"{kind}_datasource")
        .label(f"{kind.title()} data source")
        .description(f"The {kind.title()} that this dashboard asks.")
        .type(kind)
    )


def service() -> Variable:
    """Called ``job``, as Prometheus does and the linter wants."""
    return _labels("job", "Service", "service.name of the program.", _STARTED, "job")


def instance() -> Variable:
    """The process that reports, for a service that runs several times."""
    return _labels(
        "instance",
        "Instance",
        "The process that reports the metrics: service.instance.id.",
        f'{_STARTED}{{job=~"$job"}}',
        "instance",
    )


def function() -> Variable:
    """Functions of the chosen services."""
    return _labels(
        "function",
        "Function",
        "A function, a method, or a class with its containers and all its methods.",
        f'{{__name__=~"{_STARTED}|{_LIMIT}", {promql.SERVICE}}}',
        s.FUNCTION,
    )


def container() -> Variable:
    """Containers of the chosen functions, those of the past included."""
    return _labels(
        "container",
        "Container",
        "A worker process that runs inputs of the function.",
        f"{_LIMIT}{{{promql.OF_FUNCTION}}}",
        s.CONTAINER,
    )


def short_service() -> Variable:
    """The chosen services without their namespace, for Tempo and Loki; not shown."""
    # "All" has no value of its own here: it is the list of what the services above
    # leave, so that a choice there holds for traces and logs too.
    query = f'label_values({_STARTED}{{job=~"$job"}}, job)'
    return (
        build.QueryVariable("service")
        .label("service.name")
        .hide(VariableHide.HIDE_VARIABLE)
        .datasource(PROMETHEUS)
        .query(query)
        .definition(query)
        .regex("/^(?:.*\\/)?(.+)$/")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .multi(multi=True)
        .include_all(include_all=True)
        .current(VariableOption(selected=True, text=["All"], value=["$__all"]))
    )


def service_of_logs() -> Variable:
    """Services as Loki knows them, where an input is looked for without metrics."""
    query = "label_values(service_name)"
    return (
        build.QueryVariable("service")
        .label("Logs of")
        .description("service.name, as Loki has it.")
        .datasource(LOKI)
        .query(query)
        .definition(query)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(multi=True)
        .include_all(include_all=True)
        .all_value(_EVERYTHING)
        .current(VariableOption(selected=True, text=["All"], value=["$__all"]))
    )


def collector() -> Variable:
    """OpenTelemetry Collectors by the job of their own metrics."""
    return _labels(
        "collector",
        "Collector",
        "The OpenTelemetry Collector, by its service.name.",
        "otelcol_exporter_queue_capacity",
        "job",
    )


def textbox(name: str, label: str, description: str, value: str = "") -> Variable:
    """Something to type, or to be filled in by a link."""
    return (
        build.TextBoxVariable(name)
        .label(label)
        .description(description)
        .default_value(value)
        .current(VariableOption(text=value, value=value))
    )


def common(*more: Variable, logs: bool = False, traces: bool = False) -> list[Variable]:
    """Those that each dashboard has, and *more*."""
    kinds = ["prometheus"] + ["loki"] * logs + ["tempo"] * traces
    sources = [datasource(kind) for kind in kinds]
    return [*sources, service(), instance(), function(), *more]


def _labels(
    name: str, label: str, description: str, selector: str, values: str
) -> Variable:
    query = f"label_values({selector}, {values})"
    return (
        build.QueryVariable(name)
        .label(label)
        .description(description)
        .datasource(PROMETHEUS)
        .query(query)
        .definition(query)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(multi=True)
        .include_all(include_all=True)
        .all_value(_EVERYTHING)
        .current(VariableOption(selected=True, text=["All"], value=["$__all"]))
    )
