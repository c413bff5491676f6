"""Cancellation that takes a container along, and what becomes of the others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from telemetry.capture.runtime_records import (
    ContainerExited,
    InputInterrupted,
    InputSettled,
    InputStarted,
)
from telemetry.core.outcome import Outcome
from telemetry.runtime import Function, FunctionCall
from telemetry.runtime.exception import InputCancelledError
from tests.runtime.semantics import gates
from tests.runtime.semantics.apps.cancelling import (
    Hooked,
    alone,
    apart,
    app,
    stubborn_container,
    stubborn_main,
    stubborn_task,
    stubborn_thread,
    stuck_main,
    stuck_task,
    stuck_thread,
    task,
    together,
)
from tests.runtime.semantics.gates import instance_of
from tests.runtime.semantics.recorder import Recorder, recording

Body = Function[[Path, str], Any, Any]


@pytest.fixture(scope="module", autouse=True)
def seen() -> Iterator[Recorder]:
    """The app runs, and its records are kept."""
    with recording(app) as recorder:
        yield recorder


def refused(call: FunctionCall[Any]) -> None:
    """The caller of a cancelled input is told so."""
    with pytest.raises(InputCancelledError, match="was cancelled"):
        call.get(20)


def in_one_container(
    seen: Recorder, body: Body, folder: Path, names: str
) -> list[FunctionCall[Any]]:
    """Start inputs in one container, whatever was there before."""
    calls = [body.spawn(folder, name) for name in names]
    gates.began(folder, *names)
    homes = {
        seen.one(InputStarted, function_call_id=call.object_id).container_id
        for call in calls
    }
    assert len(homes) == 1
    return calls


def one_home(body: Body) -> Body:
    """The body, never in two containers at once."""
    return body.with_options(max_containers=1)


def test_neighbours_run_again_elsewhere(seen: Recorder, tmp_path: Path) -> None:
    """Same input id, next attempt, another container."""
    calls = in_one_container(seen, one_home(together), tmp_path, "abc")
    calls[1].cancel()
    refused(calls[1])
    gates.began(tmp_path, "a", "c", attempt=1)
    gates.release(tmp_path, *"ac")
    ran = [calls[0].get(20), calls[2].get(20)]

    for call, end in zip([calls[0], calls[2]], ran, strict=True):
        first, second = seen.wait(
            InputStarted, function_call_id=call.object_id, count=2
        )
        assert (first.input_id, second.input_id) == (end.input_id, end.input_id)
        assert (first.attempt, second.attempt, end.attempt) == (0, 1, 1)
        assert first.container_id != second.container_id == end.container_id


def test_neighbours_are_on_record_as_interrupted(
    seen: Recorder, tmp_path: Path
) -> None:
    """Each interrupted execution says that a neighbour was the reason."""
    calls = in_one_container(seen, one_home(together), tmp_path, "ab")
    calls[0].cancel()
    refused(calls[0])
    gates.release(tmp_path, "b")
    calls[1].get(20)
    found = seen.one(InputInterrupted, function_call_id=calls[1].object_id)

    assert (found.reason, found.attempt) == ("neighbour", 0)


def test_nobody_settles_twice_or_never(seen: Recorder, tmp_path: Path) -> None:
    """One is cancelled, three succeed, and each has one outcome."""
    calls = in_one_container(seen, one_home(together), tmp_path, "abcd")
    calls[2].cancel()
    gates.release(tmp_path, *"abd")
    refused(calls[2])
    for index in (0, 1, 3):
        calls[index].get(20)
    for call in calls:
        seen.one(InputSettled, function_call_id=call.object_id)
    outcomes = [
        [each.outcome for each in seen.all(InputSettled, function_call_id=c.object_id)]
        for c in calls
    ]

    ok, cancelled = [Outcome.SUCCESS], [Outcome.CANCELLED]
    assert outcomes == [ok, ok, cancelled, ok]


def test_the_cancelled_input_unwinds(seen: Recorder, tmp_path: Path) -> None:
    """Its `finally` runs, and so do those of its neighbours."""
    calls = in_one_container(seen, one_home(together), tmp_path, "ab")
    calls[0].cancel()
    refused(calls[0])
    gates.noted(tmp_path, "b finally 0")
    gates.release(tmp_path, "b")
    calls[1].get(20)
    settled = seen.one(InputSettled, function_call_id=calls[0].object_id)

    assert gates.notes(tmp_path).count("a finally 0") == 1
    assert settled.cancelled is not None
    assert settled.cancelled[:4] == ("user", "running", "container", "unwound")


def test_the_container_ends_because_of_the_cancellation(
    seen: Recorder, tmp_path: Path
) -> None:
    """It exits in order, with the cancellation as its reason."""
    call = together.spawn(tmp_path, "a")
    gates.began(tmp_path, "a")
    started = seen.one(InputStarted, function_call_id=call.object_id)
    call.cancel()
    refused(call)
    ended = seen.one(ContainerExited, container_id=started.container_id)

    assert (ended.reason, ended.status) == ("cancellation", 0)


def test_exit_hooks_run_after_the_threads_have_ended(
    seen: Recorder, tmp_path: Path
) -> None:
    """No user code runs beside an exit hook of the same container."""
    model = instance_of(Hooked, tmp_path)
    calls = [model.hold.spawn(name) for name in "abc"]
    gates.began(tmp_path, *"abc")
    started = seen.one(InputStarted, function_call_id=calls[0].object_id)
    calls[1].cancel()
    seen.one(ContainerExited, container_id=started.container_id)
    log = gates.notes(tmp_path)
    gates.release(tmp_path, *"ac")
    pid = next(line.split()[1] for line in log if line.endswith("ended"))
    for index in (0, 2):
        calls[index].get(20)
    mine = [line for line in log if pid in line]

    assert sorted(mine[:3]) == [f"{name} {pid} ended" for name in "abc"]
    assert mine[3:] == [f"exit {pid}"]


@pytest.mark.parametrize(
    "body", [stubborn_main, stubborn_thread, stubborn_container, stubborn_task]
)
def test_a_body_that_swallows_and_goes_on_loses_its_container(
    seen: Recorder, body: Body, tmp_path: Path
) -> None:
    """After the grace the input is cancelled, and the record says `stuck`."""
    call = body.spawn(tmp_path, "a")
    gates.began(tmp_path, "a")
    started = seen.one(InputStarted, function_call_id=call.object_id)
    call.cancel()
    refused(call)
    settled = seen.one(InputSettled, function_call_id=call.object_id)
    ended = seen.one(ContainerExited, container_id=started.container_id)

    assert "a swallowed" in gates.notes(tmp_path)
    assert settled.cancelled is not None
    assert (settled.cancelled.mechanism, settled.cancelled.observed) == (
        "container",
        "stuck",
    )
    assert ended.reason == "cancellation"


@pytest.mark.parametrize("body", [stubborn_thread, stubborn_container, stubborn_task])
def test_neighbours_of_a_stubborn_body_run_again(
    seen: Recorder, body: Body, tmp_path: Path
) -> None:
    """They are rescheduled, and settle once."""
    calls = in_one_container(seen, body, tmp_path, "ab")
    calls[0].cancel()
    refused(calls[0])
    gates.began(tmp_path, "b", attempt=1)
    gates.release(tmp_path, "b")

    assert calls[1].get(20).attempt == 1


@pytest.mark.parametrize("body", [stuck_thread, stuck_task])
@pytest.mark.parametrize("name", ["stuck_asleep", "stuck_counting"])
def test_a_body_stuck_in_c_code_is_given_up(
    seen: Recorder, body: Body, name: str, tmp_path: Path
) -> None:
    """One that holds the interpreter's lock is cancelled all the same."""
    call = body.spawn(tmp_path, name)
    gates.began(tmp_path, name)
    call.cancel()
    refused(call)
    settled = seen.one(InputSettled, function_call_id=call.object_id)

    assert settled.cancelled is not None
    assert settled.cancelled.observed == "stuck"


def test_neighbours_of_a_stuck_body_run_again(seen: Recorder, tmp_path: Path) -> None:
    """Its container is killed, and what ran beside it is rescheduled."""
    neighbour = stuck_thread.spawn(tmp_path, "b")
    gates.began(tmp_path, "b")
    call = stuck_thread.spawn(tmp_path, "stuck")
    gates.began(tmp_path, "stuck")
    call.cancel()
    refused(call)
    gates.release(tmp_path, "b")

    assert neighbour.get(20).attempt == 1


def test_a_stuck_main_thread_is_killed(seen: Recorder, tmp_path: Path) -> None:
    """With one slot as well; the next input gets a new container."""
    call = stuck_main.spawn(tmp_path, "stuck")
    gates.began(tmp_path, "stuck")
    started = seen.one(InputStarted, function_call_id=call.object_id)
    call.cancel()
    refused(call)
    gates.release(tmp_path, "b")
    after = stuck_main.remote(tmp_path, "b")
    ended = seen.one(ContainerExited, container_id=started.container_id)

    assert after.container_id != started.container_id
    assert ended.status == -9


@pytest.mark.parametrize("body", [task, alone, together, apart])
def test_terminate_containers_ends_the_container_in_any_mode(
    seen: Recorder, body: Body, tmp_path: Path
) -> None:
    """The container of the input goes, in order, and the input is cancelled."""
    call = body.spawn(tmp_path, "a")
    gates.began(tmp_path, "a")
    started = seen.one(InputStarted, function_call_id=call.object_id)
    call.cancel(terminate_containers=True)
    refused(call)
    ended = seen.one(ContainerExited, container_id=started.container_id)
    settled = seen.one(InputSettled, function_call_id=call.object_id)

    assert (ended.reason, ended.status) == ("cancellation", 0)
    assert settled.outcome is Outcome.CANCELLED


@pytest.mark.parametrize("body", [task, together, apart])
def test_terminate_containers_reschedules_the_neighbours(
    seen: Recorder, body: Body, tmp_path: Path
) -> None:
    """They run again in another container, and settle once."""
    calls = in_one_container(seen, one_home(body), tmp_path, "ab")
    calls[0].cancel(terminate_containers=True)
    refused(calls[0])
    gates.began(tmp_path, "b", attempt=1)
    gates.release(tmp_path, "b")
    ran = calls[1].get(20)
    seen.one(InputSettled, function_call_id=calls[1].object_id)

    assert ran.attempt == 1
    assert len(seen.all(InputSettled, function_call_id=calls[1].object_id)) == 1
