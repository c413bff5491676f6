"""Control-flow exceptions of a body: an error of that input, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from telemetry.capture.runtime_records import ContainerExited, InputSettled
from telemetry.core.outcome import Outcome
from telemetry.runtime import Function
from telemetry.runtime.exception import InputCancelledError, RemoteError
from tests.runtime.semantics.apps.failing import (
    app,
    control_main,
    control_task,
    control_thread,
    own_task,
)
from tests.runtime.semantics.recorder import Recorder, recording

Body = Function[[str], int, Any]
BODIES = [control_main, control_thread, control_task]
NAMES = [
    "SystemExit",
    "KeyboardInterrupt",
    "GeneratorExit",
    "CancelledError",
    "InputCancellation",
]


@pytest.fixture(scope="module", autouse=True)
def seen() -> Iterator[Recorder]:
    """The app runs, and its records are kept."""
    with recording(app) as recorder:
        yield recorder


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("body", BODIES)
def test_it_is_an_error_that_names_the_type(
    seen: Recorder, body: Body, name: str
) -> None:
    """The caller gets a `RemoteError` and does not exit itself."""
    call = body.spawn(name)
    with pytest.raises(RemoteError, match=name) as caught:
        call.get(20)
    settled = seen.one(InputSettled, function_call_id=call.object_id)

    assert not isinstance(caught.value, InputCancelledError)
    assert (settled.outcome, settled.cancelled) == (Outcome.ERROR, None)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("body", BODIES)
def test_the_container_lives(seen: Recorder, body: Body, name: str) -> None:
    """The slot is free again, in the same process."""
    before = body.remote("nothing")
    for _ in range(3):
        with pytest.raises(RemoteError, match=name):
            body.remote(name)

    assert body.remote("nothing") == before
    assert body.get_current_stats().num_running_inputs == 0


@pytest.mark.parametrize("name", NAMES)
def test_a_task_of_the_users_own_ends_itself_only(seen: Recorder, name: str) -> None:
    """What it raises ends neither the container nor the input that made it."""
    before = own_task.remote("nothing")

    assert own_task.remote(name) == before == own_task.remote("nothing")
    assert seen.all(ContainerExited, function="own_task") == []
