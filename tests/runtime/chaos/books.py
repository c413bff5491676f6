"""What the records of a run say, and what it has left behind."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from telemetry.capture.runtime_records import (
    ContainerExited,
    ContainerReady,
    ContainerStarting,
    InputInterrupted,
    InputSettled,
    InputStarted,
    Record,
)
from telemetry.core.outcome import Outcome
from telemetry.policy.retries import MAX_LOSSES

MARK = "TELEMETRY_CHAOS_MARK"
LIMIT_S = 30.0


def until(claim: Callable[[], bool], what: str, limit_s: float = LIMIT_S) -> None:
    """Wait until it is so; say what is missing when it does not come."""
    until_s = time.monotonic() + limit_s
    while not claim():
        if time.monotonic() > until_s:
            raise TimeoutError(f"not within {limit_s} s: {what}")
        time.sleep(0.01)


class Books:
    """Collects the records of one run; `app.run(on_record=books)`."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def __call__(self, record: Record) -> None:
        self.records.append(record)

    def of(self, kind: type[Any]) -> list[Any]:
        """Records of one kind."""
        return [each for each in list(self.records) if type(each) is kind]

    def living(self) -> list[int]:
        """Processes of containers that are ready and have not exited."""
        gone = {each.container_id for each in self.of(ContainerExited)}
        return [
            each.pid
            for each in self.of(ContainerReady)
            if each.container_id not in gone and each.pid is not None
        ]

    def outcomes(self) -> Counter[Outcome]:
        """How many inputs settled how."""
        return Counter(each.outcome for each in self.of(InputSettled))

    def attempts(self) -> int:
        """The highest attempt of any input."""
        return max((each.attempt for each in self.of(InputSettled)), default=0)

    def check(self, inputs: int | None = None) -> None:
        """Every input settled once, every container ended, each step once."""
        settled = Counter(each.input_id for each in self.of(InputSettled))
        twice = {name: n for name, n in settled.items() if n != 1}
        assert not twice, f"settled more than once: {twice}"
        if inputs is not None:
            assert len(settled) == inputs
        begun = Counter((e.input_id, e.attempt) for e in self.of(InputStarted))
        again = {key: n for key, n in begun.items() if n != 1}
        assert not again, f"one attempt started more than once: {again}"
        assert {name for name, _ in begun} <= set(settled), "started, never settled"
        lost = Counter(
            e.input_id for e in self.of(InputInterrupted) if e.reason == "lost"
        )
        assert all(n <= MAX_LOSSES for n in lost.values()), "rescheduled too often"
        starts = Counter(each.container_id for each in self.of(ContainerStarting))
        exits = Counter(each.container_id for each in self.of(ContainerExited))
        assert starts == exits
        assert set(exits.values()) <= {1}


def marked(mark: str) -> dict[int, str]:
    """Living processes that were started under this mark, with their state."""
    found = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        try:
            if f"{MARK}={mark}".encode() not in (folder / "environ").read_bytes():
                continue
            found[int(folder.name)] = (folder / "cmdline").read_text()[:80]
        except OSError:
            continue  # it has ended meanwhile, or is not ours to look at
    return found


def zygote(mark: str) -> int:
    """The process of this run that containers are forked from."""
    for pid in marked(mark):
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            continue
        if int(stat.rpartition(")")[2].split()[1]) == os.getpid():
            return pid
    raise LookupError("no zygote")


def kill(pid: int) -> None:
    """SIGKILL, if it is still there."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


@contextmanager
def killer(
    books: Books, every_s: tuple[float, float], seed: int = 0
) -> Iterator[list[int]]:
    """SIGKILL a random container every so often; the pids that were hit."""
    over, hit, draw = threading.Event(), list[int](), random.Random(seed)

    def work() -> None:
        while not over.wait(draw.uniform(*every_s)):
            if living := books.living():
                hit.append(draw.choice(living))
                kill(hit[-1])

    thread = threading.Thread(target=work, name="killer", daemon=True)
    thread.start()
    try:
        yield hit
    finally:
        over.set()
        thread.join(LIMIT_S)
