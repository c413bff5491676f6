"""The end of a run: what runs is cancelled, hooks run, and nothing is left."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from telemetry.capture.runtime_records import (
    ContainerExited,
    ContainerStarting,
    InputSettled,
    InputStarted,
    PoolMeasured,
)
from telemetry.core.outcome import Outcome
from telemetry.runtime import run
from telemetry.runtime.exception import ExecutionError, InputCancelledError
from tests.runtime.semantics import gates
from tests.runtime.semantics.apps import cancelling
from tests.runtime.semantics.apps.cancelling import (
    quick_main,
    stubborn_main,
    stuck_main,
    task,
)
from tests.runtime.semantics.apps.lifecycle import (
    Alone,
    BadExit,
    Derived,
    SlowEnter,
    Tasks,
    app,
)
from tests.runtime.semantics.gates import instance_of
from tests.runtime.semantics.recorder import recording


@pytest.mark.parametrize("model", [Alone, Tasks, Derived])
def test_exit_hooks_run_when_the_app_ends(
    model: Callable[..., Any], tmp_path: Path
) -> None:
    """What runs is cancelled and unwinds first."""
    with app.run():
        call = instance_of(model, tmp_path).hold.spawn("a")
        gates.began(tmp_path, "a")
    log = gates.notes(tmp_path)
    with pytest.raises(InputCancelledError, match="shutdown"):
        call.get(0)

    assert log.index("a ended") < log.index("base exit")
    assert log.count("base exit") == 1


def test_a_failing_exit_hook_stops_no_other(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """All hooks run, and the traceback is shown."""
    with app.run():
        pid = instance_of(BadExit, tmp_path).pid.remote()
    gates.gone(pid)

    assert "the second runs" in gates.notes(tmp_path)
    assert "the first hook fails" in "".join(capfd.readouterr())


def test_what_is_interrupted_as_it_starts_is_taken_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ctrl-C at the last moment of a start leaves no session: the app runs again."""

    def interrupted(_settings: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(run, "wants_agent", lambda _settings: True)
        patched.setattr(run, "host_for_app", interrupted)
        with pytest.raises(KeyboardInterrupt), app.run():
            raise AssertionError("it has been entered")

    with app.run():
        pass


def test_what_is_left_is_cancelled(tmp_path: Path) -> None:
    """Running and queued inputs settle as cancelled, with shutdown as the cause."""
    with recording(cancelling.app) as seen:
        calls = [cancelling.alone.spawn(tmp_path, name) for name in "ab"]
        gates.began(tmp_path, "a")
    for call in calls:
        with pytest.raises(InputCancelledError, match="shutdown"):
            call.get(0)
    settled = seen.all(InputSettled)

    assert [each.outcome for each in settled] == [Outcome.CANCELLED] * 2
    assert sorted(each.cancelled.phase for each in settled if each.cancelled) == [
        "queued",
        "running",
    ]


def test_no_container_outlives_its_run(tmp_path: Path) -> None:
    """Every one that was started has exited when the block is left."""
    with recording(cancelling.app) as seen:
        calls = [task.spawn(tmp_path, "a"), cancelling.alone.spawn(tmp_path, "b")]
        gates.began(tmp_path, *"ab")
        assert len(calls) == 2
    started = {each.container_id for each in seen.all(ContainerStarting)}
    ended = [(each.container_id, each.reason) for each in seen.all(ContainerExited)]

    assert ended and sorted(ended) == [(each, "shutdown") for each in sorted(started)]


@pytest.mark.parametrize("body", [stubborn_main, stuck_main])
def test_a_body_that_does_not_end_cannot_hold_the_run(
    body: Any, tmp_path: Path
) -> None:
    """After its grace its container is killed: leaving is bounded."""
    with recording(cancelling.app) as seen:
        body.spawn(tmp_path, "stuck")
        gates.began(tmp_path, "stuck")
        leaving_s = time.monotonic()
    took_s = time.monotonic() - leaving_s

    assert took_s < 15
    assert len(seen.all(ContainerExited)) == 1
    assert [each.outcome for each in seen.all(InputSettled)] == [Outcome.CANCELLED]


def test_shutdown_grace_bounds_the_end(tmp_path: Path) -> None:
    """Beyond `shutdown_grace` what is left is killed, whatever its own grace."""
    patient = stubborn_main.with_options(cancel_grace=300)
    with cancelling.app.run(shutdown_grace=0.3):
        call = patient.spawn(tmp_path, "a")
        gates.began(tmp_path, "a")
        leaving_s = time.monotonic()
    took_s = time.monotonic() - leaving_s

    assert took_s < 15
    with pytest.raises(InputCancelledError, match="shutdown"):
        call.get(0)


def test_a_container_that_still_starts_is_not_waited_for(tmp_path: Path) -> None:
    """Nothing runs in it yet: it is gone at once."""
    with recording(app) as seen:
        call = instance_of(SlowEnter, tmp_path).pid.spawn()
        gates.noted(tmp_path, "entering")
    with pytest.raises(InputCancelledError, match="shutdown"):
        call.get(0)

    assert len(seen.all(ContainerExited)) == 1
    assert seen.all(InputStarted) == []


def test_an_exception_in_the_block_ends_the_run_too(tmp_path: Path) -> None:
    """It leaves the block as itself, and what runs is cancelled."""
    with pytest.raises(ZeroDivisionError, match="mine"):
        _fail_in_a_run(tmp_path)
    container = gates.notes(tmp_path)

    assert container == ["a cancelled"]


def test_an_app_runs_again(tmp_path: Path) -> None:
    """After its end, the same app can be run once more."""
    for number in (1, 2):
        with cancelling.app.run():
            assert quick_main.remote(number) == number


def test_after_the_run_calls_are_refused() -> None:
    """There is no place for them to run."""
    with cancelling.app.run():
        pass

    with pytest.raises(ExecutionError, match="is not running"):
        quick_main.remote(1)


def test_async_with_runs_the_app_too() -> None:
    """`async with app.run()` serves `.aio` verbs on the caller's loop."""

    async def run() -> list[int]:
        async with cancelling.app.run():
            return [number async for number in quick_main.map.aio(range(5))]

    assert asyncio.run(run()) == [0, 1, 2, 3, 4]


def test_the_measures_are_complete_at_the_end() -> None:
    """The last record of a pool has its integrals."""
    with recording(cancelling.app) as seen:
        quick_main.remote(1)
    measured = seen.all(PoolMeasured, function="quick_main")

    assert [each.last for each in measured].index(True) == len(measured) - 1
    assert measured[-1].slots_s > 0


def _fail_in_a_run(folder: Path) -> None:
    with cancelling.app.run():
        task.spawn(folder, "a")
        gates.began(folder, "a")
        raise ZeroDivisionError("mine")
