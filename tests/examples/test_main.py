from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from examples.demo import __main__ as program
from examples.demo import command
from examples.demo.arrivals import Request
from examples.demo.command import main
from examples.demo.director import plan
from examples.demo.lines import show
from examples.demo.observer import Event
from examples.demo.theme import Theme
from telemetry.capture.line import Line
from telemetry.capture.sink import set_sink
from tests.examples.made import PLAIN, busy_run
from tests.house.tree import ROOT

ROWS = "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03.9799600,x,10\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--speed", "0"], r"--speed is '0'; .* above 0 and at most 1000"),
        (["--speed", "-3"], r"--speed is '-3'; .* above 0 and at most 1000"),
        (["--speed", "fast"], r"--speed is 'fast'; .* above 0 and at most 1000"),
        (["--duration", "nan"], r"--duration is 'nan'; .* above 0 and at most 3600"),
        (["--duration", "3601"], r"--duration is '3601'; .*at most 3600"),
        (["--seed", "1.5"], r"--seed is '1\.5'; it must be a whole number from 0"),
        (["--trace", "no.csv"], r"--trace: cannot read no\.csv: No such file"),
    ],
)
def test_bad_arguments(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What cannot be is refused with key, value and range, before anything runs."""
    with pytest.raises(SystemExit, match="2"):
        main(arguments)

    assert re.search(message, capsys.readouterr().err)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"t\.csv is empty"),
        (b"hello\n", r"t\.csv, line 1: the header has no column TIMESTAMP"),
        (b"\xff\xfe\x00", r"t\.csv is not text in UTF-8, at byte 0"),
        (ROWS.encode(), r"t\.csv, line 2, column ContextTokens: 'x' is not a number"),
    ],
)
def test_bad_traces(
    content: bytes,
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A file that is no trace is refused with its line and column."""
    file = tmp_path / "t.csv"
    file.write_bytes(content)
    with pytest.raises(SystemExit, match="2"):
        main(["--trace", str(file)])

    assert re.search(message, capsys.readouterr().err)


def test_plan_translates_every_request() -> None:
    """Each request is translated; some have a text or a picture as well."""
    requests = [Request(number / 10, 100, 10) for number in range(100)]
    functions = [each.function for each in plan(requests, 10, 20).submissions]

    assert functions.count("translate") == 100
    assert functions.count("Embed.texts") == 34
    assert functions.count("resize") == 4


def test_plan_ends_with_the_replay() -> None:
    """What would come after the end is left out, and times are compressed."""
    requests = [Request(number / 10, 100, 10) for number in range(100)]
    last = plan(requests, 10, 0.5).submissions[-1]

    assert last.at_s == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("unbalanced", "interrupted", "code"),
    [(False, False, 0), (True, False, 1), (False, True, 130), (True, True, 130)],
)
def test_exit_code(
    unbalanced: bool,
    interrupted: bool,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """1 when the books do not balance, 130 after Ctrl-C; a summary in any case."""
    seen, report = busy_run()
    report.unsettled = int(unbalanced)
    monkeypatch.setattr(
        command, "_run", lambda replay, quiet: (seen, report, interrupted)
    )
    monkeypatch.setattr(command, "_prepare_console", lambda given: None)
    monkeypatch.setattr("sys.argv", ["demo", "--duration", "1"])

    assert program.run() == code
    assert "What happened" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("theme", "event", "input_id", "fields"),
    [
        (PLAIN, "● ready", "", {"container": "AAAAAA"}),
        (Theme(colour=False, unicode=False), "* ready", "", {"container": "AAAAAA"}),
        (None, "ready", None, {"pool": "resize", "container": "ct-AAAAAA"}),
    ],
)
def test_event_as_a_line(
    theme: Theme | None, event: str, input_id: str | None, fields: dict[str, str]
) -> None:
    """People get a mark and short ids, machines get neither; no input gets the line."""
    lines: list[Line] = []
    before = set_sink(lines.append)
    try:
        ready = Event("●", "ready", "resize", {"container": "AAAAAA"})
        show(replace(ready, container_id="ct-AAAAAA"), theme)
    finally:
        set_sink(before)

    assert [(each.event, each.input_id, each.fields) for each in lines] == [
        (event, input_id, fields)
    ]


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8", "TELEMETRY_CONSOLE": ""}
    return subprocess.run(
        [sys.executable, "-m", "examples.demo", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=55,
        check=False,
    )


def test_where_to_look_comes_first() -> None:
    """In a pipe too, beside the lines; told to whoever reads the other stream."""
    done = _run("--duration", "1")

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr.strip().splitlines()[0].strip().startswith("See it happen: ")


def test_demo() -> None:
    """A short run balances its books, and says nothing but its summary."""
    done = _run("--duration", "3", "--quiet")

    assert done.returncode == 0, done.stdout + done.stderr
    last = done.stdout.rstrip().splitlines()[-1]
    books = re.search(r"✓ ([\d,]+) submitted, ([\d,]+) settled once each", last)
    assert books is not None and books[1] == books[2]
    assert done.stderr == ""
    inputs = done.stdout.partition("Waiting and running")[0]
    no_error = re.findall(r"(?m)^ +[\w.]+(?: +[\d,]+){2} +- ", inputs)
    assert len(no_error) == 3, done.stdout
    assert "\x1b" not in done.stdout
    for story in ("swallowed", "in queue", "timeout", "SIGKILL with"):
        assert story in done.stdout
