"""A process whose event loop is held by an input until a test lets go: run with -m."""

from __future__ import annotations

import asyncio
import contextvars
import ctypes
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvloop

from telemetry.capture.blackbox import loop_pulse
from telemetry.capture.blackbox.current import BoxPlan, open_box
from telemetry.capture.blackbox.stacks import StackTeller
from telemetry.capture.blackbox.status import SlotTable
from telemetry.core.scope import SCOPE
from telemetry.runtime.container.endings import Ended
from telemetry.runtime.container.jobs import Job
from telemetry.runtime.container.outbox import Outbox
from telemetry.runtime.container.tasks import LoopLane
from telemetry.runtime.wire.frames import FrameWriter
from tests.runtime.mechanism.stand_ins import FakeStream, held_back, job

FOLDER, LOOP, HOLD = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
GATE = FOLDER / "gate"
"""Opened by the test; for a C call that waits, a named pipe in its place."""


def held_by_sleep() -> None:
    """A call that gives the interpreter lock away."""
    while not GATE.exists():  # HOLDS
        time.sleep(0.2)  # HOLDS


def held_by_python() -> None:
    """Python code that never waits."""
    while not GATE.exists():  # HOLDS
        sum(range(2000))  # HOLDS


def held_by_usleep() -> None:
    """C code with the interpreter lock, which a signal cuts short."""
    libc = ctypes.PyDLL(None)
    while not GATE.exists():  # HOLDS
        libc.usleep(200_000)  # HOLDS


def held_by_lock() -> None:
    """One C call that keeps the interpreter lock until the gate opens."""
    libc = ctypes.PyDLL(None)
    fd = os.open(FOLDER / "pipe", os.O_RDWR)
    buffer = ctypes.create_string_buffer(1)
    found = libc.read(fd, buffer, 1)  # HOLDS
    (FOLDER / "read").write_text(str(found))


HOLDS: dict[str, Callable[[], None]] = {
    "sleep": held_by_sleep,
    "python": held_by_python,
    "usleep": held_by_usleep,
    "lock": held_by_lock,
}
OVER = asyncio.Event()


async def victim() -> None:
    """Stands still while another one holds the loop."""
    await OVER.wait()


async def culprit() -> None:
    """Holds the loop, itself or in a task that it has made."""
    await asyncio.sleep(0)
    hold, _, where = HOLD.partition("-")
    if where == "task":
        await asyncio.create_task(in_task(HOLDS[hold]))
    elif where == "nobody":
        empty = contextvars.copy_context()
        empty.run(SCOPE.set, None)
        asyncio.get_running_loop().call_soon(HOLDS[hold], context=empty)
        await asyncio.sleep(0.001)
    else:
        HOLDS[hold]()
    OVER.set()


async def in_task(hold: Callable[[], None]) -> None:
    """In a task of its own, which carries the input in its context alone."""
    hold()


def main() -> None:
    """Run both on one loop, watched, and note for how long each stood still."""
    plan = BoxPlan(directory=FOLDER, name="ct-0", budget_bytes=1 << 20, slots=4)
    box = open_box(plan)
    loop: asyncio.AbstractEventLoop
    loop = uvloop.new_event_loop() if LOOP == "uvloop" else asyncio.new_event_loop()
    pulse = loop_pulse.install(loop)
    if pulse is None:
        raise SystemExit("the loop has no pulse")
    StackTeller(box.path, pulse.writer.busy_ns, 100_000_000).install()
    stood: dict[str, int] = {}

    def report(job: Job, _ended: Ended, _start: int, _end: int) -> None:
        stood[job.input_id] = job.blocked_ns
        if len(stood) == len(jobs):
            loop.call_soon(loop.stop)

    lane = LoopLane(
        base=contextvars.copy_context(),
        report=report,
        outbox=Outbox(FrameWriter(FakeStream()), held_back),
        loop=loop,
        status=SlotTable(box.head, box.sizes),
        pulse=pulse,
    )
    jobs = [_job(victim, 0), _job(culprit, 1)]
    lane.start(jobs)
    (FOLDER / "ready").touch()
    loop.run_forever()
    pulse.uninstall()
    loop.close()
    (FOLDER / "stood").write_text(json.dumps(stood))


def _job(body: Callable[..., Any], number: int) -> Job:
    return job(body, number=number, slot=number)


if __name__ == "__main__":
    main()
