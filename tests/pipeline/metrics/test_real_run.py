"""A real run: every instrument is fed, the counts agree, and the traces are whole."""

from __future__ import annotations

from collections import Counter

import pytest

from telemetry.capture.runtime_records import (
    ContainerExited,
    ContainerStarting,
    InputInterrupted,
    InputRejected,
    InputSettled,
    InputStarted,
    PoolMeasured,
)
from telemetry.capture.span_records import SERVER, FinishedSpan, span_of
from telemetry.core import names
from telemetry.core.metrics import Metric
from telemetry.pipeline.metrics.deriver import Deriver
from telemetry.pipeline.points import Distribution, Point
from telemetry.pipeline.runtime_spans import spans_of
from tests.pipeline.metrics.real_run import Left, journalled, run_everything

OWN = {
    names.TELEMETRY_DROPPED,
    names.TELEMETRY_BACKLOG,
    names.TELEMETRY_SHIPPED,
    names.LOG_RECORDS,
    names.LOG_LATE,
}
"""What the agent tells the deriver, and no record."""


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Left:
    """What the run has left, once for all tests."""
    found = Left()
    with pytest.MonkeyPatch.context() as patch, journalled(found, patch):
        run_everything(found, tmp_path_factory.mktemp("gates"))
    return found


@pytest.fixture(scope="module")
def points(left: Left) -> list[Point]:
    """The last points, after one collection for each record."""
    made = Deriver(1)
    gauges: dict[tuple[str, object], Point] = {}
    for unix_ns, record in left.records:
        made.take(record, unix_ns, "dv-1")
        for point in made.collect(unix_ns):
            if point.value:
                gauges[point.name, point.attributes] = point
    for (bound, function), count in left.line_counts().items():
        made.lines(bound, function, count)
    made.late(sum(line.late for line in left.lines))
    made.dropped("logs", "refused", 1)
    made.shipped("spans", 1)
    made.backlog(1)
    for point in made.collect(left.records[-1][0]):
        gauges[point.name, point.attributes] = (
            point if point.value else gauges.get((point.name, point.attributes), point)
        )
    return list(gauges.values())


def total(points: list[Point], metric: Metric, **attributes: str) -> float:
    """The sum of a counter, or how many values a histogram has."""
    found: float = 0
    for point in points:
        given = dict(point.attributes)
        if point.name == metric.name and all(
            given[name.replace("_", ".")] == value for name, value in attributes.items()
        ):
            value = point.value
            found += value.count if isinstance(value, Distribution) else value
    return found


@pytest.mark.parametrize(
    "metric", [m for m in names.METRICS if m not in OWN], ids=lambda m: m.name
)
def test_every_instrument_is_fed(points: list[Point], metric: Metric) -> None:
    """By what the dispatcher saw alone."""
    assert metric.name in {point.name for point in points if point.value != 0}


@pytest.mark.parametrize(
    "metric", [m for m in names.METRICS if m in OWN], ids=lambda m: m.name
)
def test_what_the_agent_tells_is_there(points: list[Point], metric: Metric) -> None:
    """Lines that know their input and lines that do not, late ones, and losses."""
    assert total(points, metric) > 0


def test_the_counts_are_those_of_the_records(left: Left, points: list[Point]) -> None:
    """Nothing is counted twice, or not at all."""
    settled = left.of(InputSettled)
    interrupted = left.of(InputInterrupted)

    assert total(points, names.STARTED) == len(left.of(InputStarted))
    for outcome, count in Counter(each.outcome.value for each in settled).items():
        found = total(points, names.COMPLETED, input_outcome=outcome)
        assert (outcome, found) == (outcome, count)
    assert total(points, names.COMPLETED) == len(settled)
    ran = [each for each in settled if each.run_s is not None] + interrupted
    assert total(points, names.DURATION) == len(ran) == len(left.of(InputStarted))
    retried = [each for each in interrupted if each.reason == "retry"]
    assert total(points, names.RETRIED) == len(retried) == 1
    assert total(points, names.RESCHEDULED) == len(interrupted) - 1
    assert total(points, names.REJECTED) == len(left.of(InputRejected)) == 1
    starts, exits = len(left.of(ContainerStarting)), len(left.of(ContainerExited))
    assert total(points, names.CONTAINER_STARTS) == starts
    assert total(points, names.CONTAINER_EXITS) == exits == starts


def test_cancellations_are_told_apart(points: list[Point]) -> None:
    """By who asked, where the input was, and how it was told."""

    def asked(cause: str, phase: str, mechanism: str) -> float:
        return total(
            points,
            names.CANCELLED,
            input_cancellation_cause=cause,
            input_cancellation_phase=phase,
            input_cancellation_mechanism=mechanism,
        )

    assert asked("user", "running", "task") == 2
    assert asked("user", "queued", "none") == 1
    assert asked("user", "running", "container") == 1
    assert asked("timeout", "running", "task") == 1
    assert total(points, names.CANCELLED) == 5
    stages = [
        total(points, names.CANCELLATION_DURATION, input_cancellation_stage=stage)
        for stage in ("deliver", "unwind")
    ]
    assert stages == [4, 4]
    assert total(points, names.RESCHEDULED, input_reason="cancellation") == 1
    assert total(points, names.RESCHEDULED, input_reason="crash") == 1


def test_zones_and_slots_have_been_integrated(left: Left, points: list[Point]) -> None:
    """What the last measures of the pools say, all pools together."""
    last = {each.pool: each for each in left.of(PoolMeasured)}

    assert all(each.last for each in last.values())
    assert total(points, names.SLOTS_SECONDS) == pytest.approx(
        sum(each.slots_s for each in last.values())
    )
    assert total(points, names.ZONE_SECONDS) == pytest.approx(
        sum(sum(each.zones_s.values()) for each in last.values())
    )
    assert total(points, names.ZONE_SECONDS, input_zone="saturated") > 0


def test_the_box_has_what_an_observer_gets(left: Left) -> None:
    """The same records, in the same order."""
    assert [each for _, each in left.records] == left.observed


def test_unix_times_go_with_the_records(left: Left) -> None:
    """They differ as the records' own times do, whatever is done to the clock."""
    (first_ns, first), *_ = left.records
    for unix_ns, record in left.records:
        assert unix_ns - first_ns == pytest.approx(
            (record.at_s - first.at_s) * 1e9, abs=1_000
        )


def test_a_killed_process_is_in_the_log_of_its_input(left: Left) -> None:
    """One line, by the driver: the container had no time to say so."""
    (line,) = left.driver_lines
    (gone,) = [each for each in left.of(InputInterrupted) if each.died]

    assert line.event == names.EVENT_INPUT_INTERRUPTED
    assert (line.input_id, line.function) == (gone.input_id, "dies_once")


# -- traces ------------------------------------------------------------------------


def spans(left: Left) -> list[FinishedSpan]:
    """All that can be made of what was left."""
    made = [span for each in left.executions if (span := span_of(each)) is not None]
    for unix_ns, record in left.records:
        made += spans_of(record, unix_ns)
    return made


def test_every_span_is_made_once(left: Left) -> None:
    """By the container or by the dispatcher, and never by both."""
    ids = Counter((each.trace_id, each.span_id) for each in spans(left))

    assert [each for each, count in ids.items() if count > 1] == []


def test_traces_are_whole(left: Left) -> None:
    """Each input: its caller's span, and for each attempt a wait and an execution."""
    found = spans(left)
    by_id = {each.span_id: each for each in found}
    members = {member.input_id for each in left.executions for member in each.others}
    started: list[InputStarted] = left.of(InputStarted)
    for each in left.of(InputSettled):
        mine = [s for s in found if s.own.get(names.INPUT_ID) == each.input_id]
        attempts = sum(one.input_id == each.input_id for one in started)
        shape = Counter(s.kind if s.kind == SERVER else s.name for s in mine)
        runs = 0 if each.input_id in members else attempts
        waits = max(attempts, 1)
        assert shape == {each.function: 1, "queue": waits, SERVER: runs} or (
            not runs and shape == {each.function: 1, "queue": waits}
        ), each
        for span in mine:
            above = by_id.get(span.parent_span_id)
            assert above is not None or not span.parent_span_id


def test_links_lead_somewhere(left: Left) -> None:
    """To the start of a container that was waited for, and between batch and member."""
    found = spans(left)
    ids = {(each.trace_id, each.span_id) for each in found}
    links = [link for each in found for link in each.links]

    assert {(link.trace_id, link.span_id) for link in links} <= ids
    cold = [each for each in left.of(InputStarted) if each.cold]
    batched = [each for each in left.of(InputStarted) if each.batch_index]
    assert cold and len(batched) == 2
    assert len(links) == len(cold) + 2 * len(batched)


def test_exemplars_lead_to_spans_that_there_are(left: Left) -> None:
    """Of a batch, of what waited in vain, and of every attempt."""
    made = Deriver(1)
    for unix_ns, record in left.records:
        made.take(record, unix_ns, "dv-1")
    points = made.collect(left.records[-1][0])
    ids = {(each.trace_id, each.span_id) for each in spans(left)}
    found = [
        (point.name, (exemplar.trace_id, exemplar.span_id))
        for point in points
        for exemplar in point.exemplars
    ]

    assert len({name for name, _ in found}) > 7
    assert [each for each in found if each[1] not in ids] == []


def test_executions_say_what_tail_sampling_asks_for(left: Left) -> None:
    """Zone, burst and cold start are on the span of each container's execution."""
    executions = [span_of(each) for each in left.executions]
    own = [each.own for each in executions if each is not None]

    assert all(names.INPUT_ZONE in each for each in own)
    bursts = [each for each in own if each[names.INPUT_BURST]]
    assert {each[names.INPUT_FUNCTION] for each in bursts} == {"task"}
    assert any(each[names.FAAS_COLDSTART] for each in own)
    (cancelled,) = [
        each
        for each in own
        if each.get(names.INPUT_CANCELLATION_CAUSE) == "user"
        and each[names.INPUT_FUNCTION] == "together"
    ]
    assert cancelled[names.INPUT_CANCELLATION_MECHANISM] == "container"
