"""Signs of life of executions that run for long."""

from __future__ import annotations

from telemetry.policy.heartbeats import EVERY_S, Heartbeats


def test_a_short_one_gives_none() -> None:
    """It has ended before its first is due."""
    beats = Heartbeats[str, int]()
    beats.begin("a", 1, 0.0)

    assert beats.due(EVERY_S - 1) == []
    assert beats.end("a") == 1
    assert beats.due(10 * EVERY_S) == []


def test_a_long_one_gives_one_for_each_stretch() -> None:
    """Once per stretch, with how long it has run."""
    beats = Heartbeats[str, int](30.0)
    beats.begin("a", 1, 100.0)
    signs = [beats.due(100.0 + second) for second in range(1, 100)]

    assert [each for sign in signs for each in sign] == [
        (1, 30.0),
        (1, 60.0),
        (1, 90.0),
    ]


def test_who_was_not_asked_for_long_gives_one() -> None:
    """Missed signs are not made up for."""
    beats = Heartbeats[str, int](30.0)
    beats.begin("a", 1, 0.0)

    assert beats.due(125.0) == [(1, 125.0)]
    assert beats.due(140.0) == []
    assert beats.due(150.0) == [(1, 150.0)]


def test_each_counts_from_its_own_start() -> None:
    """A young one is not told of with the old, and comes in time."""
    beats = Heartbeats[str, int](30.0)
    beats.begin("a", 1, 0.0)
    beats.begin("b", 2, 20.0)

    assert beats.due(30.0) == [(1, 30.0)]
    assert beats.due(50.0) == [(2, 30.0)]
    assert beats.due(60.0) == [(1, 60.0)]


def test_one_that_begins_later_is_not_overlooked() -> None:
    """Not even when nothing ran as it was asked last."""
    beats = Heartbeats[str, int](30.0)
    assert beats.due(0.0) == []
    beats.begin("a", 1, 1.0)

    assert beats.due(31.0) == [(1, 30.0)]


def test_the_same_key_again_counts_anew() -> None:
    """A further attempt is another execution."""
    beats = Heartbeats[str, int](30.0)
    beats.begin("a", 1, 0.0)
    beats.due(65.0)
    beats.end("a")
    beats.begin("a", 2, 70.0)

    assert beats.due(95.0) == []
    assert beats.due(101.0) == [(2, 31.0)]
