"""Records and runs made by hand, for the tests of the demo."""

from __future__ import annotations

from collections import Counter
from typing import Any

from examples.demo.director import Report
from examples.demo.observer import Observer
from examples.demo.summary import Facts
from examples.demo.theme import Theme
from examples.demo.workload import EMBED, RESIZE, SHAPES, TRANSLATE
from telemetry.capture.runtime_records import (
    BurstEnded,
    Cancelled,
    ContainerExited,
    ContainerReady,
    ContainerStarting,
    InputInterrupted,
    InputSettled,
    InputStarted,
    PoolMeasured,
    ScalingDecided,
)
from telemetry.core.outcome import Outcome
from telemetry.policy.bursts import BurstReason, Episode, Zone
from telemetry.policy.scaling import Decision, Reason

PLAIN = Theme(colour=False, unicode=True)
FACTS = Facts(
    source="model, seed 1, speed 10",
    elapsed_s=21.5,
    interrupted=False,
    next_commands=[("make demo ARGS='--speed 20'", "faster")],
)

_TASK = {"mechanism": "task", "observed": "unwound"}


def started(input_id: str, **given: Any) -> InputStarted:
    """An execution of *input_id* began."""
    values: dict[str, Any] = {
        "at_s": 10.0,
        "function": TRANSLATE.name,
        "function_call_id": f"fc-{input_id}",
        "attempt": 0,
        "container_id": "ct-AAAAAA",
        "slot": 0,
        "concurrency": 1,
        "zone": Zone.NORMAL,
        "wait_s": 0.001,
        "wait_reason": "none",
        "batch_size": 1,
    }
    return InputStarted(input_id=input_id, **{**values, **given})


def settled(input_id: str, **given: Any) -> InputSettled:
    """*input_id* has its outcome."""
    values: dict[str, Any] = {
        "at_s": 11.0,
        "function": TRANSLATE.name,
        "function_call_id": f"fc-{input_id}",
        "outcome": Outcome.SUCCESS,
        "attempt": 0,
        "container_id": "ct-AAAAAA",
        "slot": 0,
        "zone": Zone.NORMAL,
        "wait_s": 0.001,
        "run_s": 0.1,
        "total_s": 0.101,
        "cancelled": None,
    }
    return InputSettled(input_id=input_id, **{**values, **given})


def cancelled(**given: Any) -> Cancelled:
    """What was asked of an execution."""
    values: dict[str, Any] = {"cause": "user", "phase": "running", "requested_s": 10.99}
    return Cancelled(**{**values, **_TASK, **given})


def interrupted(input_id: str, **given: Any) -> InputInterrupted:
    """An execution of *input_id* ended without an outcome."""
    values: dict[str, Any] = {
        "at_s": 10.5,
        "function": TRANSLATE.name,
        "function_call_id": f"fc-{input_id}",
        "attempt": 0,
        "container_id": "ct-AAAAAA",
        "slot": 0,
        "elapsed_s": 0.5,
        "reason": "lost",
    }
    return InputInterrupted(input_id=input_id, **{**values, **given})


def ready(
    observer: Observer, container_id: str = "ct-AAAAAA", pool: str = "translate"
) -> None:
    """A container starts, and takes inputs."""
    observer.add(ContainerStarting(9.0, pool, container_id))
    observer.add(ContainerReady(9.2, pool, container_id, 4711, 0.1, 0.07, 0.03))


def observer() -> Observer:
    """One that knows the functions of the demo, and a container of translate."""
    found = Observer(SHAPES)
    ready(found)
    return found


def submit(found: Observer, function: str, count: int = 1) -> None:
    """So many inputs are handed to the runtime."""
    for _ in range(count):
        found.submitted(function)


def busy_run() -> tuple[Observer, Report]:
    """A run with one of each trouble; its books balance. Figures are wide."""
    found = observer()
    ready(found, "ct-BBBBBB", RESIZE.name)
    ready(found, "ct-CCCCCC", "Embed")
    submit(found, TRANSLATE.name, 10_012)
    for number in range(10_000):
        found.add(started(f"in-{number:06}", wait_s=number / 100))
        found.add(settled(f"in-{number:06}", run_s=number / 10))
    for number in range(12):
        name = f"in-KILL{number:02}"
        found.add(started(name, slot=number, concurrency=number + 1))
    found.add(settled("in-KILL00", slot=0))
    return _with_trouble(found)


def _with_trouble(found: Observer) -> tuple[Observer, Report]:
    victim = found.containers["ct-AAAAAA"]
    report = Report(victim=victim, at_work=[f"in-KILL{n:02}" for n in range(1, 12)])
    for number in range(1, 12):
        found.add(interrupted(f"in-KILL{number:02}", slot=number))
    found.add(ContainerExited(10.6, TRANSLATE.name, "ct-AAAAAA", "crash", -9))
    ready(found, "ct-DDDDDD")
    for number in range(1, 12):
        name, where = f"in-KILL{number:02}", {"container_id": "ct-DDDDDD"}
        found.add(started(name, slot=number, attempt=1, **where))
        ways: dict[int, dict[str, Any]] = {
            1: {"outcome": Outcome.CANCELLED, "cancelled": cancelled()},
            2: {"cancelled": cancelled(observed="swallowed")},
        }
        found.add(
            settled(name, slot=number, attempt=1, **where, **ways.get(number, {}))
        )
    _pictures(found)
    submit(found, EMBED.name, 3)
    for number in range(3):
        at = {"function": EMBED.name, "container_id": "ct-CCCCCC", "batch_size": 3}
        found.add(started(f"in-EMB{number:03}", **at))
    for number in range(3):
        at = {"function": EMBED.name, "container_id": "ct-CCCCCC"}
        found.add(settled(f"in-EMB{number:03}", **at))
    for each in SHAPES:
        _figures(found, each.name.partition(".")[0])
    report.errors["resize", f"ValueError: no \n width {'x' * 200}"] = 2
    report.tally = Counter(
        {
            (name, outcome): count
            for name, each in found.functions.items()
            for outcome, count in each.settled.items()
        }
    )
    return found, report


def _pictures(found: Observer) -> None:
    submit(found, RESIZE.name, 3)
    where: dict[str, Any] = {"function": RESIZE.name, "container_id": "ct-BBBBBB"}
    found.add(started("in-PIC000", slot=0, **where))
    found.add(started("in-PIC001", slot=1, concurrency=2, **where))
    found.add(interrupted("in-PIC001", slot=1, reason="neighbour", **where))
    asked = cancelled(mechanism="container", cause="timeout")
    found.add(settled("in-PIC000", outcome=Outcome.TIMEOUT, cancelled=asked, **where))
    found.add(ContainerExited(11.0, RESIZE.name, "ct-BBBBBB", "timeout", 0))
    ready(found, "ct-EEEEEE", RESIZE.name)
    where["container_id"] = "ct-EEEEEE"
    found.add(started("in-PIC001", slot=0, attempt=1, **where))
    found.add(settled("in-PIC001", attempt=1, **where))
    queued = cancelled(phase="queued", mechanism=None, observed=None)
    found.add(
        settled(
            "in-PIC002",
            function=RESIZE.name,
            container_id=None,
            outcome=Outcome.CANCELLED,
            run_s=None,
            cancelled=queued,
        )
    )


def _figures(found: Observer, pool: str) -> None:
    episode = Episode(10.0, 20.0, 12, 2, BurstReason.COLD_START)
    found.add(BurstEnded(21.0, pool, episode))
    for reason in (Reason.DEMAND, Reason.FROM_ZERO, Reason.SCALEDOWN):
        want = 1 if reason is Reason.SCALEDOWN else 3
        found.add(ScalingDecided(10.0, pool, Decision(want, 2, 30.0, reason)))
    for reason in (Reason.STEADY, Reason.HOLD_WINDOW, Reason.MAX_CONTAINERS):
        found.add(ScalingDecided(10.0, pool, Decision(2, 2, 30.0, reason)))
    zones_s = {"idle": 5_555.5, "normal": 5_555.5, "burst": 555.5, "saturated": 55.5}
    found.add(PoolMeasured(21.0, pool, 12_345.6, 12_345.6, zones_s))
