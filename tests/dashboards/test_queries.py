"""Every query of every panel can be asked, and says something when there is data."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from tests.dashboards import promtool
from tests.dashboards.committed import (
    Query,
    annotation_queries,
    filled,
    queries,
    strings,
    variable_queries,
)

ASKED: Final = [*queries("prometheus"), *annotation_queries(), *variable_queries()]

QUIET: Final = frozenset(
    {
        # A version that has been there for ten minutes is no deploy.
        "Deploys",
    }
)
"""What says nothing as long as nothing happens."""

NEEDS_RULES: Final = re.compile(r"\w+:\w+:\w+")


def test_promql_is_parsed(tmp_path: Path) -> None:
    """Each of them, annotations and variables included."""
    rules = [
        {"record": f"query:{number}", "expr": filled(query.text)}
        for number, query in enumerate(ASKED)
    ]
    assert len(rules) > 180

    promtool.check_rules(tmp_path, rules)


def test_broken_promql_is_found(tmp_path: Path) -> None:
    """The test above would fail."""
    with pytest.raises(AssertionError, match="parse error"):
        promtool.check_rules(tmp_path, [{"record": "x:y", "expr": "sum(rate(x[5m])"}])


def test_each_query_says_something(tmp_path: Path) -> None:
    """On two processes, functions and containers, with every metric of the contract.

    No result is empty, and no two sides of an operation match many to many, which
    Prometheus notices only when it evaluates.
    """
    asked = [
        query
        for query in ASKED
        if query.panel not in QUIET and not NEEDS_RULES.search(query.text)
    ]

    promtool.evaluate(tmp_path, promtool.series(), [_says(each) for each in asked])


def _says(query: Query) -> dict[str, object]:
    # 1 without labels, whatever there is; nothing for nothing.
    return {
        "expr": f"group({filled(query.text)})",
        "eval_time": f"{promtool.MINUTES}m",
        "exp_samples": [{"labels": "{}", "value": 1}],
    }


def test_recorded_series_are_those_of_our_rules() -> None:
    """What needs rules says so in the place of its data."""
    needy = {q.panel for q in queries("prometheus") if NEEDS_RULES.search(q.text)}

    assert needy == {
        "Budget left, 30 d",
        "End to end, p95",
        "End to end, percentiles",
    }


@pytest.mark.parametrize("query", [*queries("loki"), *queries("tempo")], ids=str)
def test_logql_and_traceql_are_balanced(query: Query) -> None:
    """Braces, brackets and quotes of what no parser at hand reads are closed."""
    text = re.sub(r'"(?:\\.|[^"\\])*"', '""', query.text)
    for left, right in ("{}", "[]", "()"):
        assert text.count(left) == text.count(right)
    assert '"' not in text.replace('""', "")


@pytest.mark.parametrize("query", queries("loki"), ids=str)
def test_logql_selects_streams_by_an_index(query: Query) -> None:
    """An id is structured metadata: in the braces it would find no stream at all."""
    selector = re.search(r"\{([^}]*)\}", query.text)

    assert selector is not None
    assert selector[1] == 'service_name=~"$service"'


def test_nothing_asks_for_an_empty_id() -> None:
    """An empty id would match every line that has no input."""
    assert [text for text in strings(queries("loki")) if '=""' in text] == []
