"""A live tail of a program that says 2,000 lines a second: does memory stay flat?

The program writes them to its black box, an agent of its own process stores them and
serves the page, and a Chromium follows. Run as a module, this is that program.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final

import telemetry
from benchmarks.processes import own_bytes, rss_bytes
from benchmarks.view_pages import Chromium, Link
from telemetry.pipeline.agent.places import Places
from telemetry.pipeline.agent.status import AgentStatus, living_agent
from telemetry.view.admission import link_of_agent

if TYPE_CHECKING:
    from playwright.sync_api import Page

HEAD: Final = (
    *("after s", "lines stored", "shown", "page heap MB", "nodes"),
    *("agent MB", "with mapped files", "box to store s"),
)
LINES_A_SECOND: Final = 2_000
_STEP_S: Final = 0.1
_PATIENCE_S: Final = 30.0
_LINES_OF_AN_INPUT: Final = 50
_LOOKS: Final = (0.05, 0.1, 0.25, 0.5, 0.75, 1.0)
"""When memory is looked at, as shares of the whole time."""


def tail(chromium: Chromium, place: Places, seconds: float) -> list[list[str]]:
    """Follow for so long; a row of `HEAD` for each look."""
    rows = []
    with _agent(place) as agent, _talker(place):
        link = Link(link_of_agent(agent, place), agent.pid)
        with chromium.page(link, "logs") as page:
            began_s = time.monotonic()
            for share in _LOOKS:
                rest_s = began_s + share * seconds - time.monotonic()
                page.wait_for_timeout(max(rest_s, 0.0) * 1000)
                rows.append(
                    _look(chromium, page, link, place, time.monotonic() - began_s)
                )
    return rows


def _look(
    chromium: Chromium, page: Page, link: Link, place: Places, after_s: float
) -> list[str]:
    heap, nodes, shown = chromium.memory(page)
    with sqlite3.connect(place.store) as store:
        stored, newest_ns = store.execute(
            "select max(rowid), max(unix_ns) from (select rowid, unix_ns from logs"
            " order by rowid desc limit 1)"
        ).fetchone()
    return [
        *(f"{after_s:.0f}", f"{stored:,}", f"{shown}", f"{heap / 1e6:.1f}"),
        f"{nodes:,}",
        *(f"{each(link.pid) / 1e6:.0f}" for each in (own_bytes, rss_bytes)),
        f"{time.time() - newest_ns / 1e9:.2f}",
    ]


@contextmanager
def _agent(place: Places) -> Iterator[AgentStatus]:
    with _running("telemetry", "agent", "--directory", str(place.base)):
        _wait(lambda: (agent := living_agent(place)) and agent.view, "an agent's page")
        agent = living_agent(place)
        assert agent is not None  # noqa: S101  # it was there a moment ago
        yield agent


@contextmanager
def _talker(place: Places) -> Iterator[None]:
    with _running("benchmarks.view_tail", str(place.base)):
        _wait(place.store.exists, "a store")
        yield


def _wait(holds: Callable[[], object], what: str) -> None:
    until_s = time.monotonic() + _PATIENCE_S
    while not holds():
        if time.monotonic() > until_s:
            raise TimeoutError(f"{what} did not come within {_PATIENCE_S:g} s")
        time.sleep(0.05)


@contextmanager
def _running(*module: str) -> Iterator[None]:
    """A module of a process of its own, until the block ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", *module],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,  # where an agent says what it does
        env={**os.environ, "TELEMETRY_AGENT": "none"},
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    """Say so many lines a second, those of an input one after the other."""
    telemetry.configure("tail", console=None, directory=Path(sys.argv[1]))
    log = telemetry.get_logger("tail")
    numbers = count()
    due_s = time.monotonic()
    while True:
        for _ in range(round(LINES_A_SECOND * _STEP_S) // _LINES_OF_AN_INPUT):
            with telemetry.input_scope():
                for _ in range(_LINES_OF_AN_INPUT):
                    log.info("calling the model", number=next(numbers), tokens=512)
        due_s += _STEP_S
        time.sleep(max(due_s - time.monotonic(), 0.0))


if __name__ == "__main__":
    main()
