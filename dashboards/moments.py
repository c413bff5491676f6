"""What happened at a moment, as lines across every panel; each can be switched off."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.runtime import UnknownDataquery
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import DataSourceRef

from dashboards import palette, promql, variables
from dashboards import series as s
from telemetry.core import names

_GRAFANA: Final = DataSourceRef("grafana", "-- Grafana --")
_STEP: Final = "30s"
_VERSION: Final = "service_version"
_BEFORE: Final = "10m"


def usual(*, exits: bool = False) -> list[build.AnnotationQuery]:
    """Alerts and deploys are on; *exits* says whether those of containers are."""
    return [alerts(), deploys(), notes(), container_exits(shown=exits)]


def alerts() -> build.AnnotationQuery:
    """Our alerts, as long as they fire."""
    return _of_prometheus(
        "Alerts",
        f'ALERTS{{alertstate="firing", {promql.OF_ALERTS}}}',
        palette.RED,
        title="{{alertname}}",
        text=f"{{{{severity}}}} {{{{{s.FUNCTION}}}}}",
    )


def deploys() -> build.AnnotationQuery:
    """A version of the service that was not there before."""
    seen = f"count by (job, {_VERSION}) (target_info{{{promql.SERVICE}}})"
    before = (
        f"count by (job, {_VERSION}) (target_info{{{promql.SERVICE}}} offset {_BEFORE})"
    )
    return _of_prometheus(
        "Deploys",
        f"{seen} unless on (job, {_VERSION}) {before}",
        palette.BLUE,
        title=f"{{{{job}}}} {{{{{_VERSION}}}}}",
        text="A new service.version reports.",
    )


def notes() -> build.AnnotationQuery:
    """What people and pipelines told Grafana under the tag ``deploy``."""
    return (
        build.AnnotationQuery()
        .name("Notes tagged deploy")
        .datasource(_GRAFANA)
        .enable(enable=True)
        .icon_color(palette.DARK_BLUE)
        .target(_Tagged("deploy"))
    )


class _Tagged(Builder[Dataquery]):
    """A query to Grafana's own annotations; the SDK has it as no query."""

    def __init__(self, tag: str) -> None:
        self._tag = tag

    def build(self) -> Dataquery:
        return UnknownDataquery(
            {"type": "tags", "tags": [self._tag], "limit": 100, "matchAny": True}
        )


def container_exits(*, shown: bool) -> build.AnnotationQuery:
    """Containers that ended for another reason than scaling down."""
    gone = promql.increase(
        names.CONTAINER_EXITS,
        f'{s.REASON}!="scaledown"',
        by=["job", s.FUNCTION, s.REASON],
        over="1m",
    )
    return _of_prometheus(
        "Container exits",
        f"{gone} > 0",
        palette.PURPLE,
        title=f"Container of {{{{{s.FUNCTION}}}}} ended",
        text=f"{{{{{s.REASON}}}}}",
        shown=shown,
    )


def _of_prometheus(
    name: str, expr: str, colour: str, *, title: str, text: str, shown: bool = True
) -> build.AnnotationQuery:
    return (
        build.AnnotationQuery()
        .name(name)
        .datasource(variables.PROMETHEUS)
        .enable(shown)
        .icon_color(colour)
        .expr(expr)
        .step(_STEP)
        .title_format(title)
        .text_format(text)
    )
