"""Starting agent processes: one at a time, and not again and again in vain."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest

from telemetry.capture.settings import resolve
from telemetry.pipeline.agent import spawning
from telemetry.pipeline.agent.places import Places, places
from telemetry.pipeline.agent.spawning import ensure_agent, failure
from telemetry.policy.agent_life import LOOK_EVERY_S, MOST_LOOK_S, look_after_s
from tests.pipeline.agent.run import DEADLINE_S

ALWAYS_S = 1e9


def test_an_agent_that_cannot_begin_is_told_of(tmp_path: Path) -> None:
    """Once, and in its own words; meanwhile, no second one is started."""
    place = _place(tmp_path)
    other = sqlite3.connect(place.store)
    other.execute("create table mine (a)")
    other.close()

    assert ensure_agent(place, resolve({}))
    assert not ensure_agent(place, resolve({}))

    until_s = time.monotonic() + DEADLINE_S
    while not (why := failure(place, ALWAYS_S)):
        assert time.monotonic() < until_s
        time.sleep(0.02)
    assert "another program" in why
    assert failure(place, ALWAYS_S) == ""


def test_looks_become_rare_while_agents_cannot_begin() -> None:
    """Starting one in vain every two seconds costs a tenth of a core."""
    assert look_after_s(0) == LOOK_EVERY_S
    assert look_after_s(1) == 2 * LOOK_EVERY_S
    assert look_after_s(1_000) == MOST_LOOK_S


def test_its_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It works in another folder, and finds what the program does."""
    monkeypatch.chdir(tmp_path)

    found = spawning._environment({"PYTHONPATH": "src:"}, _place(tmp_path), resolve({}))

    assert found["PYTHONPATH"].split(":")[0] == str(tmp_path / "src")
    assert found["TELEMETRY_DIR"] == str(tmp_path)
    assert found["TELEMETRY_AGENT"] == "none"


def _place(folder: Path) -> Places:
    folder.chmod(0o700)
    return places(folder)
