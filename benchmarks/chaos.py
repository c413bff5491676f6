"""Is every result right while containers are killed all the time?

    python -m benchmarks.chaos [COUNT] [--every SECONDS] [--json FILE] [--quick]

Maps an async function (10 ms each, 100 at a time in each of 2 containers) over so
many inputs, and sends SIGKILL to a random living container again and again. Every
input must come back once, with its own result, in order, and settle once; the exit
code is 1 otherwise. At most 8 deaths of its container are forgiven to an input, so
far more kills per input than this would rightly lose some.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Self

import telemetry
from benchmarks.chaos_app import BODY_S, CONTAINERS, LIMIT, app, double
from benchmarks.report import Report, parser
from telemetry.capture.runtime_records import (
    ContainerExited,
    ContainerReady,
    InputInterrupted,
    InputSettled,
    Record,
)
from telemetry.core.outcome import Outcome

EVERY_S: Final = 0.2
COUNT: Final = 10_000
QUICK_COUNT: Final = 2_000
QUICK_EVERY_S: Final = 0.1
_SEED: Final = 1
_SHOWN: Final = 5


class Ledger:
    """What the runtime tells of its inputs and containers.

    The reports' thread writes, the killer and the end read; each step is atomic.
    """

    def __init__(self) -> None:
        self.pids: dict[str, int] = {}
        self.settled: Counter[str] = Counter()
        self.outcomes: Counter[Outcome] = Counter()
        self.attempts: Counter[int] = Counter()
        self.interrupted: Counter[str] = Counter()
        self.exits: Counter[str] = Counter()

    def __call__(self, record: Record) -> None:
        """Take a record."""
        if isinstance(record, InputSettled):
            self.settled[record.input_id] += 1
            self.outcomes[record.outcome] += 1
            self.attempts[record.attempt] += 1
        elif isinstance(record, InputInterrupted):
            self.interrupted[record.reason] += 1
        elif isinstance(record, ContainerReady) and record.pid is not None:
            self.pids[record.container_id] = record.pid
        elif isinstance(record, ContainerExited):
            self.pids.pop(record.container_id, None)
            self.exits[record.reason] += 1


class Killer:
    """Kills a random living container every so often, on a thread of its own."""

    def __init__(self, ledger: Ledger, every_s: float) -> None:
        self._ledger = ledger
        self._every_s = every_s
        self._random = random.Random(_SEED)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="killer", daemon=True)
        self.kills = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._over.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._over.wait(self._every_s):
            living = list(self._ledger.pids.items())
            if not living:
                continue
            container_id, pid = self._random.choice(living)
            # Its own record may be on the way: killed is killed.
            self._ledger.pids.pop(container_id, None)
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            self.kills += 1


@dataclass(slots=True)
class Check:
    """What came back, and what is wrong with it."""

    right: int = 0
    wrong: list[str] = field(default_factory=list)

    def results(self, count: int, results: Sequence[object]) -> None:
        """Every input has to have its own result, in its own place."""
        if len(results) != count:
            self.wrong.append(f"{len(results):,} results for {count:,} inputs")
        for number, result in enumerate(results):
            if isinstance(result, tuple) and result[0] == 2 * number:
                self.right += 1
            else:
                self.wrong.append(f"input {number} came back as {result!r:.100}")

    def ledger(self, count: int, ledger: Ledger, kills: int) -> None:
        """Every input has to have settled once, as a success."""
        if len(ledger.settled) != count:
            self.wrong.append(f"{len(ledger.settled):,} inputs settled, not {count:,}")
        twice = sum(1 for times in ledger.settled.values() if times > 1)
        if twice:
            self.wrong.append(f"{twice:,} inputs settled more than once")
        failed = ledger.outcomes.total() - ledger.outcomes[Outcome.SUCCESS]
        if failed:
            self.wrong.append(f"{failed:,} inputs did not settle as a success")
        if not kills:
            self.wrong.append("nothing was killed: too few inputs for the interval")
        elif not ledger.interrupted["lost"]:
            self.wrong.append("no kill has hit a running input")


def run(report: Report, count: int, every_s: float) -> bool:
    """Map, kill and check; True when all is right."""
    ledger, check = Ledger(), Check()
    began_s = time.perf_counter()
    with app.run(on_record=ledger, shutdown_grace=5):
        with Killer(ledger, every_s) as killer:
            results = list(double.map(range(count), return_exceptions=True))
        took_s = time.perf_counter() - began_s
    check.results(count, results)
    check.ledger(count, ledger, killer.kills)
    ideal_s = count * BODY_S / (LIMIT * CONTAINERS)
    rows = [
        ["inputs", f"{count:,}"],
        ["right results", f"{check.right:,}"],
        ["containers killed", f"{killer.kills:,}"],
        ["executions that died with them", f"{ledger.interrupted['lost']:,}"],
        ["seconds", f"{took_s:.2f}"],
        ["seconds, if nothing but bodies took time", f"{ideal_s:.2f}"],
    ]
    rows += [
        [f"inputs that settled at attempt {attempt}", f"{inputs:,}"]
        for attempt, inputs in sorted(ledger.attempts.items())
    ]
    report.table(f"SIGKILL every {every_s * 1000:.0f} ms", ["what", "count"], rows)
    report.keep("chaos", dict(rows))
    for wrong in check.wrong[:_SHOWN]:
        report.line(f"WRONG: {wrong}")
    report.line(f"\n{'wrong' if check.wrong else 'all is right'}")
    return not check.wrong


def main() -> int:
    arguments = parser(__doc__, rounds=None)
    arguments.add_argument("count", type=int, nargs="?", help=f"inputs ({COUNT:,})")
    arguments.add_argument("--every", type=float, help=f"seconds ({EVERY_S})")
    options = arguments.parse_args()
    telemetry.configure("benchmarks", console=None)
    report = Report("Chaos", options)
    count = options.count or (QUICK_COUNT if options.quick else COUNT)
    every_s = options.every or (QUICK_EVERY_S if options.quick else EVERY_S)
    right = run(report, count, every_s)
    report.close()
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
