"""The verbs that ask the store, over a box that an app could have left."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest

from telemetry.capture.blackbox.box import BlackBox
from telemetry.capture.blackbox.records import encode
from telemetry.cli.main import main
from telemetry.core.scope import InputScope

NOBODY = InputScope("")
FAILED = "in-01J00000000000000000K7Q2ZD"
FINE = "in-01J00000000000000000K7Q2ZE"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a box that nobody has read yet."""
    ours = tmp_path / "ours"
    (ours / "boxes").mkdir(mode=0o700, parents=True)
    ours.chmod(0o700)
    monkeypatch.setenv("TELEMETRY_DIR", str(ours))
    box = BlackBox(
        ours / "boxes" / "ct-1.box",
        {"service_name": "images", "container_id": "ct-1", "function": "resize"},
        budget_bytes=1 << 20,
        slots=2,
    )
    begun = time.time_ns() - 2_000_000_000
    for at, (input_id, outcome) in enumerate([(FAILED, "error"), (FINE, "success")]):
        who = [input_id, "fc-1", "resize", 0, "ct-1", at, None, False, None, None]
        said = [begun + 1, f"resizing {at}", [], {"text": "a\x1b[2Jb"}]
        box.append(NOBODY, encode([20, ["images", {}], who, "T", said]))
        error = (
            ("ValueError", "ValueError: too large") if outcome == "error" else ("", "")
        )
        box.append(
            NOBODY,
            encode(
                [
                    *(2, None, begun + 1_500_000_000),
                    [
                        *(input_id, begun, begun + 1_500_000_000, outcome, 0),
                        *("resize", "fc-1", "ct-1", at, [], None, *error),
                    ],
                ]
            ),
        )
    said = [begun + 2, "nobody's", [], {}]
    box.append(NOBODY, encode([30, [None, {}], None, "T", said]))
    box.close()
    return ours


def test_inputs(capsys: pytest.CaptureFixture[str]) -> None:
    """A row for each; what went wrong is told, whatever the colours."""
    assert main(["inputs"]) == 0

    header, first, second = capsys.readouterr().out.splitlines()
    assert header.split()[:3] == ["input", "function", "outcome"]
    told = first + second
    assert "K7Q2ZD" in told
    assert "ValueError: too large" in told
    assert "1.5 s" in told


def test_inputs_filtered(capsys: pytest.CaptureFixture[str]) -> None:
    """JSON for programs: one object a line."""
    main(["inputs", "--outcome", "error", "--slow", "1s", "--json"])

    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["input_id"] == FAILED


def test_bad_settings_of_deliveries(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is stored can be asked for all the same."""
    (box,) = (folder / "boxes").iterdir()
    shutil.copy(box, folder / "kept")
    main(["inputs"])
    shutil.copy(folder / "kept", box.with_name("ct-2.box"))
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318")
    capsys.readouterr()

    assert main(["inputs"]) == 0

    said = capsys.readouterr()
    assert "K7Q2ZD" in said.out
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in said.err


def test_logs_of_an_input(capsys: pytest.CaptureFixture[str]) -> None:
    """The end of an id is enough; what others wrote is escaped."""
    assert main(["logs", "k7q2ze"]) == 0

    said = capsys.readouterr().out
    assert "resizing 1" in said
    assert "resizing 0" not in said
    assert "\x1b[2J" not in said


def test_logs_filtered(capsys: pytest.CaptureFixture[str]) -> None:
    """By text, by level, and those that are nobody's."""
    main(["logs", "--grep", "resiz", "--json"])
    assert len(capsys.readouterr().out.splitlines()) == 2

    main(["logs", "--level", "warning"])
    assert "nobody's" in capsys.readouterr().out

    main(["logs", "--unattributed", "--json"])
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["event"] == "nobody's"


def test_trace(capsys: pytest.CaptureFixture[str]) -> None:
    """The life of one input, and who ran beside it."""
    assert main(["trace", FAILED]) == 0

    said = capsys.readouterr().out
    assert "resize  K7Q2ZD  error" in said
    assert "attempt 0" in said
    assert "ran beside it: 1 input" in said
    assert "resizing 0" in said


def test_trace_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    """One object with all of it."""
    main(["trace", FAILED, "--json"])

    told = json.loads(capsys.readouterr().out)
    assert told["life"]["input"]["outcome"] == "error"
    assert [each["input_id"] for each in told["company"]] == [FINE]


def test_stats(capsys: pytest.CaptureFixture[str]) -> None:
    """Functions, store and agent."""
    assert main(["stats"]) == 0

    said = capsys.readouterr().out
    assert "resize" in said
    assert "3 since" in said
    assert "none runs" in said


@pytest.mark.parametrize("form", ["perfetto", "otlp-json"])
def test_export(form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file for other tools, and what is in it is said."""
    out = tmp_path / "out"

    assert main(["export", f"--{form}", str(out)]) == 0

    assert out.stat().st_size > 100
    assert "telemetry export: wrote" in capsys.readouterr().err


def test_export_of_one_input(tmp_path: Path) -> None:
    """Nothing of the others is in it."""
    out = tmp_path / "out.jsonl"

    assert main(["export", "--otlp-json", str(out), "--input", "K7Q2ZD"]) == 0

    assert FAILED in out.read_text()
    assert FINE not in out.read_text()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["logs", "zzz"], "no input has an id like 'zzz'"),
        (["trace", "in-"], "'in-' may mean 2 inputs"),
        (["logs", "--grep", " "], "the text to search for has 1 characters"),
    ],
)
def test_what_cannot_be_answered(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line says why, and the status is 2."""
    assert main(arguments) == 2

    assert expected in capsys.readouterr().err


def test_nothing_was_ever_written(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Where there is no store, that is said, with what makes one."""
    monkeypatch.setenv("TELEMETRY_DIR", str(tmp_path / "empty"))

    assert main(["inputs"]) == 2

    assert "there is no store" in capsys.readouterr().err
