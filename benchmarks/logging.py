"""What one log line costs, beside a bare write and beside the usual loggers.

    python -m benchmarks.logging [--rounds N] [--json FILE] [--quick]

A line has an event, five fields and the ids of its input. Ours go into the black box,
which a reader empties between the blocks; the floor encodes a dict with orjson and
writes it to the null device. Peers are measured before our roads are on, each table
with the floor beside it. The third table is the wait for one line while another
thread of the process computes: a system call gives the interpreter lock away.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Final

import orjson
import structlog

import telemetry
from benchmarks.machine import PACKAGES
from benchmarks.measure import Case, Plan, measure, quartiles
from benchmarks.report import Report, parser, rounds_of
from telemetry.capture.blackbox.current import current_box
from telemetry.capture.blackbox.reader import BoxReader
from telemetry.capture.roads import streams

FLOOR: Final = "floor: orjson.dumps(dict) + os.write"
OURS: Final = "ours: get_logger, in an input"
UNIQUE: Final = "ours: an event that is new each time"
DISABLED: Final = "ours: a debug line that is off"
STDLIB: Final = "ours: logging, by its road"
PRINT: Final = "ours: print(), by its road"
STRUCTLOG: Final = "structlog, fastest as documented"
STRUCTLOG_OFF: Final = "structlog: a debug line that is off"
HANDWRITTEN: Final = "logging + hand-written orjson formatter"

_INPUT: Final[ContextVar[str]] = ContextVar("input")
_TRACE: Final[ContextVar[str]] = ContextVar("trace")
_BLOCK_S: Final = 0.1
_QUICK_BLOCK_S: Final = 0.005
_SOME: Final = 1_000
_TAIL_S: Final = 1.0
_QUICK_TAIL_S: Final = 0.05

Line = Callable[[int], object]
"""Logs one line; gets its number."""


def lines(fd: int) -> dict[str, Line]:
    """One line of each logger; those that write, write to *fd*."""
    ours, plain = telemetry.get_logger("bench"), logging.getLogger("bench.plain")
    plain.addHandler(logging.NullHandler())
    plain.setLevel(logging.INFO)
    plain.propagate = False
    written, usual, now = _handwritten(fd), _structlog(fd), time.time_ns

    def floor(step: int) -> None:
        line = {
            "timestamp": now(),
            "level": "info",
            "event": "step done",
            "input_id": _INPUT.get(),
            "trace_id": _TRACE.get(),
            "fn": "embed",
            "step": step,
            "secs": 0.25,
        }
        os.write(fd, orjson.dumps(line) + b"\n")

    keys: dict[str, Any] = {"fn": "embed", "secs": 0.25}
    return {
        FLOOR: floor,
        OURS: lambda step: ours.info("step done", fn="embed", step=step, secs=0.25),
        UNIQUE: lambda n: ours.info(f"step {n} done", fn="embed", step=n, secs=0.25),
        DISABLED: lambda n: ours.debug("step done", fn="embed", step=n, secs=0.25),
        STDLIB: lambda n: plain.info("step done", extra={**keys, "step": n}),
        PRINT: lambda _: print("step done"),
        STRUCTLOG: lambda n: usual.info("step done", fn="embed", step=n, secs=0.25),
        STRUCTLOG_OFF: lambda n: usual.debug("step", fn="embed", step=n, secs=0.25),
        HANDWRITTEN: lambda n: written.info("step done", extra={**keys, "step": n}),
    }


def _structlog(fd: int) -> Any:  # noqa: ANN401  # structlog's own
    processors = structlog.processors
    return structlog.wrap_logger(
        structlog.BytesLogger(os.fdopen(os.dup(fd), "wb")),
        processors=[
            structlog.contextvars.merge_contextvars,
            processors.add_log_level,
            processors.format_exc_info,
            processors.TimeStamper(fmt="iso", utc=True),
            processors.JSONRenderer(serializer=orjson.dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    ).bind(input_id=_INPUT.get(), trace_id=_TRACE.get())


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        found = vars(record)
        line = {
            "timestamp": record.created,
            "level": record.levelname,
            "event": record.getMessage(),
            "input_id": _INPUT.get(),
            "trace_id": _TRACE.get(),
            **{key: found[key] for key in ("fn", "step", "secs")},
        }
        return orjson.dumps(line).decode()


def _handwritten(fd: int) -> logging.Logger:
    found = logging.Logger("bench.handwritten", logging.INFO)  # noqa: LOG001  # known to no road
    handler = logging.StreamHandler(os.fdopen(os.dup(fd), "w"))
    handler.setFormatter(_Json())
    found.addHandler(handler)
    return found


def _block(line: Line, reader: BoxReader | None = None) -> Callable[[int], None]:
    """So many lines; what the block before has left in the box is taken first."""

    def run(count: int) -> None:
        for number in range(count):
            line(number)
        if reader is not None and count > _SOME:
            reader.skip()
            reader.taken()

    return run


def tail(line: Line, seconds: float) -> list[float]:
    """Microseconds that each line took, beside a thread that computes."""
    over = threading.Event()
    waits: list[float] = []
    busy = threading.Thread(target=_compute, args=(over,), daemon=True)
    busy.start()
    end_s = time.perf_counter() + seconds
    while (began_s := time.perf_counter()) < end_s:
        line(len(waits))
        waits.append((time.perf_counter() - began_s) * 1e6)
        if len(waits) % 64 == 0:
            time.sleep(0)  # as an application would, now and then
    over.set()
    busy.join()
    return sorted(waits)


def _compute(over: threading.Event) -> None:
    while not over.is_set():
        sum(range(200))


@contextlib.contextmanager
def _recording() -> Iterator[BoxReader]:
    with tempfile.TemporaryDirectory() as folder:
        directory = str(Path(folder) / "ours")
        telemetry.configure(console=None, directory=directory)
        streams.ROAD.swallow = True  # as in a container
        box = current_box()
        if box is None:
            sys.exit("there is no black box")
        with BoxReader(box.path, taking=True) as reader:
            yield reader
        telemetry.shutdown()
        streams.ROAD.swallow = False


def main() -> None:
    """Measure, and print two tables."""
    options = parser(__doc__, rounds=9).parse_args()
    plan = Plan(rounds_of(options), _QUICK_BLOCK_S if options.quick else _BLOCK_S)
    _INPUT.set("in-01JABCDEFGHJKMNPQRSTVWXYZ0")
    _TRACE.set("4bf92f3577b34da6a3ce929d0e0e4736")
    report = Report("One log line", options, (*PACKAGES, "structlog", "orjson"))
    sink = os.open(os.devnull, os.O_WRONLY)
    found = lines(sink)
    peers = [FLOOR, STRUCTLOG, STRUCTLOG_OFF, HANDWRITTEN]
    beside = measure([Case(name, _block(found[name])) for name in peers], plan)
    with _recording() as reader, telemetry.input_scope(function="bench"):
        ours = [FLOOR, OURS, UNIQUE, DISABLED, STDLIB, PRINT]
        cases = [Case(name, _block(found[name], reader)) for name in ours]
        measured = measure(cases, plan)
        seconds = _QUICK_TAIL_S if options.quick else _TAIL_S
        waits = {name: tail(found[name], seconds) for name in (FLOOR, OURS)}
    report.measured("Ours: one line, into the black box", measured, FLOOR)
    report.measured("Peers: one line, to the null device", beside, FLOOR)
    rows = [
        [
            name,
            f"{quartiles(each)[1]:.1f}",
            f"{each[int(len(each) * 0.99)]:.1f}",
            f"{sum(wait > 1_000 for wait in each) / len(each):.2%}",
        ]
        for name, each in waits.items()
    ]
    head = ["us beside a thread that computes", "median", "p99", "over 1 ms"]
    report.table("The wait for one line", head, rows)
    report.close()
    os.close(sink)


if __name__ == "__main__":
    main()
