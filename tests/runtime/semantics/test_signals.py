"""The end of the driver, from outside: hooks run, and no process is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.runtime.semantics import gates
from tests.runtime.semantics.apps import cancelling

ROOT = Path(cancelling.__file__).parents[4]
SCRIPT = Path(cancelling.__file__).with_name("script.py")
KINDS = ["main", "threads", "tasks"]

Driver = Callable[[str], "Program"]


class Program:
    """The script as a process, and all that it started."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.folder = folder
        self.mark = f"SEMANTICS_MARK={uuid.uuid4()}"
        name, _, value = self.mark.partition("=")
        self.process = subprocess.Popen(
            [sys.executable, str(SCRIPT), str(folder), kind],
            env={**os.environ, name: value, "PYTHONPATH": str(ROOT)},
            stderr=subprocess.PIPE,
            text=True,
        )

    def began(self) -> tuple[int, int]:
        """Wait for the body; the numbers of its container and of the zygote."""
        gates.began(self.folder, "body")
        [line] = [each for each in gates.notes(self.folder) if "container" in each]
        _, container, zygote = line.split()
        return int(container), int(zygote)

    def end(self, number: signal.Signals | None = None) -> tuple[int, str]:
        """Send the signal; its status and what it said."""
        if number is not None:
            self.process.send_signal(number)
        said = self.process.communicate(timeout=30)[1]
        return self.process.returncode, said

    def left(self) -> list[int]:
        """Processes that have its mark in their environment."""
        return [
            int(each.name)
            for each in Path("/proc").iterdir()
            if each.name.isdigit() and self._is_marked(each)
        ]

    def _is_marked(self, process: Path) -> bool:
        try:
            return self.mark.encode() in (process / "environ").read_bytes()
        except OSError:
            return False


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[Driver]:
    """Starts the script, and ends it after the test."""
    started: list[Program] = []

    def start(kind: str) -> Program:
        started.append(Program(tmp_path, kind))
        return started[-1]

    yield start
    for each in started:
        each.process.kill()
        each.process.communicate(timeout=30)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, -signal.SIGINT)]
)
def test_a_signal_ends_the_driver_in_order(
    driver: Driver, kind: str, number: signal.Signals, status: int
) -> None:
    """Bodies unwind, exit hooks run, no process stays, and the status tells why."""
    program = driver(kind)
    pids = program.began()
    ended, _ = program.end(number)
    log = gates.notes(program.folder)

    assert ended == status
    assert log[-2:] == ["body ended", "exit hook"]
    for pid in pids:
        gates.gone(pid)


@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_driver_leaves_nothing_behind(driver: Driver, kind: str) -> None:
    """Containers notice, unwind their bodies, run their exit hooks, and end."""
    program = driver(kind)
    pids = program.began()
    program.end(signal.SIGKILL)
    gates.noted(program.folder, "exit hook")
    for pid in pids:
        gates.gone(pid)

    assert gates.notes(program.folder)[-2:] == ["body ended", "exit hook"]


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks into /proc")
def test_no_process_of_a_killed_driver_stays(driver: Driver) -> None:
    """Nothing that has its environment is left, whatever it was."""
    program = driver("threads")
    program.began()
    there = program.left()
    program.end(signal.SIGKILL)
    gates.until(lambda: not program.left(), "the end of all processes")

    assert len(there) == 3


def test_a_killed_driver_does_not_leave_a_stubborn_body(driver: Driver) -> None:
    """A body that swallows its cancellation is ended with its container."""
    program = driver("stubborn")
    pids = program.began()
    program.end(signal.SIGKILL)
    for pid in pids:
        gates.gone(pid)


def test_a_stubborn_body_cannot_hold_a_driver_that_is_asked_to_end(
    driver: Driver,
) -> None:
    """After the grace its container is killed, and the driver ends as asked."""
    program = driver("stubborn")
    pids = program.began()
    status, _ = program.end(signal.SIGTERM)
    for pid in pids:
        gates.gone(pid)

    assert status == 143


def test_a_killed_zygote_is_replaced(driver: Driver) -> None:
    """The process that forks is no single point of failure: the input ends."""
    program = driver("main")
    _, zygote = program.began()
    os.kill(zygote, signal.SIGKILL)
    gates.release(program.folder, "body")
    status, said = program.end()

    assert (status, said) == (0, "")


def test_the_driver_ends_by_itself_when_it_is_done(driver: Driver) -> None:
    """Without a signal: status 0, hooks run, nothing stays."""
    program = driver("threads")
    pids = program.began()
    gates.release(program.folder, "body")
    status, said = program.end()
    for pid in pids:
        gates.gone(pid)

    assert (status, said) == (0, "")
    assert gates.notes(program.folder)[-3:] == ["body ended", "exit hook", "went on"]


def test_a_signal_that_comes_while_the_app_ends_ends_the_program(
    driver: Driver,
) -> None:
    """The clean-up is not broken off; then the program goes no further."""
    program = driver("leaving")
    gates.noted(program.folder, "leaving")
    program.process.send_signal(signal.SIGTERM)
    gates.open_gate(program.folder, "left")
    status, said = program.end()

    assert (status, said) == (143, "")
    assert "went on" not in gates.notes(program.folder)
