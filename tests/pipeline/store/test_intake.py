"""What processes leave behind becomes rows that say the same."""

from __future__ import annotations

import json
from itertools import permutations
from typing import Any

import pytest

from telemetry.capture.blackbox.reader import Found
from telemetry.capture.runtime_records import (
    BurstEnded,
    ContainerExited,
    ContainerReady,
    ContainerStarting,
    InputRejected,
    LoopBlocked,
    PoolMeasured,
    ScalingDecided,
)
from telemetry.capture.span_records import Admission, FinishedSpan, SpanEvent, Written
from telemetry.core import names
from telemetry.core.outcome import Outcome
from telemetry.core.trace_context import client_span
from telemetry.pipeline.store.processes import ProcessSeen, box_process
from telemetry.pipeline.store.queries.inputs import (
    StoredExecution,
    StoredInput,
    input_life,
)
from telemetry.pipeline.store.queries.reading import Reader
from telemetry.pipeline.store.queries.timeline import timeline
from telemetry.pipeline.store.queries.traces import trace
from telemetry.policy.bursts import BurstReason, Episode
from telemetry.policy.scaling import Decision, Reason
from tests.pipeline.store import records
from tests.pipeline.store.records import (
    APP,
    BOX,
    CALL,
    PROG,
    SECOND,
    T0,
    Kept,
    again,
    cancelled,
    container,
    ended,
    held,
    identity,
    input_id,
    line,
    runtime,
    settled,
    span,
    started,
)

TRACEBACK = """Traceback (most recent call last):
  File "/app/work.py", line {line}, in work
    raise ValueError({text!r})
ValueError: {text}"""


def of(reader: Reader, number: int) -> StoredInput:
    """The row of an input."""
    life = input_life(reader, input_id(number))
    assert life is not None
    return life.input


def test_a_line_keeps_what_it_says(kept: Kept) -> None:
    """Each part of a line is found again where it belongs."""
    who = identity(1, slot=3, attempt=2)
    kept.take(container(), line("hi", who, 1.5, level="error", fields={"n": 1}))

    columns = (
        "unix_ns, level, event, logger, fields, input_id, function, attempt, "
        "container_id, slot, thread, process"
    )
    rows = kept.rows(f"select {columns} from v_lines")  # noqa: S608  # ours
    expected = (T0 + 3 * SECOND // 2, "error", "hi", "app", '{"n":1}', input_id(1))
    assert rows == [(*expected, "translate", 2, BOX, 3, "MainThread", BOX)]


def test_bound_keys_and_arguments_are_part_of_a_line(kept: Kept) -> None:
    """What a logger is bound to counts as if it were said; arguments are filled in."""
    said = [T0, "%d of %d", [1, 2], {"b": 2}]
    record = [20, ["app", {"a": 1, "b": 0}], None, "MainThread", said]
    kept.take(PROG, records.found(record))

    assert kept.rows("select event, fields from logs") == [("1 of 2", '{"a":1,"b":2}')]


@pytest.mark.parametrize("count", [1, 63, 64, 65, 5_000])
def test_every_line_is_stored_once(kept: Kept, count: int) -> None:
    """Whatever fits into one statement, no line is lost or doubled at its edges."""
    lines = [line(f"line {n}", identity(n % 7), n / 1000) for n in range(count)]
    kept.take(container(), *lines)

    rows = kept.rows("select event from logs")
    assert sorted(rows) == sorted((f"line {n}",) for n in range(count))
    covered = kept.rows("select sum(last - first + 1) from runs")
    assert covered == kept.rows("select sum(last - first + 1) from stretches")
    assert covered == [(count,)]


def test_late_and_uncertain_lines_are_marked(kept: Kept) -> None:
    """What was written after the end, or by nobody knows whom, says so."""
    kept.take(
        container(),
        line("late", identity(1, late=True)),
        line("whose", None, stream="stdout", candidates=[input_id(1), input_id(2)]),
    )

    rows = kept.rows(
        "select event, late, candidates, stream from logs l "
        "join sources s on s.id = l.source order by l.id"
    )
    assert sorted(rows) == [
        ("late", 1, None, ""),
        (
            "whose",
            None,
            json.dumps([input_id(1), input_id(2)], separators=(",", ":")),
            "stdout",
        ),
    ]


def test_exceptions_that_are_alike_are_counted_together(kept: Kept) -> None:
    """Neither the line number nor the message makes another exception of it."""
    for number, text in ((3, "a"), (9, "b")):
        trace = TRACEBACK.format(line=number, text="x").replace(
            "ValueError: x", f"ValueError: {text}"
        )
        kept.take(PROG, line("failed", identity(1, box=None), exception=trace))

    rows = kept.rows("select type, message, seen from exceptions")
    assert rows == [("ValueError", "a", 2)]
    assert kept.rows("select count(distinct occurrence) from logs") == [(2,)]


def test_an_input_of_a_program_is_told_by_its_execution(
    kept: Kept, reader: Reader
) -> None:
    """Without a dispatcher the record of the execution is all there is, and enough."""
    error = {"error_type": "KeyError", "error_text": "KeyError: 'k'"}
    alone = {"container_id": None, "slot": None, "function_call_id": None}
    kept.take(PROG, settled(1, "error", 1.0, 3.0, **error, **alone))

    found = of(reader, 1)
    assert (found.outcome, found.run_s, found.attempts) == ("error", 2.0, 1)
    assert (found.error_type, found.error_text) == ("KeyError", "KeyError: 'k'")
    assert found.trace_id is not None
    assert kept.rows("select hex(trace_id) from spans") == [(found.trace_id.upper(),)]
    assert kept.rows("select type, message from exceptions") == [("KeyError", "'k'")]


def life_of_a_retried_input() -> list[tuple[ProcessSeen, Found]]:
    """An input that fails, runs again and succeeds: by its container and the app."""
    first, second = "ct-01J000000000000000000FIRST", BOX
    failed = settled(
        1, "error", 2.0, 3.0, container_id=first, error_type="E", error_text="E: no"
    )
    good = settled(
        1, "success", 5.0, 7.0, attempt=1, slot=4, own={names.INPUT_LOOP_BLOCKED_S: 0.5}
    )
    return [
        (
            APP,
            started(1, 2.0, container_id=first, wait_s=2.0, wait_reason="cold_start"),
        ),
        (container(first), failed),
        (APP, again(1, 3.0, "retry", container_id=first, elapsed_s=1.0)),
        (
            APP,
            started(
                1,
                5.0,
                attempt=1,
                zone="burst",
                concurrency=7,
                slot=4,
                wait_s=1.0,
                wait_reason="retry",
            ),
        ),
        (container(second), good),
        (
            APP,
            ended(
                1,
                Outcome.SUCCESS,
                7.0,
                attempt=1,
                slot=4,
                zone="burst",
                wait_s=1.0,
                run_s=2.0,
                total_s=7.0,
            ),
        ),
    ]


@pytest.mark.parametrize("restarted", [False, True])
def test_the_order_of_boxes_does_not_matter(
    kept: Kept, reader: Reader, restarted: bool
) -> None:
    """However records of several boxes come in, the row of the input is the same.

    Those of one box keep their order. With a new agent after each record, too.
    """
    records_ = life_of_a_retried_input()
    orders = [
        order
        for order in permutations(range(len(records_)))
        if all(
            order.index(a) < order.index(b)
            for a in range(len(records_))
            for b in range(a + 1, len(records_))
            if records_[a][0].name == records_[b][0].name
        )
    ]
    seen: set[tuple[StoredInput, tuple[StoredExecution, ...]]] = set()
    for order in orders:
        kept.rows("delete from inputs")
        kept.rows("delete from executions")
        kept.store.forget()
        for at in order:
            if restarted:
                kept.store.forget()
            kept.take(records_[at][0], records_[at][1])
        life = input_life(reader, input_id(1))
        assert life is not None
        plain = life.input._replace(number=0)
        attempts = tuple(each._replace(number=0) for each in life.executions)
        seen.add((plain, attempts))

    assert len(orders) == 30
    assert len(seen) == 1
    ((found, (first, second)),) = seen
    assert (found.outcome, found.attempts, found.total_s) == ("success", 2, 7.0)
    assert (found.wait_s, found.wait_reason) == (1.0, "retry")
    assert (found.container_id, found.slot, found.burst) == (BOX, 4, True)
    assert (found.error_type, found.blocked_s) == (None, 0.5)
    assert (found.began_ns, found.ended_ns) == (T0, T0 + 7 * SECOND)
    assert (first.ending, second.ending) == ("retry", "success")


def test_an_input_is_where_its_newest_attempt_is(kept: Kept, reader: Reader) -> None:
    """What the dispatcher said of an earlier one comes late, and changes nothing."""
    kept.take(container(), settled(1, attempt=1))
    kept.take(APP, started(1, container_id="ct-before", slot=9, zone="burst"))

    found = of(reader, 1)
    assert (found.container_id, found.slot, found.zone) == (BOX, 0, None)
    assert (found.outcome, found.attempts) == ("success", 2)


def test_an_input_that_never_ran_has_a_row(kept: Kept, reader: Reader) -> None:
    """Cancelled in the queue: an outcome, a trace, and no execution."""
    asked = cancelled(3.0)._replace(phase="queued", mechanism=None, observed=None)
    nowhere = {"container_id": None, "slot": None, "zone": None, "run_s": None}
    kept.take(APP, ended(1, Outcome.CANCELLED, 4.0, cancelled=asked, **nowhere))

    life = input_life(reader, input_id(1))
    assert life is not None
    assert life.executions == []
    assert (life.input.outcome, life.input.cancel_phase) == ("cancelled", "queued")
    assert life.input.cancel_requested_ns == T0 + 3 * SECOND
    assert life.input.trace_id == f"{client_span(input_id(1), None).trace_id:032x}"


def test_a_batch_is_one_execution_of_many_inputs(kept: Kept, reader: Reader) -> None:
    """A line of a batch is a line of each member."""
    ids = [input_id(n) for n in (1, 2, 3)]
    kept.take(container(), line("together", identity(1, batch=ids)))

    for number in (1, 2, 3):
        life = input_life(reader, input_id(number))
        assert life is not None
        assert [each.number for each in life.executions] == [1]
        assert life.batch == [each for each in ids if each != input_id(number)]


def test_a_batch_of_the_dispatcher_is_one_bar(kept: Kept, reader: Reader) -> None:
    """Each member has its own attempt; on a timeline the batch is there once."""
    ids = [input_id(n) for n in (1, 2)]
    batch = {"batch_size": 2, "slot": 5}
    kept.take(
        APP,
        started(1, batch_index=0, **batch),
        started(2, batch_index=1, attempt=3, **batch),
    )
    kept.take(container(), line("together", identity(1, batch=ids, slot=5)))

    life = input_life(reader, input_id(2))
    assert life is not None
    (own,) = life.executions
    assert (own.attempt, own.batch_index, life.batch) == (3, 1, [input_id(1)])
    (track,) = timeline(reader, T0, T0 + SECOND).tracks
    ((bar,),) = [lane.bars for lane in track.lanes]
    assert (bar.input_id, bar.batch_size) == (input_id(1), 2)


def test_containers_have_phases_and_an_end(kept: Kept) -> None:
    """How a container started, and why it went."""
    kept.take(
        APP,
        runtime(ContainerStarting(1.0, "f", BOX, "app/f", 8, 10)),
        runtime(ContainerReady(3.0, "f", BOX, 77, 0.5, 1.0, 0.25)),
        runtime(ContainerExited(9.0, "f", BOX, "crash", -9)),
    )

    times = (T0 + SECOND, T0 + 3 * SECOND, T0 + 9 * SECOND)
    end = ("crash", -9, None, 8, 10)
    rows = kept.rows("select * from containers")
    assert rows == [(1, BOX, 1, 77, *times, 0.5, 1.0, 0.25, *end)]


def test_a_container_that_did_not_start_says_where(kept: Kept) -> None:
    """Its start can be told from how long it has lived."""
    failed = ContainerExited(
        *(9.0, "f", BOX, "start_failed", 1, "app/f", 2.0, None, "enter")
    )
    kept.take(APP, runtime(failed))

    assert kept.rows("select starting_ns, exit_reason, exit_phase from containers") == [
        (T0 + 7 * SECOND, "start_failed", "enter")
    ]


def test_an_input_that_was_never_accepted_has_a_row(kept: Kept, reader: Reader) -> None:
    """It is an error, with what was wrong, and without an execution."""
    error = "TypeError: cannot pickle a lock"
    kept.take(
        APP, runtime(InputRejected(1.0, "f", input_id(1), CALL, "arguments", error))
    )

    found = of(reader, 1)
    assert (found.outcome, found.attempts) == ("error", 0)
    assert (found.error_type, found.error_text) == ("TypeError", error)


def test_what_the_container_says_of_an_admission_is_kept(
    kept: Kept, reader: Reader
) -> None:
    """How full it was, and whether the input had waited for it, per execution."""
    kept.take(container(), settled(1, admission=Admission(9, "burst", True, 8, 10)))

    found = of(reader, 1)
    assert (found.concurrency, found.zone) == (9, "burst")
    assert (found.burst, found.cold) == (True, True)


def test_why_an_input_failed_is_told_by_who_knows_best(
    kept: Kept, reader: Reader
) -> None:
    """The container's words, where it has some; else those that the caller got."""
    timeout: dict[str, Any] = {
        "error_type": "FunctionTimeoutError",
        "error": "ran too long",
    }
    kept.take(APP, started(1), started(2))
    kept.take(APP, ended(1, Outcome.TIMEOUT, **timeout))
    kept.take(container(), settled(1, "timeout"))
    kept.take(container(), settled(2, "error", error_type="E", error_text="E: no"))
    kept.take(APP, ended(2, Outcome.ERROR, error_type="E"))

    assert (of(reader, 1).error_type, of(reader, 1).error_text) == (
        "FunctionTimeoutError",
        "ran too long",
    )
    assert (of(reader, 2).error_type, of(reader, 2).error_text) == ("E", "E: no")


def test_a_span_of_an_input_that_never_ran_makes_no_execution(
    kept: Kept, reader: Reader
) -> None:
    """Its queue is a span, too; the span knows its input all the same."""
    nowhere: dict[str, Any] = {"container_id": None, "slot": None, "run_s": None}
    kept.take(APP, ended(1, Outcome.CANCELLED, 4.0, **nowhere))
    own: dict[str, object] = {names.INPUT_ID: input_id(1), names.INPUT_ATTEMPT: 0}
    queue = FinishedSpan(b"t" * 16, b"q" * 8, b"", "", "queue", 1, T0, T0 + 1, own)
    with kept.store.transaction():
        number = kept.intake.processes.number(APP)
        kept.intake.foreign_spans(number, [queue])

    life = input_life(reader, input_id(1))
    assert life is not None
    assert life.executions == []
    (found,) = trace(reader, (b"t" * 16).hex()).spans
    assert (found.input_id, found.attempt) == (input_id(1), 0)


def test_the_dispatchers_view_is_kept(kept: Kept) -> None:
    """Decisions, bursts and measures, at the Unix time of their records."""
    decision = Decision(want=3, have=1, demand=2.5, reason=Reason.DEMAND)
    burst = Episode(101.0, 104.0, 9, 2, BurstReason.COLD_START)
    kept.take(
        APP,
        runtime(ScalingDecided(105.0, "f", decision), 5.0),
        runtime(BurstEnded(105.0, "f", burst), 5.0),
        runtime(PoolMeasured(105.0, "f", 1.5, 2.5, {"burst": 3.0}), 5.0),
    )

    assert kept.rows("select pool from pools") == [("f",)]
    assert kept.rows("select unix_ns, want, have, demand, reason from decisions") == [
        (T0 + 5 * SECOND, 3, 1, 2.5, "demand")
    ]
    assert kept.rows("select started_ns, ended_ns, peak, reason from bursts") == [
        (T0 + SECOND, T0 + 4 * SECOND, 9, "cold_start")
    ]
    measured = kept.rows("select measured from pools")[0][0]
    assert json.loads(measured)["slots_s"] == 1.5


def test_one_stall_is_one_row(kept: Kept) -> None:
    """The container says who holds the loop, the driver for how long: one stall."""
    told = LoopBlocked(
        2.0,
        "f",
        BOX,
        7,
        1.0,
        False,
        input_id(1),
        (),
        "x.py:1 in f",
        None,
        (input_id(2),),
    )
    kept.take(APP, runtime(told))
    kept.take(container(), held(identity(1), 2.2, 1.1))
    kept.take(APP, runtime(told._replace(at_s=4.0, seconds=3.05, over=True)))
    kept.take(APP, runtime(told._replace(at_s=9.0, seconds=1.0)))

    rows = kept.rows("select began_ns, seconds, over, input, line, stack from blocked")
    first = (T0 + SECOND, 3.05, 1, input_id(1), "x.py:1 in f", "File x, line 1")
    assert rows == [first, (T0 + 8 * SECOND, 1.0, 0, input_id(1), "x.py:1 in f", None)]


def test_a_span_of_code_knows_its_input(kept: Kept) -> None:
    """Its own attributes say whose it is; an exception in it is counted."""
    trace = TRACEBACK.format(line=1, text="x")
    event = SpanEvent("exception", T0, {names.EXCEPTION_STACKTRACE: trace})
    own = {names.INPUT_ID: input_id(1), names.INPUT_ATTEMPT: 1}
    kept.take(
        container(),
        span(
            FinishedSpan(
                b"t" * 16,
                b"s" * 8,
                b"",
                "",
                "query",
                3,
                T0,
                T0 + 5,
                own,
                {"db": "x"},
                (event,),
            )
        ),
    )

    assert kept.rows(
        "select s.name, i.input_id, e.attempt, s.attributes ->> '$.db' from spans s "
        "join executions e on e.id = s.execution join inputs i on i.id = e.input"
    ) == [("query", input_id(1), 1, "x")]
    assert kept.rows("select type from exceptions") == [("ValueError",)]


def test_what_a_body_wrote_to_its_span_is_there(kept: Kept) -> None:
    """The span of an execution has the name and attributes that code gave it."""
    kept.take(container(), settled(1, written=Written("renamed", {"k": [1, 2]})))

    rows = kept.rows("select name, attributes ->> '$.k', kind from spans")
    assert rows == [("renamed", "[1,2]", 2)]


def test_records_of_a_newer_program_are_passed_over(kept: Kept) -> None:
    """An unknown kind or name is counted; what is appended to a known one ignored."""
    newer = started(1).record
    kept.take(
        APP,
        records.found([9, None, T0, "?"]),
        records.found([4, None, T0, "NeverHeardOf", [1, 2]]),
        records.found([*newer[:4], [*newer[4], "one more field"]]),
    )

    assert kept.intake.skipped == {"unknown": 2}
    assert kept.rows("select input_id from inputs") == [(input_id(1),)]


def test_processes_are_kept_with_their_ends(kept: Kept) -> None:
    """Who it was, how it ended, and what it had to drop."""
    seen = box_process(
        "ps-9",
        {
            "service_name": "images",
            "pid": 5,
            "host": "here",
            "resource_attributes": {"zone": "a"},
        },
    )
    with kept.store.transaction():
        processes = kept.intake.processes
        assert processes.number(seen) == processes.number(seen) == 1
        processes.ended("ps-9", "died", T0, {"evicted": 3})
        processes.set_position("ps-9", {0: (1, 200, 3), -1: (0, 0, 0)})

    assert kept.rows(
        "select kind, service, pid, state, ended_ns, resource, dropped from processes"
    ) == [("program", "images", 5, "died", T0, '{"zone":"a"}', '{"evicted":3}')]
    assert processes.position("ps-9") == {0: (1, 200, 3), -1: (0, 0, 0)}
    assert processes.position("ps-8") is None
