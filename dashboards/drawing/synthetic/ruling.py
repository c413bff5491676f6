"""What our rules would have recorded and told, had Prometheus run all the time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from dashboards.drawing.source import Query, Series
from dashboards.drawing.synthetic.exporting import line

FOLDER: Final = Path(__file__).parents[2] / "rules"
STEP_S: Final = 30.0

RECORDED: Final = re.compile(r"\w+:\w+:\w+")
_UNITS_S: Final = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}

Rule = Mapping[str, Any]


def levels() -> list[list[Rule]]:
    """All rules, each behind those that it asks for; the alerts are last."""
    rules: list[Rule] = [
        rule
        for path in sorted(FOLDER.glob("*.yaml"))
        for group in yaml.safe_load(path.read_text("utf-8"))["groups"]
        for rule in group["rules"]
    ]
    recording = [rule for rule in rules if "record" in rule]
    found: list[list[Rule]] = []
    known: set[str] = set()
    while recording:
        ready = [rule for rule in recording if _asks(rule) <= known]
        found.append(ready)
        known |= {rule["record"] for rule in ready}
        recording = [rule for rule in recording if rule not in ready]
    return [*found, [rule for rule in rules if "alert" in rule]]


def _asks(rule: Rule) -> set[str]:
    return set(RECORDED.findall(rule["expr"]))


def results(
    rules: Sequence[Rule], query: Query, start_s: float, end_s: float
) -> Iterator[str]:
    """Samples, in OpenMetrics, of what these rules make of what there is."""
    for rule in rules:
        for series in query(rule["expr"], start_s, end_s, STEP_S):
            if "record" in rule:
                yield from _lines(rule["record"], series, series.points)
            else:
                yield from _fired(rule, series)
    yield "# EOF"


def _lines(
    name: str, series: Series, points: Sequence[tuple[float, float]]
) -> Iterator[str]:
    labels = {key: v for key, v in series.labels.items() if key != "__name__"}
    for when, value in points:
        yield line(name, labels, value, when)


def _fired(rule: Rule, series: Series) -> Iterator[str]:
    """The series ALERTS and ALERTS_FOR_STATE, while the alert fires."""
    wait_s = _seconds(rule.get("for", "0s"))
    labels = {**series.labels, **rule["labels"], "alertname": rule["alert"]}
    labels.pop("__name__", None)
    since_s, before_s = 0.0, -1.0
    for when, _ in series.points:
        if when - before_s > STEP_S:
            since_s = when
        before_s = when
        if when - since_s >= wait_s:
            yield line("ALERTS", {**labels, "alertstate": "firing"}, 1, when)
            yield line("ALERTS_FOR_STATE", labels, since_s, when)


def _seconds(text: str) -> float:
    return float(text[:-1]) * _UNITS_S[text[-1]]
