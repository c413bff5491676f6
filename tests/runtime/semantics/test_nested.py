"""Nested calls: bodies use the same verbs as the driver."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from telemetry.capture.runtime_records import InputStarted
from telemetry.runtime import Function, FunctionCall
from telemetry.runtime.exception import InputCancelledError
from tests.runtime.semantics import gates
from tests.runtime.semantics.apps.nested import (
    app,
    calls_fails,
    calls_gen,
    calls_map,
    calls_map_aio,
    calls_remote,
    calls_remote_aio,
    cancels,
    double,
    factorial,
    hold,
    lets_through,
    scales,
    spawns,
    spawns_and_gets,
    takes,
    takes_aio,
    takes_id,
    waits_for,
)
from tests.runtime.semantics.recorder import Recorder, recording


@pytest.fixture(scope="module", autouse=True)
def seen() -> Iterator[Recorder]:
    """The app runs, and its records are kept."""
    with recording(app) as recorder:
        yield recorder


@pytest.mark.parametrize("body", [calls_remote, calls_remote_aio])
def test_remote(body: Function[[int], int, Any]) -> None:
    """A body waits for the result of another function."""
    assert body.remote(4) == 9


def test_a_nested_input_names_its_parent(seen: Recorder) -> None:
    """The record of a nested input carries the input whose body made the call."""
    call = calls_remote.spawn(4)
    call.get(20)
    outer = seen.wait(InputStarted, function_call_id=call.object_id)[0]
    inner = seen.wait(InputStarted, parent_id=outer.input_id)[0]

    assert (outer.parent_id, inner.function) == (None, "double")


@pytest.mark.parametrize("body", [calls_map, calls_map_aio])
def test_map(body: Function[[int], list[int], Any]) -> None:
    """Many inputs, in order."""
    assert body.remote(50) == [2 * number for number in range(50)]


def test_a_generator() -> None:
    """Chunks are streamed from container to container, with back pressure."""
    assert calls_gen.remote(1000) == list(range(1000))


def test_a_recursion() -> None:
    """A function may call itself, as long as there are containers for it."""
    assert factorial.remote(5) == 120


def test_an_exception_arrives_in_the_body() -> None:
    """As its own type, with the remote traceback."""
    assert calls_fails.remote(3) == "KeyError(3) RemoteTraceback"


def test_an_exception_passes_through() -> None:
    """The driver gets what the innermost body raised."""
    with pytest.raises(KeyError, match="7"):
        lets_through.remote(7)


def test_spawn_and_get_in_one_body() -> None:
    """A result can be got as often as asked."""
    assert spawns_and_gets.remote(4) == (8, 8)


def test_a_call_is_returned_to_the_driver(tmp_path: Path) -> None:
    """What a container spawned, the driver may get."""
    call = spawns.remote(tmp_path, "a")
    gates.release(tmp_path, "a")

    assert call.get(20) == "a"


@pytest.mark.parametrize("body", [takes, takes_aio])
def test_a_call_is_passed_to_a_container(
    body: Function[[FunctionCall[Any]], object, Any], tmp_path: Path
) -> None:
    """What the driver spawned, a container may get, also while it still runs."""
    call = hold.spawn(tmp_path, "a")
    waiting = body.spawn(call)
    gates.began(tmp_path, "a")
    gates.release(tmp_path, "a")

    assert waiting.get(20) == "a"


def test_a_call_is_passed_between_containers(tmp_path: Path) -> None:
    """Spawned in one container, got in another."""
    waiting = takes.spawn(spawns.remote(tmp_path, "a"))
    gates.release(tmp_path, "a")

    assert waiting.get(20) == "a"


def test_a_settled_call_is_found_by_its_id() -> None:
    """The id is enough, in a container and in the driver."""
    call = double.spawn(21)
    call.get(20)

    assert takes_id.remote(call.object_id) == 42
    assert FunctionCall.from_id(call.object_id).get(20) == 42


@pytest.mark.parametrize("where", ["driver", "container"])
def test_a_container_cancels(where: str, tmp_path: Path) -> None:
    """Whoever spawned it: the body of the call is cancelled."""
    call = (
        hold.spawn(tmp_path, "a") if where == "driver" else spawns.remote(tmp_path, "a")
    )
    gates.began(tmp_path, "a")

    assert cancels.remote(call) == "InputCancelledError"
    assert gates.notes(tmp_path) == ["a ended"]
    with pytest.raises(InputCancelledError, match="cancelled"):
        call.get(20)


def test_cancelling_who_waits_cancels_what_it_waits_for(tmp_path: Path) -> None:
    """A body whose `remote` is interrupted takes the nested input along."""
    call = waits_for.spawn(tmp_path, "a")
    gates.began(tmp_path, "a")
    call.cancel()
    with pytest.raises(InputCancelledError, match="cancelled"):
        call.get(20)
    gates.noted(tmp_path, "a ended")


def test_a_body_asks_the_dispatcher() -> None:
    """`update_autoscaler` and `get_current_stats` work from a container."""
    assert scales.remote() == (1, 0)
