"""What `benchmarks.steal` is made of does what it says; how fast is nobody's claim."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from benchmarks import steal_apps
from benchmarks.box_taker import open_box, start_taker
from benchmarks.other_process import Actions, OtherProcess
from telemetry.capture.blackbox.reader import BoxReader
from telemetry.capture.blackbox.records import EXECUTION, LINE_KINDS, line_of
from tests.settings_kept import settings_kept


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Closed at the end of the test."""
    with settings_kept(), ExitStack() as stack:
        yield stack


def actions(stack: ExitStack) -> Actions:
    """For a process of the tests."""
    stack.callback(lambda: None)
    return {
        "pid": os.getpid,
        "add": lambda one, other: one + other,
        "print": lambda: print("not an answer"),
        "end": lambda: os._exit(3),
    }


def test_other_process_answers() -> None:
    """What is asked is done there, and what it prints is not taken for an answer."""
    with OtherProcess(f"{__name__}:actions") as other:
        assert other.ask("pid") == other.pid != os.getpid()
        assert other.ask("print") is None
        assert other.ask("add", 1, 2) == 3

    with pytest.raises(ProcessLookupError):
        os.kill(other.pid, 0)


def test_asking_a_process_that_has_ended() -> None:
    """It is said, and the block ends well."""
    with OtherProcess(f"{__name__}:actions") as other:
        with pytest.raises(RuntimeError, match="has ended"):
            other.ask("end")
        with pytest.raises(RuntimeError, match="has ended"):
            other.ask("pid")


def test_every_input_leaves_a_record_and_a_line(stack: ExitStack) -> None:
    """Ours does for an input what is compared with a span and a log record."""
    box = open_box(stack)
    leave = steal_apps.our_input(box)
    for number in range(3):
        leave(number)
    records = stack.enter_context(BoxReader(box.path)).poll()

    lines = [line_of(each) for each in records if each[0] in LINE_KINDS]
    ids = {each[3].input_id for each in records if each[0] == EXECUTION}
    assert len(ids) == len(lines) == 3
    assert {line.input_id for line in lines} == ids


def _not_taken(path: Path) -> int:
    """Records that a reader finds who goes on where the last one was."""
    with BoxReader(path, taking=True) as reader:
        return reader.skip()


def test_taker_takes(stack: ExitStack) -> None:
    """The space of what was read is the application's again, all the while."""
    box = open_box(stack)
    start_taker(stack, box.path)
    steal_apps.our_input(box)(0)
    until_s = time.monotonic() + 20
    while (left := _not_taken(box.path)) and time.monotonic() < until_s:
        time.sleep(0.01)

    assert left == 0


def test_inputs_come_in_every_other_phase() -> None:
    """They are numbered through, as many as the rate says, beside work that is done."""
    numbers: list[int] = []
    found = steal_apps.work(numbers.append, 1_000, 0.15)

    assert numbers == list(range(len(numbers)))
    assert numbers
    assert found.inputs_per_s <= 1_000
    assert found.lost < 1
