"""What is exported as a trace shows who ran where and when."""

from __future__ import annotations

import io
import random

import pytest

from telemetry.capture.span_records import FinishedSpan
from telemetry.core import names
from telemetry.pipeline.exports import perfetto
from telemetry.pipeline.exports.lanes import MOST_LANES, Lanes
from telemetry.pipeline.exports.selection import ALL, Progress, Selection
from telemetry.pipeline.exports.trace_file import TraceFile, uuid_of
from tests.pipeline.exports.perfetto_reading import Seen, read
from tests.pipeline.store.queries import afternoon
from tests.pipeline.store.queries.afternoon import A, B
from tests.pipeline.store.records import (
    FUNCTION,
    SECOND,
    T0,
    Kept,
    container,
    ended,
    input_id,
    settled,
    span,
    started,
)


def exported(kept: Kept, selection: Selection = ALL) -> Seen:
    """The trace of a store."""
    out = io.BytesIO()
    perfetto.write(kept.path, out, selection)
    return read(out.getvalue())


def at(seconds: float) -> int:
    """That moment of the afternoon."""
    return T0 + round(seconds * SECOND)


def test_containers_are_groups_and_slots_are_rows(kept: Kept) -> None:
    """In the order in which one reads them; a program without any is a group too."""
    afternoon.fill(kept)
    seen = exported(kept)

    rows = seen.groups[f"{FUNCTION} {A}"]
    assert rows[0] == "life"
    assert rows[-3:] == ["slot 0", "slot 1", "slot 2"]
    assert "loop" in rows
    assert seen.groups["process ps-1"] == ["running", "inputs"]
    assert f"{FUNCTION} {B}" in seen.groups
    assert f"function {FUNCTION}" in seen.groups


def test_inputs_are_slices_with_all_that_is_known(kept: Kept) -> None:
    """Where they ran, from when to when, how it ended, and the ids."""
    afternoon.fill(kept)
    first, fourth = exported(kept).of("slot 0", A)

    assert (first.name, first.start_ns, first.end_ns) == (FUNCTION, at(0), at(10))
    assert first.args["input"] == input_id(1)
    assert (first.args["attempt"], first.args["outcome"]) == (0, "success")
    assert fourth.name == f"{FUNCTION}: error"
    assert "KeyError" in fourth.args["error"]


def test_an_interrupted_input_is_there_twice(kept: Kept) -> None:
    """Its attempts are in two containers; the first says why it ended."""
    afternoon.fill(kept)
    seen = exported(kept)
    (first,) = seen.of("slot 2", A)
    second = seen.of("slot 0", B)[0]

    assert first.args["input"] == second.args["input"] == input_id(3)
    assert (first.args["ending"], second.args["attempt"]) == ("neighbour", 1)


def test_what_still_runs_is_drawn_to_the_end(kept: Kept) -> None:
    """An input without an end is unfinished, and not missing."""
    afternoon.fill(kept)
    last = exported(kept).of("slot 0", B)[-1]

    assert last.args["input"] == input_id(6)
    assert last.args["ending"] == "unfinished"


def test_life_of_a_container(kept: Kept) -> None:
    """Its cold start with the phases, and why it went."""
    afternoon.fill(kept)
    seen = exported(kept)
    life = {s.name: s for s in seen.of("life", A)}
    (exit_,) = (i for i in seen.instants if i.row == "life" and A in i.group)

    assert (life["starting"].start_ns, life["starting"].end_ns) == (at(-2), at(-0.5))
    assert life["import"].depth == 1
    assert life["import"].end_ns - life["import"].start_ns == 0.75 * SECOND
    assert life["ready"].start_ns == at(-0.5)
    assert exit_.name == "exited: cancellation"


def test_cancellations_are_marked_where_they_were(kept: Kept) -> None:
    """At the moment of the request, on the slot of the input."""
    afternoon.fill(kept)
    found = [i for i in exported(kept).instants if i.name.startswith("cancelled")]

    assert [(i.row, i.unix_ns, i.args["input"]) for i in found] == [
        ("slot 1", at(5), input_id(2))
    ]
    assert found[0].args["mechanism"] == "container"


def test_a_blocked_loop_and_a_burst(kept: Kept) -> None:
    """Both have a length, and say who and why."""
    afternoon.fill(kept)
    seen = exported(kept)
    (stall,) = seen.of("loop")
    (burst,) = seen.of("bursts")
    decisions = [i for i in seen.instants if i.row == "decisions"]

    assert stall.args["held by"] == input_id(1)
    assert stall.end_ns - stall.start_ns == 1.5 * SECOND
    assert (burst.name, burst.args["peak"]) == ("cold_start", 3)
    assert [d.args["want"] for d in decisions] == [2]


def test_running_inputs_are_a_curve(kept: Kept) -> None:
    """Exact at each moment, and 0 in the end."""
    afternoon.fill(kept)
    curve = exported(kept).counters[f"{FUNCTION} {A}", "running"]

    assert curve == sorted(curve, key=lambda point: point[0])
    assert max(value for _, value in curve) == 3
    assert curve[-1][1] == 0
    assert dict(curve)[at(5)] == 3


def test_target_and_limit_are_curves(kept: Kept) -> None:
    """Beside that of the running inputs, where they are known."""
    afternoon.fill(kept)
    kept.rows("update containers set target = 2, max_inputs = 4")
    seen = exported(kept)

    assert seen.counters[f"{FUNCTION} {A}", "target"][0] == (at(-0.5), 2)
    assert seen.counters[f"{FUNCTION} {A}", "limit"][0] == (at(-0.5), 4)
    assert seen.groups[f"{FUNCTION} {A}"][:4] == ["life", "running", "target", "limit"]


def child(number: int, name: str, start_s: float, end_s: float) -> FinishedSpan:
    """A span of code within an input."""
    trace = bytes.fromhex(afternoon.TRACE)
    own = {names.INPUT_ID: input_id(1), names.INPUT_ATTEMPT: 0}
    span_id = bytes((number,)) * 8
    return FinishedSpan(
        *(trace, span_id, b"p" * 8, "", name, 1, at(start_s), at(end_s)),
        own,
        {"http.route": "/x"},
        scope_name="code",
    )


def test_spans_of_code_lie_in_their_input(kept: Kept) -> None:
    """Nested where they are; those that overlap have a row of their own."""
    kept.take(
        container(),
        started(1),
        settled(1, end_s=10),
        span(child(1, "outer", 1, 8)),
        span(child(2, "inner", 2, 3)),
        span(child(3, "beside", 4, 9)),
    )
    kept.rows("update inputs set trace_id = ?", bytes.fromhex(afternoon.TRACE))
    seen = exported(kept)
    depths = {s.name: s.depth for s in seen.of("slot 0")}

    assert depths == {FUNCTION: 0, "outer": 1, "inner": 2, "beside": 0}
    assert next(s for s in seen.slices if s.name == "inner").args["http.route"] == "/x"


def test_waits_are_drawn_before_the_input(kept: Kept) -> None:
    """With their reason; no wait is none."""
    kept.take(
        container(),
        started(1, 5.0, wait_s=2.0, wait_reason="cold_start"),
        started(2, 5.5, slot=1, wait_s=1.5, wait_reason="capacity"),
        started(3, 6.0, slot=2, wait_s=0.001, wait_reason="none"),
        settled(1, start_s=5, end_s=6),
    )
    waits = exported(kept).of("waited")

    assert sorted((w.name, w.start_ns, w.end_ns) for w in waits) == [
        ("capacity", at(4), at(5.5)),
        ("cold_start", at(3), at(5)),
    ]


@pytest.mark.parametrize(
    ("selection", "inputs"),
    [
        (Selection(container_id=B), {3, 6}),
        (Selection(input_id=input_id(3)), {3}),
        (Selection(function="resize"), {7, 8}),
        (Selection(since_ns=at(25)), {6, 7, 8}),
        (Selection(until_ns=at(1)), {1}),
    ],
)
def test_selection(kept: Kept, selection: Selection, inputs: set[int]) -> None:
    """Only what is wanted is drawn."""
    afternoon.fill(kept)
    seen = exported(kept, selection)

    drawn = {s.args["input"] for s in seen.slices if "ending" in s.args}

    assert drawn == {input_id(number) for number in inputs}


def test_many_pages_and_progress(kept: Kept) -> None:
    """Everything is drawn once, and how far it is rises to the end."""
    kept.take(
        container(),
        *(started(n, n * 0.1, slot=n % 3) for n in range(1_200)),
        *(
            settled(n, start_s=n * 0.1, end_s=n * 0.1 + 0.25, slot=n % 3)
            for n in range(1_200)
        ),
    )
    told: list[Progress] = []
    out = io.BytesIO()
    written = perfetto.write(kept.path, out, on_progress=told.append)
    seen = read(out.getvalue())

    assert written["executions"] == 1_200
    assert len([s for s in seen.slices if "attempt" in s.args]) == 1_200
    assert [p.done for p in told] == [500, 1_000, 1_200]
    assert told[-1].total == 1_200


def test_an_empty_store(kept: Kept) -> None:
    """It is a trace with nothing in it."""
    assert exported(kept).slices == []


def test_hostile_values(kept: Kept) -> None:
    """Ends before starts, texts of any kind: the trace is sound."""
    kept.take(
        container(),
        started(1, 5.0),
        ended(1, at_s=4.0),
        settled(
            1, start_s=5, end_s=3, error_text="\x00\u2028" * 3_000, outcome="error"
        ),
    )
    exported(kept)


def test_lanes_take_any_slices_in_any_order() -> None:
    """None overlaps another in part, whatever there was; most lanes are few."""
    shuffler = random.Random(1)
    out = io.BytesIO()
    file = TraceFile(out)
    file.process(1, "group")

    def make(number: int) -> int:
        file.track(uuid_of(number), 1, "row", number)
        return uuid_of(number)

    lanes = Lanes(file, make)
    given = []
    for _ in range(500):
        start = shuffler.randrange(1, 1_000)
        given.append((start, start + shuffler.randrange(100)))
        lanes.add(*given[-1], "x", "y", {})
    lanes.finish()
    seen = read(out.getvalue())

    assert sorted((s.start_ns, s.end_ns) for s in seen.slices) == sorted(given)
    assert lanes.hidden == 0


def test_lanes_have_an_end() -> None:
    """What has no place is counted, and the trace stays readable."""
    out = io.BytesIO()
    file = TraceFile(out)
    lanes = Lanes(file, lambda number: number + 1)
    for at_ns in range(MOST_LANES + 10):
        lanes.add(at_ns, at_ns + 10_000, "x", "y", {})

    assert lanes.hidden == 10
