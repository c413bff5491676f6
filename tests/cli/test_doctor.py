"""``telemetry doctor`` says what is captured, and what is wrong first."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from telemetry.capture import diagnosis, settings
from telemetry.capture.known_variables import masked, variables
from telemetry.capture.roads import registry
from telemetry.cli.main import main


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """An environment and a folder of the test's own, and settings as before."""
    before = settings.in_force()
    for name in ("TELEMETRY_LEVEL", "TELEMETRY_CAPTURE", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TELEMETRY_DIR", str(tmp_path / "ours"))
    # One road: what pytest itself patches meanwhile is not looked at here.
    monkeypatch.setattr(registry, "MODULES", {"threads": "threads"})
    monkeypatch.setenv("TELEMETRY_CAPTURE", "threads")
    # What other tests have lost is not looked at either.
    monkeypatch.setattr("telemetry.capture.diagnosis.sink.dropped", dict)
    yield
    settings.apply(before)
    registry.choose(())


def test_nothing_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    """Then the status is 0, and the road is on."""
    assert main(["doctor"]) == 0

    text = capsys.readouterr().out
    assert text.startswith("Nothing is wrong")
    assert "on   threads" in text


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    """The road is off again, and no box remains."""
    main(["doctor"])

    assert not registry.states()["threads"][1].on
    assert list(tmp_path.rglob("*.box")) == []


def test_broken_road_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A module that is missing is a problem, and no crash."""
    monkeypatch.setattr(
        registry, "MODULES", {"threads": "threads", "gone": "is_not_there"}
    )

    assert main(["doctor", "--json"]) == 1

    data = json.loads(capsys.readouterr().out)
    assert "the road 'gone' fails: ModuleNotFoundError" in data["problems"][0]["what"]
    assert data["roads"][0]["on"]


def test_open_folder_is_a_problem(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder that others can enter is named, with what to do."""
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours").chmod(0o755)  # whatever the umask makes of it

    assert main(["doctor"]) == 1
    assert "chmod 700" in capsys.readouterr().out


def test_open_folder_is_a_problem_after_another_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The folder that is looked at is the one that was asked for, not one before."""
    (tmp_path / "before").mkdir(mode=0o700)
    settings.apply(replace(settings.in_force(), directory=str(tmp_path / "before")))

    test_open_folder_is_a_problem(tmp_path, capsys)


def test_wrong_value_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What configure() would raise is reported."""
    monkeypatch.setenv("TELEMETRY_LEVEL", "LOUD")

    assert main(["doctor"]) == 1
    assert "TELEMETRY_LEVEL is 'LOUD'" in capsys.readouterr().out


def test_typo_is_told_with_the_nearest_name() -> None:
    """A variable of ours that nobody reads is a typo."""
    (found,) = variables({"TELEMETRY_LEVLE": "DEBUG", "HOME": "x"})

    assert not found.known and found.nearest == "TELEMETRY_LEVEL"


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Basic x,a=b", None),
        ("OTEL_EXPORTER_OTLP_LOGS_HEADERS", "secret", "***"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://u:p@h:4318/x", "https://***@h:4318/x"),
        ("OTEL_RESOURCE_ATTRIBUTES", "a=b,api.token=t", "a=b,api.token=***"),
        ("OTEL_SERVICE_NAME", "images", "images"),
    ],
)
def test_secrets_are_masked(name: str, value: str, shown: str | None) -> None:
    """Values of headers, tokens and users of URLs are not shown; names are."""
    assert masked(name, value) == (shown or "authorization=***,a=***")


def test_report_of_a_running_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """It changes nothing, and tells the lines that were lost."""
    monkeypatch.setattr(
        "telemetry.capture.diagnosis.sink.dropped", lambda: {"sink": 3, "exit": 0}
    )

    found = diagnosis.report({})

    assert found.lost == {"sink": 3}
    assert not found.roads[0].on
    assert "this process has lost lines: 3 (sink)" in [p.what for p in found.problems]


def test_road_that_is_off_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where others are on, one that is wanted and off is named."""
    roads = [
        diagnosis.RoadReport("threads", on=True, wanted=True),
        diagnosis.RoadReport(
            "streams", on=False, wanted=True, note="somebody's on top"
        ),
    ]
    by_name = {road.name: road for road in roads}
    monkeypatch.setattr(registry, "MODULES", dict.fromkeys(by_name, ""))
    monkeypatch.setattr(diagnosis, "_road", lambda name: by_name[name])

    found = diagnosis.report({})

    assert [p.remedy for p in found.problems] == ["somebody's on top"]
    assert SimpleNamespace(**found.data()).roads[1]["on"] is False
