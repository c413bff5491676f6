"""A process that writes to a black box on four threads until it dies, and how it dies.

Forked by `benchmarks.kills`, which shares a page with it: after each call that has
returned, a thread raises its count there, and the page outlives the process.
"""

from __future__ import annotations

import ctypes
import logging
import mmap
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NoReturn

import telemetry
from telemetry.capture import sink
from telemetry.capture.blackbox.current import BoxPlan, open_box
from telemetry.capture.blackbox.status import SlotTable
from telemetry.capture.roads import registry, streams
from telemetry.core.scope import SCOPE

BOX: Final = "victim"
ROADS: Final = ("get_logger", "logging", "print", "inputs")
"""What its threads do, one each; the last has a new input for each line."""

READY: Final = len(ROADS)
"""Where the page says that all threads write, behind the count of each."""
PAGE_BYTES: Final = mmap.PAGESIZE

Page = memoryview
"""Shared with the one that kills, as unsigned numbers of eight bytes: each is set by
one store. ``struct.pack_into`` writes zeros first, and a kill may come in between."""

_BUDGET_BYTES: Final = 512 << 20
"""More than it writes, also when whoever is to kill it has to wait for a processor."""

_LARGE_EVERY: Final = 1_000
_LARGE_CHARS: Final = 6_000


def _segfault() -> None:
    ctypes.string_at(0)


KILLED: Final = {"SIGKILL": signal.SIGKILL, "SIGTERM": signal.SIGTERM}
"""Ways to be ended from outside."""

ENDS: Final[dict[str, Callable[[], object]]] = {
    "os._exit": lambda: os._exit(7),
    "segfault": _segfault,
    "os.abort": os.abort,
}
"""Ways to end from within, in the midst of other threads' lines."""


def write(folder: Path, page: Page, how: str, after_s: float) -> NoReturn:
    """Write until the end, which is somebody else's business if *how* is `KILLED`."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # Python reports a fatal error there
    sink.set_console(None)
    box = open_box(BoxPlan(folder, BOX, _BUDGET_BYTES))
    streams.ROAD.swallow = True
    registry.choose({"logging", "streams"})
    logging.getLogger("victim").setLevel(logging.INFO)
    table = SlotTable(box.head, box.sizes)
    for number, road in enumerate(ROADS):
        threading.Thread(target=_write, args=(page, table, number, road)).start()
    page[READY] = 1
    end = ENDS.get(how)
    if end is not None:
        time.sleep(after_s)
        end()
    killer = os.getppid()
    while os.getppid() == killer:
        time.sleep(1)
    os._exit(8)  # nobody would ever end it


def _write(page: Page, table: SlotTable, me: int, road: str) -> None:
    log = telemetry.get_logger("victim")
    if road == "inputs":
        _write_inputs(page, table, me)
    with telemetry.input_scope("write", f"in-{me}"):
        scope = SCOPE.get()
        if scope is not None:
            table.start(me, scope, time.time_ns())
        say: Callable[[int], object] = {
            "get_logger": lambda n: log.info(_event(n), n=n),
            "logging": lambda n: logging.getLogger("victim").info("line %d", n),
            "print": lambda n: print("line", n),
        }[road]
        done = 0
        while True:
            say(done)
            done += 1
            page[me] = done


def _event(number: int) -> str:
    # Now and then one that fills much of a block, so that blocks change often.
    return "x" * _LARGE_CHARS if number % _LARGE_EVERY == 1 else "line"


def _write_inputs(page: Page, table: SlotTable, me: int) -> NoReturn:
    log, done = telemetry.get_logger("victim"), 0
    while True:
        with telemetry.input_scope("write", f"in-{me}-{done}"):
            scope = SCOPE.get()
            if scope is not None:
                table.start(me, scope, time.time_ns())
            log.info("line", n=done)
        table.end(me)
        done += 1
        page[me] = done
