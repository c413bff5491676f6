"""The page in a real Chromium, over a run that is stored."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from telemetry.pipeline.agent.places import Places
from telemetry.view.report import write_report
from telemetry.view.serving import View
from tests.view.chromium import PHONE, chromium, page
from tests.view.filling import Filling

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PAGES = ["now", "timeline", "logs", "failures", "containers"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for all."""
    with chromium() as found:
        yield found


@pytest.fixture
def shown(browser: Browser, view: View) -> Iterator[Page]:
    """The page on a laptop."""
    with page(browser, view.link) as found:
        yield found


def _go(shown: Page, address: str) -> None:
    shown.evaluate("hash => { location.hash = hash }", address)


def test_the_token_does_not_stay_in_the_address(shown: Page) -> None:
    """Nobody sends it along by copying the address bar."""
    shown.wait_for_selector("nav")

    assert "token" not in shown.url
    shown.reload()
    shown.wait_for_selector("text=All that is stored")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_each_page_is_readable(browser: Browser, view: View, theme: str) -> None:
    """With the contrast of WCAG AA in both themes, and on a phone not sideways."""
    with page(browser, view.link, theme=theme, size=PHONE, touch=True) as shown:
        for name in PAGES:
            _go(shown, f"#/{name}")
            shown.wait_for_selector("h1", state="attached")
            shown.wait_for_selector("td, canvas, .lines li")

            assert shown.evaluate(_OVERFLOW) <= PHONE[0], name
            assert shown.evaluate(_FAINT) == [], name


TWO_FRAMES = """() => new Promise((done) =>
  requestAnimationFrame(() => requestAnimationFrame(done)))"""

_OVERFLOW = "() => document.scrollingElement.scrollWidth"

# WCAG 2.2, 1.4.3: at least 4.5 to 1. Colours as they are computed, over the nearest
# background that is not transparent; what is mixed comes as color(srgb ...).
_FAINT = """() => {
  const parse = (text) => {
    const n = text.match(/-?[\\d.]+(?:e-?\\d+)?/g).map(Number);
    const k = text.startsWith('color(') ? 255 : 1;
    return [n[0] * k, n[1] * k, n[2] * k, n[3] === undefined ? 1 : n[3]];
  };
  const light = ([r, g, b]) => {
    const f = (v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b);
  };
  const over = (top, below) =>
    [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3]));
  const ground = (node) => {
    const stack = [];
    for (let at = node; at; at = at.parentElement) {
      const c = parse(getComputedStyle(at).backgroundColor);
      if (c[3] > 0) stack.push(c);
      if (c[3] >= 1) break;
    }
    return stack.reverse().reduce((below, top) => over(top, below), [255, 255, 255]);
  };
  const found = new Set();
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !node.checkVisibility()) continue;
    if (node.closest('.visually-hidden, canvas, .u-wrap, option')) continue;
    const below = ground(node);
    const text = light(over(parse(getComputedStyle(node).color), below));
    const back = light(below);
    const ratio = (Math.max(text, back) + 0.05) / (Math.min(text, back) + 0.05);
    const said = walk.currentNode.data.slice(0, 30);
    if (ratio < 4.5) found.add(`${node.className}: ${said} ${ratio.toFixed(2)}`);
  }
  return [...found].slice(0, 5);
}"""


def test_the_theme_can_be_chosen_and_is_kept(browser: Browser, view: View) -> None:
    """By the button or a key, whatever the system says; back again is no choice."""
    with page(browser, view.link, theme="light") as shown:
        shown.wait_for_selector("nav")
        shown.keyboard.press("t")
        assert _theme(shown) == "dark"
        shown.reload()
        shown.wait_for_selector("nav")
        assert _theme(shown) == "dark"
        shown.click("button[aria-label='Change to light colours']")
        assert _theme(shown) == "light"
        shown.emulate_media(color_scheme="dark")
        shown.wait_for_function(
            "() => document.documentElement.dataset.theme == 'dark'"
        )


def _theme(shown: Page) -> Any:
    return shown.evaluate("document.documentElement.dataset.theme")


def test_hostile_lines_are_shown_and_not_run(shown: Page) -> None:
    """Markup is text, colours are styles, what reorders text is named."""
    _go(shown, "#/logs?text=%3Cscript")
    shown.wait_for_selector(".lines li >> text=<script>")

    assert shown.evaluate("document.title") != "owned"
    assert shown.locator(".lines script, .lines img").count() == 0
    _go(shown, "#/logs?text=user")
    shown.wait_for_selector(".lines .code >> text=U+202E")
    _go(shown, "#/logs?level=warning&text=link")
    shown.wait_for_selector(".lines .ansi-red >> text=red")
    assert shown.locator(".lines a[href^='http']").count() == 0


def test_a_long_line_is_fetched_when_asked_for(shown: Page) -> None:
    """Its beginning is shown, and how much there is more."""
    _go(shown, "#/logs?text=" + "x" * 40)
    shown.click("text=/ more of this line/")

    shown.wait_for_selector("text=fifth row")


def test_the_timeline_tells_cause_and_effect(shown: Page, run: Filling) -> None:
    """From the moment in words to the place in the picture, to the input itself."""
    _go(shown, "#/timeline")
    moment = shown.locator("aside li", has_text=run.ids["cancelled"][-6:])
    shown.select_option("aside select", "cancellation")
    moment.wait_for()
    assert "had to go along" in moment.inner_text()
    moment.locator("button").click()
    shown.wait_for_function("() => board.view.to - board.view.from < 5000")
    shown.wait_for_function("() => !board.busy")
    _click_on_bar(shown, run.ids["neighbour"])

    shown.wait_for_selector(f"h1 >> text={run.ids['neighbour'][-6:]}")
    shown.wait_for_selector("text=interrupted: its container had to go")
    because = shown.locator("td", has_text="because of")
    assert run.ids["cancelled"][-6:] in because.inner_text()


def _click_on_bar(shown: Page, input_id: str) -> None:
    """Click into the middle of the first bar of an input, once it is found there."""
    spot = shown.wait_for_function(_SPOT_OF_BAR, arg=input_id).json_value()
    # The page hears of the scroll with one frame, and has drawn it with the next.
    shown.evaluate(TWO_FRAMES)
    shown.click("canvas", position=spot)


_SPOT_OF_BAR = """(wanted) => {
  for (const { prepared } of board.shownTiles()) {
    const { bars, containers, from_ms } = prepared.tile;
    const at = bars.input.indexOf(wanted);
    if (at < 0) continue;
    const { lane } = board.floor.byId.get(containers[bars.container[at]]);
    const scroller = document.querySelector('.scroller');
    scroller.scrollTop = lane.y - 100;
    const { from, to } = board.view;
    const width = scroller.clientWidth;
    const x = (ms) => ((from_ms + ms - from) / (to - from)) * width;
    const left = Math.max(x(bars.start[at]), 0);
    const right = Math.min(x(bars.end[at]), width);
    const middle = (left + right) / 2;
    const y = lane.y + lane.height - 1 - (bars.slot[at] + 0.5) * lane.row;
    if (board.under(middle, y)?.bar?.input !== wanted) return null;
    return { x: middle, y: y + 26 - scroller.scrollTop };
  }
  return null;
}"""


def test_the_board_is_busy_until_its_window_stands_still(shown: Page) -> None:
    """Whoever waits for it, as a measurement does, then sees what will stay."""
    shown.wait_for_selector("nav")
    shown.keyboard.press("2")
    shown.wait_for_function("() => window.board && board.view.to > 1e12 && !board.busy")
    width = shown.evaluate(
        """() => {
          const { from, to } = board.view;
          const width = (to - from) / 64;
          board.show({ from, to: from + width });
          return width;
        }"""
    )
    seen = shown.wait_for_function(
        "() => !board.busy && { width: board.view.to - board.view.from }"
    ).json_value()

    assert seen["width"] == pytest.approx(width, rel=1e-3)


def test_keys_move_the_timeline(shown: Page) -> None:
    """Arrows, plus, zero; and each page has a number."""
    shown.wait_for_selector("nav")
    shown.keyboard.press("2")
    shown.wait_for_function("() => window.board && board.view.to > 1e12")
    whole = shown.evaluate("board.view")
    shown.keyboard.press("+")
    shown.wait_for_function(
        "(w) => board.view.to - board.view.from < (w.to - w.from) * 0.7", arg=whole
    )
    before = shown.evaluate("board.view.from")
    shown.keyboard.press("ArrowRight")
    shown.wait_for_function("(b) => board.view.from > b", arg=before)
    shown.keyboard.press("0")
    shown.wait_for_function(
        "(w) => Math.abs(board.view.from - w.from) < 1000", arg=whole
    )
    shown.keyboard.press("3")
    shown.wait_for_selector("#search")
    shown.keyboard.press("/")
    shown.keyboard.type("tokens")
    shown.wait_for_function("() => location.hash.includes('text=tokens')")
    shown.keyboard.press("Escape")
    shown.keyboard.press("?")
    shown.wait_for_selector("dialog[open]")


def test_a_link_leads_to_the_same_place(
    browser: Browser, view: View, run: Filling
) -> None:
    """What is copied opens the same input, for whoever has been let in."""
    with page(browser, view.link) as shown:
        _go(shown, f"#/input/{run.ids['cancelled'][-6:]}")
        shown.click("text=Copy link")
        copied = shown.evaluate("navigator.clipboard.readText()")
        shown.click("text=Copy as command")
        command = shown.evaluate("navigator.clipboard.readText()")
        shown.goto(copied)
        shown.wait_for_selector(f"h1 >> text={run.ids['cancelled'][-6:]}")

    assert "token" not in copied and copied.endswith(run.ids["cancelled"])
    assert command == f"telemetry trace {run.ids['cancelled']}"


def test_a_report_needs_neither_server_nor_network(
    browser: Browser, place: Places, run: Filling, tmp_path: Path
) -> None:
    """From disk: the same pages, with what fits of the run, and nothing asked for."""
    file = tmp_path / "run.html"
    assert write_report(place.store, file) < 15_000_000

    with page(browser, file.as_uri()) as shown:
        shown.wait_for_selector("text=All that is stored")
        shown.wait_for_selector("nav >> text=Summary")
        _go(shown, f"#/input/{run.ids['neighbour']}")
        shown.wait_for_selector("text=interrupted: its container had to go")
        shown.wait_for_selector(".lines li")
        _go(shown, "#/timeline")
        shown.wait_for_function("() => board.shownTiles().length > 0")
        assert shown.evaluate("board.floor.groups.length") == 3
        _go(shown, "#/logs?level=error")
        shown.wait_for_selector(".lines li >> text=it did not work")
        for name in ("failures", "containers"):
            _go(shown, f"#/{name}")
            shown.wait_for_selector("td")


def test_the_page_says_when_nobody_answers(browser: Browser, tmp_path: Path) -> None:
    """And goes on by itself when somebody does, with a word about it."""
    from telemetry.pipeline.agent.places import places

    place = places(tmp_path / "base")
    run = Filling(place.store, seconds=8)
    run.run()
    view = View(place, port=0)
    view.start()
    port = int(view.address.rpartition(":")[2].strip("/"))
    with page(browser, view.link) as shown:
        shown.wait_for_selector("text=no agent runs")
        assert view.stop()
        shown.wait_for_selector("text=no answer, trying again")
        shown.evaluate("console.clear()")
        view = View(place, port=port)
        view.start()
        try:
            shown.wait_for_selector("text=The view answers again")
            shown.wait_for_selector("text=no agent runs")
        finally:
            shown.goto("about:blank")
            assert view.stop()
