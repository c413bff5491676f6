"""Lifecycle: hooks before the first and after the last input."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from telemetry.capture.runtime_records import (
    ContainerExited,
    ContainerReady,
    InputStarted,
)
from tests.runtime.semantics import gates
from tests.runtime.semantics.apps.lifecycle import (
    Alone,
    Derived,
    SlowEnter,
    Tasks,
    app,
)
from tests.runtime.semantics.gates import instance_of
from tests.runtime.semantics.recorder import Recorder, recording


@pytest.fixture(scope="module")
def seen() -> Iterator[Recorder]:
    """The app runs, and its records are kept."""
    with recording(app) as recorder:
        yield recorder


def test_enter_hooks_run_base_class_first(seen: Recorder, tmp_path: Path) -> None:
    """Sync and async ones, and the body finds what they made."""
    gates.release(tmp_path, "a")
    _, state = instance_of(Derived, tmp_path).hold.remote("a")

    assert state == ["base", "derived"]
    assert gates.notes(tmp_path)[:2] == ["base enter", "derived enter"]


def test_a_container_is_ready_after_its_enter_hooks(
    seen: Recorder, tmp_path: Path
) -> None:
    """While a hook runs, the container is starting and the input waits."""
    model = instance_of(SlowEnter, tmp_path)
    call = model.pid.spawn()
    gates.noted(tmp_path, "entering")
    stats = model.get_current_stats()
    before = seen.all(ContainerReady, function="SlowEnter")
    gates.open_gate(tmp_path, "entered")
    call.get(20)

    assert (stats.starting, stats.ready, stats.backlog) == (1, 0, 1)
    assert before == []
    assert gates.notes(tmp_path) == ["base enter", "entering", "body"]


def test_exit_hooks_run_at_scale_down(seen: Recorder, tmp_path: Path) -> None:
    """After the last input has ended, once each, sync and async."""
    gates.release(tmp_path, "a")
    ran, _ = instance_of(Derived, tmp_path).hold.remote("a")
    ended = seen.one(ContainerExited, container_id=ran.container_id)

    assert (ended.reason, ended.status) == ("scaledown", 0)
    assert gates.notes(tmp_path)[2:] == ["a ended", "base exit", "derived exit"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("model", [Alone, Tasks, Derived])
def test_a_signal_to_a_container_ends_it_in_order(
    seen: Recorder, model: Callable[..., Any], number: int, tmp_path: Path
) -> None:
    """Bodies unwind, then exit hooks run; the input runs again elsewhere."""
    call = instance_of(model, tmp_path).hold.spawn("a")
    gates.began(tmp_path, "a")
    first = seen.one(InputStarted, function_call_id=call.object_id)
    pid = seen.one(ContainerReady, container_id=first.container_id).pid
    assert pid is not None
    os.kill(pid, number)
    ended = seen.one(ContainerExited, container_id=first.container_id)
    gates.release(tmp_path, "a")
    second = seen.wait(InputStarted, function_call_id=call.object_id, count=2)[1]
    call.get(20)
    log = gates.notes(tmp_path)

    assert (ended.status, second.attempt) == (0, 1)
    assert log.index("a ended") < log.index("base exit")


def test_an_idle_container_ends_at_a_signal(seen: Recorder, tmp_path: Path) -> None:
    """With nothing to cancel, it runs its exit hooks and goes."""
    gates.release(tmp_path, "a")
    ran = instance_of(Alone, tmp_path).hold.remote("a")
    os.kill(ran.pid, signal.SIGTERM)
    ended = seen.one(ContainerExited, container_id=ran.container_id)

    assert ended.status == 0
    assert gates.notes(tmp_path)[-1] == "base exit"
