"""Cancellation: who is cancelled, who is not, and what is on record of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from telemetry.capture.runtime_records import InputSettled, InputStarted
from telemetry.core.outcome import Outcome
from telemetry.runtime import Function, FunctionCall
from telemetry.runtime.exception import InputCancelledError, RemoteError
from tests.runtime.semantics import gates
from tests.runtime.semantics.apps.cancelling import (
    alone,
    apart,
    app,
    asleep,
    quick_main,
    quick_task,
    quick_thread,
    retried,
    retried_late,
    swallow_main,
    swallow_task,
    swallow_thread,
    task,
)
from tests.runtime.semantics.recorder import Recorder, recording

Body = Function[[Path, str], Any, Any]


@pytest.fixture(scope="module", autouse=True)
def seen() -> Iterator[Recorder]:
    """The app runs, and its records are kept."""
    with recording(app) as recorder:
        yield recorder


def refused(call: FunctionCall[Any]) -> InputCancelledError:
    """What the caller of a cancelled input gets."""
    with pytest.raises(InputCancelledError, match="was cancelled") as caught:
        call.get(20)
    return caught.value


def test_the_caller_gets_a_remote_error(tmp_path: Path) -> None:
    """`InputCancelledError` is a `RemoteError` that names the input."""
    call = task.spawn(tmp_path, "a")
    gates.began(tmp_path, "a")
    call.cancel()

    assert isinstance(refused(call), RemoteError)


@pytest.mark.parametrize("body", [alone, retried])
def test_a_queued_input_never_starts(
    seen: Recorder, body: Body, tmp_path: Path
) -> None:
    """Dropped from the queue, it has never had a container or a slot."""
    first, queued, last = [body.spawn(tmp_path, name) for name in "abc"]
    gates.began(tmp_path, "a")
    queued.cancel()
    refused(queued)
    gates.release(tmp_path, *"abc")
    first.get(20), last.get(20)
    settled = seen.one(InputSettled, function_call_id=queued.object_id)

    assert seen.all(InputStarted, function_call_id=queued.object_id) == []
    assert settled.outcome is Outcome.CANCELLED and settled.container_id is None
    assert settled.cancelled is not None
    assert (settled.cancelled.cause, settled.cancelled.phase) == ("user", "queued")


def test_a_task_gets_cancelled_error(seen: Recorder, tmp_path: Path) -> None:
    """A running async input is cancelled as any task, and unwinds."""
    call = task.spawn(tmp_path, "a")
    gates.began(tmp_path, "a")
    call.cancel()
    refused(call)
    settled = seen.one(InputSettled, function_call_id=call.object_id)

    assert gates.notes(tmp_path) == ["a cancelled"]
    assert settled.cancelled is not None
    assert settled.cancelled[:4] == ("user", "running", "task", "unwound")


def test_a_tasks_neighbours_do_not_notice(tmp_path: Path) -> None:
    """They end as if nothing had been, in the same container and attempt."""
    calls = [task.spawn(tmp_path, name) for name in "abc"]
    gates.began(tmp_path, *"abc")
    calls[1].cancel()
    refused(calls[1])
    gates.release(tmp_path, *"ac")
    ran = [calls[0].get(20), calls[2].get(20)]

    assert [each.attempt for each in ran] == [0, 0]
    assert gates.notes(tmp_path) == ["b cancelled"]


def test_finally_runs_on_the_main_thread(seen: Recorder, tmp_path: Path) -> None:
    """`InputCancellation` comes out of a sync body through its `finally`."""
    call = alone.spawn(tmp_path, "a")
    gates.began(tmp_path, "a")
    call.cancel()
    refused(call)
    settled = seen.one(InputSettled, function_call_id=call.object_id)

    assert gates.notes(tmp_path) == ["a finally"]
    assert settled.cancelled is not None
    assert settled.cancelled[:4] == ("user", "running", "exception", "unwound")


def test_a_container_with_one_slot_carries_on(tmp_path: Path) -> None:
    """The input after a cancelled one runs in the same process."""
    gates.release(tmp_path, "before", "after")
    before = alone.remote(tmp_path, "before")
    call = alone.spawn(tmp_path, "a")
    gates.began(tmp_path, "a")
    call.cancel()
    refused(call)

    assert alone.remote(tmp_path, "after").pid == before.pid


def test_a_sleep_on_the_main_thread_ends(tmp_path: Path) -> None:
    """A body that sits in `time.sleep` is cancelled, and the container lives."""
    gates.release(tmp_path, "before", "after")
    before = asleep.remote(tmp_path, "before")
    call = asleep.spawn(tmp_path, "a")
    gates.began(tmp_path, "a")
    call.cancel()
    refused(call)

    assert asleep.remote(tmp_path, "after").pid == before.pid


def test_with_input_only_that_one_ends(seen: Recorder, tmp_path: Path) -> None:
    """With `cancellation="input"`, neighbours and container carry on."""
    calls = [apart.spawn(tmp_path, name) for name in "abc"]
    gates.began(tmp_path, *"abc")
    calls[1].cancel()
    refused(calls[1])
    alone_in_log = gates.notes(tmp_path)
    gates.release(tmp_path, *"acd")
    ran = [calls[0].get(20), calls[2].get(20), apart.remote(tmp_path, "d")]
    settled = seen.one(InputSettled, function_call_id=calls[1].object_id)

    assert alone_in_log == ["b finally"]
    assert len({each.pid for each in ran}) == 1
    assert [each.attempt for each in ran] == [0, 0, 0]
    assert settled.cancelled is not None
    assert settled.cancelled[:4] == ("user", "running", "exception", "unwound")


@pytest.mark.parametrize("body", [swallow_main, swallow_thread, swallow_task])
def test_a_body_that_swallows_and_returns_is_a_success(
    seen: Recorder, body: Body, tmp_path: Path
) -> None:
    """Its result counts, and the record says that it was asked to end."""
    call = body.spawn(tmp_path, "a")
    gates.began(tmp_path, "a")
    call.cancel()
    result = call.get(20)
    settled = seen.one(InputSettled, function_call_id=call.object_id)

    assert (result, settled.outcome) == ("done anyway", Outcome.SUCCESS)
    assert gates.notes(tmp_path) == ["a swallowed"]
    assert settled.cancelled is not None
    assert settled.cancelled.observed == "swallowed"


@pytest.mark.parametrize("body", [task, alone, apart])
def test_a_cancel_right_after_the_spawn_is_never_lost(
    body: Body, tmp_path: Path
) -> None:
    """Wherever the input is at that moment, it does not run to its end."""
    for number in range(30):
        call = body.spawn(tmp_path, f"x{number}")
        call.cancel()
        refused(call)


@pytest.mark.parametrize("body", [task, alone, apart])
def test_a_cancel_before_the_container_is_there_is_never_lost(
    seen: Recorder, body: Body, tmp_path: Path
) -> None:
    """Cancelled during the cold start of a pool of its own, it never starts."""
    cold = body.with_options(timeout=299)
    call = cold.spawn(tmp_path, "a")
    call.cancel()
    refused(call)

    assert seen.all(InputStarted, function_call_id=call.object_id) == []


@pytest.mark.parametrize("body", [quick_task, quick_main, quick_thread])
def test_a_cancel_that_races_with_the_end_settles_once(
    seen: Recorder, body: Function[[int], int, Any]
) -> None:
    """The input has its result or is cancelled, and exactly one outcome."""
    calls = [body.spawn(number) for number in range(200)]
    for call in calls:
        call.cancel()
    for number, call in enumerate(calls):
        try:
            assert call.get(20) == number
        except InputCancelledError:
            continue
    for call in calls:
        seen.one(InputSettled, function_call_id=call.object_id)
    settled = seen.all(InputSettled)

    assert len({each.input_id for each in settled}) == len(settled)


@pytest.mark.parametrize("body", [quick_task, quick_main, quick_thread])
def test_an_interruption_never_hits_the_next_input(
    body: Function[[int], int, Any],
) -> None:
    """Inputs that nobody cancels succeed among such that are cancelled."""
    for number in range(100):
        doomed, kept = body.spawn(-1), body.spawn(number)
        doomed.cancel()
        assert kept.get(20) == number


@pytest.mark.parametrize("body", [quick_task, quick_main, quick_thread])
def test_a_late_cancel_changes_nothing(body: Function[[int], int, Any]) -> None:
    """What has its result keeps it."""
    call = body.spawn(7)
    call.get(20)
    call.cancel()

    assert (call.get(20), body.remote(8)) == (7, 8)


@pytest.mark.parametrize("body", [task, alone, apart])
def test_cancelling_twice_is_cancelling_once(
    seen: Recorder, body: Body, tmp_path: Path
) -> None:
    """The second request is no second exception."""
    call = body.spawn(tmp_path, "a")
    gates.began(tmp_path, "a")
    call.cancel()
    call.cancel()
    refused(call)
    call.cancel()
    gates.release(tmp_path, "b")
    body.remote(tmp_path, "b")
    seen.settled(call)

    assert len(seen.all(InputSettled, function_call_id=call.object_id)) == 1


def test_cancelled_inputs_are_not_retried(seen: Recorder, tmp_path: Path) -> None:
    """Although the function has retries, a cancelled input ran once."""
    call = retried.spawn(tmp_path, "a")
    gates.began(tmp_path, "a")
    call.cancel()
    refused(call)
    gates.release(tmp_path, "b")
    retried.remote(tmp_path, "b")

    assert gates.notes(tmp_path) == ["a attempt 0", "b attempt 0"]


def test_an_input_that_waits_for_its_retry_can_be_cancelled(
    seen: Recorder, tmp_path: Path
) -> None:
    """Between two attempts it has no slot, and never starts again."""
    call = retried_late.spawn(tmp_path, "a")
    gates.until(
        lambda: (
            seen.all(InputStarted, function_call_id=call.object_id)
            and retried_late.get_current_stats().num_running_inputs == 0
        ),
        "the end of the first attempt",
    )
    call.cancel()
    refused(call)

    assert retried_late.get_current_stats().backlog == 0


def test_a_call_of_many_inputs_is_cancelled_as_a_whole(
    seen: Recorder, tmp_path: Path
) -> None:
    """What runs unwinds, what waits never starts; each settles once."""
    call = alone.spawn_map([tmp_path] * 5, "abcde")
    gates.began(tmp_path, "a")
    call.cancel()
    settled = seen.wait(InputSettled, function_call_id=call.object_id, count=5)
    phases = sorted(each.cancelled.phase for each in settled if each.cancelled)

    assert {each.outcome for each in settled} == {Outcome.CANCELLED}
    assert phases == ["queued"] * 4 + ["running"]


def test_leaving_a_map_cancels_the_rest(seen: Recorder, tmp_path: Path) -> None:
    """An iteration that ends early leaves nothing running."""
    gates.release(tmp_path, "a")
    results = task.map([tmp_path] * 3, "abc", order_outputs=False)
    next(iter(results))
    gates.began(tmp_path, "b", "c")
    results.close()  # type: ignore[attr-defined]  # a generator
    gates.noted(tmp_path, "b cancelled")
    gates.noted(tmp_path, "c cancelled")
