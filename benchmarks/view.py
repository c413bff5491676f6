"""How the local web page behaves over a large store, in a real Chromium.

    python -m benchmarks.view [--json FILE] [--quick] [--tail SECONDS]

A store with 100,000 inputs and 1,000,000 lines is filled with an invented run. Then a
`telemetry view` of its own process is looked at by a Chromium without a screen or a
graphics card: the first paint, frames per second while the timeline is dragged and
zoomed, searches, and memory of the page and of an agent while a program says 2,000
lines each second.
"""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks.report import Report, parser
from benchmarks.view_pages import Chromium, Link
from benchmarks.view_tail import HEAD, tail
from telemetry.pipeline.agent.places import Places, places
from telemetry.view.bundle import STATIC
from tests.view.filling import Filling

PAGES: Final = ("now", "timeline", "logs", "failures", "containers")
SEARCHES: Final = (
    ("a word in every eighth line", "text=tokens"),
    ("a phrase", "text=calling%20the%20model"),
    ("a word that is rare", "text=owned"),
    ("a word that is nowhere", "text=zebra"),
    ("a word, errors only", "text=work&level=error"),
    ("a word, of one function", "text=tokens&function=resize"),
    ("lines of one input", "input={input}"),
    ("the newest lines", ""),
)
_TIMES: Final = 7
_TAIL_S: Final = 60.0
_WINDOWS: Final = (("the whole run", 1.0), ("a twentieth", 0.05), ("5 s", 0.0))
"""How much of the run the timeline shows while it is moved; 0 for five seconds."""


def main() -> None:
    """Measure, and print."""
    arguments = parser(__doc__, rounds=None)
    arguments.add_argument(
        "--tail", type=float, help=f"seconds of live tail ({_TAIL_S:g}, quick 2)"
    )
    arguments.add_argument(
        "--folder", type=Path, help="of a store that was filled before; filled if empty"
    )
    options = arguments.parse_args()
    report = Report("The local view", options, ("starlette", "uvicorn", "playwright"))
    seconds, lines_each = (60.0, 4.0) if options.quick else (4_800.0, 10.0)
    with tempfile.TemporaryDirectory(prefix="view-") as folder:
        place = places(options.folder or Path(folder) / "base")
        began_s = time.monotonic()
        if not place.store.exists():
            Filling(place.store, seconds=seconds, lines_each=lines_each).run()
        _store(report, place, time.monotonic() - began_s)
        times = 1 if options.quick else _TIMES
        with served(place) as link:
            _answers(report, link, times)
            with Chromium() as chromium:
                _paint(report, chromium, link, times)
                _frames(report, chromium, link, quick=options.quick)
                tail_s = options.tail or (2.0 if options.quick else _TAIL_S)
                rows = tail(chromium, places(Path(folder) / "tail"), tail_s)
                _table(report, "Live tail", [*HEAD], rows, texts=0)
    _bundle(report)
    report.close()


@contextmanager
def served(place: Places) -> Iterator[Link]:
    """A view over that folder, in a process of its own."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "telemetry", "view", "--no-open"),
            *("--port", "0", "--directory", str(place.base)),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None  # noqa: S101  # it was asked for
    try:
        yield Link(process.stdout.readline().strip(), process.pid)
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def _store(report: Report, place: Places, filled_s: float) -> None:
    import sqlite3  # noqa: PLC0415  # for three counts

    with sqlite3.connect(place.store) as store:
        counts = [
            store.execute(f"select count(*) from {table}").fetchone()[0]  # noqa: S608  # of ours
            for table in ("inputs", "executions", "logs", "containers")
        ]
    size = place.store.stat().st_size / 1e6
    row = [*(f"{each:,}" for each in counts), f"{size:,.0f}", f"{filled_s:,.0f}"]
    head = ["inputs", "executions", "lines", "containers", "MB", "s to fill"]
    _table(report, "What is in the store", head, [row], texts=0)


def _answers(report: Report, link: Link, times: int) -> None:
    rows = []
    newest = json.loads(link.get("lines?level=error&limit=1"))["lines"]
    input_id = newest[0]["input_id"]
    for name, query in SEARCHES:
        path = f"lines?{query.format(input=input_id)}"
        took = [link.ask(path) for _ in range(times)]
        rows.append([name, f"{took[-1].items}", *_spread([t.ms for t in took])])
    for name, path in (
        ("overview", "overview"),
        ("layout of the timeline", "layout"),
        ("tile: the whole run", _whole_tile(link)),
        ("one input", f"inputs/{input_id}"),
        ("containers", "containers"),
        ("failures", "failures"),
    ):
        took = [link.ask(path) for _ in range(times)]
        rows.append(
            [name, f"{took[-1].bytes / 1e3:.0f} kB", *_spread([t.ms for t in took])]
        )
    head = ["question", "answer", "median ms", "max ms"]
    _table(report, "Questions", head, rows)


def _whole_tile(link: Link) -> str:
    layout = json.loads(link.get("layout"))
    width = layout["last_ms"] - layout["first_ms"]
    level = min(max(int(width).bit_length(), 6), 36)
    return f"tiles/{level}/{int(layout['first_ms']) >> level}"


def _paint(report: Report, chromium: Chromium, link: Link, times: int) -> None:
    rows = []
    for page in PAGES:
        found = [chromium.paint(link, page) for _ in range(times)]
        rows.append(
            [
                page,
                *_spread([each.first_ms for each in found]),
                *_spread([each.data_ms for each in found]),
            ]
        )
    head = ["page", "first paint ms", "max", "with its data ms", "max"]
    _table(report, "From the address to something to see", head, rows)


def _frames(report: Report, chromium: Chromium, link: Link, *, quick: bool) -> None:
    rows = []
    seconds = 0.6 if quick else 5.0
    for name, share in _WINDOWS[: 1 if quick else None]:
        for how in ("drag", "zoom"):
            found = chromium.move(link, how, share, seconds)
            rows.append(
                [
                    f"{how}, {name}",
                    f"{found.fps:.0f}",
                    f"{found.interval_p95_ms:.1f}",
                    f"{found.interval_max_ms:.0f}",
                    f"{found.draw_p50_ms:.1f}",
                    f"{found.draw_p95_ms:.1f}",
                    f"{found.shapes:,}",
                ]
            )
    head = [
        *("timeline", "frames/s", "interval p95 ms", "max"),
        *("draw p50 ms", "p95", "shapes"),
    ]
    _table(report, "Frames", head, rows)


def _bundle(report: Report) -> None:
    files = sorted(STATIC.iterdir())
    rows = [
        [each.name, f"{each.stat().st_size / 1e3:.1f}", f"{_gzipped(each) / 1e3:.1f}"]
        for each in files
    ]
    total = sum(_gzipped(each) for each in files)
    rows.append(["all", "", f"{total / 1e3:.1f}"])
    _table(report, "The page", ["file", "kB", "gzipped kB"], rows)


def _gzipped(path: Path) -> int:
    return len(gzip.compress(path.read_bytes()))


def _spread(values: Sequence[float]) -> list[str]:
    ordered = sorted(values)
    return [f"{ordered[len(ordered) // 2]:.0f}", f"{ordered[-1]:.0f}"]


def _table(
    report: Report,
    title: str,
    head: list[str],
    rows: list[list[str]],
    texts: int = 1,
) -> None:
    report.table(title, head, rows, texts)
    data: list[dict[str, Any]] = [dict(zip(head, row, strict=True)) for row in rows]
    report.keep(title, data)


if __name__ == "__main__":
    if shutil.which("chromium") is None:
        sys.exit("benchmarks.view needs Chromium: sh scripts/install-browser")
    main()
