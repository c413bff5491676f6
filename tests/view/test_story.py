"""What a user lives: start an app, look, and understand what happened to an input."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from telemetry.pipeline.agent.places import Places, places
from telemetry.pipeline.agent.status import living_agent
from telemetry.view.serving import View
from tests.view.chromium import chromium, page

ROOT = Path(__file__).parents[2]
RUNS_S = 4


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Places]:
    """The folder of an app that runs, and of the agent that it has started."""
    place = places(tmp_path / "base")
    environment = {
        **os.environ,
        "TELEMETRY_DIR": str(place.base),
        "TELEMETRY_AGENT": "auto",
        "PYTHONPATH": str(ROOT),
    }
    app = subprocess.Popen(
        [sys.executable, "-m", "tests.view.story_app", str(RUNS_S)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield place
    finally:
        app.terminate()
        app.communicate(timeout=30)
        agent = living_agent(place)
        if agent is not None:
            os.kill(agent.pid, signal.SIGTERM)
        end_s = time.monotonic() + 20
        while living_agent(place) is not None and time.monotonic() < end_s:
            time.sleep(0.05)


def test_the_story(story: Places) -> None:
    """A burst, a cancelled input, its neighbour that ran again, and its lines."""
    view = View(story, port=0)
    view.start()
    try:
        with chromium() as browser, page(browser, view.link) as shown:
            # Now: functions appear by themselves, and slots above the target are taken.
            shown.set_default_timeout(40_000)
            shown.wait_for_selector("section[aria-label=translate] li.above.taken")
            shown.wait_for_selector("nav ~ .tools >> text=live")
            # The cancellation, with whom it took along.
            shown.keyboard.press("4")
            row = shown.locator("tr", has_text="its whole container was ended")
            row.locator("text=ran again").wait_for()
            cancelled = row.locator("td").first.locator("a")
            neighbour = row.locator(".one a").first.inner_text()
            cancelled.click()
            shown.wait_for_selector("h2 >> text=Cancellation")
            # Its neighbour ran beside it, and was interrupted.
            shown.locator("section", has_text="Neighbours").locator(
                "li", has_text=neighbour
            ).locator("a", has_text=neighbour).click()
            shown.wait_for_selector(f"h1 >> text={neighbour}")
            shown.wait_for_selector("text=2 attempts")
            shown.wait_for_selector("td >> text=because of")
            # And these are its lines, from both attempts.
            shown.wait_for_function(
                "() => document.querySelectorAll('.lines li .event').length >= 2"
            )
            texts = shown.locator(".lines li .event").all_inner_texts()
            assert all("resizing" in each for each in texts)
            # On the timeline, from here.
            shown.click("text=On the timeline")
            shown.wait_for_function(
                "() => window.board && board.shownTiles().some("
                "({ prepared }) => prepared.tile.links.length > 0)"
            )
    finally:
        assert view.stop()
