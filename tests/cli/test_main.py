"""The command's own arguments."""

from __future__ import annotations

import subprocess
import sys

import pytest

from telemetry.cli.main import main


@pytest.mark.parametrize("arguments", [[], ["blackbox"], ["doctor"], ["view"], ["top"]])
def test_help_is_short_and_has_an_example(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The help of each verb fits on a screen."""
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--help"])

    text = capsys.readouterr().out
    assert ended.value.code == 0
    assert "example" in text
    assert len(text.splitlines()) <= 34


def test_every_verb_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    """In the list of them, and by its name alone."""
    with pytest.raises(SystemExit):
        main(["--help"])
    listed = capsys.readouterr().out.partition("verbs:")[2].splitlines()
    names = [row.split()[0] for row in listed if row[:5].strip() and row[:4] == "    "]
    assert {"agent", "export", "logs", "trace", "view"} <= set(names)
    for name in names:
        with pytest.raises(SystemExit) as ended:
            main([name, "--help"])
        assert ended.value.code == 0
        assert f"usage: telemetry {name}" in capsys.readouterr().out


def test_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """``telemetry --version`` is one row."""
    with pytest.raises(SystemExit) as ended:
        main(["--version"])

    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("telemetry ")


@pytest.mark.parametrize("arguments", [[], ["unknown"], ["blackbox", "-n", "-1"]])
def test_wrong_arguments_are_refused(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """With the status 2, in one row that says where help is."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2
    assert "see: telemetry" in capsys.readouterr().err


def test_module_is_the_command() -> None:
    """``python -m telemetry`` is the same."""
    command = [sys.executable, "-m", "telemetry", "--version"]
    done = subprocess.run(command, capture_output=True, check=True, timeout=30)

    assert done.stdout.startswith(b"telemetry ")
