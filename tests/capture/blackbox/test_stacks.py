"""A process says what its loop is at, when it is asked, and is not disturbed by it."""

from __future__ import annotations

import asyncio
import contextvars
import json
import os
import signal
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import pytest
import uvloop

from telemetry.capture.blackbox import layout
from telemetry.capture.blackbox.current import BoxPlan, close_box, open_box
from telemetry.capture.blackbox.reader import BoxReader
from telemetry.capture.blackbox.records import BLOCKED
from telemetry.capture.blackbox.stack_asking import StackAsker
from telemetry.capture.blackbox.stack_text import (
    NOBODY,
    StackFrame,
    frame_line,
    holder,
    parse_dump,
)
from telemetry.capture.blackbox.stacks import (
    SIGNAL_VARIABLE,
    StackTeller,
    free_signals,
)
from telemetry.core.errors import InvalidError
from telemetry.core.scope import SCOPE, InputScope

HEAD = "Stack (most recent call first):\n"
INNER = '  File "/app/a.py", line 7 in parse\n'
SLOT = '  File "/lib/tasks.py", line 99 in input_slot_12\n'
OUTER = '  File "/app/main.py", line 1 in <module>\n'
THRESHOLD_NS = 1000


class Told:
    """A process that answers: this one."""

    def __init__(self, folder: Path) -> None:
        self.path = open_box(BoxPlan(folder, "one", layout.MIN_BUDGET_BYTES)).path
        self.busy_ns = THRESHOLD_NS * 2
        self.teller = StackTeller(self.path, lambda: self.busy_ns, THRESHOLD_NS)
        assert self.teller.install({})
        self.asker = StackAsker(self.path, os.getpid())

    def records(self) -> list[Any]:
        """What it said in its box."""
        with BoxReader(self.path) as reader:
            return [each for each in reader.poll() if each[0] == BLOCKED]


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    """This process answers, while the test runs."""
    made = Told(tmp_path)
    yield made
    made.asker.close()
    made.teller.uninstall()
    close_box()


def as_input(call: Callable[[], object], input_id: str = "in-1") -> None:
    """Call it as an input would."""
    scope = InputScope(input_id, function="f", attempt=1)
    contextvars.copy_context().run(lambda: (SCOPE.set(scope), call()))


@pytest.mark.parametrize(
    ("text", "names", "slot", "input_id", "whole"),
    [
        ("", [], None, None, False),
        (HEAD, [], None, None, False),
        (HEAD + INNER + SLOT[:-1], ["parse"], None, None, False),
        (HEAD + INNER + SLOT, ["parse", "input_slot_12"], 12, None, False),
        (
            HEAD + INNER + SLOT + OUTER,
            ["parse", "input_slot_12", "<module>"],
            12,
            None,
            True,
        ),
        (HEAD + INNER + "  ...\n", ["parse"], None, None, True),
        (HEAD + INNER + 'Input: "in-1"\n', ["parse"], None, "in-1", True),
        (HEAD + INNER + 'Input: ""\n', ["parse"], None, NOBODY, True),
        (HEAD + INNER + 'Input: "in', ["parse"], None, None, False),
        (HEAD + SLOT + OUTER + HEAD + INNER, ["parse"], None, None, False),
        (HEAD + '  File "/a b".py", line ??? in ???\n', ["???"], None, None, False),
        (HEAD + SLOT.replace("_12", "_x"), ["input_slot_x"], None, None, False),
        ("nonsense\n\nFile\n", [], None, None, False),
    ],
)
def test_a_stack_is_read_as_far_as_it_is_written(
    text: str, names: list[str], slot: int | None, input_id: str | None, whole: bool
) -> None:
    """Frames, slot and answer; the last stack counts; half a line does not."""
    dump = parse_dump(text)

    assert [frame.name for frame in dump.frames] == names
    assert (dump.slot, dump.input_id, dump.whole) == (slot, input_id, whole)


def test_the_holder_is_code_of_the_user_s() -> None:
    """The most recent call outside of the libraries; in them, the most recent one."""
    inner = StackFrame("/lib/python/socket.py", 700, "readinto")
    own = StackFrame("/app/a.py", 7, "parse")
    slot = StackFrame("/app/tasks.py", 1, "input_slot_3")

    assert str(holder([inner, own, slot], ["/lib/python/"])) == "a.py:7 in parse"
    assert holder([inner, slot, own], ["/lib/python/"]) == inner
    assert holder([], []) is None


def test_a_stack_of_ours_reads_like_one_of_python_s() -> None:
    """What the handler writes can be parsed as what faulthandler writes."""
    text = frame_line("/app/a.py", 7, "parse")

    assert parse_dump(f"{HEAD}{text}\n").frames == (
        StackFrame("/app/a.py", 7, "parse"),
    )


def test_signals_of_others_are_not_taken() -> None:
    """A signal with a handler is passed over; one that was named is left alone."""
    usual = free_signals({})
    assert usual is not None
    before = signal.signal(usual[0], lambda *_: None)
    try:
        other = free_signals({})
        assert other is None or usual[0] not in other
        for number in (usual[0], usual[0] - 1):
            assert free_signals({SIGNAL_VARIABLE: str(number)}) is None
    finally:
        signal.signal(usual[0], before)


def test_the_signal_can_be_named_or_switched_off() -> None:
    """By its number; 0 is none; empty is as good as not set."""
    usual = free_signals({})
    assert usual is not None

    assert free_signals({SIGNAL_VARIABLE: str(usual[0] + 1)}) != usual
    assert free_signals({SIGNAL_VARIABLE: "0"}) is None
    assert free_signals({SIGNAL_VARIABLE: ""}) == free_signals({})


@pytest.mark.parametrize("value", ["USR2", "-1", "1000", "1.5"])
def test_a_signal_that_is_none_is_refused(value: str) -> None:
    """The message says the key, the value and what is allowed."""
    with pytest.raises(InvalidError, match=rf"{SIGNAL_VARIABLE} is '{value}'.* from 1"):
        free_signals({SIGNAL_VARIABLE: value})


def test_who_holds_the_loop_says_so(told: Told) -> None:
    """In the file: stack and input; in the box: a record with identity and stack."""

    def hold() -> None:
        assert told.asker.ask()

    as_input(hold)
    found = told.asker.answer()
    [record] = told.records()

    assert found is not None
    dump, text = found
    assert (dump.input_id, dump.whole) == ("in-1", True)
    assert "hold" in [frame.name for frame in dump.frames] and "Stack" in text
    _, identity, unix_ns, seconds, stack = record
    assert identity[0] == "in-1" and identity[3] == 1
    assert unix_ns <= time.time_ns() and seconds == 2 * THRESHOLD_NS / 1e9
    assert "in hold" in stack


def test_a_stack_comes_without_the_interpreter(told: Told) -> None:
    """Who is asked a second time shows where it is; without a word on the input."""
    told.busy_ns = 0  # so that there is no answer
    assert told.asker.ask()
    assert told.asker.answer() is None
    assert told.asker.insist()
    found = told.asker.answer()

    assert found is not None and found[0].input_id is None
    assert found[0].frames[0].name == "_send"


def test_a_process_that_was_not_running_is_not_pressed(told: Told) -> None:
    """The first signal still waits to be taken: its stack may not be at rest."""
    tell = told.teller.signals
    assert tell is not None
    signal.pthread_sigmask(signal.SIG_BLOCK, {tell.tell})
    try:
        told.asker.ask()
        pressed = told.asker.insist()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {tell.tell})

    assert not pressed


def test_nobody_is_named_where_no_input_runs(told: Told) -> None:
    """It says that it was no input: that is an answer, too."""
    told.asker.ask()
    found = told.asker.answer()

    assert found is not None and found[0].input_id == NOBODY
    assert [record[1] for record in told.records()] == [None]


def test_who_is_asked_too_late_blames_nobody(told: Told) -> None:
    """The loop turns again: who runs by now has not held it."""
    told.busy_ns = THRESHOLD_NS - 1
    as_input(told.asker.ask)
    found = told.asker.answer()

    assert found is None and told.records() == []


def test_the_file_stays_small(told: Told) -> None:
    """Each question forgets the answer before it."""
    told.asker.ask()
    before = told.teller.path.stat().st_size
    for _ in range(20):
        told.asker.ask()

    assert told.teller.path.stat().st_size == before


def test_the_file_is_its_owner_s(told: Told) -> None:
    """Stacks are nobody else's business."""
    assert stat.S_IMODE(told.teller.path.stat().st_mode) == 0o600


def test_a_fault_in_the_answer_harms_nobody(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What goes wrong while it answers is counted; the interrupted code goes on."""
    failures: list[Exception] = []
    monkeypatch.setattr(
        "telemetry.capture.sink.failed", lambda error, _reason: failures.append(error)
    )
    unwritable = os.open(os.devnull, os.O_RDONLY)
    os.dup2(unwritable, told.teller._fd)
    os.close(unwritable)
    as_input(told.asker.ask)

    assert [type(error) for error in failures] == [OSError]


def test_uninstalled_nothing_is_left(tmp_path: Path) -> None:
    """The signals are free again, the file is gone, and there is nobody to ask."""
    before = free_signals({})
    told = Told(tmp_path)
    assert free_signals({}) != before
    told.teller.uninstall()
    told.teller.uninstall()

    assert free_signals({}) == before
    assert not told.teller.path.exists()
    fresh = StackAsker(told.path, os.getpid())
    assert not fresh.ask() and fresh.answer() is None
    fresh.close()
    told.asker.close()
    close_box()


def test_switched_off_it_is_not_installed(tmp_path: Path) -> None:
    """With 0, no signal is taken and no file made."""
    teller = StackTeller(tmp_path / "one.box", lambda: 0, THRESHOLD_NS)

    assert not teller.install({SIGNAL_VARIABLE: "0"})
    assert list(tmp_path.iterdir()) == []


def test_off_the_main_thread_it_is_not_installed(tmp_path: Path) -> None:
    """Only the main thread may set handlers: elsewhere, it is left."""
    teller = StackTeller(tmp_path / "one.box", lambda: 0, THRESHOLD_NS)
    done: list[bool] = []
    thread = threading.Thread(target=lambda: done.append(teller.install({})))
    thread.start()
    thread.join()

    assert done == [False] and list(tmp_path.iterdir()) == []


def test_a_file_of_another_process_is_not_believed(told: Told) -> None:
    """A number that another process had before is not sent to this one."""
    found = json.loads(told.teller.path.read_text().splitlines()[0])
    told.teller.path.write_text(json.dumps({**found, "pid": 1}) + "\n")
    asker = StackAsker(told.path, os.getpid())

    assert not asker.ask() and asker.thread is None
    asker.close()


class Asking:
    """Asks from a thread, again and again, while the main thread waits."""

    def __init__(self, told: Told) -> None:
        self._told = told
        self._over = threading.Event()
        self.asked = 0
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self._over.wait(0.005):
            self._told.asker.ask()
            self._told.asker.insist()
            self.asked += 1


def test_a_sleep_is_as_long_as_before(told: Told) -> None:
    """Being asked does not end it early."""
    with Asking(told) as asking:
        began_s = time.monotonic()
        time.sleep(0.1)
        slept_s = time.monotonic() - began_s

    assert slept_s >= 0.1 and asking.asked


def test_sockets_wait_as_before(told: Told) -> None:
    """A read goes on until there is something to read."""
    ours, theirs = socket.socketpair()
    with Asking(told) as asking, ours, theirs:
        wait_for = threading.Timer(0.1, lambda: theirs.sendall(b"data"))
        wait_for.start()
        found = ours.recv(10)
        wait_for.join()

    assert found == b"data" and asking.asked


@pytest.mark.parametrize("kind", ["asyncio", "uvloop"])
def test_a_loop_turns_as_before(told: Told, kind: str) -> None:
    """Its waits and its other signals are not disturbed."""
    seen: list[int] = []

    async def body() -> float:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR2, seen.append, 1)
        began_s = loop.time()
        os.kill(os.getpid(), signal.SIGUSR2)
        await asyncio.sleep(0.1)
        loop.remove_signal_handler(signal.SIGUSR2)
        return loop.time() - began_s

    with Asking(told) as asking:
        run = uvloop.run if kind == "uvloop" else asyncio.run
        slept_s = run(body())

    assert slept_s >= 0.099 and seen == [1] and asking.asked
