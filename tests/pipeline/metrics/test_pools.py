"""What is counted of pools and of telemetry itself: exactly these points come out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.capture.runtime_records import (
    BurstEnded,
    LoopBlocked,
    LoopMeasured,
    ScalingDecided,
)
from telemetry.core.metrics import DURATION_BOUNDS_S
from telemetry.pipeline.metrics.deriver import Deriver
from telemetry.policy.bursts import BurstReason, Episode, Zone
from telemetry.policy.scaling import Decision, Reason
from tests.pipeline.made_records import (
    CONTAINER,
    POOL,
    declared,
    exited,
    measured,
    ready,
    row,
    started,
    starting,
)
from tests.pipeline.metrics.derived import (
    FAAS,
    NOW_NS,
    RESIZE,
    START_NS,
    derived,
    deriver,
    own,
    said,
)


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


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b"]), st.floats(0, 100), st.sampled_from(Zone)
        ),
        max_size=30,
    )
)
def test_counters_are_the_sums_over_the_timeline(
    steps: list[tuple[str, float, Zone]],
) -> None:
    """However many measures tell of it, and of whichever pool."""
    made = deriver(declared(pool="a"), declared(pool="b"))
    slots_s = {"a": 0.0, "b": 0.0}
    zones_s: dict[str, dict[Zone, float]] = {"a": {}, "b": {}}
    for pool, seconds, zone in steps:
        slots_s[pool] += seconds
        zones_s[pool][zone] = zones_s[pool].get(zone, 0.0) + seconds
        made.take(
            measured(pool=pool, slots_s=slots_s[pool], zones_s=dict(zones_s[pool])),
            NOW_NS,
        )
    found = said(made.collect(NOW_NS))
    total_s = sum(seconds for _, seconds, _ in steps)

    assert sum(v for _, v in found.get("input.slots.seconds", [])) == pytest.approx(
        total_s
    )
    for zone in Zone:
        expected = sum(seconds for _, seconds, each in steps if each is zone)
        shown = [
            v for a, v in found.get("input.zone.seconds", []) if zone in a.values()
        ]
        assert sum(shown) == pytest.approx(expected)


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
    made.gone("ct-2")
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
