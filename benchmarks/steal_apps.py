"""Applications that compute on one thread and leave telemetry at a fixed rate.

Each is a process of its own (`benchmarks.other_process`) and differs only in what it
does for an input: nothing, ours, or OpenTelemetry's span and log record, both in
batches that go nowhere.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from contextvars import Context, copy_context
from dataclasses import asdict, dataclass
from typing import Final

import telemetry
from benchmarks.box_taker import open_box, start_taker
from benchmarks.other_process import Actions
from telemetry.capture import executions
from telemetry.capture.blackbox.box import BlackBox
from telemetry.capture.blackbox.reader import BoxReader
from telemetry.capture.blackbox.status import SlotTable
from telemetry.core.scope import SCOPE, InputScope

_STEPS: Final = 400
_WARM_UNITS: Final = 500
_PHASE_S: Final = 0.05
_QUEUE: Final = 1 << 17

Input = Callable[[int], None]
"""All that telemetry does for one input; gets its number."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """What an application got done, in phases with inputs and phases without.

    Attributes:
        lost: The part of its own work that it did not do in the phases with inputs,
            against those without.
        lost_cpu: The same by the CPU time of its own thread for each input, at the rate
            that was asked for. What others on the machine take is left out, and what
            its other threads take as well.
        other_cpu: CPU of its other threads while inputs came, in cores; what was left
            at the end included.
        p999_us: Of a thousand units of its work, one took longer, with inputs.
        bare_p999_us: The same without.
        worst_ms: The longest unit, with inputs.
        inputs_per_s: The rate that was kept up.
        missing: Records that its box had to drop.
    """

    lost: float
    lost_cpu: float
    other_cpu: float
    p999_us: float
    bare_p999_us: float
    worst_ms: float
    inputs_per_s: float
    missing: int = 0


def none(_stack: ExitStack) -> Actions:
    """An application without telemetry."""
    return {"work": lambda _rate, seconds: asdict(work(_nothing, 0, seconds))}


def ours(stack: ExitStack) -> Actions:
    """Ours: the record of its execution, and a log line."""
    box = open_box(stack)
    start_taker(stack, box.path)
    reader = stack.enter_context(BoxReader(box.path))
    leave = our_input(box)

    def run(rate: float, seconds: float) -> dict[str, float]:
        before = sum(reader.dropped().values())
        found = asdict(work(leave, rate, seconds))
        return {**found, "missing": sum(reader.dropped().values()) - before}

    return {"work": run}


def otel(_stack: ExitStack) -> Actions:
    """OpenTelemetry's SDK: a span and a log record."""
    # Loaded in this process alone.
    from benchmarks import steal_otel  # noqa: PLC0415

    leave, flush = steal_otel.make(_QUEUE)
    return {"work": lambda rate, s: asdict(work(leave, rate, s, flush))}


def our_input(box: BlackBox) -> Input:
    """As in a container: a scope in a context of its own, and a row of the slots."""
    log = telemetry.get_logger("benchmarks")
    status = SlotTable(box.head, box.sizes)
    base: Context = copy_context()

    def body(number: int) -> None:
        scope = InputScope(
            f"in-01M85ZRM1205MWTN6PQ{number % 10_000_000:07d}", "fc-0", "embed"
        )
        SCOPE.set(scope)
        began_ns = time.time_ns()
        status.start(0, scope, began_ns)
        executions.begin(scope)
        log.info("step done", fn="embed", step=number, secs=0.25)
        executions.end(scope, began_ns, time.time_ns(), outcome="success")
        status.end(0)

    return lambda number: base.copy().run(body, number)


def work(
    leave: Input, rate: float, seconds: float, flush: Callable[[], object] | None = None
) -> Stretch:
    """Compute for so long; every other phase, leave so many inputs per second as well.

    The speed of a machine drifts by more than what is looked for, but not within the
    tenth of a second of two phases.

    Args:
        flush: Has what is left worked off; its CPU counts, its time does not.
    """
    for _ in range(_WARM_UNITS):
        _unit()
    bare, busy = _Phases(), _Phases()
    own_began_s, all_began_s = time.thread_time(), time.process_time()
    end_s = time.perf_counter() + seconds
    while time.perf_counter() < end_s:
        _phase(bare, _nothing, 0)
        _phase(busy, leave, rate)
    own_s = time.thread_time() - own_began_s
    if flush is not None:
        flush()
    others_s = time.process_time() - all_began_s - own_s
    return Stretch(
        lost=1 - busy.units_per_s / bare.units_per_s,
        lost_cpu=rate * busy.cpu_s_per_input(bare),
        other_cpu=max(0.0, others_s) / busy.wall_s,
        p999_us=busy.p999_us,
        bare_p999_us=bare.p999_us,
        worst_ms=max(busy.took_s) * 1e3,
        inputs_per_s=busy.sent / busy.wall_s,
    )


class _Phases:
    """The phases of one kind."""

    def __init__(self) -> None:
        self.took_s: list[float] = []
        self.wall_s = self.cpu_s = 0.0
        self.sent = 0

    @property
    def units_per_s(self) -> float:
        """Units of the application's own work."""
        return len(self.took_s) / self.wall_s

    def cpu_s_per_input(self, bare: _Phases) -> float:
        """CPU seconds of an input, beyond what the work takes in phases without."""
        work_s = len(self.took_s) * bare.cpu_s / len(bare.took_s)
        return (self.cpu_s - work_s) / self.sent if self.sent else 0.0

    @property
    def p999_us(self) -> float:
        """What one unit in a thousand exceeds."""
        return sorted(self.took_s)[int(len(self.took_s) * 0.999)] * 1e6


def _phase(into: _Phases, leave: Input, rate: float) -> None:
    took_s, now, sent = into.took_s, time.perf_counter, 0
    cpu_began_s = time.thread_time()
    began_s = at_s = now()
    while at_s < began_s + _PHASE_S:
        _unit()
        done_s = now()
        took_s.append(done_s - at_s)
        due = int((done_s - began_s) * rate)
        while sent < due:
            leave(into.sent + sent)
            sent += 1
        at_s = now()
    into.wall_s += at_s - began_s
    into.cpu_s += time.thread_time() - cpu_began_s
    into.sent += sent


def _unit() -> int:
    total = 0
    for step in range(_STEPS):
        total += step
    return total


def _nothing(_number: int) -> None:
    """Where there is no telemetry."""
