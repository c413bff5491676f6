"""Recording rules and alerts: promtool tests them, and each tells people what to do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.dashboards import promtool
from tests.dashboards.committed import ROOT, UIDS, queries

FOLDER: Final = ROOT / "dashboards" / "rules"
FILES: Final = sorted(FOLDER.glob("*.yaml"))
TESTS: Final = sorted((FOLDER / "tests").glob("*.yaml"))


def rules(kind: str) -> list[dict[str, Any]]:
    """All rules that record, or that alert."""
    return [
        rule
        for path in FILES
        for group in yaml.safe_load(path.read_text("utf-8"))["groups"]
        for rule in group["rules"]
        if kind in rule
    ]


ALERTS: Final = sorted({rule["alert"] for rule in rules("alert")})


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_rules_are_sound(path: Path) -> None:
    """Prometheus reads the file."""
    promtool.run("check", "rules", path)


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_rules_do_what_they_say(path: Path) -> None:
    """Firing, not firing, and without data."""
    promtool.run("test", "rules", path)


def cases() -> list[tuple[str, bool, bool]]:
    """Of each test of an alert: its name, if it fires, and if there is data."""
    return [
        (each["alertname"], bool(each["exp_alerts"]), len(test["input_series"]) > 1)
        for path in TESTS
        for test in yaml.safe_load(path.read_text("utf-8"))["tests"]
        for each in test.get("alert_rule_test", [])
    ]


@pytest.mark.parametrize("alert", ALERTS)
def test_alert_is_tested(alert: str) -> None:
    """Each fires once, keeps quiet beside its like, and keeps quiet without data."""
    found = [(fires, data) for name, fires, data in cases() if name == alert]

    assert (True, True) in found
    assert (False, False) in found
    # What fires is tested beside series of a function that is well: an exact list.
    assert any(data for _, data in found)


@pytest.mark.parametrize("rule", rules("alert"), ids=lambda rule: rule["alert"])
def test_alert_says_what_to_do(rule: dict[str, Any]) -> None:
    """Who, how much, how bad, what to read, and which dashboard shows it."""
    annotations = rule["annotations"]
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["labels"]["dashboard"] in UIDS
    assert "{{ $labels" in annotations["summary"] + annotations["description"]
    assert "$value" in annotations["description"] or "Missing" in rule["alert"]
    assert annotations["runbook_url"] == f"docs/runbooks/{rule['alert']}.md"
    board = rule["labels"]["dashboard"]
    assert annotations["dashboard_url"].startswith(f"/d/{board}?var-")
    assert "| urlquery" in annotations["dashboard_url"]


@pytest.mark.parametrize("alert", ALERTS)
def test_runbook_is_written(alert: str) -> None:
    """What it means, what to look at, what to do; and no page of a gone alert."""
    text = (ROOT / "docs" / "runbooks" / f"{alert}.md").read_text("utf-8")

    assert text.startswith(f"# {alert}\n")
    for heading in ("## What it means", "## What to look at", "## What to do"):
        _, _, rest = text.partition(heading)
        assert len(rest.split("##")[0].split()) >= 20, heading


def test_no_runbook_is_left_over() -> None:
    """Each page is of an alert that there is, or lists them."""
    pages = {path.stem for path in (ROOT / "docs" / "runbooks").glob("*.md")}

    assert pages - {"README"} == set(ALERTS)


def test_recorded_names_follow_the_rule() -> None:
    """level:metric:operation, so that nobody takes them for what a program reports."""
    for rule in rules("record"):
        assert re.fullmatch(r"(function|slo):input_\w+:\w+", rule["record"])


def test_dashboards_ask_for_what_is_recorded() -> None:
    """A recorded series on a panel is one of ours."""
    recorded = {rule["record"] for rule in rules("record")}
    asked = {
        name
        for query in queries("prometheus")
        for name in re.findall(r"\w+:\w+:\w+", query.text)
    }

    assert asked and asked <= recorded


def test_latency_objective_is_a_bound() -> None:
    """Its two places agree, and a bucket ends there: else the share is a guess."""
    from telemetry.core.metrics import DURATION_BOUNDS_S

    by_name = {rule["record"]: rule["expr"] for rule in rules("record")}
    vector = by_name["slo:input_total_duration:objective_seconds"]
    objective_s = float(re.fullmatch(r"vector\((.+)\)", vector)[1])  # type: ignore[index]  # it matches, or this fails
    bound = re.search(r'le=~"(\d+)\(', by_name["function:input_slow:rate5m"])

    assert objective_s in DURATION_BOUNDS_S
    assert bound is not None and float(bound[1]) == objective_s
