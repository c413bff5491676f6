"""A real Chromium for the tests of the page, and how they tell that there is none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import pytest

from tests.stack.programs import REQUIRED_VARIABLE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
LAPTOP: Final = (1360, 850)
PHONE: Final = (390, 800)


def needed() -> str:
    """Where it lies; without it the test is skipped, or fails."""
    for name in NAMES:
        if found := shutil.which(name):
            return found
    lacking = "NOT CHECKED: no Chromium; `sh scripts/install-browser` installs it"
    if "browser" in os.environ.get(REQUIRED_VARIABLE, "").split(","):
        pytest.fail(f"{REQUIRED_VARIABLE} names browser, and {lacking}")
    pytest.skip(lacking)


@contextmanager
def chromium() -> Iterator[Browser]:
    """One that runs without a screen."""
    path = needed()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Without its sandbox, which root cannot have; it sees our own pages only.
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def page(
    browser: Browser,
    link: str,
    *,
    size: tuple[int, int] = LAPTOP,
    theme: str = "light",
    touch: bool = False,
) -> Iterator[Page]:
    """The page behind *link*, in a profile of its own; its problems fail the test."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme=theme,  # type: ignore[arg-type]  # light or dark
        has_touch=touch,
        permissions=["clipboard-read", "clipboard-write"],
    )
    problems: list[str] = []
    found = context.new_page()
    found.on("pageerror", lambda error: problems.append(str(error)))
    found.on(
        "console",
        lambda said: (
            problems.append(said.text)
            if said.type == "error" and "404" not in said.text
            else None
        ),
    )
    host = link.partition("?")[0]
    found.on(
        "request",
        lambda asked: (
            None
            if asked.url.startswith((host, "data:", "blob:", "file:"))
            else problems.append(f"asks {asked.url}")
        ),
    )
    found.set_default_timeout(15_000)
    try:
        found.goto(link)
        yield found
    finally:
        context.close()
    # A store that is still being begun is no fault of the page: it asks again.
    problems = [each for each in problems if "status of 503" not in each]
    assert not problems, problems
