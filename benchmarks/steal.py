"""What telemetry takes from a busy application, and from a busy event loop.

    python -m benchmarks.steal [--rounds N] [--json FILE] [--quick]

The first table: a thread that computes, and so many inputs per second in between, each
with the record of its execution and a log line. Ours go into the black box, which
another process reads every 20 ms; OpenTelemetry's go into batches that are exported
nowhere. Inputs come for 50 ms, then none for 50 ms, and so on; what is lost is lost
against the time without. The second and third table: what it costs to notice a blocked
event loop, and how soon another process does.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any, Final, NamedTuple

from benchmarks import blocked_loops, steal_apps
from benchmarks.blocked_loops import Delays
from benchmarks.machine import PACKAGES
from benchmarks.measure import Measured, Plan, quartiles
from benchmarks.other_process import OtherProcess
from benchmarks.report import Report, parser, rounds_of
from benchmarks.steal_apps import Stretch
from benchmarks.targets import Found, Tables, Target, ratio, verdicts
from telemetry.policy.loop_watch import THRESHOLD_S

NONE: Final = "no telemetry"
OURS: Final = "ours: record and line, read by another process"
OTEL: Final = "OpenTelemetry: span and log record, exported nowhere"
RATES: Final = (1_000, 5_000, 10_000)

_APPS: Final = {NONE: steal_apps.none, OURS: steal_apps.ours, OTEL: steal_apps.otel}
_STRETCH_S: Final = 1.5
_QUICK_STRETCH_S: Final = 0.1
_LOOP_BLOCK_S: Final = 0.25
_QUICK_LOOP_BLOCK_S: Final = 0.02
_BLOCKED_S: Final = 0.3
_QUICK_BLOCKED_S: Final = 0.15
_SEED: Final = 1

_SPARE_MS: Final = 15
_NO_TABLES: Final = Tables(Measured({}), Measured({}), Measured({}))


class Load(NamedTuple):
    """An application at a rate of inputs."""

    app: str
    rate: int


Stretches = dict[Load, list[Stretch]]
"""In the order of the rounds."""


def run_apps(rounds: int, seconds: float) -> Stretches:
    """Every application at every rate, in shuffled order in each round."""
    loads = [Load(app, rate) for app in (OURS, OTEL) for rate in RATES]
    loads.append(Load(NONE, 0))
    found: Stretches = {load: [] for load in loads}
    shuffler = random.Random(_SEED)
    with ExitStack() as stack:
        apps = {
            name: stack.enter_context(
                OtherProcess(f"{make.__module__}:{make.__name__}")
            )
            for name, make in _APPS.items()
        }
        for app in apps.values():
            app.ask("work", RATES[-1], seconds / 3)  # what it does first, it does late
        for _ in range(rounds):
            shuffler.shuffle(loads)
            for load in loads:
                said = apps[load.app].ask("work", load.rate, seconds)
                found[load].append(Stretch(**said))
    return found


def lost(stretches: Sequence[Stretch]) -> Found:
    """Which part of its own work an application did not get done, in percent."""
    cpu = statistics.median([100 * each.lost_cpu for each in stretches])
    return _found([100 * each.lost for each in stretches])._replace(cpu=cpu)


def slower(stretches: Sequence[Stretch]) -> Found:
    """The p99.9 of a unit of its work, to that without inputs."""
    return _found([each.p999_us / each.bare_p999_us for each in stretches])


def _found(values: Sequence[float]) -> Found:
    low, middle, high = quartiles(values)
    return Found(middle, iqr=high - low)


def show_apps(report: Report, found: Stretches) -> None:
    """Print what was lost, and where the CPU went."""
    head = ["application", "inputs/s", "lost", "IQR", "by CPU", "CPU us/input"]
    head += ["other CPU"]
    head += ["p99.9 us", "worst ms", "reached", "dropped"]
    rows = [_row(found, load) for load in sorted(found, key=lambda each: each.rate)]
    title = "What telemetry takes from a thread that computes"
    report.table(title, head, rows)
    report.keep(
        title,
        {f"{load.app} @ {load.rate}": _plain(each) for load, each in found.items()},
    )


def _plain(stretches: Sequence[Stretch]) -> dict[str, list[float]]:
    names = Stretch.__dataclass_fields__
    return {name: [getattr(each, name) for each in stretches] for name in names}


def _row(found: Stretches, load: Load) -> list[str]:
    def median(name: str) -> float:
        return statistics.median([float(getattr(each, name)) for each in found[load]])

    loss = lost(found[load])
    by_cpu = loss.cpu or 0.0
    per_input = f"{by_cpu * 1e4 / load.rate:.1f}" if load.rate else "-"
    return [
        load.app,
        f"{load.rate:,}",
        f"{loss.value:.1f}%",
        f"{loss.iqr:.1f}%",
        f"{by_cpu:.1f}%",
        per_input,
        f"{median('other_cpu'):.1%}",
        f"{median('p999_us'):,.0f}",
        f"{median('worst_ms'):,.1f}",
        f"{median('inputs_per_s'):,.0f}",
        f"{sum(each.missing for each in found[load]):,}",
    ]


def show_delays(report: Report, found: dict[str, Delays]) -> None:
    """Print how soon blockages were noticed."""
    title = (
        f"A blocked loop, noticed by another process (threshold {THRESHOLD_S * 1e3:g})"
    )
    head = ["blocked by", "lasted ms", "noticed after ms", "latest", "not noticed"]
    rows = [
        [
            kind,
            f"{statistics.median(each.lasted_ms):.0f}",
            f"{statistics.median(each.noticed_ms):.0f}" if each.noticed_ms else "-",
            f"{max(each.noticed_ms):.0f}" if each.noticed_ms else "-",
            f"{each.missed} of {len(each.lasted_ms)}",
        ]
        for kind, each in found.items()
    ]
    report.table(title, head, rows)
    report.keep(title, {kind: each.noticed_ms for kind, each in found.items()})


def targets(
    found: Stretches, loops: Measured, noticed: dict[str, Delays]
) -> list[list[str]]:
    """One row for each target."""
    rows: list[Target] = []
    for rate, limit in ((10_000, 3), (1_000, 1)):
        load = Load(OURS, rate)
        what = f"{rate:,} inputs/s: work lost"
        rows.append(_target("T13", what, limit, lost(found[load]), "%"))
        what = f"{rate:,} inputs/s: p99.9 of a unit / without telemetry"
        rows.append(_target("T13", what, 1.2, slower(found[load])))
    tables = Tables(loops, loops, loops)
    for name, plain in (
        (blocked_loops.PULSE, blocked_loops.PLAIN),
        (blocked_loops.PULSE_UVLOOP, blocked_loops.PLAIN_UVLOOP),
    ):
        rows.append(
            _target("T14", f"{name} / {plain}", 1.01, ratio(name, plain)(tables))
        )
    limit_ms = THRESHOLD_S * 1e3 + _SPARE_MS
    for kind, each in noticed.items():
        value = None if each.missed or not each.noticed_ms else _found(each.noticed_ms)
        rows.append(_target("T14", f"noticed: {kind}", limit_ms, value, "ms"))
    return verdicts(rows, _NO_TABLES)


def _target(
    key: str, what: str, limit: float, found: Found | None, unit: str = "x"
) -> Target:
    return Target(key, what, limit, partial(_as_found, found), unit)


def _as_found(found: Found | None, _tables: Any) -> Found | None:  # noqa: ANN401 - not needed
    return found


def main() -> None:
    options = parser(__doc__, rounds=9).parse_args()
    rounds, quick = rounds_of(options), options.quick
    report = Report("What telemetry takes", options, (*PACKAGES, "opentelemetry-sdk"))
    found = run_apps(rounds, _QUICK_STRETCH_S if quick else _STRETCH_S)
    show_apps(report, found)
    block_s = _QUICK_LOOP_BLOCK_S if quick else _LOOP_BLOCK_S
    loops = blocked_loops.overhead(Plan(rounds, block_s))
    title = "A loop that has no time to spare: a task of it"
    report.measured(title, loops, blocked_loops.PLAIN)
    noticed = blocked_loops.delays(rounds, _QUICK_BLOCKED_S if quick else _BLOCKED_S)
    show_delays(report, noticed)
    head = ["target", "figure", "wanted", "found", "IQR", "by CPU", "verdict"]
    rows = targets(found, loops, noticed)
    report.table("Targets", head, rows, texts=2)
    report.keep("Targets", [head, *rows])
    report.close()


if __name__ == "__main__":
    main()
