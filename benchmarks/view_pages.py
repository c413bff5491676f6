"""A Chromium that looks at the local view and tells how that went."""

from __future__ import annotations

import http.client
import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from playwright.sync_api import Page

_READY = {
    "now": "h2 >> text=All that is stored",
    "timeline": "aside li button",
    "logs": ".lines li",
    "failures": "td",
    "containers": "td",
}
_SIZE = {"width": 1360, "height": 850}


class Asked(NamedTuple):
    """How one question went. *items*: lines, where there are any."""

    ms: float
    bytes: int
    items: int


class Painted(NamedTuple):
    """Milliseconds from the navigation on."""

    first_ms: float
    data_ms: float


class Moved(NamedTuple):
    """Frames while the timeline was moved. *shapes*: bars and dots in the tiles."""

    fps: float
    interval_p95_ms: float
    interval_max_ms: float
    draw_p50_ms: float
    draw_p95_ms: float
    shapes: int


class Link:
    """Where a view is served, and by which process."""

    def __init__(self, url: str, pid: int) -> None:
        self.url = url
        self.pid = pid
        self.address, _, self._token = url.partition("?token=")
        self._host = self.address.removeprefix("http://").rstrip("/")

    def get(self, path: str) -> bytes:
        """What ``/api/`` *path* answers."""
        connection = http.client.HTTPConnection(self._host, timeout=60)
        cookie = f"telemetry-view-{self._host.rpartition(':')[2]}={self._token}"
        try:
            connection.request("GET", f"/api/{path}", headers={"cookie": cookie})
            return connection.getresponse().read()
        finally:
            connection.close()

    def ask(self, path: str) -> Asked:
        """The same, with how long it took."""
        began_s = time.perf_counter()
        body = self.get(path)
        took_ms = (time.perf_counter() - began_s) * 1000
        data = json.loads(body)
        lines = data.get("lines", []) if isinstance(data, dict) else []
        return Asked(took_ms, len(body), len(lines) if isinstance(lines, list) else 0)


class Chromium:
    """One browser, without a screen or a graphics card."""

    def __enter__(self) -> Self:
        self._playwright = sync_playwright().start()
        self._browser = self._playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu", "--enable-precise-memory-info"],
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._browser.close()
        self._playwright.stop()

    @contextmanager
    def page(self, link: Link, name: str) -> Iterator[Page]:
        """A page in a profile of its own, with its data there."""
        context = self._browser.new_context(viewport=_SIZE)  # type: ignore[arg-type]  # two numbers
        try:
            page = context.new_page()
            page.goto(f"{link.url}#/{name}")
            page.wait_for_selector(_READY[name])
            yield page
        finally:
            context.close()

    def paint(self, link: Link, name: str) -> Painted:
        """Open a page with nothing in any cache."""
        context = self._browser.new_context(viewport=_SIZE)  # type: ignore[arg-type]  # as above
        try:
            page = context.new_page()
            page.goto(f"{link.url}#/{name}", wait_until="commit")
            page.wait_for_selector(_READY[name])
            data_ms = page.evaluate("performance.now()")
            first_ms = page.evaluate(
                "performance.getEntriesByName('first-contentful-paint')[0].startTime"
            )
            return Painted(first_ms, data_ms)
        finally:
            context.close()

    def move(self, link: Link, how: str, share: float, seconds: float) -> Moved:
        """Drag or zoom the timeline as a hand would, and count frames.

        Args:
            share: Of the run, that fills the window; 0 for five seconds.
        """
        with self.page(link, "timeline") as page:
            page.evaluate(_SHOW, share)
            page.wait_for_timeout(300)
            page.wait_for_function("() => !board.busy")
            found: dict[str, Any] = page.evaluate(
                _MOVE, {"how": how, "ms": seconds * 1000}
            )
        return Moved(**found)

    def memory(self, page: Page) -> tuple[int, int, int]:
        """Bytes of the page's heap after a collection, nodes, lines that it shows."""
        session = page.context.new_cdp_session(page)
        session.send("HeapProfiler.collectGarbage")
        heap = session.send("Runtime.getHeapUsage")["usedSize"]
        nodes = session.send("Memory.getDOMCounters")["nodes"]
        session.detach()
        return int(heap), int(nodes), page.locator(".lines li").count()


_SHOW = """(share) => {
  const { from, to } = board.whole;
  const width = share ? (to - from) * share : 5000;
  const middle = from + (to - from) * 0.45;
  const begin = share === 1 ? from : middle - width / 2;
  board.following = false;
  board.show({ from: begin, to: begin + width }, false);
}"""

# Real events at the canvas, once a frame, as a mouse sends them.
_MOVE = """async ({ how, ms }) => {
  const canvas = document.querySelector('canvas');
  const box = canvas.getBoundingClientRect();
  const at = (x) => ({
    clientX: box.left + x, clientY: box.top + 200, pointerId: 1, button: 0,
    bubbles: true, cancelable: true, pointerType: 'mouse',
  });
  canvas.setPointerCapture = () => undefined;
  canvas.hasPointerCapture = () => true;
  const intervals = [];
  board.costsMs.length = 0;
  const middle = box.width / 2;
  if (how === 'drag') canvas.dispatchEvent(new PointerEvent('pointerdown', at(middle)));
  const began = performance.now();
  let before = began;
  for (;;) {
    const now = await new Promise(requestAnimationFrame);
    if (before !== began) intervals.push(now - before);
    before = now;
    const t = (now - began) / 1000;
    if (now - began > ms) break;
    if (how === 'drag') {
      const x = middle + Math.sin(t * 2) * box.width * 0.4;
      canvas.dispatchEvent(new PointerEvent('pointermove', at(x)));
    } else {
      const deltaY = Math.sin(t * 2) > 0 ? -18 : 18;
      const turn = { ...at(middle), deltaY, ctrlKey: true };
      canvas.dispatchEvent(new WheelEvent('wheel', turn));
    }
  }
  const sorted = (list) => [...list].sort((a, b) => a - b);
  const part = (list, share) =>
    list[Math.min(Math.floor(list.length * share), list.length - 1)];
  const waits = sorted(intervals);
  const costs = sorted(board.costsMs);
  const shapes = board.shownTiles().reduce(
    (sum, { prepared: { tile } }) =>
      sum + tile.bars.slot.length + tile.dots.slot.length, 0);
  return {
    fps: (1000 * intervals.length) / intervals.reduce((sum, each) => sum + each, 0),
    interval_p95_ms: part(waits, 0.95),
    interval_max_ms: waits.at(-1),
    draw_p50_ms: part(costs, 0.5),
    draw_p95_ms: part(costs, 0.95),
    shapes,
  };
}"""
