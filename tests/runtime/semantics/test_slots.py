"""Slots and bursts: how many run, where, and in which order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from telemetry.capture.runtime_records import ContainerReady, InputStarted
from telemetry.policy.bursts import Zone
from telemetry.runtime import Function, FunctionCall
from tests.runtime.semantics import gates
from tests.runtime.semantics.apps.slots import (
    app,
    crowded,
    crowded_aio,
    hold,
    hold_aio,
    lingering,
    lingering_aio,
    spread,
)
from tests.runtime.semantics.recorder import Recorder, recording

Holding = Function[[Path, str], Any, Any]


@pytest.fixture(scope="module")
def seen() -> Iterator[Recorder]:
    """The app runs, and its records are kept."""
    with recording(app) as recorder:
        yield recorder


@pytest.mark.parametrize("body", [hold, hold_aio])
def test_slots_are_numbered_from_0(
    seen: Recorder, body: Holding, tmp_path: Path
) -> None:
    """Three inputs of a container with three slots have the numbers 0, 1 and 2."""
    calls = [body.spawn(tmp_path, name) for name in "abc"]
    gates.began(tmp_path, *"abc")
    gates.release(tmp_path, *"abc")

    assert {call.get(20).slot for call in calls} == {0, 1, 2}


@pytest.mark.parametrize("body", [hold, hold_aio])
def test_a_freed_slot_is_used_again(
    seen: Recorder, body: Holding, tmp_path: Path
) -> None:
    """What starts next gets the one number that is free."""
    calls = [body.spawn(tmp_path, name) for name in "abc"]
    gates.began(tmp_path, *"abc")
    gates.release(tmp_path, "b")
    freed = calls[1].get(20).slot
    late = body.spawn(tmp_path, "d")
    gates.began(tmp_path, "d")
    gates.release(tmp_path, *"acd")

    assert late.get(20).slot == freed


@pytest.mark.parametrize("body", [hold, hold_aio])
def test_what_finds_no_slot_waits(
    seen: Recorder, body: Holding, tmp_path: Path
) -> None:
    """With three slots taken, further inputs are the backlog and do not run."""
    calls = [body.spawn(tmp_path, name) for name in "abcde"]
    gates.began(tmp_path, *"abc")
    stats = body.get_current_stats()
    gates.release(tmp_path, *"abcde")
    results(calls)

    assert (stats.num_running_inputs, stats.backlog) == (3, 2)


@pytest.mark.parametrize("body", [crowded, crowded_aio])
def test_never_more_than_max_inputs_run(
    seen: Recorder, body: Function[[int], int, Any]
) -> None:
    """Counted by the bodies themselves, at most three are ever in the container."""
    assert max(body.map(range(300))) <= 3


def test_dispatch_levels_the_load(seen: Recorder, tmp_path: Path) -> None:
    """Each input goes to the least loaded container, past target and up to limit."""
    seen.wait(ContainerReady, function="spread", count=2)
    names = "abcdefgh"
    started = []
    calls = []
    for name in names:
        calls.append(spread.spawn(tmp_path, name))
        started.append(
            seen.one(InputStarted, function_call_id=calls[-1].object_id).concurrency
        )
    gates.release(tmp_path, *names)
    results(calls)

    assert started == [1, 1, 2, 2, 3, 3, 4, 4]


def test_beyond_target_is_a_burst(seen: Recorder, tmp_path: Path) -> None:
    """Only when every container is at its target does an input start in a burst."""
    seen.wait(ContainerReady, function="spread", count=2)
    calls = [spread.spawn(tmp_path, name) for name in "abcde"]
    zones = [
        seen.one(InputStarted, function_call_id=call.object_id).zone for call in calls
    ]
    gates.release(tmp_path, *"abcde")
    results(calls)

    assert zones == [*[Zone.NORMAL] * 4, Zone.BURST]


def test_the_queue_is_first_in_first_out(seen: Recorder, tmp_path: Path) -> None:
    """Inputs beyond the limit start in the order in which they came."""
    names = [*"abcdefghijkl"]
    calls = [spread.spawn(tmp_path, name) for name in names]
    gates.began(tmp_path, *names[:8])
    gates.release(tmp_path, *names)
    results(calls)
    seen.settled(*calls)
    ids = {call.object_id for call in calls}
    order = [
        r.function_call_id for r in seen.all(InputStarted) if r.function_call_id in ids
    ]

    assert order == [call.object_id for call in calls]


def test_the_queue_is_never_inside_a_container(seen: Recorder, tmp_path: Path) -> None:
    """An input that waits has not been given to any container."""
    calls = [hold.spawn(tmp_path, name) for name in "abcd"]
    gates.began(tmp_path, *"abc")
    hold.get_current_stats()
    given = seen.all(InputStarted, function_call_id=calls[3].object_id)
    gates.release(tmp_path, *"abcd")
    results(calls)

    assert given == []


@pytest.mark.parametrize("body", [lingering, lingering_aio])
def test_a_slot_is_free_only_when_its_body_has_ended(
    seen: Recorder, body: Holding, tmp_path: Path
) -> None:
    """A cancelled body keeps its slot for as long as it takes to unwind."""
    calls = [body.spawn(tmp_path, name) for name in "ab"]
    gates.began(tmp_path, *"ab")
    calls[0].cancel()
    gates.noted(tmp_path, "a unwinds")
    third = body.spawn(tmp_path, "c")
    stats = body.get_current_stats()
    gates.open_gate(tmp_path, "a.unwind")
    gates.noted(tmp_path, "c began")
    gates.release(tmp_path, *"bc")
    results([calls[1], third])
    log = gates.notes(tmp_path)

    assert (stats.num_running_inputs, stats.backlog) == (2, 1)
    assert log.index("a unwound") < log.index("c began")


def results(calls: list[FunctionCall[Any]]) -> list[Any]:
    """Each call's result."""
    return [call.get(20) for call in calls]
