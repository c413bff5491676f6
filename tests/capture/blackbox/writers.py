"""A process that writes numbered lines to a box until it is killed: run with -m.

Arguments: folder, number of threads. After each call that has returned, the thread's
count in the shared file ``counts`` is raised, which outlives the process as well. It
is raised by one store: ``struct.pack_into`` writes zeros first, and a kill may come in
between.
"""

from __future__ import annotations

import mmap
import sys
import threading
from pathlib import Path
from struct import Struct

import telemetry
from telemetry.capture import sink
from telemetry.capture.blackbox.current import BoxPlan, open_box

COUNT = Struct("<Q")


def main() -> None:
    """Write for ever."""
    folder, threads = Path(sys.argv[1]), int(sys.argv[2])
    sink.set_console(None)
    open_box(BoxPlan(folder, "victim", 64 << 20))
    with (folder / "counts").open("r+b") as file:
        shared = mmap.mmap(file.fileno(), threads * COUNT.size)
    counts = memoryview(shared).cast("Q")
    workers = [
        threading.Thread(target=_write, args=(counts, number))
        for number in range(threads)
    ]
    for worker in workers:
        worker.start()
    print("ready", flush=True)


def _write(counts: memoryview, me: int) -> None:
    log, done = telemetry.get_logger("victim"), 0
    with telemetry.input_scope(function="write", input_id=f"in-{me}"):
        while True:
            log.info("line", n=done)
            done += 1
            counts[me] = done


if __name__ == "__main__":
    main()
