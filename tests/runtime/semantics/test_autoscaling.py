"""Autoscaling: containers come with demand, and leave without taking any along."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from telemetry.capture.runtime_records import (
    ContainerExited,
    ContainerReady,
    ContainerStarting,
    InputInterrupted,
    InputStarted,
    ScalingDecided,
)
from telemetry.policy.scaling import Reason
from tests.runtime.semantics import gates
from tests.runtime.semantics.apps.scaling import (
    adjusted,
    app,
    buffered,
    counted,
    hold,
    kept,
    shrinking,
)
from tests.runtime.semantics.recorder import Recorder, recording


@pytest.fixture
def seen() -> Iterator[Recorder]:
    """The app runs, and its records are kept."""
    with recording(app) as recorder:
        yield recorder


def test_the_first_arrival_starts_a_container(seen: Recorder, tmp_path: Path) -> None:
    """From zero, the arrival itself is the reason to grow, by one."""
    gates.release(tmp_path, "a")
    call = hold.spawn(tmp_path, "a")
    call.get(20)
    seen.settled(call)
    grown = [
        each.decision
        for each in seen.all(ScalingDecided, function="hold")
        if each.decision.direction == "up"
    ]

    assert [(each.want, each.reason) for each in grown] == [(1, Reason.FROM_ZERO)]


def test_nothing_runs_without_demand(seen: Recorder) -> None:
    """A function that nobody calls has no container."""
    stats = hold.get_current_stats()

    assert (stats.ready, stats.starting, stats.draining) == (0, 0, 0)


def test_it_grows_up_to_max_containers(seen: Recorder, tmp_path: Path) -> None:
    """Six inputs of target 1 run in three containers, and the rest waits."""
    calls = [hold.spawn(tmp_path, name) for name in "abcdef"]
    gates.began(tmp_path, *"abc")
    stats = hold.get_current_stats()
    gates.release(tmp_path, *"abcdef")
    ids = {call.get(20).container_id for call in calls}
    seen.settled(*calls)

    assert (stats.ready, stats.num_running_inputs, stats.backlog) == (3, 3, 3)
    assert len(ids) == len(seen.all(ContainerStarting, function="hold")) == 3


def test_min_containers_are_there_before_any_call(seen: Recorder) -> None:
    """A container is ready although nothing was ever called."""
    ready = seen.one(ContainerReady, function="kept")

    assert kept.remote().container_id == ready.container_id


def test_buffer_containers_come_with_demand(seen: Recorder, tmp_path: Path) -> None:
    """One input gets its container and one more; without demand there was none."""
    before = seen.all(ContainerStarting, function="buffered")
    call = buffered.spawn(tmp_path, "a")
    seen.wait(ContainerReady, function="buffered", count=2)
    stats = buffered.get_current_stats()
    gates.release(tmp_path, "a")
    call.get(20)

    assert (len(before), stats.ready, stats.starting) == (0, 2, 0)


def test_it_shrinks_after_the_scaledown_window(seen: Recorder, tmp_path: Path) -> None:
    """Idle for the window, a container ends in order, and says why."""
    gates.release(tmp_path, "a")
    ran = shrinking.remote(tmp_path, "a")
    ended = seen.one(ContainerExited, function="shrinking")

    assert (ended.container_id, ended.reason, ended.status) == (
        ran.container_id,
        "scaledown",
        0,
    )
    gates.gone(ran.pid)


def test_shrinking_spares_the_busy_container(seen: Recorder, tmp_path: Path) -> None:
    """Of two containers, the one without an input goes."""
    calls = [shrinking.spawn(tmp_path, name) for name in "ab"]
    gates.began(tmp_path, *"ab")
    gates.release(tmp_path, "a")
    idle = calls[0].get(20)
    ended = seen.one(ContainerExited, function="shrinking")
    gates.release(tmp_path, "b")
    calls[1].get(20)

    assert ended.container_id == idle.container_id


def test_a_long_input_survives_its_containers_scale_down(
    seen: Recorder, tmp_path: Path
) -> None:
    """A container that has to go finishes what it runs, and then ends."""
    adjusted.update_autoscaler(max_containers=2)
    calls = [adjusted.spawn(tmp_path, name) for name in "ab"]
    gates.began(tmp_path, *"ab")
    adjusted.update_autoscaler(max_containers=1)
    gates.until(lambda: adjusted.get_current_stats().draining == 1, "a drain")
    gates.release(tmp_path, *"ab")
    attempts = [call.get(20).attempt for call in calls]
    ended = seen.one(ContainerExited, function="adjusted")

    assert (attempts, ended.reason) == ([0, 0], "scaledown")
    assert seen.all(InputInterrupted) == []


def test_a_draining_container_takes_no_more_inputs(
    seen: Recorder, tmp_path: Path
) -> None:
    """What comes after the decision runs in the other container."""
    calls = [adjusted.spawn(tmp_path, name) for name in "ab"]
    gates.began(tmp_path, *"ab")
    adjusted.update_autoscaler(max_containers=1)
    gates.until(lambda: adjusted.get_current_stats().draining == 1, "a drain")
    late = adjusted.spawn(tmp_path, "c")
    gates.release(tmp_path, *"abc")
    ran = [call.get(20).container_id for call in calls]
    ended = seen.one(ContainerExited, function="adjusted")
    started = seen.one(InputStarted, function_call_id=late.object_id)

    assert started.container_id in {*ran} - {ended.container_id}


def test_update_autoscaler_grows_without_demand(seen: Recorder) -> None:
    """A new minimum is met at once."""
    adjusted.update_autoscaler(min_containers=2)
    seen.wait(ContainerReady, function="adjusted", count=2)
    stats = adjusted.get_current_stats()

    assert (stats.ready, stats.num_total_runners) == (2, 2)


def test_update_autoscaler_raises_the_maximum(seen: Recorder, tmp_path: Path) -> None:
    """Inputs that waited for a slot get one when more containers are allowed."""
    calls = [adjusted.spawn(tmp_path, name) for name in "abc"]
    gates.began(tmp_path, *"ab")
    adjusted.update_autoscaler(max_containers=3)
    gates.began(tmp_path, "c")
    gates.release(tmp_path, *"abc")

    assert len({call.get(20).container_id for call in calls}) == 3


def test_current_stats_tell_a_moment(seen: Recorder, tmp_path: Path) -> None:
    """Two of three slots are taken: no backlog, room for one, at the target."""
    calls = [counted.spawn(tmp_path, name) for name in "ab"]
    gates.began(tmp_path, *"ab")
    stats = counted.get_current_stats()
    gates.release(tmp_path, *"ab")
    for call in calls:
        call.get(20)

    assert (stats.backlog, stats.num_total_runners) == (0, 1)
    assert (stats.num_running_inputs, stats.input_headroom) == (2, 1)
    assert stats.zones["normal"] == 1


def test_every_decision_has_a_reason(seen: Recorder, tmp_path: Path) -> None:
    """Growth, hold and shrinking are each on record with their cause."""
    gates.release(tmp_path, "a")
    shrinking.remote(tmp_path, "a")
    seen.one(ContainerExited, function="shrinking")
    reasons = [
        (each.decision.direction, each.decision.reason)
        for each in seen.all(ScalingDecided, function="shrinking")
    ]

    assert ("up", Reason.FROM_ZERO) in reasons
    assert ("hold", Reason.HOLD_WINDOW) in reasons
    assert ("down", Reason.SCALEDOWN) in reasons
