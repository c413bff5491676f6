"""Which black boxes an agent has open, where there are more than it may have."""

from __future__ import annotations

from pathlib import Path

import pytest

from telemetry.capture.blackbox.box import BlackBox
from telemetry.capture.blackbox.places import SUFFIX
from telemetry.pipeline.agent.watching import FIND_EVERY_S, SWEEP_EVERY_S, BoxWatch
from telemetry.policy.agent_life import LOOK_ON_S
from telemetry.policy.box_retention import MAX_FILES
from tests.pipeline.agent.workshop import made, write

MANY = 30
MOST = 8


def _left_behind(folder: Path, count: int) -> list[BlackBox]:
    """Boxes of processes that have ended, a line in each."""
    boxes = [made(folder, f"ps-{number:03}") for number in range(count)]
    for box in boxes:
        write(box, box.path.name)
        box.close()
    return boxes


def _read(watch: BoxWatch, now_s: float) -> list[str]:
    """What is said in the boxes that are open; it is stored."""
    said: list[str] = []
    for watched in watch.boxes:
        found = watched.poll(100)
        said += [each.record[4][1] for each in found]
        if found:
            watched.stored(now_s)
    watch.release(now_s)
    return said


@pytest.mark.parametrize("live", [True, False])
def test_boxes_take_turns(tmp_path: Path, live: bool) -> None:
    """Every box is read, be its process alive or not, and no more are open at once."""
    problems: list[str] = []
    if live:
        boxes = [made(tmp_path, f"ps-{number:03}") for number in range(MANY)]
        for box in boxes:
            write(box, box.path.name)
    else:
        boxes = _left_behind(tmp_path, MANY)
    watch = BoxWatch(tmp_path, lambda _: None, problems.append, most_open=MOST)
    said: list[str] = []
    for turn in range(4 * MANY):
        watch.find(turn * FIND_EVERY_S)
        assert len(watch.boxes) <= MOST
        said += _read(watch, turn * FIND_EVERY_S)

    assert set(said) == {box.path.name for box in boxes}
    assert watch.unvisited == 0
    assert "take turns" in problems[0]
    watch.close()
    for box in boxes:
        box.close()


def test_who_has_something_to_say_stays_open(tmp_path: Path) -> None:
    """A box whose records are not all let go of is not closed for another."""
    busy = made(tmp_path, "ps-a", container_id="ct-1")
    write(busy, "one")
    driver = made(tmp_path, "ps-b", kind="driver")
    watch = BoxWatch(tmp_path, lambda _: None, lambda _: None, most_open=2)
    watch.find(0.0)
    _read(watch, 0.0)
    _read(watch, 0.1)
    other = made(tmp_path, "ps-c")
    watch.find(0.1, at_once=True)
    assert {each.name for each in watch.boxes} == {"ps-a", "ps-b"}

    _read(watch, 0.1 + LOOK_ON_S)
    watch.find(0.2, at_once=True)

    assert {each.name for each in watch.boxes} == {"ps-b", "ps-c"}
    watch.close()
    for box in (busy, driver, other):
        box.close()


def test_boxes_of_the_dead_are_swept(tmp_path: Path) -> None:
    """While an app runs, its dead containers' boxes do not pile up."""
    boxes = _left_behind(tmp_path, MAX_FILES + 3)
    watch = BoxWatch(tmp_path, lambda _: None, lambda _: None)
    watch.find(0.0)
    _read(watch, 0.0)
    assert len(list(tmp_path.glob(f"*{SUFFIX}"))) == len(boxes)

    watch.find(SWEEP_EVERY_S)

    assert len(list(tmp_path.glob(f"*{SUFFIX}"))) == MAX_FILES
    watch.close()
