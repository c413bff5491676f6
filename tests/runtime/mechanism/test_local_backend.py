"""Containers of this machine, when the process that forks them is gone."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from telemetry.runtime.backends.local import LocalBackend
from telemetry.runtime.wire.frames import Frame
from telemetry.runtime.wire.reactor import Reactor
from tests.runtime.mechanism.stand_ins import held_back


class Events:
    """What a container's link reports."""

    def __init__(self) -> None:
        self.deaths: list[int | None] = []

    def on_frame(self, frame: Frame) -> None:
        """Nothing is sent here."""

    def on_death(self, status: int | None, why: str | None) -> None:
        self.deaths.append(status)


@pytest.fixture
def backend() -> Iterator[LocalBackend]:
    """A backend whose reactor the test steps."""
    reactor = Reactor(on_tick=held_back, on_error=held_back)
    made = LocalBackend(reactor, patience_s=0.1)
    yield made
    made.close()
    reactor.close()


def dead_zygote(backend: LocalBackend) -> None:
    """Kill it and wait for its end, of which the backend has not heard yet."""
    zygote = backend._zygote
    assert zygote is not None
    pid = zygote._process.pid
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def sockets() -> int:
    """Open sockets of this process."""
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        pytest.skip("counts descriptors in /proc")
    gc.collect()
    return sum("socket" in _target(each) for each in folder.iterdir())


def _target(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except OSError:
        return ""


def test_starting_when_the_zygote_has_just_died(backend: LocalBackend) -> None:
    """A container asked of a dead zygote leaves no descriptor behind.

    1. The zygote dies; 2. a start is asked of it; 3. the backend hears of its end.
    """
    before, events = sockets(), Events()
    dead_zygote(backend)
    kept = [backend.start(f"ct-{number}", events) for number in range(3)]
    held = backend._zygote  # as a traceback or a handle may hold it
    backend.close()

    assert len(kept) == 3
    assert held is not None
    assert sockets() <= before - 1, "the containers' ends of their sockets are open"
