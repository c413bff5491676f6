"""Pictures of the local web page for the docs, from a replay of a trace.

    python -m scripts.view_pictures --trace FILE [--speed N] [--into FOLDER]

The demo replays the trace in a process of its own. *Now* is taken while inputs run
above their target, all else once the replay has ended: each page in both themes, two
of them as on a phone. A cancellation that took neighbours along is looked for, and
one of those neighbours is the input that is shown.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from playwright.sync_api import sync_playwright

from benchmarks.view import served
from telemetry.pipeline.agent.places import places
from telemetry.pipeline.agent.status import living_agent

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from benchmarks.view_pages import Link

_FOLDER: Final = Path(__file__).parents[1] / "docs" / "images" / "view"
_LAPTOP: Final = (1360, 850)
_PHONE: Final = (390, 800)
_PATIENCE_MS: Final = 120_000
_STILL_MS: Final = 700
_HISTORY_S: Final = 25
"""So much of the replay is in the charts of the first picture."""

_THEMES: Final = ("light", "dark")

_AROUND_DEATH: Final = """async () => {
  const layout = await (await fetch('api/layout')).json();
  const at = layout.moments.find((each) => each.kind === 'crash').at_ms;
  board.following = false;
  board.show({ from: at - 9000, to: at + 9000 }, false);
}"""


def main() -> None:
    """Replay, look, and write the pictures."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument(
        "--trace", type=Path, required=True, help="a CSV, as the demo's"
    )
    arguments.add_argument(
        "--speed", type=float, default=60, help="time compression (60)"
    )
    arguments.add_argument("--into", type=Path, default=_FOLDER, help="where they go")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="view-") as folder:
        place = places(Path(folder) / "base")
        replay = _replay(options.trace, options.speed, place.base)
        with served(place) as link, _chromium() as browser:
            album = _Album(browser, link, options.into)
            try:
                time.sleep(_HISTORY_S)
                album.now()
            finally:
                replay.wait()
            until_s = time.monotonic() + _PATIENCE_MS / 1000
            while living_agent(place) is not None and time.monotonic() < until_s:
                time.sleep(0.1)
            album.rest()


def _replay(trace: Path, speed: float, base: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "examples.demo"),
            *("--trace", str(trace), "--speed", f"{speed:g}"),
        ],
        stdout=subprocess.DEVNULL,
        env={**os.environ, "TELEMETRY_DIR": str(base), "TELEMETRY_AGENT": "auto"},
    )


@contextmanager
def _chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu"],
        )
        try:
            yield browser
        finally:
            browser.close()


class _Album:
    """The pictures of one run."""

    def __init__(self, browser: Browser, link: Link, folder: Path) -> None:
        self._browser = browser
        self._link = link
        self._folder = folder

    def now(self) -> None:
        """While inputs run above their target."""
        for theme in _THEMES:
            with self._page("now", theme) as page:
                self._burst(page)
                self._take(page, f"now-{theme}", at_once=True)
        with self._page("now", "light", _PHONE) as page:
            self._burst(page)
            self._take(page, "now-phone", at_once=True)

    def rest(self) -> None:
        """What can be looked at afterwards."""
        for theme in _THEMES:
            with self._page("timeline", theme) as page:
                self._death(page)
                self._take(page, f"timeline-{theme}")
                neighbour = self._cancellation(page)
                self._take(page, f"cancellation-{theme}")
            with self._page(f"input/{neighbour}", theme) as page:
                page.wait_for_selector("td >> text=because of")
                self._take(page, f"input-{theme}")
            for name, there in (
                ("logs", ".lines li"),
                ("failures", "td"),
                ("containers", "td"),
            ):
                with self._page(name, theme) as page:
                    page.wait_for_selector(there)
                    self._take(page, f"{name}-{theme}")
        with self._page("timeline", "light", _PHONE) as page:
            self._death(page)
            self._take(page, "timeline-phone")

    @staticmethod
    def _burst(page: Page) -> None:
        above = page.locator("li.above.taken").first
        above.wait_for()
        above.scroll_into_view_if_needed()
        # The next burst, now that the page is scrolled to where they are.
        above.wait_for()

    @staticmethod
    def _settled(page: Page) -> None:
        page.wait_for_function(
            "() => window.board && board.view.to > 1e12 && !board.busy"
        )

    def _death(self, page: Page) -> None:
        """Show the seconds around the container that was killed."""
        self._settled(page)
        page.evaluate(_AROUND_DEATH)
        self._settled(page)

    def _cancellation(self, page: Page) -> str:
        """Show one that took neighbours along; the id of one of them."""
        page.select_option("aside select", "cancellation")
        moment = page.locator("aside li", has_text="had to go along").first
        moment.locator("button").click()
        page.wait_for_function("() => board.view.to - board.view.from < 20000")
        self._settled(page)
        href: Any = moment.locator("a[href*='#/input/']").last.get_attribute("href")
        return str(href).rpartition("/")[2]

    @contextmanager
    def _page(
        self, name: str, theme: str, size: tuple[int, int] = _LAPTOP
    ) -> Iterator[Page]:
        context = self._browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if theme == "dark" else "light",
            device_scale_factor=1 if size == _LAPTOP else 2,
        )
        try:
            page = context.new_page()
            page.set_default_timeout(_PATIENCE_MS)
            page.goto(f"{self._link.url}#/{name}")
            yield page
        finally:
            context.close()

    def _take(self, page: Page, name: str, *, at_once: bool = False) -> None:
        if not at_once:
            page.wait_for_timeout(_STILL_MS)
        page.screenshot(path=self._folder / f"{name}.png")
        print(name)


if __name__ == "__main__":
    if shutil.which("chromium") is None:
        sys.exit("scripts.view_pictures needs Chromium: sh scripts/install-browser")
    main()
