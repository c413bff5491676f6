"""Every query of the dashboards and every rule, asked as Grafana and Prometheus do."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from dashboards.drawing.filling import Range
from dashboards.drawing.source import Series, prometheus_query
from dashboards.generate import FOLDER
from tests.stack.prometheus import PrometheusRun
from tests.stack.received import ReceivedLog, ReceivedSpan

_LEGEND: Final = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_SELECTOR: Final = re.compile(r"label_values\((.+), (\w+)\)")
_LOGQL: Final = re.compile(r"\|\s*(\w+)\s*(?:=~|!=|!~|=)|by \((\w+)\)|\{(\w+)=~")
_TRACEQL: Final = re.compile(r"\b(span|resource)\.([\w.]+)")

_NO_FAILURE: Final = "the Collector has no such series before the first one"
MAY_BE_EMPTY: Final[Mapping[str, str]] = {
    "Accepted and refused": _NO_FAILURE,
    "Failures of exporters": _NO_FAILURE,
}
"""Titles of panels and names of rules that may say nothing, and why."""


class Asked(NamedTuple):
    """A query, and what came of it.

    Attributes:
        wrong: What is not as it should be, or "".
        is_empty: It said nothing, as it may: see `MAY_BE_EMPTY`.
    """

    where: str
    wrong: str
    is_empty: bool = False


def panels(prometheus: PrometheusRun, shown: Range, step_s: float) -> list[Asked]:
    """Every query of a panel, an annotation or a variable, asked each *step_s*."""
    query = prometheus_query(prometheus.url)
    found = []
    for title, expression, needed in queries():
        try:
            series = query(shown.filled(expression), shown.start_s, shown.end_s, step_s)
        except OSError as error:
            found.append(Asked(title, f"cannot be asked: {error}"))
            continue
        found.append(_judged(title, series, needed))
    return found


def _judged(title: str, series: list[Series], needed: set[str]) -> Asked:
    name = title.partition(" / ")[2]
    values = [value for each in series for _, value in each.points]
    if not any(math.isfinite(value) for value in values):
        wrong = "" if name in MAY_BE_EMPTY else "says nothing"
        return Asked(title, wrong, is_empty=True)
    lacking = [
        label for label in sorted(needed) if not any(label in s.labels for s in series)
    ]
    return Asked(title, f"no label {', '.join(lacking)}" if lacking else "")


def queries() -> Iterator[tuple[str, str, set[str]]]:
    """Where it stands, the query, and the labels that its result must have."""
    for board in _boards():
        uid = board["uid"]
        for panel in board["panels"]:
            for target in panel.get("targets", ()):
                if target["datasource"]["type"] == "prometheus":
                    legend = set(_LEGEND.findall(target.get("legendFormat", "")))
                    yield f"{uid} / {panel['title']}", target["expr"], legend
        for each in board["annotations"]["list"]:
            if "expr" in each:
                yield f"{uid} / {each['name']}", each["expr"], set()
        for each in board["templating"]["list"]:
            selector = _SELECTOR.fullmatch(str(each.get("query", "")))
            if selector is not None:
                expression, label = selector.groups()
                yield f"{uid} / ${each['name']}", expression, {label}


def _boards() -> Iterator[dict[str, Any]]:
    for path in sorted(FOLDER.glob("*.json")):
        yield json.loads(path.read_text("utf-8"))


def rules(prometheus: PrometheusRun) -> tuple[list[Asked], list[str]]:
    """Every rule, as Prometheus has evaluated it, and the alerts that it raised."""
    found, raised = [], []
    for rule in prometheus.rules():
        name = rule["name"]
        if rule["health"] != "ok":
            found.append(Asked(name, f"{rule['health']}: {rule.get('lastError', '')}"))
            continue
        if rule["type"] == "alerting":
            found.append(Asked(name, ""))
            if rule["alerts"]:
                raised.append(name)
        else:
            is_empty = not prometheus.query(f"count_over_time({name}[1h])")
            wrong = "says nothing" if is_empty and name not in MAY_BE_EMPTY else ""
            found.append(Asked(name, wrong, is_empty=is_empty))
    return found, sorted(set(raised))


def unknown_names(
    lines: Iterable[ReceivedLog], spans: Iterable[ReceivedSpan]
) -> list[str]:
    """What LogQL and TraceQL of the panels ask for, and nothing on the wire has."""
    metadata: set[str] = set()
    for line in lines:
        metadata |= line.attributes.keys() | line.resource.keys()
    # Loki makes the last one of the severity of a record.
    known = {name.replace(".", "_") for name in metadata} | {"detected_level"}
    own: dict[str, set[str]] = {"span": set(), "resource": set()}
    for span in spans:
        own["span"] |= span.attributes.keys()
        own["resource"] |= span.resource.keys()
    found = []
    for board in _boards():
        for panel in board["panels"]:
            for target in panel.get("targets", ()):
                where = f"{board['uid']} / {panel['title']}"
                kind = target["datasource"]["type"]
                if kind == "loki":
                    asked = {a or b or c for a, b, c in _LOGQL.findall(target["expr"])}
                    found += [f"{where}: {name}" for name in sorted(asked - known)]
                elif kind == "tempo":
                    found += [
                        f"{where}: {scope}.{name}"
                        for scope, name in _TRACEQL.findall(target["query"])
                        if name not in own[scope]
                    ]
    return found
