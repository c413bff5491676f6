"""Boxes for tests: of a process that was killed, and of the test itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_VICTIM = """
import os, signal, sys, threading, time
from pathlib import Path
from telemetry.capture import settings
from telemetry.capture.blackbox import current, layout
from telemetry.capture.blackbox.current import BoxPlan
from telemetry.capture.blackbox.records import encode, line_of
import telemetry
directory, name = Path(sys.argv[1]), sys.argv[2]
box = current.open_box(BoxPlan(directory, name, 1 << 20, slots=8, identity={
    "service_name": "images", "function": "resize", "container_id": name}))
started = time.time_ns() - 2_000_000_000
for slot in range(5):
    who = b"in-01J00000000000000000RUNNN" + str(slot).encode()
    state = layout.CANCELLED if slot == 3 else layout.RUNNING
    row = (started, threading.get_ident(), 0, who, b"resize", state)
    layout.SLOT.pack_into(box.head, box.sizes.slot_offset(slot), *row)
    said = [time.time_ns(), f"line {slot}", [], {"text": "a\\x1b[2Jb"}]
    current.put(None, encode([20, ["x", {}], [who.decode(), None, "resize", 0, None,
        slot, None, False, None, None], "MainThread", said]))
current.put(None, encode([2, None, time.time_ns(), ["in-DONE00", started,
    time.time_ns(), "error", 0, "resize", None, None, 1, [], None, "KeyError",
    "KeyError: 'k'"]]))
current.put(None, encode([3, None, time.time_ns(), 1.5, "  File x, line 1 in held"]))
box.count_dropped("oversize", 7)
now = time.monotonic_ns()
layout.PULSE_FORM.pack_into(box.head, layout.PULSE, now - 4_000_000_000, now, 0, 0)
if sys.argv[3] == "kill":
    os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[3] == "wait":
    print("ready", flush=True)
    for text in sys.stdin:
        said = [time.time_ns(), text.strip(), [], {}]
        current.put(None, encode([20, ["x", {}], None, "MainThread", said]))
    os.kill(os.getpid(), signal.SIGKILL)
current.close_box()
"""

NAME = "ct-01J00000000000000000K7Q2ZD"


def left_by(directory: Path, name: str = NAME, how: str = "kill") -> Path:
    """The box of a process that ran five inputs and is gone.

    Args:
        how: ``kill`` is SIGKILL, ``end`` in good order.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    command = [sys.executable, "-c", _VICTIM, str(directory), name, how]
    subprocess.run(command, check=False, timeout=30)
    return directory / f"{name}.box"


def waiting(directory: Path, name: str = NAME) -> subprocess.Popen[str]:
    """A process that has a box, logs each line that it is told, and is then killed."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-c", _VICTIM, str(directory), name, "wait"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process
