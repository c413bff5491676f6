"""``telemetry view``, ``top`` and ``report`` do what they say, or say why not."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from telemetry.cli.main import main
from telemetry.pipeline.agent.lock import AgentLock
from telemetry.pipeline.agent.places import places
from telemetry.pipeline.agent.status import AgentStatus, tell
from tests.view.filling import Filling


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of telemetry's."""
    monkeypatch.setenv("TELEMETRY_DIR", str(tmp_path / "base"))
    return places(tmp_path / "base").base


def test_view_serves_until_it_is_stopped(base: Path) -> None:
    """It prints the link, answers there, and ends in good order."""
    process = subprocess.Popen(
        [sys.executable, "-m", "telemetry", "view", "--no-open", "--port", "0"],
        env={**os.environ, "TELEMETRY_DIR": str(base)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    link = process.stdout.readline().strip()
    try:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{32,}", link)
        with urllib.request.urlopen(link, timeout=10) as answer:  # noqa: S310  # our own
            assert b'id="app"' in answer.read()
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
        process.stdout.close()


def test_the_page_of_a_living_agent_is_used(
    base: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is no second one for the same folder, but a link to the first."""
    place = places(base)
    with AgentLock(place.lock) as lock:
        assert lock.acquire()
        address = "http://127.0.0.1:4320/"
        tell(place.status, AgentStatus(os.getpid(), "1", 1, 1, view=address))
        assert main(["view", "--no-open"]) == 0

    assert capsys.readouterr().out.startswith(f"{address}?token=")


def test_a_wrong_port_is_said(base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In one line, with what is allowed."""
    assert main(["view", "--no-open", "--port", "99999"]) == 2

    said = capsys.readouterr().err
    assert said.startswith("telemetry view: port is 99999") and said.count("\n") == 1


def test_a_missing_extra_is_said(
    base: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what to type."""
    for name in list(sys.modules):
        if name.startswith(("telemetry.view.serving", "uvicorn")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)

    assert main(["view", "--no-open"]) == 2
    assert "pip install 'input-telemetry[view]'" in capsys.readouterr().err


def test_top_to_a_pipe_is_one_look(
    base: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As text without colours, or as JSON."""
    assert main(["top"]) == 0
    text = capsys.readouterr().out
    assert "Nothing runs now." in text and "\x1b" not in text
    assert main(["top", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["functions"] == []


def test_a_report_is_written(base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And its size is told; without a store it is an error."""
    file = base / "run.html"
    assert main(["report", str(file)]) == 2
    assert "no store" in capsys.readouterr().err
    Filling(places(base).store, seconds=6).run()

    assert main(["report", str(file)]) == 0
    assert capsys.readouterr().out == f"{file}: {file.stat().st_size / 1e6:.1f} MB\n"
    assert main(["report", str(base / "none" / "run.html")]) == 2
