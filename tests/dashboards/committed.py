"""The committed dashboards, as data: panels, queries, and queries without variables."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
JSON: Final = ROOT / "dashboards" / "json"

Json = dict[str, Any]

PATHS: Final = sorted(JSON.glob("*.json"))
UIDS: Final = [path.stem for path in PATHS]


def load(uid: str) -> Json:
    """One dashboard."""
    found: Json = json.loads((JSON / f"{uid}.json").read_text("utf-8"))
    return found


def panels(uid: str) -> list[Json]:
    """Its panels, without rows."""
    return [panel for panel in load(uid)["panels"] if panel["type"] != "row"]


def asking(uid: str) -> list[Json]:
    """Its panels that ask something."""
    return [panel for panel in panels(uid) if panel.get("targets")]


@dataclass(frozen=True, slots=True)
class Query:
    """One query and where it stands."""

    board: str
    panel: str
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.board} / {self.panel}: {self.text}"


def queries(language: str) -> list[Query]:
    """All queries of panels in that language: prometheus, loki or tempo."""
    return [
        Query(uid, panel["title"], language, target.get("expr") or target["query"])
        for uid in UIDS
        for panel in asking(uid)
        for target in panel["targets"]
        if target["datasource"]["type"] == language
    ]


def annotation_queries() -> list[Query]:
    """Queries to Prometheus behind annotations."""
    return [
        Query(uid, each["name"], "prometheus", each["expr"])
        for uid in UIDS
        for each in load(uid)["annotations"]["list"]
        if "expr" in each
    ]


def variable_queries() -> list[Query]:
    """What the variables of the dashboards ask Prometheus: the selectors."""
    return [
        Query(uid, each["name"], "prometheus", found[1])
        for uid in UIDS
        for each in load(uid)["templating"]["list"]
        if each["type"] == "query"
        and (found := re.fullmatch(r"label_values\((.+), \w+\)", each["query"]))
    ]


# -- Grafana's variables -------------------------------------------------------------

_BUILT_IN: Final = {
    "__rate_interval": "5m",
    "__range": "1h",
    "__range_s": "3600",
    "__auto": "1m",
}
# A number is no name: $1 is what label_replace has matched.
_VARIABLE: Final = re.compile(r"\$\{([^\W\d]\w*)(?::(\w+))?\}|\$([^\W\d]\w*)")
_OF_REGEX: Final = re.compile(r"[\\^$*+?.()|\[\]{}/]")


def filled(text: str, **values: str | list[str]) -> str:
    """A query as Grafana sends it, with these values for its variables.

    A variable that is not given has "All" chosen, whose value is ``.+``.

    Source: packages/grafana-ui and @grafana/scenes, formatRegistry, for ``:regex``;
    for none, the data source of Prometheus, which escapes twice for its strings.
    """

    def value(found: re.Match[str]) -> str:
        name = found[1] or found[3]
        if name in _BUILT_IN:
            return _BUILT_IN[name]
        if name not in values:
            return ".+"  # allValue: Grafana formats it in no way
        given = values[name]
        many = [given] if isinstance(given, str) else given
        if found[2] == "regex":
            escaped = [_OF_REGEX.sub(r"\\\g<0>", each) for each in many]
        else:
            escaped = many
        return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"

    return _VARIABLE.sub(value, text)


def strings(value: object) -> Iterator[str]:
    """Every string in it, at any depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from strings(each)
