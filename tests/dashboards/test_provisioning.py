"""Files for a Grafana of our own: data sources, their links, and the provider."""

from __future__ import annotations

from typing import Any, Final

import pytest
import yaml

from telemetry.core import names
from telemetry.pipeline.grafana.datasources import KINDS, UIDS, source
from telemetry.pipeline.grafana.pushing import FOLDER_TITLE, FOLDER_UID
from tests.dashboards.committed import ROOT, load, strings
from tests.dashboards.test_names import METRIC_OF

FOLDER: Final = ROOT / "dashboards" / "provisioning"


def provisioned(name: str) -> Any:
    """One of the files, as Grafana reads it: $$ is its own $."""
    text = (FOLDER / name / "input-telemetry.yaml").read_text("utf-8")
    without = text.replace("$$", "")
    assert "$" not in without, "a single $ is a variable of the environment"
    return yaml.safe_load(text.replace("$$", "$"))


SOURCES: Final[list[dict[str, Any]]] = provisioned("datasources")["datasources"]
BY_KIND: Final = {each["type"]: each for each in SOURCES}


@pytest.mark.parametrize("kind", KINDS)
def test_file_and_push_say_the_same(kind: str) -> None:
    """A data source is the same, whichever way it came."""
    of_file = BY_KIND[kind]
    pushed = source(kind, of_file["url"])

    assert {key: of_file[key] for key in pushed} == pushed


def test_data_sources_have_stable_uids() -> None:
    """Links hold them; numbers differ between Grafanas."""
    assert {each["type"]: each["uid"] for each in SOURCES} == dict(UIDS)
    assert all("id" not in each for each in SOURCES)


def test_exemplar_leads_to_trace_and_input() -> None:
    """A point in a panel opens its trace, and the explorer for its input."""
    to = BY_KIND["prometheus"]["jsonData"]["exemplarTraceIdDestinations"]

    assert [each["name"] for each in to] == [names.FIELD_TRACE_ID, names.FIELD_INPUT_ID]
    assert to[0]["datasourceUid"] == UIDS["tempo"]
    assert to[1]["url"] == "/d/input-explorer?var-input_id=${__value.raw}"
    assert explorer_knows(names.FIELD_INPUT_ID)


def explorer_knows(variable: str) -> bool:
    """Whether the explorer has a variable of that name."""
    listed = load("input-explorer")["templating"]["list"]
    return variable in {each["name"] for each in listed}


def test_line_leads_to_trace_and_input() -> None:
    """Both by the key of structured metadata, for a line may be any text."""
    fields = BY_KIND["loki"]["jsonData"]["derivedFields"]

    assert {each["matcherType"] for each in fields} == {"label"}
    assert {each["matcherRegex"] for each in fields} <= names.FIELDS


def test_span_leads_to_lines_and_metrics() -> None:
    """By attributes that spans carry, to names that exist."""
    data = BY_KIND["tempo"]["jsonData"]
    logs, metrics = data["tracesToLogsV2"], data["tracesToMetrics"]

    assert logs["datasourceUid"] == UIDS["loki"] and logs["customQuery"]
    assert f'${{__span.tags["{names.INPUT_ID}"]}}' in logs["query"]
    assert logs["spanStartTimeShift"] != "0s" != logs["spanEndTimeShift"]
    assert metrics["datasourceUid"] == UIDS["prometheus"]
    keys = {tag["key"] for each in (logs, metrics) for tag in each["tags"]}
    assert keys <= names.ATTRIBUTES
    asked = " ".join(each["query"] for each in metrics["queries"])
    assert any(name in asked for name in METRIC_OF)
    assert data["spanBar"]["tag"] in names.ATTRIBUTES


def test_rates_follow_the_export_interval() -> None:
    """$__rate_interval is made of it; a lower one would show gaps."""
    assert BY_KIND["prometheus"]["jsonData"]["timeInterval"] == "15s"


def test_provider_has_the_folder_that_push_has() -> None:
    """Whichever way they came, the dashboards stand in one place."""
    (provider,) = provisioned("dashboards")["providers"]

    assert provider["folderUid"] == FOLDER_UID and provider["folder"] == FOLDER_TITLE
    # These two exclude each other in Grafana.
    assert "foldersFromFilesStructure" not in provider["options"]


def test_no_secret_is_in_a_file() -> None:
    """What needs one takes it from the environment."""
    assert not any("secure" in key for each in SOURCES for key in each)
    example = (FOLDER / "alerting" / "contact-point.yaml.example").read_text("utf-8")
    parsed = yaml.safe_load(example)
    urls = [text for text in strings(parsed) if "http" in text.lower()]
    assert all(not url.startswith("http") for url in urls)
