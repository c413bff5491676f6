"""Bodies that do what bodies should not: they harm themselves at most."""

from __future__ import annotations

import time

import pytest

from telemetry.capture.runtime_records import ContainerStarting
from telemetry.runtime.exception import (
    InputCancelledError,
    InternalFailure,
    RemoteError,
)
from tests.runtime.chaos import apps
from tests.runtime.chaos.books import LIMIT_S, Books, until

HARMLESS = {
    "fork_and_return": "parent",
    "fork_and_sleep": "parent",
    "fork_and_exec": "parent",
    "fork_and_raise": "parent",
    "start_program": "started",
    "change_directory": "/",
    "delete_directory": "deleted",
    "print_megabytes": "printed",
    "replace_stdout": "replaced",
    "close_standard": "closed",
    "start_threads": "started",
    "forget_modules": "forgotten",
}
FATAL = ["close_everything", "kill_itself", "segfault"]
RAISING: dict[str, tuple[type[BaseException], str]] = {
    "recurse": (RecursionError, "maximum recursion depth"),
    "leave": (RemoteError, r"the body raised SystemExit\(3\)"),
    "end_twice": (RemoteError, r"the body raised KeyboardInterrupt\(\)"),
    "become_leader": (PermissionError, "not permitted"),
    "hog": (MemoryError, ""),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_harmless(books: Books, name: str) -> None:
    """The body's result arrives, its container goes on, and the app ends in time.

    On the main thread, on a thread beside others, and on the loop.
    """
    places = (apps.hostile_alone, apps.hostile, apps.hostile_async)
    with apps.app.run(on_record=books):
        for function in places:
            assert function.spawn(name).get(timeout=20) == HARMLESS[name]
            assert function.spawn("fine").get(timeout=20) == "fine"
        began_s = time.monotonic()

    assert time.monotonic() - began_s < LIMIT_S
    books.check(2 * len(places))
    started = books.of(ContainerStarting)
    assert len(started) == len(places), "a container did not go on"


@pytest.mark.parametrize("name", RAISING)
def test_raising(books: Books, name: str) -> None:
    """What comes out of such a body reaches the caller, and the container goes on."""
    error, match = RAISING[name]
    with apps.app.run(on_record=books):
        with pytest.raises(error, match=match or None):
            apps.hostile.spawn(name).get(timeout=20)
        assert apps.hostile.spawn("fine").get(timeout=20) == "fine"

    books.check(2)


@pytest.mark.parametrize("name", FATAL)
def test_fatal(books: Books, name: str) -> None:
    """A body that takes its process along is lost after its chances; others are not."""
    with apps.app.run(on_record=books):
        call = apps.hostile.spawn(name)
        with pytest.raises(InternalFailure, match="was lost"):
            call.get(timeout=30)
        assert apps.hostile.spawn("fine").get(timeout=20) == "fine"

    books.check(2)


def test_tasks_left_behind(books: Books) -> None:
    """Tasks that a body leaves on the loop hold up neither others nor the end."""
    with apps.app.run(on_record=books):
        assert apps.hostile_async.spawn("leave tasks").get(timeout=20) == "left"
        assert apps.hostile_async.spawn("fine").get(timeout=20) == "fine"

    books.check(2)


def test_signal_handlers_taken(books: Books) -> None:
    """A container whose signals were taken is ended by its grace instead.

    The cancellation of a body on the main thread travels by such a signal.
    """
    with apps.app.run(on_record=books):
        assert apps.hostile_alone.spawn("take_signals").get(timeout=20) == "taken"
        call = apps.hostile_alone.spawn("sleep")
        until(
            lambda: apps.hostile_alone.get_current_stats().num_running_inputs == 1,
            "the sleeper",
        )
        call.cancel()
        with pytest.raises(InputCancelledError, match="was cancelled"):
            call.get(timeout=20)
        assert apps.hostile_alone.spawn("fine").get(timeout=20) == "fine"

    books.check(3)


def test_cancelled_while_they_write(books: Books) -> None:
    """Bodies interrupted in the middle of a log line harm no neighbour.

    They share the container's connection with everybody else in it.
    """
    with apps.app.run(on_record=books):
        for _ in range(15):
            talkers = [apps.chatter.spawn(-1) for _ in range(2)]
            quick = apps.chatter.spawn_map(range(10))
            assert quick.get(timeout=20, index=0) == 0
            for talker in talkers:
                talker.cancel()
            assert [quick.get(timeout=20, index=n) for n in range(10)] == [*range(10)]
            for talker in talkers:
                with pytest.raises(InputCancelledError, match="was cancelled"):
                    talker.get(timeout=20)

    books.check(15 * 12)
    assert books.attempts() == 0, "a container was lost"
