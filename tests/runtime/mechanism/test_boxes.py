"""The driver reads its containers' boxes: for itself, or beside an agent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from telemetry.capture.blackbox.box import BlackBox
from telemetry.capture.blackbox.reader import BoxReader
from telemetry.capture.blackbox.records import NO_INPUT, encode
from telemetry.capture.line import Line
from telemetry.core.scope import InputScope
from telemetry.runtime.driver.boxes import Boxes

NAME = "ct-01J00000000000000000K7Q2ZD"
MIB = 1 << 20


class Container:
    """The box of a container, and what the driver showed of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / f"{NAME}.box"
        self.box = BlackBox(self.path, {"pid": 1}, budget_bytes=MIB, slots=1)
        self.shown: list[Line] = []
        self._scope = InputScope("in-0", head=NO_INPUT)
        self._number = 0

    def boxes(self, *, taking: bool) -> Boxes:
        """The driver's reader, which has been told of the container."""
        made = Boxes(self.folder, self.shown.append, taking=taking)
        made.expect(NAME)
        return made

    def says(self, count: int) -> None:
        """Write lines."""
        for _ in range(count):
            self._number += 1
            said = [self._number, "event", [], {"n": self._number}]
            self.box.append(self._scope, encode([20, ["x", {}], None, "t", said]))

    def numbers(self) -> list[int]:
        """The lines that were shown."""
        return [line.fields["n"] for line in self.shown if "n" in line.fields]  # type: ignore[misc]  # as written

    def missing(self) -> list[object]:
        """How many lines were said not to be shown."""
        return [line.fields["lines"] for line in self.shown if "lines" in line.fields]


@pytest.fixture
def container(tmp_path: Path) -> Iterator[Container]:
    """A container that writes."""
    made = Container(tmp_path)
    yield made
    made.box.close()


@pytest.mark.parametrize("taking", [True, False])
def test_lines_are_shown_once(container: Container, taking: bool) -> None:
    """Each comes once, and those before the end too."""
    boxes = container.boxes(taking=taking)
    container.says(3)
    boxes.look()
    container.says(2)
    boxes.look()
    container.says(1)
    container.box.close()
    boxes.ended(NAME, died=False)

    assert container.numbers() == [1, 2, 3, 4, 5, 6]
    assert container.missing() == []


@pytest.mark.parametrize(
    ("taking", "died", "kept"),
    [
        (True, False, False),
        (True, True, True),
        (False, False, True),
        (False, True, True),
    ],
)
def test_an_agents_boxes_are_left_to_it(
    container: Container, taking: bool, died: bool, kept: bool
) -> None:
    """Without an agent the box of one that ended well goes with it; else none does."""
    beside = container.path.with_suffix(".out")
    beside.write_bytes(b"last words\n")
    boxes = container.boxes(taking=taking)
    boxes.look()
    container.box.close()
    boxes.ended(NAME, died=died)

    assert container.path.exists() == kept
    assert beside.exists() == (not taking)
    assert [line.event for line in container.shown] == ["last words"]


def test_who_looks_on_takes_nothing(container: Container) -> None:
    """The agent, which reads later, still finds every line."""
    boxes = container.boxes(taking=False)
    container.says(10)
    boxes.look()
    with BoxReader(container.path, taking=True) as agent:
        found = agent.poll()

    assert (len(container.numbers()), len(found)) == (10, 10)


def test_what_an_agent_took_before_is_said_to_be_missing(container: Container) -> None:
    """Its space was used anew before we looked: how many lines that were is told."""
    boxes = container.boxes(taking=False)
    boxes.look()
    with BoxReader(container.path, taking=True) as agent:
        for _ in range(300):
            container.says(100)
            agent.poll()
            agent.taken()
    boxes.look()
    boxes.ended(NAME, died=False)
    missing = [int(str(each)) for each in container.missing()]

    assert len(container.numbers()) + sum(missing) == 30_000
    assert sum(missing) > 0
