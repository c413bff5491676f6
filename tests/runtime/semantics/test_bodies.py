"""Sync and async bodies: where they run, and what they share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from telemetry.capture.line import Line
from telemetry.capture.sink import set_sink
from tests.runtime.semantics import gates
from tests.runtime.semantics.apps.contexts import (
    Mixed,
    app,
    blocking,
    busy_then_named,
    on_loop,
    on_thread,
    quick_or_blocking,
    swap_main,
    swap_task,
    swap_thread,
)
from tests.runtime.semantics.recorder import Recorder, recording


@pytest.fixture(scope="module", autouse=True)
def seen() -> Iterator[Recorder]:
    """The app runs, and its records are kept."""
    with recording(app) as recorder:
        yield recorder


def test_a_sync_body_runs_on_a_thread_named_after_its_input(tmp_path: Path) -> None:
    """While it runs, the thread has the id of the input as its name."""
    calls = [on_thread.spawn(tmp_path, name) for name in "ab"]
    gates.release(tmp_path, *"ab")
    ran = [call.get(20)[0] for call in calls]

    assert [each.thread for each in ran] == [each.input_id for each in ran]


def test_every_input_gives_the_thread_its_own_name() -> None:
    """A thread that runs many inputs is named after each in turn."""
    found = list(busy_then_named.map(range(50)))

    assert [name for name, _, _ in found] == [own for _, own, _ in found]


def test_sync_bodies_run_side_by_side_on_threads_of_their_own(tmp_path: Path) -> None:
    """Two inputs that are in a container at once are on two threads, not the main."""
    calls = [on_thread.spawn(tmp_path, name) for name in "ab"]
    gates.began(tmp_path, *"ab")
    gates.release(tmp_path, *"ab")
    (one, one_ident), (two, two_ident) = [call.get(20) for call in calls]

    assert one_ident != two_ident and one.pid == two.pid
    assert not one.is_main and not two.is_main


def test_one_sync_body_at_a_time_runs_on_the_main_thread() -> None:
    """With one slot, bodies may use what only the main thread can."""
    _, ran = swap_main.remote("x")

    assert ran.is_main


def test_async_bodies_are_tasks_on_one_loop(tmp_path: Path) -> None:
    """Two inputs share the loop, and each is a task named after its input."""
    calls = [on_loop.spawn(tmp_path, name) for name in "ab"]
    gates.began(tmp_path, *"ab")
    gates.release(tmp_path, *"ab")
    (one, one_name, one_loop), (two, two_name, two_loop) = [
        call.get(20) for call in calls
    ]

    assert (one_name, two_name) == (one.input_id, two.input_id)
    assert (one_loop, one.pid) == (two_loop, two.pid)


def test_a_class_mixes_both(tmp_path: Path) -> None:
    """Sync and async methods run in one container at the same time."""
    model = Mixed()
    calls = [model.sync.spawn(tmp_path, "a"), model.task.spawn(tmp_path, "b")]
    gates.began(tmp_path, *"ab")
    gates.release(tmp_path, *"ab")
    sync, task = [call.get(20) for call in calls]

    assert sync.pid == task.pid and {sync.slot, task.slot} == {0, 1}
    assert task.is_main and not sync.is_main


def test_both_kinds_share_the_slots(tmp_path: Path) -> None:
    """Three slots hold two sync and one async input, and the fourth waits."""
    model = Mixed()
    calls = [model.sync.spawn(tmp_path, name) for name in "ab"]
    calls += [model.task.spawn(tmp_path, name) for name in "cd"]
    gates.began(tmp_path, *"abc")
    stats = model.sync.get_current_stats()
    gates.release(tmp_path, *"abcd")
    slots = {call.get(20).slot for call in calls}

    assert slots == {0, 1, 2}
    assert stats.backlog == 1


def test_no_variable_leaks_on_the_main_thread() -> None:
    """What a body sets in a context variable, the next one does not find."""
    found = [swap_main.remote(value)[0] for value in ("one", "two", "three")]

    assert found == ["nobody's"] * 3


def test_no_variable_leaks_on_a_thread_that_is_used_again() -> None:
    """The same, and it was the same thread."""
    found = [swap_thread.remote(value) for value in ("one", "two", "three")]

    assert [value for value, _ in found] == ["nobody's"] * 3
    assert len({ident for _, ident in found}) == 1


def test_no_variable_leaks_on_the_loop() -> None:
    """The same for tasks."""
    found = [swap_task.remote(value)[0] for value in ("one", "two", "three")]

    assert found == ["nobody's"] * 3


def test_lines_leave_a_container_whose_loop_is_blocked(tmp_path: Path) -> None:
    """What a body logs arrives while the body holds the loop."""
    lines: list[Line] = []
    before = set_sink(lines.append)
    try:
        call = blocking.spawn(tmp_path, "a")
        gates.began(tmp_path, "a")
        gates.until(
            lambda: any(each.function_call_id == call.object_id for each in lines),
            "the line",
        )
    finally:
        set_sink(before)
        gates.release(tmp_path, "a")

    assert call.get(20).attempt == 0


def test_results_leave_a_container_whose_loop_is_blocked(tmp_path: Path) -> None:
    """A result that is ready arrives while a neighbour holds the loop."""
    blocker = quick_or_blocking.spawn(tmp_path, "blocker")
    quick = quick_or_blocking.spawn(tmp_path, "quick")
    gates.release(tmp_path, "quick")
    gates.began(tmp_path, "blocker")
    result = quick.get(20)
    gates.release(tmp_path, "blocker")
    blocker.get(20)

    assert result == "quick"
