"""What it costs to notice a blocked event loop, and how soon it is noticed.

The cost is that on a loop which has no time to spare: a hundred lanes of tasks that do
nothing. The delay is taken with the loop in one process and the reader in another, on
the clock that both have.
"""

from __future__ import annotations

import asyncio
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from benchmarks.box_taker import open_box
from benchmarks.floor_child import new_loop
from benchmarks.measure import Case, Measured, Plan, measure
from benchmarks.other_process import Actions, OtherProcess
from benchmarks.peers import in_lanes
from telemetry.capture.blackbox import loop_pulse
from telemetry.capture.blackbox.reader import BoxReader
from telemetry.policy.loop_watch import LOOK_EVERY_S, THRESHOLD_S, LoopWatch

PLAIN: Final = "asyncio: nobody looks"
PULSE: Final = "asyncio: our pulse"
LAG: Final = "asyncio: a timer every 50 ms"
WATCHDOG: Final = "asyncio: a thread that wakes every 50 ms"
PLAIN_UVLOOP: Final = "uvloop: nobody looks"
PULSE_UVLOOP: Final = "uvloop: our pulse"

SLEEP: Final = "time.sleep: others could run"
HOLD: Final = "a C call that holds the interpreter lock"

_LANES: Final = 100
_EVERY_S: Final = 0.05
_IDLE_S: Final = 0.05
_TRIED_RANGE: Final = 5_000_000

Watching = Callable[[asyncio.AbstractEventLoop], "Iterator[None]"]


@dataclass(slots=True)
class Delays:
    """How blockages of one kind were noticed, in milliseconds.

    Attributes:
        lasted_ms: How long the loop was blocked.
        noticed_ms: From the beginning of that until the reader knew; shorter than
            *lasted_ms*, or it was noticed too late to look.
        missed: How many were not noticed while they lasted.
    """

    lasted_ms: list[float] = field(default_factory=list)
    noticed_ms: list[float] = field(default_factory=list)
    missed: int = 0


def overhead(plan: Plan) -> Measured:
    """Tasks of a saturated loop, with and without somebody who looks."""
    with ExitStack() as stack:
        open_box(stack)
        kinds: Sequence[tuple[str, bool, Watching]] = (
            (PLAIN, False, _nobody),
            (PULSE, False, _pulse),
            (LAG, False, _timer),
            (WATCHDOG, False, _watchdog),
            (PLAIN_UVLOOP, True, _nobody),
            (PULSE_UVLOOP, True, _pulse),
        )
        return measure(
            [
                Case(name, _saturated(fast=fast, watching=each), step=_LANES)
                for name, fast, each in kinds
                if not fast or _has_uvloop()
            ],
            plan,
        )


def delays(rounds: int, seconds: float) -> dict[str, Delays]:
    """How soon another process notices that a loop is blocked."""
    found = {SLEEP: Delays(), HOLD: Delays()}
    with OtherProcess(f"{__name__}:blocked_app") as app:
        path = Path(app.ask("box"))
        app.ask("prepare", seconds)
        with BoxReader(path) as reader:
            for _ in range(rounds):
                for kind, into in found.items():
                    _one(app, reader, kind, into)
    return found


def blocked_app(stack: ExitStack) -> Actions:
    """The process whose loop is blocked."""
    box, blocker = open_box(stack), _Blocker()
    return {
        "box": lambda: str(box.path),
        "prepare": blocker.prepare,
        "block": lambda kind: asyncio.run(blocker.block(kind)),
    }


class _Blocker:
    """Blocks the loop that it is awaited on, in one of two ways."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._range = 0

    def prepare(self, seconds: float) -> None:
        """Find out how long a C call has to be."""
        began_s = time.perf_counter()
        sum(range(_TRIED_RANGE))
        took_s = time.perf_counter() - began_s
        self._seconds, self._range = seconds, int(_TRIED_RANGE * seconds / took_s)

    async def block(self, kind: str) -> tuple[int, int]:
        """From when to when the loop was blocked; ``time.monotonic_ns()``."""
        pulse = loop_pulse.install()
        if pulse is None:
            raise RuntimeError("this loop has got no pulse")
        await asyncio.sleep(_IDLE_S)
        began_ns = time.monotonic_ns()
        if kind == SLEEP:
            time.sleep(self._seconds)  # noqa: ASYNC251 - that is what is looked for
        else:
            sum(range(self._range))
        ended_ns = time.monotonic_ns()
        await asyncio.sleep(_IDLE_S)
        pulse.uninstall()
        return began_ns, ended_ns


class _Watcher:
    """Looks at a pulse as the driver of the runtime does, on a thread of its own."""

    def __init__(self, reader: BoxReader) -> None:
        self._reader = reader
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.noticed_ns = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        watch, wait_s = LoopWatch(), 0.0
        while not self._over.wait(wait_s):
            now_ns = time.monotonic_ns()
            pulse = self._reader.pulse()
            look = watch.look(pulse.busy_since_ns, pulse.blocked_ns, now_ns)
            if look.blocked_s is not None and not self.noticed_ns:
                self.noticed_ns = time.monotonic_ns()
            due_s = (look.next_look_ns - time.monotonic_ns()) / 1e9
            # Not later than the driver would come round for its other loops.
            wait_s = min(max(due_s, LOOK_EVERY_S), THRESHOLD_S)


def _one(app: OtherProcess, reader: BoxReader, kind: str, into: Delays) -> None:
    with _Watcher(reader) as watcher:
        began_ns, ended_ns = app.ask("block", kind)
    into.lasted_ms.append((ended_ns - began_ns) / 1e6)
    if began_ns < watcher.noticed_ns <= ended_ns:
        into.noticed_ms.append((watcher.noticed_ns - began_ns) / 1e6)
    else:
        into.missed += 1


def middle(values: Sequence[float]) -> float | None:
    """The median; None of nothing."""
    return statistics.median(values) if values else None


def _saturated(*, fast: bool, watching: Watching) -> Callable[[int], None]:
    watched = contextmanager(watching)

    def run(count: int) -> None:
        loop = new_loop(fast=fast)

        async def call(_number: int) -> None:
            await loop.create_task(_pass())

        async def main() -> None:
            with watched(loop):
                await in_lanes(call, count, _LANES)

        loop.run_until_complete(main())
        loop.close()

    return run


async def _pass() -> None:
    """What a task of a saturated loop does."""


def _nobody(_loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    yield


def _pulse(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    pulse = loop_pulse.install(loop)
    if pulse is None:
        raise RuntimeError("this loop has got no pulse")
    pulse.begin()  # a loop that ticks does so while inputs run
    yield
    pulse.finish()
    pulse.uninstall()


def _timer(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    timers: list[asyncio.TimerHandle] = []

    def look() -> None:
        timers[:] = [loop.call_later(_EVERY_S, look)]

    look()
    yield
    timers[0].cancel()


def _watchdog(_loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    over = threading.Event()

    def look() -> None:
        while not over.wait(_EVERY_S):
            pass

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    yield
    over.set()
    thread.join()


def _has_uvloop() -> bool:
    try:
        import uvloop  # noqa: F401, PLC0415 - optional
    except ImportError:
        return False
    return True
