"""A loop leaves signs of life, and turns as it did before."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvloop

from telemetry.capture.blackbox import layout, loop_pulse
from telemetry.capture.blackbox.box import BlackBox
from telemetry.capture.blackbox.current import BoxPlan, close_box, open_box
from telemetry.capture.blackbox.layout import Pulse
from telemetry.capture.blackbox.loop_pulse import LoopPulse
from telemetry.capture.blackbox.reader import BoxReader

LONG_S = 0.15
"""Longer than the threshold."""


@pytest.fixture
def box(tmp_path: Path) -> Iterator[BlackBox]:
    """The box of this process."""
    plan = BoxPlan(tmp_path, "one", layout.MIN_BUDGET_BYTES)
    yield open_box(plan)
    close_box()


@pytest.fixture(params=["asyncio", "uvloop"])
def loop(request: pytest.FixtureRequest) -> Iterator[asyncio.AbstractEventLoop]:
    """A loop of either kind."""
    made: asyncio.AbstractEventLoop
    if request.param == "uvloop":
        made = uvloop.new_event_loop()
    else:
        made = asyncio.new_event_loop()
    yield made
    made.close()


def installed(loop: asyncio.AbstractEventLoop | None = None) -> LoopPulse:
    """Its pulse."""
    found = loop_pulse.install(loop)
    assert found is not None
    return found


def pulse_of(box: BlackBox) -> Pulse:
    """As somebody outside reads it."""
    with BoxReader(box.path) as reader:
        return reader.pulse()


def selector_of(loop: asyncio.AbstractEventLoop) -> Any:
    """What a loop of asyncio waits in."""
    return vars(loop)["_selector"]


def test_a_loop_is_busy_in_its_callbacks_and_idle_between(
    box: BlackBox, loop: asyncio.AbstractEventLoop
) -> None:
    """From a callback, the page says since when; after its inputs, nothing."""
    pulse = installed(loop)

    async def body() -> tuple[int, Pulse, int]:
        pulse.begin()
        await asyncio.sleep(0.04)  # uvloop: it ticks at least once
        await asyncio.sleep(0)
        before_ns = time.monotonic_ns()
        await asyncio.sleep(0)
        return before_ns, pulse_of(box), time.monotonic_ns()

    before_ns, busy, after_ns = loop.run_until_complete(body())
    pulse.finish()
    pulse.uninstall()

    # A stretch of a loop that ticks may have begun with the tick before.
    assert before_ns - 10**9 < busy.busy_since_ns <= after_ns
    assert pulse_of(box).busy_since_ns == 0


def test_a_loop_that_waits_is_idle(box: BlackBox) -> None:
    """While the system waits for it, the page says idle; afterwards, busy."""
    loop = asyncio.new_event_loop()
    selector = selector_of(loop)
    real, seen = selector.select, []

    def waiting(timeout: float | None = None) -> Any:
        if timeout != 0:
            seen.append(pulse_of(box).busy_since_ns)
        return real(timeout)

    selector.select = waiting  # below ours
    installed(loop)

    async def body() -> int:
        await asyncio.sleep(0.001)
        return pulse_of(box).busy_since_ns

    assert loop.run_until_complete(body()) > 0
    assert seen and set(seen) == {0}
    loop.close()


def test_what_held_the_loop_is_counted(
    box: BlackBox, loop: asyncio.AbstractEventLoop
) -> None:
    """A long stretch is in the page afterwards; short ones are not."""
    pulse = installed(loop)

    async def body() -> tuple[int, int]:
        pulse.begin()
        await asyncio.sleep(0)
        short_ns = pulse.blocked_ns(time.monotonic_ns())
        time.sleep(LONG_S)  # noqa: ASYNC251  # the claim
        long_ns = pulse.blocked_ns(time.monotonic_ns())
        await asyncio.sleep(0.02)
        pulse.finish()
        return short_ns, long_ns

    short_ns, long_ns = loop.run_until_complete(body())

    assert short_ns == 0 and long_ns >= LONG_S * 1e9
    assert pulse_of(box).blocked_ns >= LONG_S * 1e9


def test_a_loop_that_ticks_ticks_only_while_inputs_run(box: BlackBox) -> None:
    """Two inputs, one timer; after the last one there is none, and nothing wakes it."""
    loop = uvloop.new_event_loop()
    pulse = installed(loop)
    assert pulse._timer is None

    async def body() -> None:
        pulse.begin(2)
        first = pulse._timer
        assert first is not None
        pulse.begin()
        pulse.finish()
        assert pulse._timer is first
        await asyncio.sleep(0.05)
        assert pulse._timer is not first
        pulse.finish()
        last = pulse._timer
        assert last is not None
        pulse.finish()
        assert pulse._timer is None and last.cancelled()

    loop.run_until_complete(body())
    loop.close()


def test_a_second_install_changes_nothing(
    box: BlackBox, loop: asyncio.AbstractEventLoop
) -> None:
    """The same pulse, and the selector is wrapped once."""
    pulse = installed(loop)
    wrapped = getattr(getattr(loop, "_selector", None), "select", None)

    assert installed(loop) is pulse
    assert getattr(getattr(loop, "_selector", None), "select", None) is wrapped


def test_uninstalled_the_loop_is_as_before(box: BlackBox) -> None:
    """The selector has its own `select` back, and the page says idle."""
    loop = asyncio.new_event_loop()
    pulse = installed(loop)
    assert "select" in vars(selector_of(loop))
    pulse.uninstall()
    pulse.uninstall()

    assert "select" not in vars(selector_of(loop))
    loop.run_until_complete(asyncio.sleep(0))
    assert pulse_of(box).busy_since_ns == 0
    loop.close()


def test_another_wrapper_on_top_stays(box: BlackBox) -> None:
    """Somebody wrapped the selector after us: theirs is left, ours passes on."""
    loop = asyncio.new_event_loop()
    pulse = installed(loop)
    selector = selector_of(loop)
    below, calls = selector.select, []

    def theirs(timeout: float | None = None) -> Any:
        calls.append(timeout)
        return below(timeout)

    selector.select = theirs
    pulse.uninstall()
    beat_ns = pulse_of(box).beat_ns
    loop.run_until_complete(asyncio.sleep(0))

    assert selector.select is theirs and calls
    assert pulse_of(box).busy_since_ns == 0
    assert pulse_of(box).beat_ns >= beat_ns
    loop.close()


def test_one_loop_has_the_pulse_until_it_is_closed(box: BlackBox) -> None:
    """A second loop gets none while the first can run, and has it afterwards."""
    first, second = asyncio.new_event_loop(), asyncio.new_event_loop()
    installed(first)

    assert loop_pulse.install(second) is None
    first.close()
    assert installed(second).serves(second, box.head)
    second.close()


def test_without_a_box_there_is_no_pulse(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program without a box: nothing is changed."""
    monkeypatch.setattr(loop_pulse, "current_box", lambda: None)
    loop = asyncio.new_event_loop()

    assert loop_pulse.install(loop) is None
    assert "select" not in vars(selector_of(loop))
    loop.close()


def test_install_takes_the_running_loop(box: BlackBox) -> None:
    """In library mode: called on the loop, without an argument."""

    async def body() -> None:
        loop = asyncio.get_running_loop()
        assert installed().serves(loop, box.head)

    asyncio.run(body())


def test_a_loop_that_goes_on_in_a_forked_child_turns(box: BlackBox) -> None:
    """The page is the parent's: the child's loop works, and leaves no sign there."""
    loop = asyncio.new_event_loop()
    installed(loop)

    async def body() -> int:
        await asyncio.sleep(0)
        child = os.fork()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return child

    test = os.getpid()
    try:
        child = loop.run_until_complete(body())
    finally:
        if os.getpid() != test:
            os._exit(7 if "select" not in vars(selector_of(loop)) else 8)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    loop.close()
