"""Batching: how inputs are gathered, and that each keeps its own fate."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from telemetry.capture.line import Line
from telemetry.capture.runtime_records import InputSettled, InputStarted
from telemetry.capture.sink import set_sink
from telemetry.core.outcome import Outcome
from telemetry.runtime import Function
from telemetry.runtime.exception import (
    DeserializationError,
    InputCancelledError,
    InvalidError,
)
from tests.runtime.semantics import gates
from tests.runtime.semantics.apps.batching import (
    Model,
    Undecodable,
    app,
    hold,
    hold_aio,
    identities,
    lingering,
    raising,
    sizes,
    tens,
    tolerant,
    unpicklable,
    wrong_length,
)
from tests.runtime.semantics.recorder import Recorder, recording

Holding = Function[[Any, Any], Any, Any]


@pytest.fixture(scope="module", autouse=True)
def seen() -> Iterator[Recorder]:
    """The app runs, and its records are kept."""
    with recording(app) as recorder:
        yield recorder


def test_a_full_batch_does_not_linger() -> None:
    """Eight inputs are two batches of four, long before the wait is over."""
    assert list(sizes.map(range(8))) == [4] * 8


def test_a_batch_that_is_not_full_goes_after_its_wait(seen: Recorder) -> None:
    """Two inputs that came together run together, at least `wait_ms` later."""
    call = lingering.spawn_map(range(2))
    started = seen.wait(InputStarted, function_call_id=call.object_id, count=2)

    assert list(call) == [2, 2]
    assert {each.batch_size for each in started} == {2}
    assert min(each.wait_s for each in started) >= 0.099


def test_each_member_gets_its_own_result() -> None:
    """Columns go in by parameter, rows come out in the order of the members."""
    assert list(tens.map(range(6), [1, -1] * 3)) == [0, -10, 20, -30, 40, -50]


def test_a_method_can_be_batched() -> None:
    """With `self` first, and a list per parameter after it."""
    assert list(Model().double.map([1, 2])) == [2, 4]


def test_a_batch_takes_one_slot(seen: Recorder, tmp_path: Path) -> None:
    """Three inputs run, and one of the container's two slots is taken."""
    call = hold.spawn_map([tmp_path] * 3, "abc")
    gates.began(tmp_path, "a")
    stats = hold.get_current_stats()
    started = seen.wait(InputStarted, function_call_id=call.object_id, count=3)
    gates.release(tmp_path, "a")
    list(call)

    assert (stats.num_running_inputs, stats.input_headroom) == (1, 1)
    assert len({each.slot for each in started}) == 1


def test_every_member_is_on_the_identity_and_the_lines(seen: Recorder) -> None:
    """`batch_input_ids` has all ids, in the body and on what it logs."""
    lines: list[Line] = []
    before = set_sink(lines.append)
    try:
        call = identities.spawn_map(range(3))
        found = list(call)
        gates.until(lambda: any(each.event == "batch" for each in lines), "the line")
    finally:
        set_sink(before)
    started = seen.wait(InputStarted, function_call_id=call.object_id, count=3)
    ids = tuple(each.input_id for each in started)

    assert [members for _, members, _ in found] == [ids] * 3
    assert lines[0].batch_input_ids == ids
    assert lines[0].input_id == found[0][2] == ids[0]


@pytest.mark.parametrize("body", [hold, hold_aio])
def test_a_member_is_cancelled_before_the_start(body: Holding, tmp_path: Path) -> None:
    """It never reaches the body; the batch is made of the others."""
    slow = body.with_batching(max_batch_size=2, wait_ms=30_000)
    doomed = slow.spawn(tmp_path, "doomed")
    doomed.cancel()
    with pytest.raises(InputCancelledError, match="cancelled"):
        doomed.get(20)
    gates.release(tmp_path, "a")
    calls = [slow.spawn(tmp_path, name) for name in "ab"]

    assert [call.get(20) for call in calls] == ["a done", "b done"]
    assert gates.notes(tmp_path) == ["a,b", "ended"]


@pytest.mark.parametrize("body", [hold, hold_aio])
def test_a_member_is_cancelled_while_the_batch_runs(
    seen: Recorder, body: Holding, tmp_path: Path
) -> None:
    """It settles as cancelled at once; the others finish undisturbed."""
    full = body.with_batching(max_batch_size=2, wait_ms=30_000)
    kept, doomed = [full.spawn(tmp_path, name) for name in "ab"]
    gates.began(tmp_path, "a")
    doomed.cancel()
    with pytest.raises(InputCancelledError, match="cancelled"):
        doomed.get(20)
    running = gates.notes(tmp_path)
    gates.release(tmp_path, "a")
    result = kept.get(20)
    settled = seen.one(InputSettled, function_call_id=doomed.object_id)

    assert (running, result) == (["a,b"], "a done")
    assert settled.outcome is Outcome.CANCELLED


@pytest.mark.parametrize("body", [hold, hold_aio])
def test_cancelling_every_member_ends_the_body(body: Holding, tmp_path: Path) -> None:
    """When nobody is left who wants the result, the body is interrupted."""
    full = body.with_batching(max_batch_size=2, wait_ms=30_000)
    calls = [full.spawn(tmp_path, name) for name in "ab"]
    gates.began(tmp_path, "a")
    for call in calls:
        call.cancel()
    for call in calls:
        with pytest.raises(InputCancelledError, match="cancelled"):
            call.get(20)
    gates.noted(tmp_path, "ended")


def test_a_result_of_the_wrong_length_is_an_error_of_each() -> None:
    """Every member is told how many results there should have been."""
    found = list(wrong_length.map(range(3), return_exceptions=True))

    assert all(isinstance(each, InvalidError) for each in found)
    assert "one result per input (3)" in str(found[0])


def test_an_exception_of_the_body_is_an_error_of_each() -> None:
    """It arrives as its own type at every member."""
    found = list(raising.map(range(3), return_exceptions=True))

    assert [repr(each) for each in found] == ["KeyError(3)"] * 3


def test_a_member_that_cannot_be_read_fails_alone() -> None:
    """The others of its batch run without it."""
    found = list(tolerant.map([1, Undecodable(), "x"], return_exceptions=True))

    assert isinstance(found[1], DeserializationError)
    assert [found[0], found[2]] == ["int", "str"]


def test_a_member_whose_arguments_do_not_fit_fails_alone() -> None:
    """A wrong keyword is that member's own error."""
    loose: Any = tolerant
    good, bad = loose.spawn(1), loose.spawn(nonsense=2)
    with pytest.raises((TypeError, InvalidError), match="argument"):
        bad.get(20)

    assert good.get(20) == "int"


def test_a_result_that_cannot_travel_fails_alone() -> None:
    """The other members get theirs."""
    found = list(unpicklable.map([1, 0, 2], return_exceptions=True))

    assert (found[0], found[2]) == (1, 2)
    assert isinstance(found[1], InvalidError)
