"""Identity: every body, and everything that it starts, knows its input."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import telemetry
from telemetry.capture.line import Line
from telemetry.capture.runtime_records import InputSettled, InputStarted
from telemetry.capture.sink import set_sink
from telemetry.runtime import Function, FunctionCall
from tests.runtime.semantics import gates
from tests.runtime.semantics.apps.contexts import (
    Mixed,
    app,
    family,
    identity,
    leave_task,
    leave_thread,
    speak,
    speak_sync,
)
from tests.runtime.semantics.recorder import Recorder, recording


@pytest.fixture(scope="module", autouse=True)
def seen() -> Iterator[Recorder]:
    """The app runs, and its records are kept."""
    with recording(app) as recorder:
        yield recorder


@pytest.fixture
def lines() -> Iterator[list[Line]]:
    """The lines that arrive in the driver."""
    found: list[Line] = []
    before = set_sink(found.append)
    yield found
    set_sink(before)


def test_a_body_knows_what_the_driver_knows(seen: Recorder) -> None:
    """Input, call, container, slot, attempt and function agree with the record."""
    call = identity.spawn()
    current, _, _, _ = call.get(20)
    started = seen.one(InputStarted, function_call_id=call.object_id)

    assert current is not None
    for name in ("input_id", "container_id", "slot", "attempt", "function"):
        assert getattr(current, name) == getattr(started, name)
    assert current.function_call_id == call.object_id


def test_the_short_forms_agree_with_the_whole() -> None:
    """`current_input_id` and its like are fields of `current_input`."""
    current, *short = identity.remote()

    assert current is not None
    assert short == [current.input_id, current.function_call_id, current.attempt]


def test_a_method_is_named_with_its_class(seen: Recorder) -> None:
    """The function of a method's input is `Class.method`."""
    call = Mixed().entered_as.spawn()
    call.get(20)

    assert seen.one(InputStarted, function_call_id=call.object_id).function == (
        "Mixed.entered_as"
    )


def test_a_hook_is_no_input() -> None:
    """Enter hooks run outside of every input."""
    assert Mixed().entered_as.remote() is None


def test_local_is_no_input() -> None:
    """A body that is called here, with `local`, has no id."""
    assert identity.local() == (None, None, None, None)


def test_what_a_body_starts_knows_its_input() -> None:
    """Coroutines, child tasks and `to_thread` have the id of the body."""
    own, found = family.remote()

    assert own is not None and found == [own] * 3


def test_neighbours_do_not_mix() -> None:
    """The same with many inputs on one loop at a time."""
    calls = [family.spawn() for _ in range(40)]

    for call in calls:
        own, found = call.get(20)
        assert found == [own] * 3


@pytest.mark.parametrize("body", [speak, speak_sync])
def test_lines_carry_the_id_of_who_wrote_them(
    lines: list[Line], body: Function[[str], str | None, object]
) -> None:
    """Among interleaved inputs, each line in the driver has the right id."""
    words = [f"{body.label} {number}" for number in range(40)]
    ids = dict(zip(words, body.map(words), strict=True))
    gates.until(
        lambda: len({each.fields.get("word") for each in list(lines)} & {*words}) == 40,
        "40 lines",
    )
    wrong = [
        each
        for each in list(lines)
        if (word := str(each.fields.get("word"))) in ids and each.input_id != ids[word]
    ]

    assert wrong == []


def test_a_line_has_the_rest_of_the_identity(lines: list[Line], seen: Recorder) -> None:
    """Call, function, attempt, container and slot are those of the record."""
    call = speak_sync.spawn("alone")
    call.get(20)
    gates.until(lambda: of_call(lines, call), "the line")
    started = seen.one(InputStarted, function_call_id=call.object_id)
    [line] = of_call(lines, call)

    assert (line.function_call_id, line.function) == (call.object_id, "speak_sync")
    assert (line.attempt, line.container_id, line.slot) == (
        0,
        started.container_id,
        started.slot,
    )
    assert line.late is False


@pytest.mark.parametrize("body", [leave_thread, leave_task])
def test_a_line_after_the_end_is_marked_late(
    seen: Recorder,
    lines: list[Line],
    body: Function[[Path], str | None, object],
    tmp_path: Path,
) -> None:
    """Who outlives the input still has its id, and the line says that it is late."""
    call = body.spawn(tmp_path)
    own = call.get(20)
    seen.one(InputSettled, function_call_id=call.object_id)
    gates.open_gate(tmp_path, "late")
    gates.until(lambda: of_call(lines, call), "the late line")

    assert [
        (each.event, each.input_id, each.late) for each in of_call(lines, call)
    ] == [("said late", own, True)]


def test_the_driver_itself_runs_no_input() -> None:
    """Outside of a body there is no id, also while the app runs."""
    assert telemetry.current_input_id() is None


def of_call(lines: list[Line], call: FunctionCall[Any]) -> list[Line]:
    """What the inputs of that call wrote."""
    return [each for each in list(lines) if each.function_call_id == call.object_id]
