"""``telemetry blackbox`` finds a box, shows it, and fails with a word."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from telemetry.cli.main import main
from tests.pipeline import boxes


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the boxes of a killed process and of one that ended."""
    base = tmp_path_factory.mktemp("base")
    boxes.left_by(base / "boxes")
    boxes.left_by(base / "boxes", "ps-7-1f", "end")
    return base


@pytest.fixture(autouse=True)
def no_colour(monkeypatch: pytest.MonkeyPatch, base: Path) -> None:
    """As a pipe has it."""
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.setenv("TELEMETRY_DIR", str(base))


@pytest.mark.parametrize("asked", [boxes.NAME, "K7Q2ZD", "k7q2zd", "ct-01", "ct"])
def test_box_is_found(asked: str, capsys: pytest.CaptureFixture[str]) -> None:
    """By its name, the beginning of it, or its short id."""
    assert main(["blackbox", asked]) == 0

    assert "5 inputs running when it died" in capsys.readouterr().out


def test_boxes_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """The newest first, with what became of each."""
    assert main(["blackbox"]) == 0

    _, first, second = capsys.readouterr().out.splitlines()
    assert first.split()[0] == "ps-7-1f" and "ended" in first
    assert second.split()[0] == "K7Q2ZD" and "died" in second
    assert "5 inputs" in second


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["nothing"], "no box in "),
        (["./nothing.box"], "does not exist"),
        ([__file__], "is no black box"),
        (["--directory", "/nonexistent/x"], "no boxes in /nonexistent/x"),
    ],
)
def test_failure_is_one_line(
    asked: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What cannot be shown is said in one row, with the status 2."""
    assert main(["blackbox", *asked]) == 2

    shown = capsys.readouterr()
    assert shown.out == ""
    assert said in shown.err and shown.err.count("\n") == 1


def test_box_of_another_version_is_refused(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message names both versions."""
    data = bytearray((base / "boxes" / f"{boxes.NAME}.box").read_bytes())
    data[8] = 99
    (tmp_path / "x.box").write_bytes(data)

    assert main(["blackbox", str(tmp_path / "x.box")]) == 2
    assert "version 99" in capsys.readouterr().err


def test_ambiguous_name_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two boxes that may be meant are both named."""
    for name in ("ab1", "ab2"):
        (tmp_path / f"{name}.box").touch()

    assert main(["blackbox", "ab", "--directory", str(tmp_path)]) == 2
    assert "'ab' may be ab1, ab2" in capsys.readouterr().err


def test_json_is_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    """All of it, with full ids."""
    assert main(["blackbox", boxes.NAME, "--json"]) == 0

    data = json.loads(capsys.readouterr().out)
    assert data["state"] == "died" and len(data["lines"]) == 5


def test_json_lines_are_lines_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """One object for each line, and nothing else."""
    assert main(["blackbox", boxes.NAME, "--lines-json", "-n", "2"]) == 0

    rows = capsys.readouterr().out.splitlines()
    assert [json.loads(row)["event"] for row in rows] == ["line 3", "line 4"]


def test_living_box_is_followed_to_its_end(tmp_path: Path) -> None:
    """What comes after the report is shown, and how it ended."""
    victim = boxes.waiting(tmp_path)
    assert victim.stdin is not None and victim.stdout is not None
    command = [sys.executable, "-m", "telemetry", "blackbox", "--follow"]
    with subprocess.Popen(
        [*command, str(tmp_path / f"{boxes.NAME}.box")],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as follower:
        assert follower.stdout is not None
        shown = follower.stdout.readline()
        while "line 4" not in shown:
            shown = follower.stdout.readline()
        victim.stdin.write("said later\n")
        victim.stdin.close()  # and with that it is killed
        rest = follower.stdout.read()
    victim.wait(timeout=30)
    victim.stdout.close()

    assert "said later" in rest
    assert "died without a goodbye, 5 inputs running" in rest
    assert follower.returncode == 0


def test_following_as_json_is_an_object_on_each_row(tmp_path: Path) -> None:
    """The report, what is said from then on, and how it ended."""
    victim = boxes.waiting(tmp_path)
    assert victim.stdin is not None and victim.stdout is not None
    command = [sys.executable, "-m", "telemetry", "blackbox", "--follow", "--json"]
    with subprocess.Popen(
        [*command, str(tmp_path / f"{boxes.NAME}.box")],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as follower:
        assert follower.stdout is not None
        report = json.loads(follower.stdout.readline())
        victim.stdin.write("said later\n")
        victim.stdin.close()  # and with that it is killed
        *lines, end = [json.loads(row) for row in follower.stdout]
    victim.wait(timeout=30)
    victim.stdout.close()

    assert report["report"]["state"] == "alive"
    assert [row["line"]["event"] for row in lines] == ["said later"]
    assert end["end"]["state"] == "died"
    assert follower.returncode == 0


def test_closed_pipe_ends_quietly(base: Path) -> None:
    """A reader that has gone away is no error."""
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "telemetry", "blackbox", boxes.NAME],
        stdout=write,
        stderr=subprocess.PIPE,
        check=False,
        timeout=30,
    )
    os.close(write)

    assert (done.returncode, done.stderr) == (0, b"")
