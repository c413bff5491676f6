"""Unknown telemetry names and broken pages are found, in small bad trees."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.house import readme, signals


def found_in(root: Path, name: str, text: str) -> list[str]:
    """The unknown names of a tree with one file, without where they stand."""
    path = root / "dashboards" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, "utf-8")
    return [line.rsplit(": ", 1)[1] for line in signals.unknown_names([path.parent])]


@pytest.mark.parametrize(
    "text",
    [
        '{"expr": "sum(rate(input_started_total{input_zone=\\"burst\\"}[5m]))"}',
        '{"expr": "histogram_quantile(0.9, input_duration_seconds_bucket)"}',
        "expr: input_queue_duration_seconds_sum / input_queue_duration_seconds_count",
        "expr: input_telemetry_backlog_bytes + faas_coldstarts_total",
        'statement: attributes["input.wait.reason"] == "capacity"',
        "- name: input.queue.duration",
        '{"query": "{service_name=~\\"$job\\"} | input_id=`$input_id`"}',
        "values: input_function:",
        "the event input.interrupted",
        "uid: input-overview",
        "uid: my_input_thing",
    ],
)
def test_known_names_are_fine(tmp_path: Path, text: str) -> None:
    """Metrics, labels, attributes, fields and events pass in each notation."""
    assert found_in(tmp_path, "x.yaml", text) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('{"expr": "rate(input_startd_total[5m])"}', "input_startd_total"),
        ("expr: input_started", "input_started"),
        ("expr: input_duration_bucket", "input_duration_bucket"),
        ("expr: faas_cold_starts_total", "faas_cold_starts_total"),
        ('attributes["input.wait_reason"]', "input.wait_reason"),
        ("expr: job:input_rate:mean5m", "job:input_rate:mean5m"),
        ("by (input_colour)", "input_colour"),
    ],
)
def test_unknown_name_is_found(tmp_path: Path, text: str, name: str) -> None:
    """A name that nothing emits is found as it is written."""
    assert found_in(tmp_path, "x.yaml", text) == [name]


def test_recorded_name_is_known(tmp_path: Path) -> None:
    """What a rule records may be used by another file."""
    rule = "- record: input_function:input_rate:mean5m\n  expr: input_active\n"
    assert found_in(tmp_path, "rules.yaml", rule) == []

    assert found_in(tmp_path, "x.json", '"input_function:input_rate:mean5m"') == []


def test_absent_folder_has_no_findings(tmp_path: Path) -> None:
    """A folder that is not there yet uses no names."""
    assert signals.unknown_names([tmp_path / "dashboards"]) == []


@pytest.mark.parametrize(
    ("source", "finding"),
    [
        ("def f(:", "invalid syntax"),
        ("from telemetry.core.ids import Nothing", "no telemetry.core.ids.Nothing"),
        ("import telemetry.nothing", "no telemetry.nothing"),
        ("from telemetry.nothing import x", "no telemetry.nothing.x"),
    ],
)
def test_broken_block_is_found(tmp_path: Path, source: str, finding: str) -> None:
    """A block that does not compile, or imports what is not there, is found."""
    page = tmp_path / "README.md"
    page.write_text(f"text\n\n```python\n{source}\n```\n")
    (found,) = readme.broken_blocks(page)

    assert finding in found


@pytest.mark.parametrize(
    "block",
    [
        "```python\nfrom telemetry.core.ids import short\nawait short.aio()\n```\n",
        "```python\nimport not_installed\n```\n",
        "```sh\ndef f(:\n```\n",
    ],
)
def test_sound_block_is_fine(tmp_path: Path, block: str) -> None:
    """Await at the top, other packages and other languages are no findings."""
    page = tmp_path / "README.md"
    page.write_text(block, "utf-8")

    assert readme.broken_blocks(page) == []
