"""Dashboards use the names of the contract, and each label where it exists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import pytest

from dashboards import series
from telemetry.core import names
from telemetry.core.metrics import Metric, prometheus_names
from tests.dashboards.committed import (
    UIDS,
    Query,
    annotation_queries,
    asking,
    queries,
    variable_queries,
)
from tests.dashboards.test_linter_rules import OF_COLLECTOR, OF_RULES, selectors

METRIC_OF: Final[dict[str, Metric]] = {
    name: metric for metric in names.METRICS for name in prometheus_names(metric)
}
OF_TOOLS: Final = frozenset({"", "target_info"})
"""Prometheus's own, and selectors without a name."""
OF_RESOURCE: Final = frozenset({"job", "instance", "le"})

ASKED: Final = [*queries("prometheus"), *annotation_queries(), *variable_queries()]

_LABEL: Final = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
_GROUPED: Final = re.compile(r"by \(([^)]*)\) \((?:rate|increase)?\(?(\w+)\{")
_ATTRIBUTE: Final = re.compile(r"\b(span|resource|event|link)\.([a-z_]+(?:\.[a-z_]+)*)")


def test_metrics_exist() -> None:
    """Each name is a metric's, a rule's, the Collector's or Prometheus's."""
    unknown = [
        f"{query}: {name}"
        for query in ASKED
        for name, _ in selectors(query)
        if name not in METRIC_OF and name not in OF_TOOLS
        if not OF_RULES.fullmatch(name) and not OF_COLLECTOR.fullmatch(name)
    ]

    assert unknown == []


def labels(metric: Metric) -> frozenset[str]:
    """All labels that the series of a metric have."""
    own = {name.replace(".", "_") for name in metric.attributes}
    return OF_RESOURCE | own


def used(query: Query) -> Iterator[tuple[str, str]]:
    """Metrics and the labels by which a query chooses or groups them."""
    for name, matchers in selectors(query):
        for label in _LABEL.findall(re.sub(r'"[^"]*"|`[^`]*`', "", matchers)):
            yield name, label
    for grouped, name in _GROUPED.findall(query.text):
        for label in grouped.split(", "):
            yield name, label


def test_labels_exist_on_their_metric() -> None:
    """A label that its metric does not have would choose nothing, and say nothing."""
    unknown = [
        f"{query}: {label} of {name}"
        for query in ASKED
        for name, label in used(query)
        if name in METRIC_OF and label not in labels(METRIC_OF[name])
    ]

    assert unknown == []


def test_every_metric_is_shown() -> None:
    """Nothing is recorded for nobody; the conventions' twins are for other tools."""
    shown = {METRIC_OF[n] for q in ASKED for n, _ in selectors(q) if n in METRIC_OF}
    own = {metric for metric in names.METRICS if metric.source == "own"}

    assert {metric.name for metric in own - shown} == set()


@pytest.mark.parametrize("query", queries("tempo"), ids=str)
def test_attributes_of_spans_exist(query: Query) -> None:
    """TraceQL asks for attributes of the contract."""
    found = {name for _, name in _ATTRIBUTE.findall(query.text)}

    assert found <= names.ATTRIBUTES


@pytest.mark.parametrize("query", queries("loki"), ids=str)
def test_fields_of_lines_exist(query: Query) -> None:
    """LogQL asks for fields and attributes as Loki writes them."""
    of_loki = {"service_name", "detected_level"}
    known = {name.replace(".", "_") for name in names.ATTRIBUTES} | names.FIELDS

    assert set(_LABEL.findall(query.text)) <= known | of_loki


@pytest.mark.parametrize("uid", UIDS)
def test_legends_name_labels_of_their_query(uid: str) -> None:
    """A template for a label that the result has not would stay empty."""
    for panel in asking(uid):
        for target in panel["targets"]:
            for label in re.findall(r"\{\{(\w+)\}\}", target.get("legendFormat", "")):
                assert re.search(rf"\b{label}\b", target["expr"]), panel["title"]


def test_unknown_attribute_cannot_be_written() -> None:
    """The generator refuses a label or a span attribute that nothing sets."""
    for make in (series.label, series.in_span):
        with pytest.raises(ValueError, match="is no attribute"):
            make("input.colour")


def test_wrong_kind_of_series_cannot_be_written() -> None:
    """A histogram has buckets, a counter has none."""
    with pytest.raises(ValueError, match="is a histogram"):
        series.series(names.DURATION)
    with pytest.raises(ValueError, match="is a counter"):
        series.bucket(names.STARTED)
