"""When a loop counts as blocked, in virtual time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from telemetry.policy.loop_watch import LOOK_EVERY_S, LoopWatch

MS = 1_000_000


def seen(watch: LoopWatch, since_ms: int, now_ms: int, counted_ms: int = 0) -> str:
    """One look, in words."""
    found = watch.look(since_ms * MS, counted_ms * MS, now_ms * MS)
    words = [f"blocked {found.blocked_s:g}"] if found.blocked_s is not None else []
    words += ["ask"] if found.ask else []
    words += [f"ended {found.ended_s:g}"] if found.ended_s is not None else []
    return ", ".join(words)


def test_a_loop_that_turns_is_not_blocked() -> None:
    """It waits, or has been busy for less than the threshold."""
    watch = LoopWatch(0.1)

    assert seen(watch, 0, 5000) == ""
    assert seen(watch, 5000, 5099) == ""
    assert seen(watch, 5099, 5150) == ""


def test_a_loop_is_asked_once_and_again_when_it_lasts() -> None:
    """At the threshold, after 1 s, 5 s, 30 s, and then every minute."""
    watch = LoopWatch(0.1)
    asked = [now for now in range(0, 200_000, 10) if "ask" in seen(watch, 1, now)]

    assert asked == [110, 1010, 5010, 30_010, 90_010, 150_010]


def test_a_look_that_comes_late_asks_once() -> None:
    """Steps that nobody looked at are not made up for."""
    watch = LoopWatch(0.1)
    assert seen(watch, 1000, 8000) == "blocked 7, ask"
    assert seen(watch, 1000, 8010) == "blocked 7.01"
    assert seen(watch, 1000, 30_999) == "blocked 29.999"
    assert seen(watch, 1000, 31_000) == "blocked 30, ask"


def test_the_end_says_how_long_it_was() -> None:
    """As the loop itself counted it, which a look can only guess."""
    watch = LoopWatch(0.1)
    seen(watch, 1000, 1110, counted_ms=700)

    assert seen(watch, 0, 1200, counted_ms=850) == "ended 0.15"
    assert seen(watch, 0, 1210, counted_ms=850) == ""


def test_the_end_is_known_before_it_is_counted() -> None:
    """A loop that counts nothing is taken at what was seen of it."""
    watch = LoopWatch(0.1)
    seen(watch, 1000, 1130)

    assert seen(watch, 1140, 1150) == "ended 0.13"


def test_one_blockage_after_the_other_is_two() -> None:
    """A loop that turned once between two looks was blocked twice."""
    watch = LoopWatch(0.1)
    seen(watch, 1000, 1110)

    assert seen(watch, 1150, 1260, counted_ms=150) == "blocked 0.11, ask, ended 0.15"
    assert watch.blocked
    assert seen(watch, 0, 1300, counted_ms=290) == "ended 0.14"
    assert not watch.blocked


def test_a_process_that_is_gone_ends_its_blockage() -> None:
    """As long as it was seen; and nothing for one that was not blocked."""
    watch = LoopWatch(0.1)
    seen(watch, 1000, 1110)

    assert watch.gone() == 0.11
    assert watch.gone() is None


def test_a_clock_of_another_boot_blocks_nothing() -> None:
    """A beginning that is still to come is no blockage."""
    assert seen(LoopWatch(0.1), 9000, 1000) == ""


@given(
    block_ms=st.integers(1, 3000),
    work_ms=st.integers(0, 99),
    late_ms=st.integers(0, 3),
)
def test_every_blockage_is_noticed_in_time(
    block_ms: int, work_ms: int, late_ms: int
) -> None:
    """Looking when told is often enough: it is noticed at the threshold."""
    watch = LoopWatch(0.1)
    begin = 1000 + work_ms
    end = begin + block_ms
    now, noticed = 1000, None
    while now < end + 500:
        turned = 1000 if now < begin else begin
        since = turned if now < end else 0
        look = watch.look(since * MS, 0, now * MS)
        if look.blocked_s is not None and noticed is None:
            noticed = now
        assert look.next_look_ns > now * MS
        now = -(-look.next_look_ns // MS) + late_ms

    if block_ms >= 100 + LOOK_EVERY_S * 1000:
        assert noticed is not None
    if noticed is not None:
        assert begin + 100 <= noticed <= begin + 100 + 1000 * LOOK_EVERY_S
