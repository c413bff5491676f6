"""What the command says to somebody who has mistyped."""

from __future__ import annotations

from pathlib import Path

import pytest

from telemetry.capture.wording import counted_of
from telemetry.cli.command_line import reason, reworded
from telemetry.cli.main import main


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["inpust"],
            "telemetry: VERB is 'inpust' (did you mean 'inputs'?); it must be",
        ),
        (["Logs"], "telemetry: VERB is 'Logs' (did you mean 'logs'?); it must be"),
        ([], "telemetry: VERB is missing; see: telemetry --help"),
        (["trace"], "telemetry trace: INPUT is missing; see: telemetry trace --help"),
        (["logs", "A", "B"], "telemetry logs: there is no argument 'B' here; see: "),
        (
            ["inputs", "--outcome", "zzz"],
            "telemetry inputs: --outcome is 'zzz'; it must be one of success, error, ",
        ),
        (
            ["inputs", "-n", "0"],
            "telemetry inputs: --limit is '0'; it must be a whole number from 1 to ",
        ),
        (
            ["blackbox", "-n", "-3"],
            "telemetry blackbox: --lines is '-3'; it must be a whole number from 0 on",
        ),
        (
            ["view", "--port", "x"],
            "telemetry view: --port is 'x'; it must be a whole number; see: ",
        ),
        (
            ["logs", "--since", "tomorrow"],
            "telemetry logs: --since is 'tomorrow'; it must be a length of time",
        ),
        (
            ["top", "--once", "--json"],
            "telemetry top: --json: not allowed with argument --once; see: ",
        ),
        (
            ["dashboards", "pull"],
            "telemetry dashboards: WHAT is 'pull' (did you mean 'pull-check'?); ",
        ),
    ],
)
def test_a_mistake_is_told_in_one_row(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With key, value and what is allowed, and the status 2."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    out, err = capsys.readouterr()

    assert (ended.value.code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(said)


def test_choices_are_read_as_each_python_writes_them() -> None:
    """With quotes, as 3.11 does, and without."""
    said = "argument --level: invalid choice: 'inf' (choose from {})"

    assert (
        reworded(said.format("'debug', 'info'"))
        == reworded(said.format("debug, info"))
        == "--level is 'inf' (did you mean 'info'?); it must be one of debug, info"
    )


@pytest.mark.parametrize(
    "verb",
    [
        ["inputs"],
        ["logs"],
        ["trace", "K7Q2ZD"],
        ["stats"],
        ["top", "--once"],
        ["view", "--no-open"],
        ["report", "run.html"],
        ["export", "--otlp-json", "-"],
    ],
    ids=lambda verb: verb[0],
)
def test_a_mistyped_folder_is_told_and_not_made(
    verb: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever only asks begins no store."""
    missing = tmp_path / "missing"
    status = main([*verb, "--directory", str(missing)])
    out, err = capsys.readouterr()

    assert (status, out) == (2, "")
    assert err == (
        f"telemetry {verb[0]}: directory is '{missing}'; "
        "it must be a folder that is there\n"
    )
    assert not missing.exists()


def test_no_lines_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On stderr: what is piped stays lines alone."""
    monkeypatch.setenv("TELEMETRY_DIR", str(tmp_path / "mine"))
    assert main(["agent", "--once", "--no-view"]) == 0
    capsys.readouterr()
    status = main(["logs"])

    assert (status, *capsys.readouterr()) == (0, "", "no such lines\n")


def test_an_error_of_the_system_has_no_number() -> None:
    """It names the file, and what is wrong with it."""
    error = FileNotFoundError(2, "No such file or directory", "run.html")

    assert reason(error) == "run.html: No such file or directory"
    assert reason(ValueError("as it is")) == "as it is"


@pytest.mark.parametrize(
    ("count", "many", "said"),
    [
        (1, "containers", "1 container"),
        (1, "processes", "1 process"),
        (0, "inputs", "0 inputs"),
        (1204, "processes", "1,204 processes"),
    ],
)
def test_one_of_many_is_told_in_the_singular(count: int, many: str, said: str) -> None:
    """Names of tables are in the plural, and there may be one row."""
    assert counted_of(count, many) == said
