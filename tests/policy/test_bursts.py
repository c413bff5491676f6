"""Zones of containers, and episodes above target."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.policy.bursts import (
    BurstReason,
    Episode,
    EpisodeTracker,
    Zone,
    burst_reason,
    zone,
)


@pytest.mark.parametrize(
    ("running", "target", "limit", "queued", "expected"),
    [
        (0, 2, 4, 0, Zone.IDLE),
        (0, 2, 4, 9, Zone.IDLE),
        (1, 2, 4, 0, Zone.NORMAL),
        (2, 2, 4, 9, Zone.NORMAL),
        (3, 2, 4, 0, Zone.BURST),
        (3, 2, 4, 9, Zone.BURST),
        (4, 2, 4, 0, Zone.SATURATED),
        (1, 1, 1, 0, Zone.NORMAL),  # limit = target: full is what it should be
        (1, 1, 1, 1, Zone.SATURATED),  # until somebody waits
        (4, 4, 4, 0, Zone.NORMAL),
        (4, 4, 4, 1, Zone.SATURATED),
        (5, 2, 4, 0, Zone.SATURATED),  # a lowered limit
        (5, 4, 4, 0, Zone.BURST),
    ],
)
def test_zone(
    running: int, target: int, limit: int, queued: int, expected: Zone
) -> None:
    """Each number of running inputs has one zone."""
    assert zone(running, target, limit, queued) is expected


@pytest.mark.parametrize(
    ("starting", "may_start", "expected"),
    [
        (0, False, BurstReason.MAX_CONTAINERS),
        (1, False, BurstReason.COLD_START),  # the last one is on its way
        (0, True, BurstReason.COLD_START),
        (2, True, BurstReason.COLD_START),
    ],
)
def test_reason(starting: int, may_start: bool, expected: BurstReason) -> None:
    """Only a pool that is full and starts nothing is held by its maximum."""
    assert burst_reason(starting, may_start=may_start) is expected


def walk(
    *moments: tuple[float, int, int], quiet_s: float = 1.0
) -> tuple[EpisodeTracker, list[Episode]]:
    """A tracker after (now, peak, containers above), and what it has closed."""
    tracker = EpisodeTracker(quiet_s)
    closed = [
        tracker.observe(now_s, peak, above, 1, may_start=True)
        for now_s, peak, above in moments
    ]
    return tracker, [episode for episode in closed if episode is not None]


def test_no_episode_at_target() -> None:
    """Running at target is no episode, and there is nothing to close."""
    tracker, closed = walk((0.0, 2, 0), (9.0, 2, 0))

    assert closed == []
    assert tracker.close(10.0) is None


def test_episode_ends_with_the_last_moment_above() -> None:
    """The quiet period closes an episode and is no part of it."""
    _, closed = walk((1.0, 3, 1), (2.0, 5, 2), (3.5, 2, 0), (4.0, 1, 0), (4.5, 1, 0))

    assert closed == [Episode(1.0, 3.5, 5, 2, BurstReason.COLD_START)]
    assert closed[0].duration_s == 2.5


def test_short_pause_does_not_end_it() -> None:
    """Above target again within the quiet period is the same episode."""
    tracker, closed = walk((1.0, 3, 1), (2.0, 2, 0), (2.9, 4, 1))

    assert closed == []
    assert tracker.close(5.0) == Episode(1.0, 5.0, 4, 1, BurstReason.COLD_START)


def test_late_observation_closes_and_opens() -> None:
    """A burst after an unnoticed quiet period is a new episode."""
    tracker, closed = walk((1.0, 3, 1), (2.0, 2, 0), (3.0, 4, 1))

    assert closed == [Episode(1.0, 2.0, 3, 1, BurstReason.COLD_START)]
    assert tracker.close(3.0) == Episode(3.0, 3.0, 4, 1, BurstReason.COLD_START)


def test_closing_in_the_quiet_period() -> None:
    """Shutdown ends an episode at its last moment above target, once."""
    tracker, _ = walk((1.0, 3, 1), (2.0, 2, 0))

    assert tracker.close(2.5) == Episode(1.0, 2.0, 3, 1, BurstReason.COLD_START)
    assert tracker.close(2.6) is None


def test_reason_is_the_one_at_opening() -> None:
    """What holds later does not change why an episode began."""
    tracker = EpisodeTracker()
    tracker.observe(0.0, 3, 1, 0, may_start=False)
    tracker.observe(1.0, 3, 1, 1, may_start=True)
    closed = tracker.close(2.0)

    assert closed is not None
    assert closed.reason is BurstReason.MAX_CONTAINERS


def test_due_is_known_in_the_quiet_period_only() -> None:
    """The caller learns when to look again, and only if time can end it."""
    tracker, _ = walk(quiet_s=4.0)
    before = tracker.due_s
    tracker.observe(1.0, 3, 1, 0, may_start=True)
    above = tracker.due_s
    tracker.observe(2.0, 1, 0, 0, may_start=True)

    assert (before, above, tracker.due_s) == (None, None, 6.0)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), max_size=30))
def test_episodes_equal_brute_force(moves: list[tuple[int, int]]) -> None:
    """Episodes are the stretches above target, joined over short pauses."""
    quiet, now, stretches = 3, 0, list[list[int]]()
    tracker, closed, above = EpisodeTracker(quiet), list[Episode | None](), 0
    for gap, excess in moves:
        now += gap
        closed.append(
            tracker.observe(now, 2 + excess, min(1, excess), 0, may_start=True)
        )
        if above and stretches:
            stretches[-1][1] = now
        if excess and not above:
            joined = bool(stretches) and now - stretches[-1][1] < quiet
            if not joined:
                stretches.append([now, now])
            stretches[-1][1] = now
        above = excess
    closed.append(tracker.close(now))

    seen = [[e.started_s, e.ended_s] for e in closed if e is not None]
    assert seen == stretches
