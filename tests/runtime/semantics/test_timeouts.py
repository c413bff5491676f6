"""Timeouts and retries: one execution is bounded, and may be followed by others."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from telemetry.capture.runtime_records import (
    InputInterrupted,
    InputSettled,
    InputStarted,
)
from telemetry.core.outcome import Outcome
from telemetry.runtime import Function
from telemetry.runtime.exception import ExecutionError, FunctionTimeoutError
from tests.runtime.semantics import gates
from tests.runtime.semantics.apps.failing import (
    OrderError,
    app,
    fails_always,
    fails_once_only,
    fails_task,
    fails_twice,
    late_container,
    late_input,
    late_main,
    late_stubborn,
    late_task,
    late_twice_container,
    late_twice_input,
    late_twice_main,
    late_twice_task,
    one_late_container,
    one_late_input,
    one_late_task,
    unpicklable_failure,
)
from tests.runtime.semantics.recorder import Recorder, recording

Body = Function[[Path, str], Any, Any]


@pytest.fixture(scope="module", autouse=True)
def seen() -> Iterator[Recorder]:
    """The app runs, and its records are kept."""
    with recording(app) as recorder:
        yield recorder


@pytest.mark.parametrize(
    "body", [late_main, late_container, late_input, late_task, late_stubborn]
)
def test_a_timeout_is_an_error_of_its_own(
    seen: Recorder, body: Body, tmp_path: Path
) -> None:
    """The caller gets `FunctionTimeoutError`, the record the outcome `timeout`."""
    call = body.spawn(tmp_path, "a")
    with pytest.raises(FunctionTimeoutError, match=r"longer than 0\.3 s"):
        call.get(20)
    settled = seen.one(InputSettled, function_call_id=call.object_id)

    assert settled.outcome is Outcome.TIMEOUT
    assert settled.cancelled is not None and settled.cancelled.cause == "timeout"
    assert settled.run_s is None or settled.run_s > 0


def test_a_timeout_unwinds_the_body(tmp_path: Path) -> None:
    """It is the same mechanism as a cancellation: `finally` runs."""
    with pytest.raises(FunctionTimeoutError, match="its timeout"):
        late_main.remote(tmp_path, "a")

    assert gates.notes(tmp_path) == ["a finally"]


def test_waiting_in_the_queue_is_not_execution(seen: Recorder, tmp_path: Path) -> None:
    """An input that waited longer than its timeout still gets all of it."""
    first, second = [late_main.spawn(tmp_path, name) for name in "ab"]
    with pytest.raises(FunctionTimeoutError, match="its timeout"):
        first.get(20)
    gates.release(tmp_path, "b")
    started = seen.one(InputStarted, function_call_id=second.object_id)

    assert second.get(20).attempt == 0
    assert started.wait_s >= 0.29


def one_late(seen: Recorder, body: Body, folder: Path) -> int:
    """Let one of two inputs run out of time; the attempt in which the other ends."""
    late = body.spawn(folder, "late")
    started = seen.one(InputStarted, function_call_id=late.object_id)
    gates.until(lambda: time.monotonic() > started.at_s + 0.5, "half of the timeout")
    young = body.spawn(folder, "young")
    gates.began(folder, "young")
    with pytest.raises(FunctionTimeoutError, match="its timeout"):
        late.get(20)
    gates.release(folder, "young")
    attempt: int = young.get(20).attempt
    return attempt


@pytest.mark.parametrize("body", [one_late_input, one_late_task])
def test_a_timeout_concerns_one_input(
    seen: Recorder, body: Body, tmp_path: Path
) -> None:
    """The neighbour of a late task, or in the mode `input`, carries on."""
    assert one_late(seen, body, tmp_path) == 0


def test_a_timeout_takes_the_container_along(seen: Recorder, tmp_path: Path) -> None:
    """In the mode `container`, the neighbour is rescheduled."""
    assert one_late(seen, one_late_container, tmp_path) == 1


@pytest.mark.parametrize(
    "body", [late_twice_main, late_twice_container, late_twice_input, late_twice_task]
)
def test_a_timeout_is_retried(seen: Recorder, body: Body, tmp_path: Path) -> None:
    """With two retries, the third execution of the same input succeeds."""
    call = body.spawn(tmp_path, "a")
    result = call.get(20)
    seen.settled(call)
    reasons = [
        each.reason
        for each in seen.all(InputInterrupted, function_call_id=call.object_id)
    ]

    assert result.attempt == 2 and reasons == ["retry", "retry"]
    assert gates.notes(tmp_path) == ["a 0", "a 1", "a 2"]


def test_an_error_is_retried() -> None:
    """A body that fails twice and then returns is a success of attempt 2."""
    assert fails_twice.remote() == 2


def test_the_last_failure_reaches_the_caller(seen: Recorder) -> None:
    """When retries are spent, it is the exception of the last attempt."""
    call = fails_always.spawn()
    with pytest.raises(OrderError, match="for good") as caught:
        call.get(20)
    settled = seen.one(InputSettled, function_call_id=call.object_id)

    assert (caught.value.number, settled.attempt) == (2, 2)
    assert settled.outcome is Outcome.ERROR


def test_a_retry_waits_for_its_delay(seen: Recorder) -> None:
    """At least 0.1 s before the first, and twice as long before the second."""
    call = fails_always.spawn()
    started = seen.wait(InputStarted, function_call_id=call.object_id, count=3)
    gaps = [after.at_s - before.at_s for before, after in pairwise(started)]

    assert gaps[0] >= 0.1 and gaps[1] >= 0.2
    assert [each.wait_reason for each in started[1:]] == ["retry", "retry"]


def test_without_retries_it_runs_once(seen: Recorder) -> None:
    """A failure settles at the first attempt."""
    call = fails_once_only.spawn()
    with pytest.raises(OrderError, match="no retries"):
        call.get(20)
    seen.one(InputSettled, function_call_id=call.object_id, attempt=0)

    assert len(seen.all(InputStarted, function_call_id=call.object_id)) == 1


@pytest.mark.parametrize("body", [fails_once_only, fails_task])
def test_the_remote_traceback_is_attached(body: Function[[], None, Any]) -> None:
    """The cause of the exception shows where the body raised it."""
    with pytest.raises(OrderError, match=r"no retries|in a task") as caught:
        body.remote()
    shown = str(caught.value.__cause__)

    assert "Traceback" in shown and "raise OrderError" in shown
    assert "failing.py" in shown


def test_what_cannot_travel_arrives_as_text() -> None:
    """An exception that cannot be pickled is named, with its text and traceback."""
    with pytest.raises(ExecutionError, match="a secret of the container") as caught:
        unpicklable_failure.remote()

    assert "LocalError" in str(caught.value)
    assert "raise LocalError" in str(caught.value.__cause__)
