"""The dashboards that the package brings along."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from telemetry.core.errors import Error
from telemetry.pipeline.grafana.bodies import Body, content_of_dashboard, fingerprint

_INSTALLED: Final = Path(__file__).parent / "json"
"""Where the wheel has them."""
_CHECKOUT: Final = Path(__file__).parents[3] / "dashboards" / "json"


class NoDashboardsError(Error):
    """There are none in the package, or none that is called so."""


@dataclass(frozen=True, slots=True)
class Shipped:
    """One dashboard of ours."""

    uid: str
    title: str
    body: Body

    @property
    def fingerprint(self) -> str:
        """Of its content."""
        return fingerprint(content_of_dashboard(self.body))

    @property
    def panels(self) -> int:
        """How many panels it has, rows left out."""
        panels = self.body["panels"]
        if not isinstance(panels, list):
            return 0
        return sum(panel["type"] != "row" for panel in panels)


def folder() -> Path:
    """Where they lie: in the package, or beside it in a checkout."""
    return _INSTALLED if _INSTALLED.is_dir() else _CHECKOUT


def shipped(only: frozenset[str] = frozenset()) -> list[Shipped]:
    """All of them by uid, or those of *only*.

    Raises:
        NoDashboardsError: There are none, or none is called so.
    """
    bodies = [json.loads(path.read_text("utf-8")) for path in folder().glob("*.json")]
    found = {body["uid"]: Shipped(body["uid"], body["title"], body) for body in bodies}
    if not found:
        raise NoDashboardsError(
            f"no dashboards in {folder()}: install the package anew"
        )
    unknown = only - found.keys()
    if unknown:
        raise NoDashboardsError(
            f"no dashboard is called {', '.join(sorted(unknown))}; "
            f"there are {', '.join(sorted(found))}"
        )
    return [found[uid] for uid in sorted(found) if not only or uid in only]


def with_sources(body: Body, uids: dict[str, str]) -> Body:
    """A dashboard whose variables begin with these data sources.

    Args:
        uids: Of data sources, by kind: prometheus, loki, tempo.
    """
    copy: Body = json.loads(json.dumps(body))
    templating = copy["templating"]
    variables = templating["list"] if isinstance(templating, dict) else []
    for variable in variables:
        uid = uids.get(str(variable.get("query")))
        if variable["type"] == "datasource" and uid:
            variable["current"] = {"selected": True, "text": uid, "value": uid}
    return copy
