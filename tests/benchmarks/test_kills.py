"""`benchmarks.kills` finds what is wrong with what a dead process has left."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from benchmarks.killed_writer import ROADS
from benchmarks.kills import Tally, examined, judged
from telemetry.capture.blackbox.box_head import SlotState
from telemetry.capture.blackbox.records import EXECUTION
from telemetry.capture.span_records import Settled


@pytest.mark.parametrize(
    ("found", "returned", "wrong"),
    [
        ([0, 1, 2], 3, Tally(returned=3)),
        ([0, 1, 2, 3], 3, Tally(returned=3)),
        ([], 0, Tally()),
        ([0, 2], 3, Tally(returned=3, lost=1)),
        ([0, 1], 3, Tally(returned=3, lost=1)),
        ([0, 1, 1, 2], 3, Tally(returned=3, twice=1)),
        ([0, 2, 1], 3, Tally(returned=3, disordered=1)),
        ([0, 1, 2, 3, 4], 3, Tally(returned=3, disordered=1)),
    ],
)
def test_judgement_of_one_thread(found: list[int], returned: int, wrong: Tally) -> None:
    """One line more than calls have returned is right; nothing else is."""
    tally = judged(found, returned)

    assert bool(tally.notes) == bool(wrong.disordered)
    assert replace(tally, notes=[]) == wrong
    assert tally.is_perfect == (wrong == Tally(returned=returned))


def line(thread: int, number: int, input_id: str | None = None) -> list[Any]:
    """The record of a line."""
    who = [input_id or f"in-{thread}", None, "write", 0, None, None, None, False]
    return [20, [None, {}], who, "t", [number, "line", [], {"n": number}]]


def slot(number: int, input_id: str) -> SlotState:
    """A row in which something runs."""
    return SlotState(number, input_id, "write", 0, 0, 0, cancelled=False)


PERFECT = [
    *(line(thread, 0) for thread in range(len(ROADS) - 1)),
    line(len(ROADS) - 1, 0, "in-3-0"),
    [EXECUTION, None, 1, Settled("in-3-0", 1, 2, "success")],
]
ROWS = [slot(number, f"in-{number}") for number in range(len(ROADS) - 1)]


def test_everything_is_there() -> None:
    """Between two inputs the last row is idle, and within one it has its name."""
    counts = [1, 1, 1, 1]

    assert examined(PERFECT, ROWS, counts).is_perfect
    assert examined(PERFECT, [*ROWS, slot(3, "in-3-1")], counts).is_perfect
    assert examined(PERFECT, ROWS, counts).returned == len(ROADS) + 1


@pytest.mark.parametrize("gone", range(len(PERFECT)))
def test_a_record_is_missing(gone: int) -> None:
    """Whichever it is: a line of any thread, or the end of an input."""
    rest = [each for at, each in enumerate(PERFECT) if at != gone]

    assert examined(rest, ROWS, [1, 1, 1, 1]).lost == 1


def test_a_row_says_what_did_not_run() -> None:
    """An input that is over, or none where one runs."""
    counts = [1, 1, 1, 1]

    assert examined(PERFECT, ROWS[1:], counts).misnamed == 1
    assert examined(PERFECT, [*ROWS, slot(3, "in-3-0")], counts).misnamed == 2
