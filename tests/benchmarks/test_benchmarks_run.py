"""Every benchmark runs; what it measures is nobody's claim here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tree import ROOT
from tests.stack.programs import need
from tests.view.chromium import needed

MODULES: dict[str, list[str]] = {
    "logging": [],
    "spans": [],
    "receiving": [],
    "steal": [],
    "kills": [],
    "dispatch": [],
    "cold_start": [],
    "chaos": [],
    "memory": ["--only", "queued-map"],  # each scenario has a process to start
    "gateway": [],
    "shipping": [],
    "store": [],
    "outage": [],
    "view": [],
}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a module as a user does, from the root of the repository."""
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("module", MODULES)
def test_quick_run_prints_and_writes(module: str, tmp_path: Path) -> None:
    """A quick run ends well, says nothing on stderr, and writes what it printed."""
    if module in {"gateway", "outage"}:
        need("otelcol")
    if module == "view":
        needed()
    path = tmp_path / "figures.json"
    ended = run(
        f"benchmarks.{module}", "--quick", "--json", str(path), *MODULES[module]
    )

    assert (ended.returncode, ended.stderr) == (0, "")
    assert "\n| --" in ended.stdout
    assert json.loads(path.read_text("utf-8"))["tables"]


def test_make_runs_these() -> None:
    """The Makefile names every benchmark that has a command line, and no other."""
    line = next(
        line
        for line in (ROOT / "Makefile").read_text("utf-8").splitlines()
        if line.startswith("BENCHMARKS :=")
    )
    commands = [
        path.stem
        for path in (ROOT / "benchmarks").glob("*.py")
        if "python -m benchmarks." in path.read_text("utf-8")
        and "FD MODE" not in path.read_text("utf-8")
    ]

    assert sorted(line.split()[2:]) == sorted(commands) == sorted(MODULES)
