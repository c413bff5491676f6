"""Records go in, exactly these points come out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.capture.runtime_records import (
    BurstEnded,
    InputRejected,
    LoopBlocked,
    LoopMeasured,
    Record,
    ScalingDecided,
)
from telemetry.core import names
from telemetry.core.errors import InvalidError
from telemetry.core.metrics import DURATION_BOUNDS_S, Metric
from telemetry.core.outcome import Outcome
from telemetry.core.trace_context import TraceParent, execution_span, packed
from telemetry.pipeline.metrics.deriver import Deriver
from telemetry.pipeline.points import Distribution, Point
from telemetry.policy.bursts import BurstReason, Episode, Zone
from telemetry.policy.scaling import Decision, Reason
from tests.pipeline.made_records import (
    CONTAINER,
    INPUT,
    POOL,
    cancelled,
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

START_NS = 1_000
NOW_NS = 2_000
RESIZE = {"input.function": "resize", "input.mode": "async"}

Said = dict[str, list[tuple[dict[str, Any], Any]]]


def deriver(*taken: Record, temporality: Any = "cumulative") -> Deriver:
    """A deriver that has taken these in, and the declaration of their pool before."""
    made = Deriver(START_NS, temporality)
    for record in (declared(), *taken):
        made.take(record, NOW_NS)
    return made


def said(points: Sequence[Point]) -> Said:
    """What the points say by instrument, without counters that stand at zero.

    Of a histogram: how many values, and their sum.
    """
    found: Said = {}
    for point in points:
        value: Any = point.value
        if isinstance(value, Distribution):
            value = (value.count, value.sum)
        if value != 0 or point.shape != "counter":
            found.setdefault(point.name, []).append((dict(point.attributes), value))
    return found


def derived(*taken: Record) -> Said:
    """What is said after these."""
    return said(deriver(*taken).collect(NOW_NS))


def own(**more: Any) -> dict[str, Any]:
    """Attributes of a point of `resize`."""
    return {
        **RESIZE,
        **{f"input.{name.replace('_', '.')}": v for name, v in more.items()},
    }


FAAS = {**RESIZE, "faas.trigger": "other"}


def test_an_execution_that_began() -> None:
    """It is counted in its zone, with its wait, and how full the container was."""
    found = derived(started(zone=Zone.BURST, concurrency=3, wait_reason="capacity"))

    assert found == {
        "input.started": [(own(zone="burst"), 1)],
        "input.queue.duration": [
            (own(zone="burst", wait_reason="capacity"), (1, 0.25)),
        ],
        "input.concurrency": [(RESIZE, (1, 3))],
    }


def test_a_cold_one_is_counted_as_such() -> None:
    """It had to wait for its container's start."""
    assert derived(started(cold=True))["faas.coldstarts"] == [(FAAS, 1)]
    assert "faas.coldstarts" not in derived(started())


@pytest.mark.parametrize(
    ("outcome", "also"),
    [
        (Outcome.SUCCESS, {}),
        (Outcome.CANCELLED, {}),
        (Outcome.ERROR, {"faas.errors": [(FAAS, 1)]}),
        (Outcome.LOST, {"faas.errors": [(FAAS, 1)]}),
        (Outcome.TIMEOUT, {"faas.timeouts": [(FAAS, 1)]}),
    ],
)
def test_an_input_that_settled(outcome: Outcome, also: Said) -> None:
    """Once, by its outcome: how long it ran, and how long it took in all."""
    values = own(zone="normal", outcome=outcome.value)

    assert derived(settled(outcome=outcome)) == {
        "input.completed": [(values, 1)],
        "input.duration": [(values, (1, 1.5))],
        "input.total.duration": [(values, (1, 2.25))],
        "faas.invoke_duration": [(FAAS, (1, 1.5))],
        **also,
    }


def test_one_that_never_ran_has_no_duration() -> None:
    """It has an outcome, and took time; it has no zone, as it was never admitted."""
    values = own(zone="none", outcome="cancelled")
    asked = own(
        cancellation_cause="user",
        cancellation_phase="queued",
        cancellation_mechanism="none",
    )

    assert derived(unstarted()) == {
        "input.completed": [(values, 1)],
        "input.total.duration": [(values, (1, 2.25))],
        "input.cancelled": [(asked, 1)],
    }


@pytest.mark.parametrize(
    ("given", "instrument", "reason"),
    [
        ({}, "input.rescheduled", "crash"),
        (
            {"reason": "neighbour", "why": "cancellation"},
            "input.rescheduled",
            "cancellation",
        ),
        (
            {"reason": "retry", "why": "error", "outcome": Outcome.ERROR},
            "input.retried",
            "error",
        ),
        (
            {"reason": "retry", "why": "timeout", "outcome": Outcome.TIMEOUT},
            "input.retried",
            "timeout",
        ),
    ],
)
def test_an_execution_that_runs_again(
    given: dict[str, Any], instrument: str, reason: str
) -> None:
    """It lasted as long as it lasted; its input has not settled."""
    found = derived(interrupted(**given))
    outcome = given.get("outcome", Outcome.LOST).value

    assert found.pop(instrument) == [(own(reason=reason), 1)]
    assert found.pop("input.duration") == [
        (own(zone="normal", outcome=outcome), (1, 0.75))
    ]
    assert found.pop("faas.invoke_duration") == [(FAAS, (1, 0.75))]
    kind = "faas.timeouts" if outcome == "timeout" else "faas.errors"
    assert found == {kind: [(FAAS, 1)]}


@pytest.mark.parametrize(
    ("asked", "stages"),
    [
        # Delivered, and then the body unwinds.
        (
            {"delivered_s": 11.25, "ended_s": 11.75},
            {"deliver": 0.25, "unwind": 0.5},
        ),
        # Two processes have read one clock.
        ({"delivered_s": 10.9, "ended_s": 11.5}, {"deliver": 0.0, "unwind": 0.6}),
        # Nobody is left who could say when: the end of the process was the message.
        (
            {"observed": "died", "mechanism": "container", "ended_s": 13.0},
            {"deliver": 2.0},
        ),
        ({"observed": "stuck"}, {}),
        ({"observed": "never_started"}, {}),
    ],
)
def test_a_cancellation_takes_its_time(
    asked: dict[str, Any], stages: dict[str, float]
) -> None:
    """To reach the body, and for the body to end."""
    found = derived(settled(outcome=Outcome.CANCELLED, cancelled=cancelled(**asked)))
    mechanism = asked.get("mechanism", "task")

    assert found["input.cancelled"] == [
        (
            own(
                cancellation_cause="user",
                cancellation_phase="running",
                cancellation_mechanism=mechanism,
            ),
            1,
        )
    ]
    assert found.get("input.cancellation.duration", []) == [
        (
            own(cancellation_stage=stage, cancellation_mechanism=mechanism),
            (1, pytest.approx(seconds)),
        )
        for stage, seconds in stages.items()
    ]


def test_a_neighbour_was_not_cancelled() -> None:
    """Nobody asked for it: it is rescheduled, and nothing else."""
    asked = cancelled(cause="neighbour", mechanism="container", delivered_s=11.1)
    found = derived(interrupted(cancelled=asked, reason="neighbour", why="timeout"))

    assert "input.cancelled" not in found
    assert "input.cancellation.duration" not in found
    assert found["input.rescheduled"] == [(own(reason="timeout"), 1)]


def test_one_that_was_rejected() -> None:
    """It is counted, and neither started nor completed."""
    found = derived(InputRejected(1.0, "resize", INPUT, "fc-0", "arguments", "x", POOL))

    assert found == {"input.rejected": [(own(reason="arguments"), 1)]}


def test_a_batch_counts_once_and_its_members_each() -> None:
    """Its size and its wait are the batch's; started are all."""
    batch = declared(methods={"embed": "batch"}, mode="batch", function="embed")
    members = [
        started(
            f"in-{index}",
            function="embed",
            batch_size=3,
            batch_index=index,
            wait_s=0.5 - index / 10,
        )
        for index in range(3)
    ]
    found = derived(batch, *members)
    key = {"input.function": "embed", "input.mode": "batch"}

    assert found["input.batch.size"] == [(key, (1, 3))]
    assert found["input.batch.linger"] == [(key, (1, 0.5))]
    assert found["input.started"] == [({**key, "input.zone": "normal"}, 3)]


def test_a_container_is_counted_as_it_starts_and_as_it_goes() -> None:
    """With the phases of its start, and the reason of its end."""
    found = derived(starting(), ready(), exited(reason="timeout"))

    assert found == {
        "input.container.starts": [(RESIZE, 1)],
        "input.container.start.duration": [
            (own(phase="spawn"), (1, 0.25)),
            (own(phase="import"), (1, 1.0)),
            (own(phase="enter"), (1, 0.75)),
            (own(phase="total"), (1, 2.0)),
        ],
        "faas.init_duration": [(FAAS, (1, 2.0))],
        "input.container.exits": [(own(reason="timeout"), 1)],
    }


def test_what_else_a_pool_tells() -> None:
    """Bursts, decisions, and loops that stand still or are late."""
    episode = Episode(5.0, 7.5, 4, 1, BurstReason.MAX_CONTAINERS)
    held = LoopBlocked(
        9.0, "resize", CONTAINER, 7, 0.5, False, "in-1", (), "x.py:1", None, (), POOL
    )
    counts = tuple(2 if at == 3 else 0 for at in range(len(DURATION_BOUNDS_S) + 1))
    found = derived(
        BurstEnded(9.0, "resize", episode, POOL),
        ScalingDecided(9.0, "resize", Decision(3, 1, 5.0, Reason.DEMAND), POOL),
        held,
        held._replace(over=True),
        LoopMeasured(9.5, "resize", CONTAINER, counts, 0.08, 0.045, POOL),
    )

    assert found == {
        "input.bursts": [(own(reason="max_containers"), 1)],
        "input.burst.duration": [(own(reason="max_containers"), (1, 2.5))],
        "input.autoscaler.decisions": [
            (own(autoscaler_direction="up", reason="demand"), 1)
        ],
        "input.loop.blocked": [(RESIZE, 1)],
        "input.loop.lag": [(RESIZE, (2, 0.08))],
    }


def test_a_measure_is_what_gauges_show() -> None:
    """Of the pool, and of each container that takes inputs or has taken some."""
    busy = row(running=2, peak=4, stuck=1, zone=Zone.SATURATED)
    other = row("ct-1", state="draining", running=0, peak=1)
    found = derived(
        starting(),
        starting("ct-1", target=5, limit=9),
        measured(
            running=2,
            queued=7,
            oldest_s=1.5,
            containers=(busy, other, row("ct-2", state="starting", zone=None)),
            want=3,
            demand=4.5,
        ),
    )
    first, second = own(container_id=CONTAINER), own(container_id="ct-1")

    assert found.pop("input.container.starts") == [(RESIZE, 2)]
    assert found == {
        "input.active": [(RESIZE, 2)],
        "input.queued": [(RESIZE, 7)],
        "input.queue.oldest": [(RESIZE, 1.5)],
        "input.slots.active": [(first, 2), (second, 0)],
        "input.slots.target": [(first, 2), (second, 5)],
        "input.slots.limit": [(first, 4), (second, 9)],
        "input.slots.peak": [(first, 4), (second, 1)],
        "input.slots.stuck": [(first, 1), (second, 0)],
        "input.containers": [
            (own(container_state="starting"), 1),
            (own(container_state="ready"), 1),
            (own(container_state="draining"), 1),
        ],
        "input.autoscaler.want": [(RESIZE, 3)],
        "input.autoscaler.demand": [(RESIZE, 4.5)],
    }


def test_integrals_grow_by_what_was_not_counted_yet() -> None:
    """Each measure has them from the beginning; the counters have them once."""
    zones = [{"normal": 2.0, "idle": 1.0}, {"normal": 3.0, "idle": 1.0, "burst": 0.5}]
    made = deriver(
        measured(slots_s=4.0, queue_s=1.0, zones_s=zones[0]),
        measured(slots_s=6.0, queue_s=1.5, zones_s=zones[1]),
    )
    found = said(made.collect(NOW_NS))

    assert found["input.slots.seconds"] == [(RESIZE, 6.0)]
    assert found["input.queue.seconds"] == [(RESIZE, 1.5)]
    assert sorted(found["input.zone.seconds"], key=str) == [
        (own(zone="burst"), 0.5),
        (own(zone="idle"), 1.0),
        (own(zone="normal"), 3.0),
    ]


def test_pools_under_one_name_add_up() -> None:
    """A function under two sets of options; of the oldest waits the greatest counts."""
    other = "shop/resize@1"
    found = derived(
        declared(pool=other),
        measured(running=1, queued=2, oldest_s=3.0, slots_s=4.0, want=1, demand=1.0),
        measured(
            *(),
            pool=other,
            running=10,
            queued=20,
            oldest_s=2.0,
            slots_s=40.0,
            want=2,
            demand=9.0,
        ),
    )

    assert found["input.active"] == [(RESIZE, 11)]
    assert found["input.queued"] == [(RESIZE, 22)]
    assert found["input.queue.oldest"] == [(RESIZE, 3.0)]
    assert found["input.slots.seconds"] == [(RESIZE, 44.0)]
    assert found["input.autoscaler.want"] == [(RESIZE, 3)]


def test_drivers_of_one_service_add_up() -> None:
    """Each has its own integrals, also of pools of the same name."""
    made = Deriver(START_NS)
    for source in ("dv-1", "dv-2"):
        made.take(declared(), NOW_NS, source)
        made.take(measured(running=1, slots_s=5.0), NOW_NS, source)
        made.take(measured(running=1, slots_s=7.0), NOW_NS, source)
    found = said(made.collect(NOW_NS))

    assert found["input.active"] == [(RESIZE, 2)]
    assert found["input.slots.seconds"] == [(RESIZE, 14.0)]


@pytest.mark.parametrize(
    ("methods", "label"),
    [
        ({"Model.go": "sync"}, "Model.go"),
        ({"Model.go": "sync", "Model.score": "async"}, "Model"),
    ],
)
def test_what_belongs_to_a_class_is_counted_under_its_name(
    methods: dict[str, str], label: str
) -> None:
    """Or under that of its only method; inputs have that of their own method."""
    pool = declared(function="Model", methods=methods, mode="sync")
    made = Deriver(START_NS)
    for record in (
        pool,
        measured(function="Model", running=1),
        started(function="Model.go"),
    ):
        made.take(record, NOW_NS)
    found = said(made.collect(NOW_NS))

    assert found["input.active"][0][0] == {
        "input.function": label,
        "input.mode": "sync",
    }
    assert found["input.started"][0][0]["input.function"] == "Model.go"


def test_without_a_declaration_the_mode_is_not_known() -> None:
    """Nothing is given a mode that it may not have."""
    made = Deriver(START_NS)
    made.take(started(), NOW_NS)
    found = said(made.collect(NOW_NS))

    assert found["input.started"][0][0]["input.mode"] == "unknown"


def test_log_records_are_counted_by_function() -> None:
    """With its mode, and whether they know their input."""
    made = deriver()
    made.lines(True, "resize", 5)
    made.lines(True, "resize", 1)
    made.lines(False, "", 2)
    made.late(3, "resize")
    found = said(made.collect(NOW_NS))

    assert found == {
        "input.log.records": [
            ({**RESIZE, "input.bound": True}, 6),
            ({"input.function": "", "input.mode": "", "input.bound": False}, 2),
        ],
        "input.log.late": [(RESIZE, 3)],
    }


def test_telemetry_tells_of_itself() -> None:
    """What a box has given up in all is counted once, by reason."""
    made = deriver()
    made.box_dropped("ct-1", {"evicted": 3, "disk": 0})
    made.box_dropped("ct-1", {"evicted": 5, "disk": 1})
    made.box_dropped("ct-2", {"evicted": 2})
    made.dropped("logs", "refused", 4)
    made.shipped("spans", 10)
    made.backlog(4_096)
    found = said(made.collect(NOW_NS))

    def lost(signal: str, reason: str) -> dict[str, str]:
        return {"input.telemetry.signal": signal, "input.reason": reason}

    assert found == {
        "input.telemetry.dropped": [
            (lost("records", "evicted"), 7),
            (lost("records", "disk"), 1),
            (lost("logs", "refused"), 4),
        ],
        "input.telemetry.backlog": [({}, 4_096)],
        "input.telemetry.shipped": [({"input.telemetry.signal": "spans"}, 10)],
    }


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

    for name in ("active", "target", "limit", "peak", "stuck"):
        assert last[f"input.slots.{name}"] == [(own(container_id=CONTAINER), 0)]
        assert f"input.slots.{name}" not in after
    assert after["input.active"] == [(RESIZE, 1)]  # until it is measured again


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
