"""A loop that stands still is noticed from outside, and who holds it is named."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from telemetry.capture import sink
from telemetry.capture.line import Line
from telemetry.capture.runtime_records import LoopBlocked, LoopMeasured
from telemetry.core.metrics import DURATION_BOUNDS_S
from telemetry.core.scope import InputScope
from telemetry.core.trace_context import TraceParent
from telemetry.runtime.driver.loop_watching import LoopWatcher
from tests.house.tree import ROOT
from tests.runtime.semantics import gates

SCRIPT = "tests.runtime.mechanism.blocked_loop"
SOURCE = Path(__file__).with_name("blocked_loop.py")


class Seen:
    """What the watcher reported."""

    def __init__(self) -> None:
        self._records: list[LoopBlocked | LoopMeasured] = []
        self._changed = threading.Condition()

    def __call__(self, record: LoopBlocked | LoopMeasured) -> None:
        with self._changed:
            self._records.append(record)
            self._changed.notify_all()

    def one(self, *, over: bool) -> LoopBlocked:
        """The first record of that kind; waits for it."""

        def found() -> list[LoopBlocked]:
            blocked = [e for e in self._records if isinstance(e, LoopBlocked)]
            return [each for each in blocked if each.over == over]

        with self._changed:
            assert self._changed.wait_for(found, gates.LIMIT_S), self._records
            return found()[0]

    def lags(self) -> list[LoopMeasured]:
        """How late the loop was, in all records; waits for the first."""

        def found() -> list[LoopMeasured]:
            return [e for e in self._records if isinstance(e, LoopMeasured)]

        with self._changed:
            assert self._changed.wait_for(found, gates.LIMIT_S), self._records
            return found()


class Blocked:
    """A process whose loop is held, and its watcher."""

    def __init__(self, folder: Path, loop: str, hold: str) -> None:
        os.mkfifo(folder / "pipe")
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", SCRIPT, str(folder), loop, hold], cwd=ROOT
        )
        self.seen = Seen()
        self.watcher = LoopWatcher(self.seen)
        self.running = 2
        trace = TraceParent(7, 8)
        self.known = {
            name: InputScope(name, "fc-0", "body", slot=slot, parent=trace)
            for slot, name in enumerate(["in-0", "in-1"])
        }

    def watch(self) -> None:
        """Begin to look at it."""
        gates.wait(self.folder, "ready")
        self.watcher.watch(
            "ct-0",
            function="body",
            box_path=self.folder / "ct-0.box",
            running=lambda: self.running,
            known=self.known.get,
        )

    def let_go(self) -> None:
        """Open the gate for whatever holds the loop."""
        gates.open_gate(self.folder, "gate")
        fd = os.open(self.folder / "pipe", os.O_RDWR | os.O_NONBLOCK)
        try:
            os.write(fd, b"x")
            self.process.wait(gates.LIMIT_S)
        finally:
            os.close(fd)

    def stood_ns(self) -> dict[str, int]:
        """For how long each input stood still, as the process found itself."""
        found: dict[str, int] = json.loads((self.folder / "stood").read_text())
        return found


@contextmanager
def blocked(folder: Path, loop: str, hold: str) -> Iterator[Blocked]:
    """The process runs, and is watched."""
    made = Blocked(folder, loop, hold)
    try:
        made.watch()
        yield made
    finally:
        made.process.kill()
        made.process.wait()
        made.watcher.stop(gates.LIMIT_S)


@pytest.fixture
def lines() -> Iterator[list[Line]]:
    """The lines that were emitted."""
    caught: list[Line] = []
    sink.set_sink(caught.append)
    yield caught
    sink.set_sink(None)


def line_of(record: LoopBlocked) -> str:
    """The source line that a record names."""
    file, _, rest = (record.line or "").partition(":")
    assert file == SOURCE.name, record
    return SOURCE.read_text().splitlines()[int(rest.partition(" ")[0]) - 1]


@pytest.mark.parametrize(
    ("loop", "hold"),
    [
        ("asyncio", "sleep"),
        ("asyncio", "python"),
        ("asyncio", "usleep"),
        ("asyncio", "lock"),
        ("uvloop", "sleep"),
        ("uvloop", "python"),
        ("uvloop", "lock"),
    ],
)
def test_the_holder_is_named_while_it_holds(
    tmp_path: Path, loop: str, hold: str, lines: list[Line]
) -> None:
    """Input, line and victims are known before the loop turns again."""
    with blocked(tmp_path, loop, hold) as process:
        noticed = process.seen.one(over=False)
        assert not (tmp_path / "stood").exists()
        process.let_go()
        over = process.seen.one(over=True)
        stood = process.stood_ns()

    assert (noticed.input_id, noticed.suffered) == ("in-1", ("in-0",))
    assert "HOLDS" in line_of(noticed)
    assert (over.input_id, over.line) == (noticed.input_id, noticed.line)
    assert over.seconds >= noticed.seconds >= 0.1
    assert min(stood.values()) >= noticed.seconds * 1e9 - 0.02e9
    [line] = [each for each in lines if each.fields["over"]]
    assert (line.level, line.event) == ("warning", "event loop blocked")
    assert (line.input_id, line.fields["suffered"]) == ("in-1", ["in-0"])
    assert (line.function_call_id, line.trace_id) == ("fc-0", f"{7:032x}")
    assert line.fields["held_by"] == over.line
    if hold == "lock":  # the read went on beside the signals
        assert (tmp_path / "read").read_text() == "1"


def test_a_task_of_the_input_s_own_is_named_by_its_context(tmp_path: Path) -> None:
    """A task that a body made holds the loop: the process itself says whose it is."""
    with blocked(tmp_path, "uvloop", "sleep-task") as process:
        noticed = process.seen.one(over=False)

    assert (noticed.input_id, noticed.suffered) == ("in-1", ("in-0",))
    assert "HOLDS" in line_of(noticed)


def test_what_is_not_certain_is_not_said(tmp_path: Path, lines: list[Line]) -> None:
    """A task of a body, in C with the interpreter lock: candidates, until it ends."""
    with blocked(tmp_path, "asyncio", "lock-task") as process:
        noticed = process.seen.one(over=False)
        process.let_go()
        over = process.seen.one(over=True)

    assert noticed.input_id is None and noticed.candidates == ("in-0", "in-1")
    assert "HOLDS" in line_of(noticed)
    assert (over.input_id, over.candidates) == ("in-1", ())
    assert lines[-1].input_id == "in-1"


def test_a_trace_is_not_guessed(tmp_path: Path, lines: list[Line]) -> None:
    """Nobody knows the input any more: its line has neither its id nor a trace."""
    with blocked(tmp_path, "asyncio", "lock") as process:
        process.known.clear()
        process.seen.one(over=False)
        process.let_go()
        over = process.seen.one(over=True)

    assert over.input_id == "in-1"
    assert (lines[-1].input_id, lines[-1].trace_id) == (None, None)
    assert lines[-1].candidates == ("in-1",)


def test_a_callback_of_nobody_is_blamed_on_nobody(
    tmp_path: Path, lines: list[Line]
) -> None:
    """No input held it: none is named, none is a candidate, and both suffered."""
    with blocked(tmp_path, "asyncio", "sleep-nobody") as process:
        process.seen.one(over=False)
        process.let_go()
        over = process.seen.one(over=True)

    assert (over.input_id, over.candidates) == (None, ())
    assert over.suffered == ("in-0", "in-1")
    assert lines[-1].input_id is None and lines[-1].candidates == ()


def test_a_process_that_dies_while_it_is_blocked_is_reported(tmp_path: Path) -> None:
    """Nobody says that the loop turns again: the death of its process does."""
    with blocked(tmp_path, "asyncio", "lock") as process:
        noticed = process.seen.one(over=False)
        process.process.kill()
        process.process.wait()
        process.watcher.forget("ct-0")
        over = process.seen.one(over=True)
        stack = tmp_path / "ct-0.stack"
        gates.until(lambda: not stack.exists(), "the end of what it left")

    assert (over.input_id, over.line) == (noticed.input_id, noticed.line)


@pytest.mark.skipif(
    not hasattr(signal, "SIGRTMAX"), reason="the signal is ignored by default there"
)
def test_a_process_without_a_handler_survives(tmp_path: Path) -> None:
    """What would end a process is not sent: its blockage is told without a stack."""
    with blocked(tmp_path, "asyncio", "lock") as process:
        process.seen.one(over=False)
        [stack] = tmp_path.glob("*.stack")
        found = json.loads(stack.read_text().splitlines()[0])
        unhandled = signal.SIGRTMAX
        assert unhandled not in (found["dump"], found["tell"])
        named = {**found, "dump": unhandled, "tell": unhandled}
        stack.write_text(json.dumps(named) + "\n")
        seen = Seen()
        other = LoopWatcher(seen)
        other.watch(
            "ct-0",
            function="body",
            box_path=tmp_path / "ct-0.box",
            running=lambda: 1,
            known=process.known.get,
        )
        noticed = seen.one(over=False)
        other.stop(gates.LIMIT_S)
        assert process.process.poll() is None

    assert noticed.stack is None and noticed.candidates == ("in-0", "in-1")


def test_the_watcher_sleeps_while_nothing_runs(tmp_path: Path) -> None:
    """Not a look at a loop without inputs; the first input that starts wakes it."""
    with blocked(tmp_path, "asyncio", "lock") as process:
        process.seen.one(over=False)
        seen, running = Seen(), [0]
        asked: list[int] = []

        def count() -> int:
            asked.append(running[0])
            return running[0]

        other = LoopWatcher(seen)
        other.watch(
            "ct-0",
            function="body",
            box_path=tmp_path / "ct-0.box",
            running=count,
            known=process.known.get,
        )
        gates.until(lambda: other._asleep and len(asked) >= 2, "its sleep")
        looks = len(asked)
        time.sleep(0.05)  # it may do what it likes; it has nothing to do
        assert len(asked) <= looks + 1
        running[0] = 1
        other.wake()
        assert seen.one(over=False).pid == process.process.pid
        other.stop(gates.LIMIT_S)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_loop_that_stands_still_is_late(tmp_path: Path, loop: str) -> None:
    """Samples of its lag rise to as long as it was held; none is longer."""
    with blocked(tmp_path, loop, "sleep") as made:
        held = made.seen.one(over=False)
        made.let_go()
        over = made.seen.one(over=True)
        made.watcher.forget("ct-0")
        (lag,) = made.seen.lags()

    assert (lag.container_id, lag.function) == (held.container_id, "body")
    assert len(lag.counts) == len(DURATION_BOUNDS_S) + 1
    assert sum(lag.counts) > 0
    assert 0 < lag.max_s <= over.seconds + 0.001
    assert lag.sum_s <= sum(lag.counts) * lag.max_s
