"""Loss: containers that die take no input along."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from telemetry.capture.runtime_records import (
    ContainerExited,
    ContainerReady,
    InputInterrupted,
    InputSettled,
    InputStarted,
)
from telemetry.core.outcome import Outcome
from telemetry.runtime import Function
from telemetry.runtime.exception import InternalFailure
from tests.runtime.semantics import gates
from tests.runtime.semantics.apps.failing import (
    app,
    killed_then_fails,
    killer,
    victim,
    victim_task,
)
from tests.runtime.semantics.recorder import Recorder, recording


@pytest.fixture(scope="module", autouse=True)
def seen() -> Iterator[Recorder]:
    """The app runs, and its records are kept."""
    with recording(app) as recorder:
        yield recorder


@pytest.mark.parametrize("body", [victim, victim_task])
def test_inputs_of_a_killed_container_run_again(
    seen: Recorder, body: Function[[Path, str], Any, Any], tmp_path: Path
) -> None:
    """Each once more under the same id, and each settles once."""
    calls = [body.spawn(tmp_path, name) for name in "abc"]
    gates.began(tmp_path, *"abc")
    home = seen.one(InputStarted, function_call_id=calls[0].object_id).container_id
    pid = seen.one(ContainerReady, container_id=home).pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    gates.began(tmp_path, *"abc", attempt=1)
    gates.release(tmp_path, *"abc")
    ran = [call.get(20) for call in calls]
    ended = seen.one(ContainerExited, container_id=home)

    assert [each.attempt for each in ran] == [1, 1, 1]
    assert (ended.reason, ended.status) == ("crash", -signal.SIGKILL)
    for call, each in zip(calls, ran, strict=True):
        lost = seen.one(InputInterrupted, function_call_id=call.object_id)
        settled = seen.wait(InputSettled, function_call_id=call.object_id)
        assert (lost.reason, lost.attempt) == ("lost", 0)
        assert [s.input_id for s in settled] == [lost.input_id] == [each.input_id]


def test_they_run_again_in_the_order_of_their_arrival(
    seen: Recorder, tmp_path: Path
) -> None:
    """What was interrupted comes before what has waited behind it."""
    calls = [victim.spawn(tmp_path, name) for name in "abcd"]
    gates.began(tmp_path, *"abc")
    home = seen.one(InputStarted, function_call_id=calls[0].object_id).container_id
    pid = seen.one(ContainerReady, container_id=home).pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    gates.began(tmp_path, *"abc", attempt=1)
    gates.release(tmp_path, *"abcd")
    again = [
        seen.wait(InputStarted, function_call_id=call.object_id, count=2)[1].at_s
        for call in calls[:3]
    ]
    last = seen.one(InputStarted, function_call_id=calls[3].object_id).at_s
    for call in calls:
        call.get(20)

    assert again == sorted(again) and max(again) <= last


def test_a_loss_uses_no_retry(tmp_path: Path) -> None:
    """Killed twice, it still has the one retry that its policy gives an error."""
    assert killed_then_fails.remote(tmp_path) == 3
    assert gates.notes(tmp_path) == [f"attempt {number}" for number in range(4)]


def test_eight_losses_are_forgiven(seen: Recorder, tmp_path: Path) -> None:
    """The ninth settles the input as lost, with `InternalFailure`."""
    call = killer.spawn(tmp_path)
    with pytest.raises(InternalFailure, match="died 9 times"):
        call.get(20)
    settled = seen.one(InputSettled, function_call_id=call.object_id)

    assert gates.notes(tmp_path) == [f"attempt {number}" for number in range(9)]
    assert (settled.outcome, settled.attempt) == (Outcome.LOST, 8)
