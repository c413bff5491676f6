"""The 15 rules of Grafana's dashboard linter, and where we break one on purpose.

Source: grafana/dashboard-linter, docs/index.md. The linter itself is a Go program that
is not at hand everywhere; `dashboards/.lint` tells it of the same exceptions.
"""

from __future__ import annotations

import re
from typing import Final

import pytest

from tests.dashboards.committed import UIDS, Json, Query, asking, load, panels, queries

DRAWN: Final = frozenset({"stat", "timeseries", "gauge"})
"""Kinds of panels that the linter looks at."""

SELECTOR: Final = re.compile(r"([a-zA-Z_:][\w:]*)?\{([^{}]*(?:\$\{[^}]*\}[^{}]*)*)\}")
RANGE: Final = re.compile(r"\b(rate|irate)\s*\(\s*[^\[\]]*\[([^\]]+)\]")

OF_RULES: Final = re.compile(r"ALERTS(_FOR_STATE)?|\w+:\w+:\w+")
"""What rules record is summed over instances, or over everything."""
OF_COLLECTOR: Final = re.compile(r"otelcol_\w+")
"""The Collector is a service of its own, chosen by a variable of its own."""

UNITS: Final = frozenset(
    {
        *("none", "short", "percentunit", "s", "reqps", "cps", "cpm", "bytes"),
        *("dtdurations", "ns"),
    }
)
"""Those that we use; each is in the linter's list."""


def variables(uid: str, kind: str) -> dict[str, Json]:
    """Variables of that type, by name."""
    listed = load(uid)["templating"]["list"]
    return {each["name"]: each for each in listed if each["type"] == kind}


def selectors(query: Query) -> list[tuple[str, str]]:
    """Names and matchers of a PromQL query's selectors."""
    return [(found[1] or "", found[2]) for found in SELECTOR.finditer(query.text)]


@pytest.mark.parametrize("uid", UIDS)
def test_template_datasource(uid: str) -> None:
    """Every data source is a variable, and is called as the linter wants."""
    sources = variables(uid, "datasource")

    assert "prometheus_datasource" in sources
    for name, each in sources.items():
        assert name == f"{each['query']}_datasource"
        assert each["label"] == f"{each['query'].title()} data source"


@pytest.mark.parametrize("name", ["job", "instance"])
@pytest.mark.parametrize("uid", UIDS)
def test_template_job_and_instance(uid: str, name: str) -> None:
    """Both can be chosen, several at once, and "All" asks for any."""
    each = variables(uid, "query")[name]

    assert each["datasource"]["uid"] == "${prometheus_datasource}"
    assert each["multi"] and each["includeAll"] and each["allValue"] == ".+"


@pytest.mark.parametrize("uid", UIDS)
def test_template_label_promql(uid: str) -> None:
    """Variables ask with label_values of a selector; test_queries parses those."""
    for each in variables(uid, "query").values():
        assert re.fullmatch(r"label_values\((.+, )?\w+\)", each["query"])
        assert each["definition"] == each["query"]


@pytest.mark.parametrize("uid", UIDS)
def test_template_on_time_change_reload(uid: str) -> None:
    """A function that ran last week can be chosen when last week is shown."""
    assert {each["refresh"] for each in variables(uid, "query").values()} == {2}


@pytest.mark.parametrize("uid", UIDS)
def test_template_uneditable(uid: str) -> None:
    """People copy a dashboard to change it, so that an update loses nothing."""
    assert load(uid)["editable"] is False


@pytest.mark.parametrize("uid", UIDS)
def test_panel_datasource(uid: str) -> None:
    """Panels and their queries ask the data source that is chosen."""
    known = {f"${{{name}}}" for name in variables(uid, "datasource")}
    for panel in asking(uid):
        assert panel["datasource"]["uid"] in known, panel["title"]
        for target in panel["targets"]:
            assert target["datasource"] == panel["datasource"], panel["title"]


@pytest.mark.parametrize("uid", UIDS)
def test_panel_title_description(uid: str) -> None:
    """Every panel that draws something says what."""
    for panel in asking(uid):
        assert panel["title"] and panel["description"], panel["id"]


@pytest.mark.parametrize("uid", UIDS)
def test_panel_units(uid: str) -> None:
    """Every panel that draws numbers has a unit that Grafana knows."""
    for panel in panels(uid):
        if panel["type"] in DRAWN:
            assert panel["fieldConfig"]["defaults"]["unit"] in UNITS, panel["title"]


def test_target_promql_and_logql() -> None:
    """Nothing asks an empty question; test_queries parses what is asked."""
    asked = [*queries("prometheus"), *queries("loki"), *queries("tempo")]

    assert len(asked) > 150
    assert [str(query) for query in asked if not query.text.strip()] == []


def test_target_rate_interval() -> None:
    """A rate is over $__rate_interval, which fits every export interval and zoom."""
    wrong = [
        str(query)
        for query in queries("prometheus")
        for found in RANGE.finditer(re.sub("`[^`]*`", "``", query.text))
        if found[2] != "$__rate_interval"
    ]

    assert wrong == []


@pytest.mark.parametrize("name", ["job", "instance"])
def test_target_job_and_instance(name: str) -> None:
    """Every selector asks for the chosen service and instance, or is of neither."""
    wrong = [
        f"{query}: {series or matchers}"
        for query in queries("prometheus")
        for series, matchers in selectors(query)
        if not OF_RULES.fullmatch(series) and not OF_COLLECTOR.fullmatch(series)
        if f'{name}=~"${name}"' not in matchers
    ]

    assert wrong == []


def test_target_job_of_the_exceptions() -> None:
    """What rules record is still of the chosen service; the Collector's of its own."""
    for query in queries("prometheus"):
        for series, matchers in selectors(query):
            if OF_COLLECTOR.fullmatch(series):
                assert 'job=~"$collector"' in matchers, query
            elif OF_RULES.fullmatch(series):
                assert 'job=~"$job' in matchers, query


def test_target_logql_auto() -> None:
    """Ranges of LogQL follow the zoom."""
    ranges = [
        found
        for query in queries("loki")
        for found in re.findall(r"\[([^\]]+)\]", query.text)
    ]

    assert ranges and set(ranges) == {"$__auto"}


def test_target_counter_agg() -> None:
    """A counter is never drawn as it is: only its growth means something."""
    wrong = [
        str(query)
        for query in queries("prometheus")
        for found in re.finditer(r"\b(\w+_total)\{", query.text)
        if not re.search(
            r"\b(rate|increase)\($|\btimestamp\($", query.text[: found.start()]
        )
    ]

    assert wrong == []
