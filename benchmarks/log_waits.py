"""How long a line keeps the one who writes it waiting, in three situations."""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from typing import Final, NamedTuple

from benchmarks.log_lines import Line

THREADS: Final = 8
_EVERY_S: Final = 50e-6
_PIPE_BYTES: Final = 1 << 16


class Waits(NamedTuple):
    """Microseconds that lines took."""

    mean: float
    median: float
    p99: float
    over_1_ms: float

    @classmethod
    def of(cls, waits: Sequence[float]) -> Waits:
        """Of single waits, in microseconds."""
        ordered = sorted(waits)
        return cls(
            sum(ordered) / len(ordered),
            ordered[len(ordered) // 2],
            ordered[int(len(ordered) * 0.99)],
            sum(wait > 1_000 for wait in ordered) / len(ordered),
        )


def paced(line: Line, seconds: float) -> Waits:
    """One line every 50 us, as an application that has something else to do."""
    waits: list[float] = []
    now = time.perf_counter
    due_s = now()
    end_s = due_s + seconds
    while due_s < end_s:
        while (began_s := now()) < due_s:
            pass
        line(len(waits))
        waits.append((now() - began_s) * 1e6)
        due_s = max(due_s + _EVERY_S, began_s)
    return Waits.of(waits)


def beside_a_busy_thread(line: Line, seconds: float) -> Waits:
    """While another thread of the process computes."""
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
    return Waits.of(waits)


def in_threads(line: Line) -> Callable[[int], None]:
    """So many lines by eight threads at once, each in the context of the caller."""

    def run(count: int) -> None:
        def write() -> None:
            for number in range(count // THREADS):
                line(number)

        threads = [
            threading.Thread(target=copy_context().run, args=(write,))
            for _ in range(THREADS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    return run


@contextmanager
def sleeping_reader() -> Iterator[int]:
    """A pipe that another process reads; it falls asleep between lines."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(write)
        while select.select([read], [], [])[0] and os.read(read, _PIPE_BYTES):
            pass
        os._exit(0)
    os.close(read)
    try:
        yield write
    finally:
        os.close(write)
        os.waitpid(pid, 0)


def _compute(over: threading.Event) -> None:
    while not over.is_set():
        sum(range(200))
