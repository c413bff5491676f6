"""What inputs cost the driver in memory: queued, finished, and forgotten.

    python -m benchmarks.memory [--json FILE] [--quick] [--only NAME]

Each scenario runs in a process of its own and is preceded by a small one of its
kind, so that what is imported and allocated once is not counted. Resident memory
includes what the allocator keeps; the garbage collector's objects are exact.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Final

import telemetry
from benchmarks.memory_app import app, echo, wait
from benchmarks.processes import rss_bytes
from benchmarks.report import Report, parser
from telemetry.capture.runtime_records import ContainerReady, Record
from telemetry.runtime import FunctionCall

_WARM: Final = 2_000
_BATCH: Final = 1_000


@dataclass(frozen=True, slots=True)
class Moment:
    """Memory of the driver, after a collection of its garbage."""

    rss: int
    objects: int

    @classmethod
    def now(cls) -> Moment:
        """Look."""
        gc.collect()
        return cls(rss_bytes(), len(gc.get_objects()))


@dataclass(frozen=True, slots=True)
class Found:
    """What a scenario cost.

    Attributes:
        inputs: How many there were.
        before: Resident bytes of the driver.
        after: The same, at the end.
        objects: Objects that the collector knows, more than before.
        container: Resident bytes that the container has gained; None: not looked at.
    """

    inputs: int
    before: int
    after: int
    objects: int
    container: int | None = None

    def row(self, name: str) -> list[str]:
        """A row of the table."""
        grown = self.after - self.before
        gained = "-" if self.container is None else f"{_mebi(self.container):+.1f}"
        return [
            name,
            f"{self.inputs:,}",
            f"{_mebi(self.before):.1f}",
            f"{_mebi(grown):+.1f}",
            f"{grown / self.inputs:,.0f}",
            f"{self.objects / self.inputs:,.2f}",
            gained,
        ]


class Containers:
    """Remembers the process of the latest container."""

    def __init__(self) -> None:
        self.pid: int | None = None

    def __call__(self, record: Record) -> None:
        """Take a record."""
        if isinstance(record, ContainerReady):
            self.pid = record.pid


def queued_by_spawn_map(inputs: int) -> Found:
    """One call with many inputs, all but one of them queued."""
    with app.run(shutdown_grace=5):
        first = wait.spawn_map(range(_WARM))
        before = Moment.now()
        call = wait.spawn_map(range(inputs))
        after = _settled_moment(inputs + _WARM)
        first.cancel()
        call.cancel()
    return _found(inputs, before, after)


def queued_by_spawn(inputs: int) -> Found:
    """Many calls of one input each; each has its handle, which is held."""
    with app.run(shutdown_grace=5):
        calls = [wait.spawn(number) for number in range(_WARM)]
        before = Moment.now()
        calls += [wait.spawn(number) for number in range(inputs)]
        after = _settled_moment(len(calls))
    return _found(inputs, before, after)


def finished_by_map(inputs: int) -> Found:
    """Inputs that came back: nothing of them should be left, on either side."""
    containers = Containers()
    # Observed, so that the observer's way is looked at too.
    with app.run(on_record=containers, shutdown_grace=5):
        for _ in echo.map(range(_WARM)):
            pass
        pid = containers.pid
        before, container = Moment.now(), rss_bytes(pid)
        total = sum(echo.map(range(inputs)))
        after, gained = Moment.now(), rss_bytes(pid) - container
    if total != inputs * (inputs - 1) // 2:
        raise RuntimeError(f"{inputs:,} inputs added up to {total}")
    return _found(inputs, before, after, gained)


def finished_by_spawn(inputs: int) -> Found:
    """Handles that were dropped: results are kept of the latest only."""
    with app.run(shutdown_grace=5):
        _spawn_and_drop(_WARM)
        before = Moment.now()
        _spawn_and_drop(inputs)
        after = Moment.now()
    return _found(inputs, before, after)


def finished_by_spawn_later(inputs: int) -> Found:
    """The same, counted from when as many are kept as ever will be."""
    with app.run(shutdown_grace=5):
        _spawn_and_drop(inputs // 5)
        before = Moment.now()
        _spawn_and_drop(inputs - inputs // 5)
        after = Moment.now()
    return _found(inputs - inputs // 5, before, after)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A measurement, and how many inputs it is for."""

    title: str
    run: Callable[[int], Found]
    inputs: int


SCENARIOS: Final = {
    "queued-map": Scenario("queued, one spawn_map", queued_by_spawn_map, 10_000),
    "queued-spawn": Scenario("queued, a spawn each", queued_by_spawn, 10_000),
    "finished-map": Scenario("finished, map", finished_by_map, 1_000_000),
    "finished-spawn": Scenario(
        "finished, a spawn each, dropped", finished_by_spawn, 100_000
    ),
    "finished-later": Scenario(
        "- of these the last 80 %", finished_by_spawn_later, 100_000
    ),
}

QUICK_SHARE: Final = 200
"""With --quick, a scenario has this many times fewer inputs."""


def measure_apart(name: str, inputs: int) -> Found:
    """Run a scenario in a fresh process."""
    answer = subprocess.run(
        [sys.executable, "-m", "benchmarks.memory", "--only", name, str(inputs)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Found(**json.loads(answer.stdout))


def main() -> None:
    arguments = parser(__doc__, rounds=None)
    arguments.add_argument("--only", metavar="NAME", choices=SCENARIOS)
    arguments.add_argument("inputs", type=int, nargs="?", help="for --only")
    options = arguments.parse_args()
    telemetry.configure("benchmarks", console=None)
    if options.only and options.inputs:
        found = SCENARIOS[options.only].run(options.inputs)
        print(json.dumps(asdict(found)))
        return
    report = Report("Memory", options)
    share = QUICK_SHARE if options.quick else 1
    names = [options.only] if options.only else list(SCENARIOS)
    rows = []
    for name in names:
        scenario = SCENARIOS[name]
        found = measure_apart(name, scenario.inputs // share)
        rows.append(found.row(scenario.title))
        report.keep(name, asdict(found))
    head = ["inputs", "count", "driver MiB", "grown by", "bytes/input"]
    head += ["objects/input", "container MiB"]
    report.table("Memory of the driver", head, rows)
    report.close()


def _spawn_and_drop(inputs: int) -> None:
    left = inputs
    while left:
        calls: list[FunctionCall[int]] = [
            echo.spawn(number) for number in range(min(_BATCH, left))
        ]
        left -= len(calls)
        for call in calls:
            call.get()


def _settled_moment(outstanding: int) -> Moment:
    """A moment in which the dispatcher has accepted everything."""
    while True:
        stats = wait.get_current_stats()
        if stats.backlog + stats.num_running_inputs >= outstanding:
            return Moment.now()


def _found(
    inputs: int, before: Moment, after: Moment, container: int | None = None
) -> Found:
    return Found(
        inputs, before.rss, after.rss, after.objects - before.objects, container
    )


def _mebi(size_bytes: int) -> float:
    return size_bytes / 2**20


if __name__ == "__main__":
    main()
