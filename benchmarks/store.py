"""What it costs to keep records in the store, and to ask for them.

    python -m benchmarks.store [--rounds N] [--lines N] [--json FILE] [--quick]

Own records are those of a box with twenty lines in each input: taken in as they come
from its reader, and with the reader's work on top. The floor writes rows of the same
columns that are there already. A foreign line is as the receiver decodes it. Of the
outbox a record is a 512th of a request of 82 kB, as the targets have it; its floor
writes those requests to a file. All of it is committed; none of it is synced.

Then a store of --lines lines is made (ten million), and asked. Each question is put
several times, by a reader of its own; the first time the file may come from the disk.
"""

from __future__ import annotations

import argparse
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from benchmarks import store_data as data
from benchmarks.measure import Case, Measured, Plan, measure
from benchmarks.report import Report, parser, rounds_of
from benchmarks.store_work import (
    FILE,
    FLOOR,
    FOREIGN,
    LINES,
    OUTBOX,
    PROCESS,
    READ,
    TAKEN,
    Work,
)
from telemetry.pipeline.store.intake import Intake
from telemetry.pipeline.store.queries.functions import functions
from telemetry.pipeline.store.queries.inputs import InputFilter, inputs
from telemetry.pipeline.store.queries.lines import LineFilter, lines
from telemetry.pipeline.store.queries.reading import Reader
from telemetry.pipeline.store.search import SearchIndex
from telemetry.pipeline.store.writing import Store

_RECORDS: Final = 84_000  # 4,000 inputs
_QUICK_RECORDS: Final = 2_100
_REQUESTS: Final = 400
_QUICK_REQUESTS: Final = 20
_LINES: Final = 10_000_000
_QUICK_LINES: Final = 20_000
_ASKED: Final = 7
_RATES: Final = (
    # Target, what, records per second and core that are wanted.
    ("T15", OUTBOX, 1_000_000),
    ("T15", TAKEN, 400_000),
    ("T15", LINES, 400_000),
    ("T15", READ, 400_000),
    ("T15", FOREIGN, 250_000),
)


def rates(folder: Path, options: argparse.Namespace) -> Measured:
    """What a record costs on each way into the store."""
    count = _QUICK_RECORDS if options.quick else _RECORDS
    requests = _QUICK_REQUESTS if options.quick else _REQUESTS
    of_requests = requests * data.PER_REQUEST
    found = Work(folder, count, requests).cases
    cases = [
        Case(name, run, of_requests if name in {OUTBOX, FILE} else count)
        for name, run in found.items()
    ]
    return measure(cases, Plan(rounds_of(options), 0.0))


def report_rates(report: Report, measured: Measured) -> None:
    """Records per second and core beside the targets."""
    rows = []
    for target, name, wanted in _RATES:
        used_us = measured.cpu_median_us(name) or measured.median_us(name)
        rate = 1e6 / used_us
        verdict = "met" if rate >= wanted else f"missed by {wanted / rate:.1f} x"
        rows.append([target, name, f"{wanted:,}", f"{rate:,.0f}", verdict])
    head = ["target", "records per second and core", "at least", "found", "verdict"]
    report.table("Targets", head, rows, texts=2)


def large(folder: Path, count: int, report: Report) -> Path:
    """A store of so many lines, fully indexed; told what it took."""
    path = folder / "store.sqlite"
    store = Store(path)
    index = SearchIndex(store)
    intake = Intake(store)
    taken_s = 0.0
    for found in data.many_lines(count):
        began_s = time.process_time()
        with store.transaction():
            intake.take(intake.processes.number(PROCESS), found)
        taken_s += time.process_time() - began_s
    began_s = time.process_time()
    while index.catch_up():
        pass
    indexed_s = time.process_time() - began_s
    store.checkpoint()
    store.close()
    size = path.stat().st_size
    report.table(
        f"A store of {count:,} lines",
        ["what", "figure"],
        [
            [
                f"CPU s to take them in ({data.PER_INPUT} per input)",
                f"{taken_s:.1f}",
            ],
            ["CPU s to index them for full text", f"{indexed_s:.1f}"],
            ["lines indexed per second and core", f"{count / indexed_s:,.0f}"],
            ["MiB on disk", f"{size / 2**20:,.0f}"],
            ["bytes per line", f"{size / count:,.0f}"],
        ],
    )
    return path


def ask(path: Path, count: int, report: Report) -> None:
    """Put questions to a large store."""
    input_id = data.input_id(count // 2 // data.PER_INPUT)
    end_ns = data.T0_NS + count * data.STEP_NS
    hour: dict[str, Any] = {"since_ns": end_ns - 3_600 * 10**9, "until_ns": end_ns}
    questions: dict[str, Callable[[Reader], int]] = {
        "one input's lines": lambda r: _count(r, input_id=input_id),
        "the newest 200 lines": _count,
        "full text, a word of one line": lambda r: _count(
            r, text=data.rare(count // 3)
        ),
        "full text, a word of each line": lambda r: _count(r, text="done"),
        "full text, a word of no line": lambda r: _count(r, text="nonesuch"),
        "last hour by function, 200 lines": lambda r: _count(
            r, function=data.FUNCTIONS[0], **hour
        ),
        "last hour, errors": lambda r: _count(r, level="error", **hour),
        "errors of all time": lambda r: _count(r, level="error"),
        "last hour, functions in figures": lambda r: len(functions(r, **hour)),
        "last hour, the slowest inputs": lambda r: len(
            inputs(r, InputFilter(**hour), order="slowest").inputs
        ),
    }
    rows = []
    for name, question in questions.items():
        times: list[float] = []
        found = 0
        with Reader(path, timeout_s=600) as reader:
            for _ in range(_ASKED):
                began_s = time.perf_counter()
                found = question(reader)
                times.append((time.perf_counter() - began_s) * 1e3)
        first, *others = times
        middle = statistics.median(others)
        rows.append([name, f"{found}", f"{middle:,.1f}", f"{first:,.1f}"])
    report.table("Questions", ["question", "rows", "median ms", "first ms"], rows)
    report.keep("questions", rows)


def _count(reader: Reader, **wanted: Any) -> int:  # noqa: ANN401  # fields of a filter
    return len(lines(reader, LineFilter(**wanted)).lines)


def main() -> None:
    """Measure, and print tables."""
    arguments = parser(__doc__, rounds=5)
    arguments.add_argument("--lines", type=int, help=f"of the large store ({_LINES:,})")
    options = arguments.parse_args()
    quick: bool = options.quick
    report = Report("The store", options)
    report.line(f"SQLite {sqlite3.sqlite_version}")
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        measured = rates(folder, options)
        report.measured("One record", measured, FLOOR)
        report_rates(report, measured)
        lines_ = options.lines or (_QUICK_LINES if quick else _LINES)
        path = large(folder, lines_, report)
        ask(path, lines_, report)
    report.close()


if __name__ == "__main__":
    main()
