"""What records say of pools, interruptions and cancellations, in real runs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from telemetry.capture.blackbox.places import (
    base_directory,
    boxes_directory,
    is_written,
)
from telemetry.capture.blackbox.reader import BoxReader
from telemetry.capture.blackbox.records import RUNTIME
from telemetry.capture.runtime_records import (
    ContainerStarting,
    InputInterrupted,
    InputRejected,
    InputSettled,
    InputStarted,
    PoolDeclared,
    record_of,
)
from telemetry.capture.settings import in_force
from telemetry.core.outcome import Outcome
from tests.runtime.semantics import gates
from tests.runtime.semantics.apps import cancelling, journalled, nested, plain_loop
from tests.runtime.semantics.apps.cancelling import clinging, task, together
from tests.runtime.semantics.recorder import Recorder, recording

ROOT = Path(cancelling.__file__).parents[4]


@pytest.fixture(scope="module")
def seen() -> Iterator[Recorder]:
    """The app runs, and its records are kept."""
    with recording(cancelling.app) as recorder:
        yield recorder


def test_a_pool_is_declared_with_its_rules(seen: Recorder) -> None:
    """Also one that has not been called; its containers refer to it."""
    declared = seen.one(PoolDeclared, function="together")

    assert (declared.pool, declared.app) == ("cancelling/together", "cancelling")
    assert (declared.methods, declared.mode) == ({"together": "sync"}, "sync")
    assert (declared.target, declared.limit, declared.max_containers) == (4, 4, 2)
    assert declared.cancellation == "container"


def test_other_limits_are_declared_too(seen: Recorder) -> None:
    """With all the rest as it was."""
    before = seen.one(PoolDeclared, function="task")
    task.update_autoscaler(max_containers=3, scaledown_window=7)
    after = seen.wait(PoolDeclared, function="task", count=2)[1]

    assert (after.max_containers, after.scaledown_window_s) == (3, 7)
    assert before.max_containers == 1
    assert (
        after._replace(at_s=before.at_s, max_containers=1, scaledown_window_s=60)
        == before
    )


def test_an_interruption_says_why_and_how_long(seen: Recorder, tmp_path: Path) -> None:
    """A neighbour of a cancelled input: nothing of its own, and it runs again."""
    calls = [together.spawn(tmp_path, name) for name in "ab"]
    gates.began(tmp_path, *"ab")
    calls[0].cancel()
    gates.began(tmp_path, "b", attempt=1)
    gates.release(tmp_path, "b")
    calls[1].get(20)
    gone = seen.one(InputInterrupted, function_call_id=calls[1].object_id)
    started = seen.one(InputStarted, function_call_id=calls[1].object_id)
    own = seen.one(InputSettled, function_call_id=calls[0].object_id)
    home = seen.one(ContainerStarting, container_id=started.container_id)

    assert (gone.reason, gone.why, gone.outcome) == (
        "neighbour",
        "cancellation",
        Outcome.CANCELLED,
    )
    assert 0 < gone.run_s <= gone.elapsed_s
    assert (gone.zone, gone.pool) == (started.zone, home.pool)
    assert gone.cancelled is not None and gone.cancelled.cause == "neighbour"
    assert own.cancelled is not None and own.cancelled.mechanism == "container"
    for asked in (gone.cancelled, own.cancelled):
        assert asked.delivered_s is not None and asked.ended_s is not None
        assert asked.requested_s <= asked.delivered_s <= asked.ended_s


def test_a_slot_whose_input_was_cancelled_is_marked(
    seen: Recorder, tmp_path: Path
) -> None:
    """Whoever looks at the status page sees that it clings to its slot."""
    call = clinging.spawn(tmp_path, "a")
    gates.began(tmp_path, "a")
    started = seen.one(InputStarted, function_call_id=call.object_id)
    folder = boxes_directory(base_directory(in_force().directory))
    with BoxReader(folder / f"{started.container_id}.box") as reader:
        before = [each.cancelled for each in reader.slots()]
        call.cancel()
        gates.noted(tmp_path, "a clings")
        (slot,) = reader.slots()
        gates.open_gate(tmp_path, "a.unwind")
        seen.one(InputSettled, function_call_id=call.object_id)
        after = reader.slots()

    assert (before, slot.cancelled, slot.input_id) == (
        [False],
        True,
        started.input_id,
    )
    assert after == []


def test_the_pulse_ends_with_the_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container that runs its exit hooks is not taken for one that hangs."""
    monkeypatch.setenv(plain_loop.VARIABLE, "1")
    with recording(plain_loop.app) as recorder:
        call = plain_loop.hold.spawn(tmp_path, "a")
        gates.began(tmp_path, "a")
        started = recorder.one(InputStarted)
        folder = boxes_directory(base_directory(in_force().directory))
        reader = BoxReader(folder / f"{started.container_id}.box")
        beat_ns = reader.pulse().beat_ns
        gates.release(tmp_path, "a")
        assert call.get(20).startswith("asyncio")
    with reader:
        pulse = reader.pulse()

    assert beat_ns > 0
    assert (pulse.busy_since_ns, pulse.ended_unix_ns > 0) == (0, True)


@pytest.mark.parametrize("body", ["task", "alone", "apart"])
def test_a_cancellation_has_its_times(
    seen: Recorder, body: str, tmp_path: Path
) -> None:
    """Asked for, delivered, over: of a task, on the main thread, on a thread."""
    call = getattr(cancelling, body).spawn(tmp_path, "a")
    gates.began(tmp_path, "a")
    call.cancel()
    settled = seen.one(InputSettled, function_call_id=call.object_id)
    asked = settled.cancelled

    assert asked is not None
    assert asked.delivered_s is not None and asked.ended_s is not None
    assert asked.requested_s <= asked.delivered_s <= asked.ended_s <= settled.at_s


def test_an_input_that_a_body_cannot_send_is_rejected() -> None:
    """The container tells the driver, which keeps the records."""
    with recording(nested.app) as recorder:
        assert nested.calls_with_a_lock.remote() == "InvalidError"
        rejected = recorder.one(InputRejected)
        outer = recorder.one(InputStarted, function="calls_with_a_lock")

    assert (rejected.function, rejected.reason) == ("double", "arguments")
    assert rejected.parent_id == outer.input_id
    assert "pickle" in rejected.error


def test_what_a_killed_driver_has_seen_is_there(tmp_path: Path) -> None:
    """Its box outlives it, and says that it was killed."""
    script = Path(journalled.__file__)
    process = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path)], env=journalled.environ(ROOT)
    )
    try:
        gates.began(tmp_path, "body")
        (box,) = (tmp_path / "telemetry").rglob("dv-*.box")
        gates.until(lambda: started_in(box), "the record of its start")
    finally:
        process.kill()
        process.wait()
    with BoxReader(box) as reader:
        ended_ns = reader.pulse().ended_unix_ns

    assert len(started_in(box)) == 1
    assert not is_written(box)
    assert ended_ns == 0


def started_in(box: Path) -> list[InputStarted]:
    """The starts of executions that are in a box."""
    with BoxReader(box) as reader:
        rows = [each for each in reader.poll() if each[0] == RUNTIME]
    found = [record_of(name, fields) for *_, name, fields in rows]
    return [each for each in found if isinstance(each, InputStarted)]
