"""What one log line costs, beside a bare write and beside the usual loggers.

    python -m benchmarks.logging [--rounds N] [--json FILE] [--quick]

A line has an event, five fields and the ids of its input. Ours go into the black box,
which is emptied between the blocks, as another process does meanwhile where the
toolkit is at work; the floor encodes a dict with orjson and writes it to the null
device. Peers are measured while our roads are off, each table with the floor beside
it. Then how long a line is waited for: one every 50 us, beside a pipe with a reader
that has fallen asleep; and beside a thread that computes, where each system call gives
the interpreter lock away.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Final

import telemetry
from benchmarks import log_lines, log_waits
from benchmarks.log_lines import (
    BOTH,
    DISABLED,
    FLOOR,
    HANDWRITTEN,
    OTEL,
    OURS,
    PRINT,
    STDLIB,
    STRUCTLOG,
    STRUCTLOG_OFF,
    Line,
)
from benchmarks.log_waits import Waits
from benchmarks.machine import PACKAGES
from benchmarks.measure import Case, Measured, Plan, Ratio, measure
from benchmarks.report import Report, parser, rounds_of
from benchmarks.targets import Found, Tables, Target, verdicts
from telemetry.capture.blackbox.current import current_box
from telemetry.capture.blackbox.reader import BoxReader
from telemetry.capture.roads import streams

PIPE: Final = "os.write to a pipe with a sleeping reader"
_THREADS: Final = f", {log_waits.THREADS} threads"
_BLOCK_S: Final = 0.1
_QUICK_BLOCK_S: Final = 0.005
_WAIT_S: Final = 1.0
_QUICK_WAIT_S: Final = 0.05

_NO_TABLES: Final = Tables(Measured({}), Measured({}), Measured({}))


def _block(line: Line) -> Callable[[int], None]:
    def run(count: int) -> None:
        for number in range(count):
            line(number)

    return run


@contextlib.contextmanager
def recording() -> Iterator[Callable[[], object]]:
    """Everything is recorded, and shown nowhere; gives what empties the box."""
    with tempfile.TemporaryDirectory(dir=_memory()) as folder:
        directory = str(Path(folder) / "ours")
        telemetry.configure(console=None, directory=directory)
        streams.ROAD.swallow = True  # as in a container
        box = current_box()
        if box is None:
            sys.exit("there is no black box")
        with BoxReader(box.path, taking=True) as reader:

            def empty() -> None:
                reader.skip()
                reader.taken()

            yield empty
        telemetry.shutdown()
        streams.ROAD.swallow = False


def _memory() -> str | None:
    shared = "/dev/shm"  # noqa: S108  # a private folder is made there
    return shared if os.access(shared, os.W_OK) else None


class Figures:
    """All that is measured, in the order in which it is."""

    def __init__(self, plan: Plan, wait_s: float) -> None:
        self._plan = plan
        self._wait_s = wait_s
        self._sink = os.open(os.devnull, os.O_WRONLY)
        self._floor = {FLOOR: log_lines.floor(self._sink)}
        self.paced: dict[str, Waits] = {}
        self.beside: dict[str, Waits] = {}
        self.peers = self._measured(log_lines.peers(self._sink))
        peers = log_lines.peers(self._sink)
        self.peer_threads = self._threads({STRUCTLOG: peers[STRUCTLOG]})
        with recording() as empty, telemetry.input_scope(function="bench"):
            ours = log_lines.ours()
            self.ours = self._measured(ours, empty)
            self.threads = self._threads({OURS: ours[OURS]}, empty)
            self._wait(ours[OURS])
        self.otel = self._measured(log_lines.otel(self._sink))
        os.close(self._sink)

    def _measured(
        self, lines: Mapping[str, Line], after: Callable[[], object] | None = None
    ) -> Measured:
        cases = {**self._floor, **lines}
        return measure(
            [Case(name, _block(line), after=after) for name, line in cases.items()],
            self._plan,
        )

    def _threads(
        self, lines: Mapping[str, Line], after: Callable[[], object] | None = None
    ) -> Measured:
        cases = {**self._floor, **lines}
        return measure(
            [
                Case(
                    name + _THREADS,
                    log_waits.in_threads(line),
                    step=log_waits.THREADS,
                    after=after,
                )
                for name, line in cases.items()
            ],
            self._plan,
        )

    def _wait(self, ours: Line) -> None:
        with log_waits.sleeping_reader() as pipe:
            for name, line in ((PIPE, log_lines.floor(pipe)), (OURS, ours)):
                self.paced[name] = log_waits.paced(line, self._wait_s)
        for name, line in ((FLOOR, self._floor[FLOOR]), (OURS, ours)):
            self.beside[name] = log_waits.beside_a_busy_thread(line, self._wait_s)


def targets(found: Figures) -> list[list[str]]:
    """One row for each target of a line."""
    ours, peers, otel = found.ours, found.peers, found.otel

    def to_peer(name: str, peer: str, table: Measured) -> Found:
        # Each beside the floor of its own table: the peer was measured without us.
        own, other = ours.ratio(name, FLOOR), table.ratio(peer, FLOOR)
        cpu = _quotient(ours.cpu_ratio(name, FLOOR), table.cpu_ratio(peer, FLOOR))
        return Found(own.median / other.median, cpu, own.iqr / other.median)

    def to_floor(name: str) -> Found:
        ratio, cpu = ours.ratio(name, FLOOR), ours.cpu_ratio(name, FLOOR)
        return Found(ratio.median, None if cpu is None else cpu.median, ratio.iqr)

    def threads() -> Found:
        ratio = found.threads.ratio(OURS + _THREADS, FLOOR + _THREADS)
        return Found(ratio.median, iqr=ratio.iqr)

    paced = Found(found.paced[OURS].mean / found.paced[PIPE].mean)
    p99 = Found(found.beside[OURS].p99)
    off = to_peer(DISABLED, STRUCTLOG_OFF, peers)
    written = to_peer(STDLIB, HANDWRITTEN, peers)
    rows = [
        ("T1", f"{OURS} / floor", 1.3, to_floor(OURS), "x"),
        ("T1", f"{OURS} / {STRUCTLOG}", 0.16, to_peer(OURS, STRUCTLOG, peers), "x"),
        ("T1", f"{OURS} / {OTEL}", 0.04, to_peer(OURS, OTEL, otel), "x"),
        ("T2", f"one every 50 us: {OURS} / {PIPE}", 0.15, paced, "x"),
        ("T2", "p99 beside a thread that computes", 10, p99, "us"),
        ("T3", f"{OURS} / {BOTH}", 0.03, to_peer(OURS, BOTH, otel), "x"),
        ("T4", f"{STDLIB} / {HANDWRITTEN}", 0.85, written, "x"),
        ("T4", f"{STDLIB} / {OTEL}", 0.26, to_peer(STDLIB, OTEL, otel), "x"),
        ("T4", f"{PRINT} / floor", 1.4, to_floor(PRINT), "x"),
        ("T5", f"{DISABLED} / structlog's", 1.05, off, "x"),
        ("T5", f"{OURS}{_THREADS} / floor", 1.0, threads(), "x"),
    ]
    return verdicts(
        [
            Target(key, what, limit, partial(_as_found, value), unit)
            for key, what, limit, value, unit in rows
        ],
        _NO_TABLES,
    )


def _quotient(own: Ratio | None, other: Ratio | None) -> float | None:
    if own is None or other is None or not other.median:
        return None
    return own.median / other.median


def _as_found(found: Found, _tables: Tables) -> Found:
    return found


def _show_waits(report: Report, title: str, waits: Mapping[str, Waits]) -> None:
    head = ["us per line", "mean", "median", "p99", "over 1 ms"]
    rows = [
        [
            name,
            *(f"{value:,.1f}" for value in each[:-1]),
            f"{each.over_1_ms:.2%}",
        ]
        for name, each in waits.items()
    ]
    report.table(title, head, rows)
    report.keep(title, {name: each._asdict() for name, each in waits.items()})


def main() -> None:
    """Measure, and print the tables."""
    options = parser(__doc__, rounds=9).parse_args()
    quick = options.quick
    plan = Plan(rounds_of(options), _QUICK_BLOCK_S if quick else _BLOCK_S)
    report = Report(
        "One log line",
        options,
        (*PACKAGES, "structlog", "orjson", "opentelemetry-sdk"),
    )
    log_lines.name_input()
    found = Figures(plan, _QUICK_WAIT_S if quick else _WAIT_S)
    report.measured("Ours: one line, into the black box", found.ours, FLOOR)
    report.measured("Peers: one line, to the null device", found.peers, FLOOR)
    report.measured("OpenTelemetry: one line", found.otel, FLOOR)
    for title, table in (("Ours", found.threads), ("structlog", found.peer_threads)):
        report.measured(f"{title}: eight threads at once", table, FLOOR + _THREADS)
    _show_waits(report, "One line every 50 us", found.paced)
    _show_waits(report, "Beside a thread that computes", found.beside)
    head = ["target", "figure", "wanted", "found", "IQR", "by CPU", "verdict"]
    rows = targets(found)
    report.table("Targets", head, rows, texts=2)
    report.keep("Targets", [head, *rows])
    report.close()


if __name__ == "__main__":
    main()
