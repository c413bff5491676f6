"""Points, exemplars, deltas, and a deriver that is killed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.capture.runtime_records import (
    Record,
)
from telemetry.core import names
from telemetry.core.errors import InvalidError
from telemetry.core.metrics import Metric
from telemetry.core.outcome import Outcome
from telemetry.core.trace_context import TraceParent, execution_span, packed
from telemetry.pipeline.metrics.deriver import Deriver
from telemetry.pipeline.points import Distribution, Point
from telemetry.policy.bursts import Zone
from tests.pipeline.made_records import (
    CONTAINER,
    INPUT,
    declared,
    exited,
    interrupted,
    measured,
    ready,
    row,
    settled,
    started,
    starting,
    unstarted,
)
from tests.pipeline.metrics.derived import (
    NOW_NS,
    RESIZE,
    START_NS,
    derived,
    deriver,
    own,
    said,
)

# -- points ------------------------------------------------------------------------


ALL_KINDS: list[Record] = [
    starting(),
    ready(),
    started(cold=True),
    settled(),
    interrupted(),
    measured(running=1, containers=(row(),), want=1, demand=1.0, slots_s=2.0),
]


def test_points_are_as_their_instruments_say() -> None:
    """Name, unit, description, shape, bounds, and exactly their attributes."""
    known = {metric.name: metric for metric in names.METRICS}
    for point in deriver(*ALL_KINDS).collect(NOW_NS):
        metric: Metric = known[point.name]
        assert (point.unit, point.description) == (metric.unit, metric.description)
        assert point.shape == metric.kind.removeprefix("observable ")
        assert [name for name, _ in point.attributes] == sorted(metric.attributes)
        assert point.unix_ns == NOW_NS
        assert point.start_unix_ns == (0 if point.shape == "gauge" else START_NS)
        if isinstance(point.value, Distribution):
            assert point.value.bounds == metric.bounds
            assert len(point.value.counts) == len(metric.bounds) + 1


def test_collecting_again_says_the_same() -> None:
    """Sums stay; exemplars have been told, and peaks begin anew."""
    made = deriver(*ALL_KINDS)
    first, second = made.collect(NOW_NS), made.collect(NOW_NS)

    assert any(point.exemplars for point in first)
    assert not any(point.exemplars for point in second)
    assert said(first).pop("input.slots.peak")[0][1] == 3
    assert said(second).pop("input.slots.peak")[0][1] == 1
    assert {**said(first), "input.slots.peak": []} == {
        **said(second),
        "input.slots.peak": [],
    }


def test_a_peak_is_the_highest_since_the_last_time() -> None:
    """Whatever was measured in between."""
    made = deriver(
        measured(containers=(row(running=1, peak=4),)),
        measured(containers=(row(running=1, peak=2),)),
    )
    assert said(made.collect(NOW_NS))["input.slots.peak"][0][1] == 4
    made.take(measured(containers=(row(running=0, peak=2),)), NOW_NS)

    assert said(made.collect(NOW_NS))["input.slots.peak"][0][1] == 2


def test_a_container_that_is_gone_ends_with_a_zero() -> None:
    """At once, and then nothing more is said of it."""
    made = deriver(starting(), ready(), measured(running=1, containers=(row(),)))
    made.collect(NOW_NS)
    made.take(exited(), NOW_NS)
    last, after = said(made.collect(NOW_NS)), said(made.collect(NOW_NS))

    for name in ("active", "target", "limit", "stuck"):
        assert last[f"input.slots.{name}"] == [(own(container_id=CONTAINER), 0)]
        assert f"input.slots.{name}" not in after
    assert after["input.active"] == [(RESIZE, 1)]  # until it is measured again


@pytest.mark.parametrize("how", ["exited", "gone"])
def test_a_peak_outlives_its_container(how: str) -> None:
    """Told a moment before its zero, over a restart too: it came and went meanwhile."""
    made = Deriver(START_NS)
    busy = measured(running=1, containers=(row(peak=4),))
    for record in (declared(), starting(), ready(), busy):
        made.take(record, NOW_NS, "dv-1")
    if how == "exited":
        made.take(exited(), NOW_NS, "dv-1")
    else:
        made.gone("dv-1")
    again = Deriver(START_NS)
    again.load(made.dump())

    now_ns = 1_000_000_000
    found = [each for each in again.collect(now_ns) if each.name == "input.slots.peak"]
    mine = own(container_id=CONTAINER)
    assert said(found)["input.slots.peak"] == [(mine, 4), (mine, 0)]
    assert [each.unix_ns for each in found] == [now_ns - 1_000_000, now_ns]
    assert "input.slots.peak" not in said(again.collect(now_ns))


@pytest.mark.parametrize("how", ["closed", "gone"])
def test_a_driver_that_is_gone_ends_its_gauges(how: str) -> None:
    """In good order or not; what it has counted stays."""
    made = Deriver(START_NS)
    for record in (declared(), starting(), *ALL_KINDS):
        made.take(record, NOW_NS, "dv-1")
    before = said(made.collect(NOW_NS))
    if how == "closed":
        made.take(measured(slots_s=2.0, last=True, want=0, demand=0.0), NOW_NS, "dv-1")
    else:
        made.gone("dv-1")
    last, after = said(made.collect(NOW_NS)), said(made.collect(NOW_NS))
    # That of a container that nobody saw exit is told first: see the test above.
    last["input.slots.peak"] = last["input.slots.peak"][-1:]
    gauges = {
        metric.name
        for metric in names.METRICS
        if metric.kind not in {"counter", "histogram"}
    }

    assert gauges & before.keys() == gauges & last.keys() > set()
    assert {value for name in gauges & last.keys() for _, value in last[name]} == {0}
    assert not gauges & after.keys()
    assert after["input.slots.seconds"] == [(RESIZE, 2.0)]
    assert after["input.started"] == before["input.started"]


def test_a_sum_was_zero_before_it_is_told() -> None:
    """When its first record was made, and later when it was collected last; once."""
    second_ns = 1_000_000_000
    began_ns = 1_000 * second_ns
    now_ns = began_ns + 5 * second_ns
    made = Deriver(START_NS)
    made.take(declared(), began_ns, "dv-1")
    made.take(started(), now_ns, "dv-1")
    first = made.beginnings(now_ns)
    made.collect(now_ns)
    made.take(exited(), now_ns, "dv-1")
    late = made.beginnings(now_ns + 10 * second_ns)
    made.late(1, "resize")
    later = made.beginnings(now_ns + 3_600 * second_ns)

    assert {"input.started", "input.queue.duration"} <= {each.name for each in first}
    assert {each.unix_ns for each in first} == {began_ns}
    assert late == []  # all of that stood at zero already
    (point,) = later
    # Not much older than others: Prometheus would not take it.
    assert (point.name, point.value) == ("input.log.late", 0)
    assert point.unix_ns == now_ns + 3_540 * second_ns


def test_what_may_be_counted_stands_at_zero_before() -> None:
    """Else the first loss would be no rise for Prometheus, and no alert would fire."""
    points = deriver().collect(NOW_NS)
    lost = [
        point
        for point in points
        if point.name == "input.completed"
        and ("input.outcome", "lost") in point.attributes
    ]

    assert {dict(point.attributes)["input.zone"] for point in lost} == {
        "normal",
        "burst",
        "saturated",
    }
    assert {point.value for point in points} == {0}


@pytest.mark.parametrize(
    ("given", "there", "not_there"),
    [
        ({"retries": 2}, "input.retried", None),
        ({"target": 4}, "input.cancelled", "input.bursts"),
        ({"methods": {"resize": "sync"}}, "input.cancelled", "input.loop.blocked"),
    ],
)
def test_what_cannot_be_counted_does_not(
    given: dict[str, Any], there: str, not_there: str | None
) -> None:
    """A pool without bursts, retries or loops has no series of them."""
    made = Deriver(START_NS)
    made.take(declared(**given), NOW_NS)
    found = {point.name for point in made.collect(NOW_NS)}

    assert there in found
    assert not_there not in found


# -- exemplars ---------------------------------------------------------------------


@pytest.mark.parametrize("parent", [None, TraceParent(0xABC, 0xDEF)])
def test_histograms_lead_to_an_input(parent: TraceParent | None) -> None:
    """The newest of each bucket, with its trace, its execution and its id."""
    trace = None if parent is None else packed(parent)
    other = "in-01J00000000000000000RUNNN1"
    made = deriver(
        settled(run_s=1.5, trace=trace),
        settled(run_s=1.6, trace=trace, attempt=1),
        settled(other, run_s=70.0, trace=trace),
    )
    (point,) = [p for p in made.collect(NOW_NS) if p.name == "input.duration"]
    span = execution_span(INPUT, 1, parent)
    near, far = point.exemplars

    assert (near.value, near.unix_ns) == (1.6, NOW_NS)
    assert near.attributes == (("input_id", INPUT),)
    assert near.trace_id == span.trace_id.to_bytes(16, "big")
    assert near.span_id == span.span_id.to_bytes(8, "big")
    assert (far.value, far.attributes) == (70.0, (("input_id", other),))


def test_what_is_not_sampled_leads_to_no_trace() -> None:
    """There is none; its lines can be found by its id."""
    trace = packed(TraceParent(0xABC, 0xDEF, sampled=False))
    made = deriver(settled(trace=trace))
    (point,) = [p for p in made.collect(NOW_NS) if p.name == "input.duration"]

    assert [(each.trace_id, each.attributes) for each in point.exemplars] == [
        (b"", (("input_id", INPUT),))
    ]


# -- deltas, and what is kept ------------------------------------------------------


@pytest.mark.parametrize("temporality", ["delta", "lowmemory"])
def test_deltas_are_what_came_since(temporality: Any) -> None:
    """Nothing is said of what did not change; gauges are as ever."""
    made = deriver(started(), measured(running=1), temporality=temporality)
    made.collect(NOW_NS)
    made.take(started(), NOW_NS)
    made.take(started(), NOW_NS)
    points = {point.name: point for point in made.collect(3_000)}

    assert set(points) == {
        "input.started",
        "input.queue.duration",
        "input.concurrency",
        "input.active",
        "input.queued",
        "input.queue.oldest",
        "input.containers",
    }
    begun = points["input.started"]
    assert (begun.value, begun.delta, begun.start_unix_ns) == (2, True, NOW_NS)
    assert points["input.active"].delta is False
    assert points["input.active"].start_unix_ns == START_NS


STREAM = st.lists(
    st.sampled_from(
        [
            started(),
            started(cold=True, zone=Zone.BURST),
            settled(),
            settled(outcome=Outcome.ERROR, run_s=40.0),
            unstarted(),
            interrupted(),
            starting(),
            ready(),
            exited(),
            measured(slots_s=1.0, running=1, containers=(row(),), want=1, demand=0.5),
            measured(slots_s=2.0, queued=3, oldest_s=2.0, containers=(row(peak=5),)),
            "collect",
            "gone",
            "dropped",
        ]
    ),
    max_size=40,
)


def _followed(made: Deriver, step: Any, number: int) -> list[Point]:
    if step == "collect":
        return made.collect(NOW_NS + number)
    if step == "gone":
        made.gone("dv-1")
    elif step == "dropped":
        made.box_dropped("ct-1", {"evicted": number})
    else:
        made.take(step, NOW_NS + number, "dv-1")
    return []


@given(STREAM, st.sets(st.integers(0, 40)), st.sampled_from(["cumulative", "delta"]))
def test_an_agent_may_be_killed_anywhere(
    stream: list[Any], kills: set[int], temporality: Any
) -> None:
    """Who goes on from what was kept says what would have been said."""
    whole, killed = (Deriver(START_NS, temporality) for _ in range(2))
    for number, step in enumerate([declared(), *stream, "collect", "collect"]):
        expected = _followed(whole, step, number)
        assert _followed(killed, step, number) == expected
        if number in kills:
            kept, killed = killed.dump(), Deriver(7, temporality)
            killed.load(kept)


@given(STREAM)
def test_outcomes_are_disjoint_and_all(stream: list[Any]) -> None:
    """Completed by outcome is how many settled; started and ended executions too."""
    records = [each for each in stream if not isinstance(each, str)]
    found = derived(*records)
    settlements = [
        each
        for each in records
        if hasattr(each, "total_s") and hasattr(each, "outcome")
    ]
    executions = [each for each in records if getattr(each, "run_s", None) is not None]

    completed = sum(value for _, value in found.get("input.completed", []))
    counted = sum(value[0] for _, value in found.get("input.duration", []))
    assert completed == len(settlements)
    assert counted == len(executions)


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"", "damaged"),
        (b"\xc1", "damaged"),
        (b"\x81\xa7version\x01", "damaged"),
    ],
)
def test_what_is_damaged_is_refused(data: bytes, match: str) -> None:
    """With a word that says so; what was known before stands."""
    made = deriver(started())
    with pytest.raises(InvalidError, match=match):
        made.load(data)

    assert said(made.collect(NOW_NS))["input.started"] == [(own(zone="normal"), 1)]


def test_kept_sums_of_another_kind_are_refused() -> None:
    """Deltas that were told cannot be told again as sums."""
    kept = deriver(started(), temporality="delta").dump()
    with pytest.raises(InvalidError, match="delta; wanted are 1, cumulative"):
        Deriver(START_NS).load(kept)
