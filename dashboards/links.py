"""From a panel, a row or an exemplar to the next level."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models.dashboard import DashboardLinkType

TAG: Final = "input-telemetry"
"""On each of our dashboards, so that they find each other."""

OVERVIEW: Final = "input-overview"
CONCURRENCY: Final = "input-concurrency"
SCALING: Final = "input-scaling"
CANCELLATIONS: Final = "input-cancellations"
EXPLORER: Final = "input-explorer"
TUNING: Final = "input-tuning"
HEALTH: Final = "input-telemetry"

TITLES: Final[Mapping[str, str]] = {
    OVERVIEW: "Inputs / Overview",
    CONCURRENCY: "Inputs / Concurrency & bursts",
    SCALING: "Inputs / Queueing & scaling",
    CANCELLATIONS: "Inputs / Cancellations & failures",
    EXPLORER: "Inputs / Input explorer",
    TUNING: "Inputs / Tuning",
    HEALTH: "Inputs / Telemetry health",
}


@dataclass(frozen=True, slots=True)
class Link:
    """A way to another page.

    Attributes:
        to: Uid of a dashboard.
        title: What the link says.
        values: Variables there that get a value from here, already encoded; all
            others keep the value that they have here.
    """

    to: str
    title: str = ""
    values: tuple[tuple[str, str], ...] = ()

    def url(self) -> str:
        """With the time range, the variables of this page, and the values."""
        # A name that stands twice in a URL selects both values.
        own = "&".join(f"var-{name}={value}" for name, value in self.values)
        kept = "&".join(
            f"${{{name}:queryparam}}"
            for name in _KEPT
            if name not in {given for given, _ in self.values}
        )
        parts = [part for part in (own, kept, "${__url_time_range}") if part]
        return f"/d/{self.to}?{'&'.join(parts)}"

    def build(self) -> build.DashboardLink:
        """As the SDK has it."""
        found = build.DashboardLink(self.title or f"Open {TITLES[self.to]}")
        return found.type(DashboardLinkType.LINK).url(self.url())


_KEPT: Final = ("prometheus_datasource", "job", "instance", "function")
"""Variables that every dashboard has."""


def field(name: str) -> str:
    """The value of a row's field, for a URL."""
    return f'${{__data.fields["{name}"]:percentencode}}'


def labelled(label: str) -> str:
    """The value of a series' label, for a URL."""
    return f"${{__field.labels.{label}:percentencode}}"


def to_function(to: str, label: str, title: str = "") -> Link:
    """To a dashboard, for the function that a series or a row is of."""
    return Link(to, title, (("function", labelled(label)),))


def row_to_function(to: str, name: str, title: str = "") -> Link:
    """To a dashboard, for the function that a table's row is of."""
    return Link(to, title, (("function", field(name)),))
