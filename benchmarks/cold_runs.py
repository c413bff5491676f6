"""The measurements of ``benchmarks.cold_start``; see there."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any, Final

import telemetry
from benchmarks import cold_peers, cold_start, ray_peers
from benchmarks.cold_apps import app, echo, first_app, first_echo
from benchmarks.machine import PACKAGES
from benchmarks.measure import quartiles, relative_iqr
from benchmarks.report import Report, parser, rounds_of
from telemetry.capture.runtime_records import (
    ContainerExited,
    ContainerReady,
    ContainerStarting,
    Record,
)

TARGET_MS: Final = 100.0

ZERO: Final = "ours, from zero: call to result"
STARTED: Final = "ours, from zero: container asked for to ready"
PHASES: Final = ("spawn", "import", "enter")
FIRST: Final = "ours, first of an app: app.run() to result"
SPAWN: Final = "multiprocessing, spawn"
FORKSERVER: Final = "multiprocessing, forkserver that is there"
RAY: Final = "Ray actor, in a Ray that is there"

_LIMIT_S: Final = 20.0
_SEED: Final = 1


class Watch:
    """Keeps what is told of containers."""

    def __init__(self) -> None:
        self._told: SimpleQueue[Record] = SimpleQueue()

    def __call__(self, record: Record) -> None:
        """Take a record, on the reports' thread."""
        if isinstance(record, ContainerStarting | ContainerReady | ContainerExited):
            self._told.put(record)

    def until_gone(self) -> tuple[ContainerStarting, ContainerReady]:
        """Wait for the end of a container; how its start went.

        Raises:
            RuntimeError: It did not start, or did not end in time.
        """
        starting: ContainerStarting | None = None
        ready: ContainerReady | None = None
        try:
            while True:
                record = self._told.get(timeout=_LIMIT_S)
                if isinstance(record, ContainerStarting):
                    starting = record
                elif isinstance(record, ContainerReady):
                    ready = record
                elif starting is not None and ready is not None:
                    return starting, ready
                else:
                    raise RuntimeError(f"a container ended before it began: {record}")
        except Empty:
            raise RuntimeError(
                f"no container started and ended within {_LIMIT_S:g} s"
            ) from None


class ColdStarts:
    """Times by what was measured, in milliseconds."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self.times_ms: dict[str, list[float]] = {}

    def timed(self, name: str, call: Callable[[], object]) -> None:
        """Measure one call."""
        began_s = time.perf_counter()
        call()
        self._add(name, time.perf_counter() - began_s)

    def from_zero(self) -> None:
        """Call with no container there; then wait until there is none again."""
        self.timed(ZERO, lambda: echo.remote(1))
        starting, ready = self._watch.until_gone()
        self._add(STARTED, ready.at_s - starting.at_s)
        for phase in PHASES:
            self._add(f"- {phase}", getattr(ready, f"{phase}_s"))

    def first(self) -> None:
        """Start an app, call, and stop it; the stop is not counted."""
        began_s = time.perf_counter()
        with first_app.run(shutdown_grace=5):
            first_echo.remote(1)
            took_s = time.perf_counter() - began_s
        self._add(FIRST, took_s)

    def _add(self, name: str, took_s: float) -> None:
        self.times_ms.setdefault(name, []).append(took_s * 1000)


def ray_actor(ray: Any) -> Callable[[], None]:  # noqa: ANN401 - an optional package's module
    """Starts an actor, hears from it, and ends it."""
    kind = ray.remote(ray_peers.Async).options(num_cpus=0)

    def first_answer() -> None:
        actor = kind.remote()
        ray.get(actor.echo.remote(1))
        ray.kill(actor)

    return first_answer


def measured(rounds: int, ray: Any | None) -> dict[str, list[float]]:  # noqa: ANN401 - as above
    """All of it, in shuffled order in each round."""
    watch = Watch()
    starts = ColdStarts(watch)
    calls: list[Callable[[], None]] = [
        starts.from_zero,
        starts.first,
        lambda: starts.timed(SPAWN, cold_peers.from_spawn),
        lambda: starts.timed(FORKSERVER, cold_peers.from_forkserver),
    ]
    if ray is not None:
        actor = ray_actor(ray)
        actor()
        calls.append(lambda: starts.timed(RAY, actor))
    shuffler = random.Random(_SEED)
    cold_peers.preload()
    with app.run(on_record=watch, shutdown_grace=5):
        echo.remote(1)
        watch.until_gone()
        for _ in range(rounds):
            shuffler.shuffle(calls)
            for call in calls:
                call()
    return starts.times_ms


def rows(times_ms: dict[str, list[float]]) -> list[list[str]]:
    """One row per measurement, in an order that reads well."""
    order = [ZERO, STARTED, *(f"- {phase}" for phase in PHASES)]
    order += [FIRST, FORKSERVER, SPAWN, RAY]
    return [_row(name, times_ms[name]) for name in order if name in times_ms]


def verdict(times_ms: Sequence[float]) -> str:
    """Whether nine in ten cold starts are as short as they should be."""
    found_ms = percentile_90(times_ms)
    missed = f"missed by a factor of {found_ms / TARGET_MS:.1f}"
    return (
        f"target: below {TARGET_MS:g} ms from zero; p90 {found_ms:.1f} ms: "
        f"{'met' if found_ms < TARGET_MS else missed}"
    )


def percentile_90(values: Sequence[float]) -> float:
    """The value that nine in ten do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, -(-9 * len(ordered) // 10) - 1)]


def main() -> None:
    arguments = parser(cold_start.__doc__, rounds=30)
    arguments.add_argument("--ray", action="store_true", help="beside an actor of Ray")
    options = arguments.parse_args()
    ray = ray_peers.start_ray() if options.ray else None
    if options.ray and ray is None:
        sys.exit(ray_peers.MISSING)
    telemetry.configure("benchmarks", console=None)
    packages = (*PACKAGES, "ray") if options.ray else PACKAGES
    report = Report("Cold starts", options, packages)
    times_ms = measured(rounds_of(options), ray)
    head = ["what", "median ms", "p90", "min", "max", "IQR"]
    report.table("From nothing to the first answer", head, rows(times_ms))
    report.keep("From nothing to the first answer", times_ms)
    report.line(f"\n{verdict(times_ms[ZERO])}")
    report.close()
    if ray is not None:
        ray.shutdown()


def _row(name: str, times_ms: Sequence[float]) -> list[str]:
    return [
        name,
        f"{quartiles(times_ms)[1]:.2f}",
        f"{percentile_90(times_ms):.2f}",
        f"{min(times_ms):.2f}",
        f"{max(times_ms):.2f}",
        f"{relative_iqr(times_ms):.0%}",
    ]
