"""What else can be asked: traces, containers, functions, time, and the store itself."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.core.errors import InvalidError
from telemetry.pipeline.store.failures import QueryTimeoutError
from telemetry.pipeline.store.outbox import StoreOutbox
from telemetry.pipeline.store.queries.cancellations import cancellations
from telemetry.pipeline.store.queries.concurrency import concurrency, over_time
from telemetry.pipeline.store.queries.containers import (
    container,
    containers,
    processes,
)
from telemetry.pipeline.store.queries.exceptions import exception_groups, occurrences
from telemetry.pipeline.store.queries.figures import figures
from telemetry.pipeline.store.queries.functions import functions, percentiles
from telemetry.pipeline.store.queries.pools import bursts, decisions, pools, stalls
from telemetry.pipeline.store.queries.reading import Reader
from telemetry.pipeline.store.queries.timeline import timeline
from telemetry.pipeline.store.queries.traces import spans_after, trace
from tests.pipeline.store.queries.afternoon import TRACE, A, B
from tests.pipeline.store.records import PROG, SECOND, T0, Kept, input_id, line, settled


def test_a_trace_has_its_spans_in_order(asked: Reader) -> None:
    """Parents before children, with what they say and whose they are."""
    found = trace(asked, TRACE)

    assert [each.name for each in found.spans] == ["resize", "read"]
    root, child = found.spans
    assert (root.parent_span_id, child.parent_span_id) == (None, root.span_id)
    assert child.attributes["file"] == "x"
    assert (child.input_id, child.service, child.kind) == (input_id(7), "images", 3)
    assert not found.more
    assert trace(asked, TRACE, limit=1).more
    assert trace(asked, "00" * 16).spans == []
    with pytest.raises(InvalidError, match="must be 32 hexadecimal digits"):
        trace(asked, "xyz")


def test_all_spans_can_be_read_one_after_the_other(asked: Reader) -> None:
    """For an export: from any number on, none left out."""
    every = spans_after(asked, 0)
    assert len(every) == 8
    assert spans_after(asked, every[2].number) == every[3:]
    assert spans_after(asked, 0, 2) == every[:2]


def test_containers_tell_their_phases_and_ends(asked: Reader) -> None:
    """How each started, what it ran, and why it went."""
    newest, first = containers(asked)

    assert (first.container_id, first.function, first.pid) == (A, "translate", 10)
    assert (first.spawn_s, first.import_s, first.enter_s) == (0.5, 0.75, 0.25)
    assert (first.exit_reason, first.exit_status, first.state) == (
        "cancellation",
        0,
        "ended",
    )
    assert (first.executions, first.running) == (4, 0)
    assert (newest.container_id, newest.running) == (B, 1)
    assert [each.container_id for each in containers(asked, living=True)] == [B]
    since = containers(asked, since_ns=T0 + 26 * SECOND, function="translate")
    assert [each.container_id for each in since] == [B]
    assert container(asked, A) == first
    assert container(asked, "ct-none") is None


def test_processes_tell_what_they_dropped(asked: Reader) -> None:
    """Whoever left something is there, with what could not be kept."""
    found = {each.name: each for each in processes(asked)}

    assert set(found) == {"dv-1", A, B, "ps-1"}
    assert (found[A].state, found[A].dropped) == ("ended", {"evicted": 2})
    assert found["ps-1"].service == "images"
    assert [each.name for each in processes(asked, state="ended")] == [A]


def test_what_the_dispatcher_saw(asked: Reader) -> None:
    """Decisions, bursts, stalls and measures."""
    (decision,) = decisions(asked, function="translate")
    assert (decision.want, decision.have, decision.reason) == (2, 1, "demand")
    (burst,) = bursts(asked, since_ns=T0)
    assert (burst.peak, burst.reason) == (3, "cold_start")
    assert burst.ended_ns - burst.started_ns == 6 * SECOND
    (stall,) = stalls(asked)
    assert (stall.input_id, stall.seconds, stall.over) == (input_id(1), 1.5, True)
    assert stall.suffered == [input_id(2), input_id(3)]
    (pool,) = pools(asked)
    assert (pool.function, pool.measured["slots_s"]) == ("translate", 1.0)
    assert decisions(asked, until_ns=T0) == []
    assert bursts(asked, function="resize") == []


def test_cancellations_name_the_neighbours_that_had_to_move(asked: Reader) -> None:
    """What was asked and seen, and who paid for it."""
    queued, running = cancellations(asked)

    assert (queued.input_id, queued.phase, queued.rescheduled) == (
        input_id(5),
        "queued",
        [],
    )
    assert (running.input_id, running.mechanism) == (input_id(2), "container")
    assert (running.observed, running.took_s) == ("unwound", 1.0)
    (moved,) = running.rescheduled
    assert (moved.input_id, moved.lost_s, moved.outcome) == (
        input_id(3),
        3.0,
        "success",
    )
    assert cancellations(asked, cause="timeout") == []


def test_exceptions_are_grouped(asked: Reader) -> None:
    """The line and the end of the input are of one type, told in two ways."""
    first, second = exception_groups(asked, function="translate")

    assert {first.type, second.type} == {"KeyError"}
    traced = first if first.sample.startswith("Traceback") else second
    assert (traced.seen, traced.inputs, traced.message) == (1, 1, "'word'")
    (one,) = occurrences(asked, traced.fingerprint)
    assert (one.input_id, one.process) == (input_id(4), A)
    assert exception_groups(asked, until_ns=T0) == []


def test_functions_have_counts_and_durations(asked: Reader) -> None:
    """How many, how they ended, how long they took."""
    busy, other = functions(asked)

    assert (busy.function, busy.inputs) == ("translate", 6)
    assert busy.outcomes == {"success": 2, "cancelled": 2, "error": 1, "running": 1}
    assert (busy.burst, busy.cancelled, busy.failed_ratio) == (1, 2, 0.6)
    assert (busy.run_s.p50, busy.run_s.max) == (6.0, 10.0)
    assert (busy.wait_s.max, busy.total_s.max) == (2.0, 12.0)
    assert (other.function, other.run_s.max, other.wait_s.p50) == ("resize", 3.0, None)
    (late,) = functions(asked, since_ns=T0 + 41 * SECOND)
    assert late.inputs == 1


def test_percentiles_are_values_that_were_there() -> None:
    """By the nearest rank."""
    assert percentiles([]) == (None, None, None, None)
    assert percentiles([3.0]) == (3.0, 3.0, 3.0, 3.0)
    assert percentiles([float(n) for n in range(100)]) == (50.0, 90.0, 99.0, 99.0)


def test_concurrency_is_exact(asked: Reader) -> None:
    """Mean and peak of each stretch, from what ran."""
    found = concurrency(asked, T0, T0 + 10 * SECOND, function="translate", buckets=5)

    # 1: 0 to 10; 2: 2 to 6; 3: 5 to 8 and from 9 on.
    assert [each.mean for each in found] == [1.0, 2.0, 2.5, 2.0, 1.5]
    assert [each.peak for each in found] == [1, 2, 3, 2, 2]
    assert [each.started for each in found] == [1, 1, 1, 0, 1]
    only = concurrency(asked, T0, T0 + 10 * SECOND, container_id=B, buckets=1)
    assert only[0].mean == pytest.approx(0.1)
    running = concurrency(asked, T0 + 31 * SECOND, T0 + 35 * SECOND, buckets=1)
    assert (running[0].mean, running[0].peak) == (1.0, 1)


@given(
    st.lists(st.tuples(st.integers(0, 100), st.integers(0, 30)), max_size=30),
    st.integers(1, 40),
)
def test_areas_add_up(spans: list[tuple[int, int]], buckets: int) -> None:
    """Whatever ran, the buckets hold all of it that lies within, and no more."""
    given_ = [(start, start + length) for start, length in spans]
    found = over_time(given_, 20, 100, buckets)

    within = sum(max(min(end, 100) - max(start, 20), 0) for start, end in given_)
    area = sum(each.mean * (each.until_ns - each.since_ns) for each in found)
    assert area == pytest.approx(within)
    for each in found:
        moments = range(each.since_ns, each.until_ns)
        most = [sum(start <= at < end for start, end in given_) for at in moments]
        assert each.peak == max(most, default=each.peak)


def test_a_timeline_has_containers_slots_and_bars(asked: Reader) -> None:
    """What overlaps the time, container by container, slot by slot, in order."""
    found = timeline(asked, T0, T0 + 21 * SECOND)

    assert [each.name for each in found.tracks] == [A, B]
    first, second = found.tracks
    assert (first.ready_ns, first.exited_ns) == (T0 - SECOND // 2, T0 + 25 * SECOND)
    lanes = {
        lane.slot: [(bar.input_id[-1], bar.ending) for bar in lane.bars]
        for lane in first.lanes
    }
    assert lanes == {
        0: [("1", "success"), ("4", "error")],
        1: [("2", "cancelled")],
        2: [("3", "neighbour")],
    }
    assert [bar.attempt for bar in second.lanes[0].bars] == [1]
    assert not found.more


def test_a_timeline_is_bounded_and_says_so(asked: Reader) -> None:
    """Of too many executions the latest are left out; what still runs has no end."""
    found = timeline(asked, T0, T0 + 60 * SECOND, limit=2)
    assert found.more
    assert [bar.input_id for bar in found.tracks[0].lanes[0].bars] == [input_id(1)]

    now = timeline(asked, T0 + 30 * SECOND, T0 + 60 * SECOND)
    assert [each.name for each in now.tracks] == [B, "ps-1"]
    assert now.tracks[0].lanes[0].bars[0].ended_ns is None
    assert now.tracks[1].lanes[0].slot is None
    with pytest.raises(InvalidError, match="it must have a length"):
        timeline(asked, T0, T0)


def test_the_store_tells_of_itself(kept: Kept, reader: Reader) -> None:
    """How much is in it, what waits, what was dropped."""
    outbox = StoreOutbox(kept.store)
    kept.take(PROG, line("first"), line("second", at_s=5.0), settled(1))
    with kept.store.transaction():
        outbox.put("logs", 3, b"body")
        outbox.drop("spans", "rejected", 2)

    found = figures(reader)
    assert (found.lines, found.unindexed) == (2, 0)
    assert (found.rows["inputs"], found.rows["spans"]) == (1, 1)
    assert (found.oldest_ns, found.newest_ns) == (T0, T0 + 5 * SECOND)
    assert found.waiting == {"logs": (1, 3, 4)}
    assert found.dropped == {("spans", "rejected"): 2}
    assert found.file_bytes > 100_000
    outbox.close()


def test_a_question_that_takes_too_long_is_given_up(kept: Kept) -> None:
    """It ends soon after its time, says so, and the next one is answered."""
    kept.take(PROG, *[line("x") for _ in range(3_000)])
    with Reader(kept.path, timeout_s=0.05) as reader:
        began_s = time.monotonic()
        with pytest.raises(QueryTimeoutError, match="took too long"), reader.asking():
            reader.rows("select count(*) from logs a, logs b, logs c")
        assert time.monotonic() - began_s < 30

        with reader.asking():
            assert reader.one("select count(*) from logs") == 3_000
