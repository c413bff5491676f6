"""A black box for a benchmark, and the process outside that takes what is in it.

As in production: whoever exports is another process, which reads the mapped file every
20 ms and says what may be used anew. It decodes every record; where the records would
go from there costs the application nothing.
"""

from __future__ import annotations

import select
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import telemetry
from telemetry.capture.blackbox.box import BlackBox
from telemetry.capture.blackbox.current import current_box
from telemetry.capture.blackbox.reader import BoxReader

EVERY_S: Final = 0.02


def open_box(stack: ExitStack) -> BlackBox:
    """Give this process a box, and no console and no roads, until *stack* is closed.

    Raises:
        RuntimeError: There is none; why was reported.
    """
    folder = stack.enter_context(TemporaryDirectory())
    directory = Path(folder) / "boxes"
    telemetry.configure("benchmarks", console=None, directory=directory, capture=())
    stack.callback(telemetry.shutdown)
    box = current_box()
    if box is None:
        raise RuntimeError("this process has got no black box")
    return box


def start_taker(stack: ExitStack, path: Path) -> None:
    """Have another process take the records of the box, until *stack* is closed."""
    process = subprocess.Popen(
        [sys.executable, "-m", __name__, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    stack.callback(process.wait)
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stack.callback(stream.close)
    if process.stdout is None or not process.stdout.readline():
        raise RuntimeError(f"nobody reads {path}: the reader has ended")


def take(path: Path) -> None:
    """In that process: take, until the one that started us closes our stdin."""
    with BoxReader(path, taking=True) as reader:
        print("ready", flush=True)
        while not select.select([sys.stdin], [], [], EVERY_S)[0]:
            reader.poll()
            reader.taken()


if __name__ == "__main__":
    take(Path(sys.argv[1]))
