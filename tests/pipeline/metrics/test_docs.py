"""The page on metrics says what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from telemetry.capture.runtime_records import KINDS
from telemetry.core import names
from telemetry.core.metrics import COUNT_BOUNDS, DURATION_BOUNDS_S, Metric
from telemetry.pipeline.metrics.ledger import SERIES

PAGE = (Path(__file__).parents[3] / "docs" / "metrics.md").read_text("utf-8")
ROWS = {
    cells[0].strip("`"): cells[1:]
    for line in PAGE.splitlines()
    if line.startswith("| `")
    for cells in [[cell.strip() for cell in line.strip("|").split("|")]]
}


def test_the_table_has_every_instrument() -> None:
    """In the order of the code, and no other."""
    assert list(ROWS) == [metric.name for metric in names.METRICS]


@pytest.mark.parametrize("metric", names.METRICS, ids=lambda m: m.name)
def test_a_row_is_as_the_instrument(metric: Metric) -> None:
    """Kind, unit and attributes; where it comes from names records that there are."""
    kind, attributes, source = ROWS[metric.name]
    everywhere = {names.INPUT_FUNCTION, names.INPUT_MODE}
    own = [name for name in metric.attributes if name not in everywhere]

    assert kind == f"{metric.kind}, {metric.unit}"
    assert re.findall(r"`([\w.]+)`", attributes) == own
    assert attributes.startswith(("only", "none")) == (own == [*metric.attributes])
    records = re.findall(r"`([A-Z]\w+)", source)
    assert set(records) <= {*KINDS, "Cancelled"}
    assert records or "`input." in source or "agent" in source or "executions" in source


def test_the_bounds_are_those_of_the_contract() -> None:
    """And so is the number of series."""

    def listed(bounds: tuple[float, ...]) -> str:
        return ", ".join(f"{bound:g}" for bound in bounds)

    text = " ".join(PAGE.split())
    assert f"Buckets of seconds: {listed(DURATION_BOUNDS_S)}." in text
    assert f"Buckets of inputs: {listed(COUNT_BOUNDS)}." in text
    assert f"{SERIES:,} series" in text
