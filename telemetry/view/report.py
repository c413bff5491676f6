"""A run as one HTML file: the page with what it would have asked for inside.

It can be mailed, kept as an artifact of a CI job, and opened from disk, offline. Its
size is bounded: what matters most comes first, and what does not fit is left out.
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from telemetry.capture.diagnosis import own_version
from telemetry.pipeline.store.queries.inputs import InputFilter, inputs
from telemetry.pipeline.store.queries.lines import LineFilter, lines
from telemetry.pipeline.store.queries.reading import Reader
from telemetry.view.answers.inputs import Failures, InputDetail
from telemetry.view.answers.lines import Line
from telemetry.view.answers.pages import AgentState, ContainersPage, Overview
from telemetry.view.answers.timeline import Layout, LoadHistory, Tile
from telemetry.view.asking.container_page import containers_page
from telemetry.view.asking.failures import failures
from telemetry.view.asking.inputs import find_input
from telemetry.view.asking.layout import everyone, extent, layout
from telemetry.view.asking.lines import line_of
from telemetry.view.asking.load import histories
from telemetry.view.asking.overview import totals
from telemetry.view.asking.tiles import Stretch, tile
from telemetry.view.asking.times import ns
from telemetry.view.bundle import STATIC

MOST_BYTES: Final = 12_000_000
"""Of the data in a report, about: what a mail takes."""

COLUMNS: Final = 2_048
MOST_BARS: Final = 40_000
MOST_INPUTS: Final = 400
MOST_LINES: Final = 8_000
_SLOWEST: Final = 60
_LINES_EACH: Final = 100


class Report(msgspec.Struct):
    """What stands in the file; see ``web/src/api/embedded.ts``."""

    overview: Overview
    layout: Layout
    tile: Tile
    load: list[LoadHistory]
    inputs: dict[str, InputDetail]
    lines: list[Line]
    failures: Failures
    containers: ContainersPage


def write_report(store: Path, file: Path, *, most_bytes: int = MOST_BYTES) -> int:
    """Write the report of all that is stored; how many bytes it has.

    Raises:
        StoreError: The store cannot be read.
        OSError: The file cannot be written.
    """
    with Reader(store, timeout_s=120) as reader, reader.asking():
        report = gathered(reader, most_bytes)
    text = page(msgspec.json.encode(report))
    file.write_text(text, "utf-8")
    return len(text.encode())


def gathered(reader: Reader, most_bytes: int = MOST_BYTES) -> Report:
    """What a report holds."""
    now_ns = time.time_ns()
    first_ms, last_ms = extent(reader)
    from_ns = ns(first_ms or 0.0)
    to_ns = max(ns(last_ms or 0.0), from_ns + COLUMNS) + 1
    stretch = Stretch(from_ns, to_ns, COLUMNS, to_ns)
    known = everyone(reader)
    found_failures = failures(reader)
    details = _details(reader, _worth_a_look(reader, found_failures), most_bytes // 3)
    functions = totals(reader)
    return Report(
        overview=Overview(
            version=own_version(),
            store="report",
            now_ms=now_ns / 1e6,
            first_ms=first_ms,
            last_ms=last_ms,
            inputs=sum(each.inputs for each in functions),
            lines=int(reader.one("select max(id) - min(id) + 1 from logs") or 0),
            size_bytes=0,
            functions=functions,
            agent=AgentState(alive=False),
            problems=[],
        ),
        layout=layout(reader, "report", to_ns),
        tile=tile(reader, stretch, known, MOST_BARS),
        load=histories(reader, Stretch(from_ns, to_ns, 400, to_ns), known),
        inputs=details,
        lines=_lines(reader, details, most_bytes // 2),
        failures=found_failures,
        # Black boxes do not travel with a report.
        containers=containers_page(reader, Path("/nonexistent"), to_ns),
    )


def page(data: bytes) -> str:
    """The whole file around *data*, which is JSON."""
    script = (STATIC / "app.js").read_text("utf-8").replace("</script", "<\\/script")
    style = (STATIC / "app.css").read_text("utf-8")
    icon = base64.b64encode((STATIC / "icon.svg").read_bytes()).decode()
    # Within a script element, only these could end it or begin a comment.
    inert = data.decode().replace("<", "\\u003c").replace("\u2028", "\\u2028")
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; "
        "img-src data:; base-uri 'none'; form-action 'none'; "
        "require-trusted-types-for 'script'; trusted-types svelte-trusted-html"
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>telemetry report</title>
<link rel="icon" href="data:image/svg+xml;base64,{icon}">
<style>{style}</style>
</head>
<body>
<div id="app"></div>
<noscript>This report needs JavaScript.</noscript>
<script type="application/json" id="report">{inert}</script>
<script type="module">{script}</script>
</body>
</html>
"""


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _worth_a_look(reader: Reader, found: Failures) -> Iterable[str]:
    """Inputs that somebody may want to open, the most interesting first."""
    for each in found.cancellations:
        yield each.input.input_id
        yield from (moved.input_id for moved in each.moved)
    for group in found.groups:
        yield from group.inputs
    yield from (each.input_id for each in found.lost)
    for outcome in ("error", "timeout", "lost"):
        failed = inputs(reader, InputFilter(outcome=outcome), limit=_SLOWEST)
        yield from (each.input_id for each in failed.inputs)
    for order in ("slowest", "waited", "newest"):
        some = inputs(reader, InputFilter(), order=order, limit=_SLOWEST)
        yield from (each.input_id for each in some.inputs)


def _details(
    reader: Reader, wanted: Iterable[str], most_bytes: int
) -> dict[str, InputDetail]:
    found: dict[str, InputDetail] = {}
    for input_id in wanted:
        if input_id in found:
            continue
        detail = find_input(reader, input_id)
        if detail is None:
            continue
        most_bytes -= len(msgspec.json.encode(detail))
        if most_bytes < 0 or len(found) >= MOST_INPUTS:
            break
        found[input_id] = detail
    return found


def _lines(reader: Reader, of: Iterable[str], most_bytes: int) -> list[Line]:
    """Lines of those inputs, then warnings and errors, then the newest."""
    filters = [LineFilter(input_id=each) for each in of]
    kept: dict[int, Line] = {}
    wanted = [(each, _LINES_EACH) for each in filters]
    wanted += [(LineFilter(level="warning"), 2_000), (LineFilter(), 2_000)]
    for which, limit in wanted:
        for stored in lines(reader, which, limit=limit).lines:
            if stored.number in kept:
                continue
            line = line_of(stored)
            most_bytes -= len(msgspec.json.encode(line))
            if most_bytes < 0 or len(kept) >= MOST_LINES:
                return _sorted(kept)
            kept[stored.number] = line
    return _sorted(kept)


def _sorted(kept: dict[int, Line]) -> list[Line]:
    return sorted(kept.values(), key=lambda each: (each.at_ms, each.id))
