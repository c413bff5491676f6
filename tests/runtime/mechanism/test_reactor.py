"""The reactor: nothing posted is lost, timers keep their order."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from telemetry.runtime.wire.reactor import READ, Reactor
from tests.runtime.mechanism.stand_ins import (
    LIMIT_S,
    held_back,
    joined,
    opened,
    started,
)


@pytest.fixture
def errors() -> list[BaseException]:
    """What callbacks raised."""
    return []


@contextmanager
def serving(reactor: Reactor) -> Iterator[Reactor]:
    """The reactor runs on a thread of its own."""
    thread = started(reactor.run, "reactor")
    try:
        yield reactor
    finally:
        reactor.post(reactor.stop)
        joined(thread)


def make(errors: list[BaseException]) -> Reactor:
    """A reactor that remembers what its callbacks raised."""
    return Reactor(on_tick=held_back, on_error=errors.append)


def answered(reactor: Reactor, what: str) -> None:
    """Wait until what was posted before has been called."""
    done = threading.Event()
    reactor.post(done.set)
    opened(done, what)


def test_posts_of_one_thread_stay_in_order(errors: list[BaseException]) -> None:
    """Calls of one thread are made in the order in which it posted them."""
    seen: list[int] = []
    with serving(make(errors)) as reactor:
        for number in range(1000):
            reactor.post(seen.append, number)
        answered(reactor, "the last of 1000 posts")

    assert seen == list(range(1000))


def test_posts_of_many_threads_are_never_lost(errors: list[BaseException]) -> None:
    """Eight threads post 2000 calls each; every one is made, without a timer."""
    seen: list[int] = []
    begin, done = threading.Barrier(8), threading.Event()

    def post(first: int) -> None:
        begin.wait(LIMIT_S)
        for number in range(first, first + 2000):
            reactor.post(note, number)

    def note(number: int) -> None:
        seen.append(number)
        if len(seen) == 16_000:
            done.set()

    with serving(make(errors)) as reactor:
        threads = [started(partial(post, n * 2000)) for n in range(8)]
        for thread in threads:
            joined(thread)
        opened(done, "the last of 16000 posts")

    assert sorted(seen) == list(range(16_000))


class HeldReactor(Reactor):
    """Stops between looking for posts and falling asleep.

    The race: 1. the loop finds nothing posted; 2. a thread appends; 3. it sleeps.
    """

    def __init__(self, errors: list[BaseException]) -> None:
        self.looked = threading.Event()
        self.go_on = threading.Event()
        super().__init__(on_tick=held_back, on_error=errors.append)

    def _until_next_timer_s(self) -> float | None:
        until_s = super()._until_next_timer_s()
        self.looked.set()
        opened(self.go_on, "leave to fall asleep")
        return until_s


def test_post_while_it_falls_asleep(errors: list[BaseException]) -> None:
    """A call posted after the loop has looked, and before it sleeps, is made."""
    called = threading.Event()
    reactor = HeldReactor(errors)
    with serving(reactor):
        opened(reactor.looked, "the loop's look at what is posted")
        reactor.post(called.set)
        reactor.go_on.set()
        opened(called, "the call that was posted in between")

    assert errors == []


def test_two_posts_while_it_falls_asleep(errors: list[BaseException]) -> None:
    """The second of two posts that find the loop half asleep is made as well."""
    called, also_called = threading.Event(), threading.Event()
    reactor = HeldReactor(errors)
    with serving(reactor):
        opened(reactor.looked, "the loop's look at what is posted")
        reactor.post(called.set)
        reactor.post(also_called.set)
        reactor.go_on.set()
        opened(called, "the first call")
        opened(also_called, "the second call")


class Stop(BaseException):
    """What a signal raises in the middle of anything."""


class InterruptedReactor(Reactor):
    """Its first waker is interrupted just before it wakes, as Ctrl-C may do."""

    interrupted = False

    def _wake(self) -> None:
        if not self.interrupted:
            self.interrupted = True
            raise Stop("now")
        super()._wake()


def test_an_interrupted_post_does_not_silence_the_next(
    errors: list[BaseException],
) -> None:
    """A thread that is interrupted while it posts leaves the way open for others.

    1. A clears the mark of sleep; 2. A is interrupted before it wakes the loop;
    3. B posts, and finds no mark. B's call must not wait for a chance event.
    """
    reactor = InterruptedReactor(on_tick=held_back, on_error=errors.append)
    asleep = threading.Event()
    with serving(reactor):
        reactor.at(time.monotonic() + 2 * LIMIT_S, held_back)
        while not reactor._asleep:
            asleep.wait(0.001)
        with pytest.raises(Stop, match="now"):
            reactor.post(held_back)
        called = threading.Event()
        reactor.post(called.set)
        late = not called.wait(2.0)
        os.write(reactor._wake_write, b"w")  # so that the test ends in any case
        opened(called, "the second call")

    assert not late, "the loop sleeps on with a call waiting"


def test_posts_from_callbacks_wait_for_the_next_round() -> None:
    """A callback that posts for ever starves neither timers nor the round's end."""
    ticks: list[int] = []
    fired = threading.Event()
    reactor = Reactor(on_tick=lambda: ticks.append(1), on_error=held_back)

    def again() -> None:
        reactor.post(again)

    with serving(reactor):
        reactor.post(again)
        reactor.post(lambda: reactor.at(time.monotonic() + 0.01, fired.set))
        opened(fired, "a timer beside an endless chain of posts")

    assert ticks


def test_timers_fire_in_order(errors: list[BaseException]) -> None:
    """Timers fire by their time, and of the same time in the order of setting."""
    seen: list[str] = []
    done = threading.Event()
    reactor = make(errors)
    now_s = time.monotonic()
    for name, delay_s in [("c", 0.03), ("a", 0.01), ("b", 0.02), ("b2", 0.02)]:
        reactor.at(now_s + delay_s, partial(seen.append, name))
    reactor.at(now_s + 0.03, done.set)
    with serving(reactor):
        opened(done, "the last timer")

    assert seen == ["a", "b", "b2", "c"]


def test_timers_never_fire_early(errors: list[BaseException]) -> None:
    """A timer's moment has come when it is called."""
    early: list[float] = []
    done = threading.Event()
    reactor = make(errors)

    def look(due_s: float) -> None:
        if time.monotonic() < due_s:
            early.append(due_s)

    now_s = time.monotonic()
    for number in range(50):
        due_s = now_s + number * 0.001
        reactor.at(due_s, partial(look, due_s))
    reactor.at(now_s + 0.06, done.set)
    with serving(reactor):
        opened(done, "the last timer")

    assert early == []


def test_cancelled_timers_never_fire(errors: list[BaseException]) -> None:
    """A timer cancelled by an earlier one of the same moment does not fire."""
    seen: list[str] = []
    done = threading.Event()
    reactor = make(errors)
    when_s = time.monotonic() + 0.01
    reactor.at(when_s, lambda: victim.cancel())  # noqa: PLW0108 - not there yet
    victim = reactor.at(when_s, lambda: seen.append("cancelled"))
    victim_before = reactor.at(when_s, lambda: seen.append("before"))
    victim_before.cancel()
    victim_before.cancel()
    reactor.at(when_s, done.set)
    with serving(reactor):
        opened(done, "the timer after the cancelled ones")

    assert seen == []
    assert errors == []


def test_a_callback_that_raises_ends_nothing(errors: list[BaseException]) -> None:
    """Posts, timers and descriptors that raise are told, and the loop goes on."""
    read_fd, write_fd = os.pipe()
    fired = threading.Event()

    def fail() -> None:
        raise ValueError("posted")

    def fail_at() -> None:
        fired.set()
        raise ValueError("timer")

    def fail_on(_events: int) -> None:
        os.read(read_fd, 10)
        raise ValueError("descriptor")

    reactor = make(errors)
    reactor.watch(read_fd, READ, fail_on)
    os.write(write_fd, b"x")
    with serving(reactor):
        reactor.post(fail)
        reactor.post(lambda: reactor.at(0.0, fail_at))
        opened(fired, "the timer that raises")
        answered(reactor, "a call after three that raised")
    os.close(read_fd)
    os.close(write_fd)

    assert sorted(map(str, errors)) == ["descriptor", "posted", "timer"]


def test_unwatching_twice_is_fine(errors: list[BaseException]) -> None:
    """A descriptor that nobody watches, or that is closed, can be unwatched."""
    reactor = make(errors)
    read_fd, write_fd = os.pipe()
    reactor.watch(read_fd, READ, held_back)
    os.close(read_fd)
    os.close(write_fd)
    reactor.unwatch(read_fd)
    reactor.unwatch(read_fd)
    reactor.close()


def test_posting_after_the_end_is_harmless(errors: list[BaseException]) -> None:
    """Whoever posts to a reactor that has ended neither fails nor waits."""
    with serving(make(errors)) as reactor:
        answered(reactor, "a call")
    for _ in range(3):
        reactor.post(held_back)


def test_no_descriptor_is_left(errors: list[BaseException]) -> None:
    """A reactor that has ended holds no descriptor."""
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        pytest.skip("counts descriptors in /proc")
    before = len(list(folder.iterdir()))
    for _ in range(5):
        with serving(make(errors)) as reactor:
            answered(reactor, "a call")

    assert len(list(folder.iterdir())) <= before
