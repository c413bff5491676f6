"""What an agent reads of the boxes in a folder, and what becomes of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from telemetry.capture.blackbox.box import BlackBox
from telemetry.capture.blackbox.listing import ALIVE, DIED, ENDED
from telemetry.capture.blackbox.places import SUFFIX
from telemetry.capture.blackbox.reader import BoxReader, Position
from telemetry.pipeline.agent.boxes import REMOVE_AFTER_S, Watched
from telemetry.pipeline.agent.last_words import BLOCK
from telemetry.pipeline.agent.watching import BoxWatch
from telemetry.policy.agent_life import LOOK_ON_S
from tests.pipeline.agent.workshop import made, write
from tests.pipeline.boxes import NAME, left_by

ANY = 1_000


class Store:
    """Keeps positions, as the real one does, and what was said."""

    def __init__(self, folder: Path) -> None:
        self.positions: dict[str, Position] = {}
        self.problems: list[str] = []
        self.watch = BoxWatch(folder, self.positions.get, self.problems.append)

    def turn(self, now_s: float) -> list[str]:
        """Read all there is, and store it; what was said in the lines."""
        self.watch.find(now_s, at_once=True)
        said: list[str] = []
        for box in self.watch.boxes:
            found = box.poll(ANY)
            said += [each.record[4][1] for each in found if each.record[0] >= 10]
            if found:
                self.positions[box.name] = box.position
                box.stored(now_s)
        self.watch.release(now_s)
        return said


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty one."""
    found = Store(tmp_path)
    yield found
    found.watch.close()


def test_what_is_written_is_read_once(tmp_path: Path, store: Store) -> None:
    """Turn for turn, what is new; nothing twice."""
    box = made(tmp_path)
    write(box, "one", "two")
    assert store.turn(1.0) == ["one", "two"]

    write(box, "three")

    assert store.turn(2.0) == ["three"]
    assert store.turn(3.0) == []
    box.close()


def test_another_agent_goes_on_from_the_store(tmp_path: Path, store: Store) -> None:
    """What was stored and not taken any more is not read again.

    1. The store has it; 2. the agent is killed before it tells the box.
    """
    box = made(tmp_path)
    write(box, "one", "two")
    store.watch.find(1.0, at_once=True)
    (watched,) = store.watch.boxes
    watched.poll(ANY)
    store.positions[watched.name] = watched.position
    store.watch.close()  # without `stored`

    heir = Store(tmp_path)
    heir.positions.update(store.positions)
    write(box, "three")

    assert heir.turn(2.0) == ["three"]
    heir.watch.close()
    box.close()


def test_what_was_not_stored_is_read_again(tmp_path: Path, store: Store) -> None:
    """An agent that is killed before the store has it has read nothing."""
    box = made(tmp_path)
    write(box, "one")
    store.watch.find(1.0, at_once=True)
    (watched,) = store.watch.boxes
    assert len(watched.poll(ANY)) == 1
    store.watch.close()

    heir = Store(tmp_path)

    assert heir.turn(2.0) == ["one"]
    heir.watch.close()
    box.close()


def test_drivers_see_the_lines_of_their_containers(
    tmp_path: Path, store: Store
) -> None:
    """Stored lines of a container stay a second for those who look on."""
    box = made(tmp_path, container_id="ct-1")
    write(box, "one")
    store.turn(1.0)
    assert _taken(box) == 0

    store.turn(1.0 + LOOK_ON_S)

    assert _taken(box) == 1
    box.close()


def test_nobody_looks_at_a_program(tmp_path: Path, store: Store) -> None:
    """The space of a program's stored lines is its own again at once."""
    box = made(tmp_path)
    write(box, "one")

    store.turn(1.0)

    assert _taken(box) == 1
    box.close()


def test_box_that_ended_well_goes(tmp_path: Path, store: Store) -> None:
    """Once it is stored, and others have had the time to read it."""
    path = left_by(tmp_path, how="end")
    assert len(store.turn(1.0)) == 5
    store.turn(1.0 + LOOK_ON_S)
    store.turn(2.0 + LOOK_ON_S)
    assert [box.state for box in store.watch.boxes] == [ENDED]
    assert path.exists()

    store.turn(3.0 + LOOK_ON_S + REMOVE_AFTER_S)

    assert not path.exists()
    assert store.watch.boxes == []


def test_box_of_who_died_stays_and_is_read_once(tmp_path: Path, store: Store) -> None:
    """For a post-mortem; the agent has done with it, and opens it no more."""
    path = left_by(tmp_path)
    assert len(store.turn(1.0)) == 5
    for at_s in (2.0, 3.0, 4.0, 30.0):
        assert store.turn(at_s) == []

    assert path.exists()
    assert store.watch.boxes == []


def test_last_words_of_who_died(tmp_path: Path, store: Store) -> None:
    """What lay in the files of its descriptors becomes lines, once."""
    path = left_by(tmp_path)
    path.with_suffix(".err").write_text("Fatal Python error: Segmentation fault\n")
    store.turn(1.0)

    assert store.turn(2.0) == ["Fatal Python error: Segmentation fault"]

    assert BLOCK in store.positions[NAME]
    assert [store.turn(at_s) for at_s in (3.0, 4.0)] == [[], []]
    assert not path.with_suffix(".err").exists()


def test_last_words_name_who_may_have_said_them(tmp_path: Path) -> None:
    """Nobody knows which of those that ran wrote them."""
    path = left_by(tmp_path)
    path.with_suffix(".out").write_text("hello\n")
    watched = Watched(path, None)
    watched.poll(ANY)

    (found,) = watched.poll(ANY)

    more = found.record[5]
    assert more["stream"] == "stdout"
    assert len(more["candidates"]) == 5
    assert watched.state == DIED
    watched.reader.close()


def test_a_turn_takes_so_much_and_no_more(tmp_path: Path) -> None:
    """What one turn does not read of a box, the next ones do, to its end."""
    box = made(tmp_path)
    write(box, *(str(number) for number in range(25)))
    box.close()
    watched = Watched(box.path, None)
    said: list[int] = []

    while not watched.is_read:
        said.append(len(watched.poll(10)))
        assert watched.last_ns > 0

    assert said == [10, 10, 5, 0]
    watched.reader.close()


def test_boxes_of_direct_processes_are_theirs(tmp_path: Path, store: Store) -> None:
    """A process that delivers by itself is left alone, until it is gone."""
    box = made(tmp_path, agent="direct")
    write(box, "one")
    assert store.turn(1.0) == []

    box.close()

    assert store.turn(2.0) == ["one"]


def test_drivers_are_counted(tmp_path: Path, store: Store) -> None:
    """An app lives as long as the box of its driver is written."""
    driver, program = made(tmp_path, "dv-1", kind="driver"), made(tmp_path)
    store.turn(1.0)
    assert store.watch.apps == 1
    assert [each.state for each in store.watch.boxes] == [ALIVE, ALIVE]

    driver.close()
    store.turn(2.0)

    assert store.watch.apps == 0
    program.close()


def test_a_program_may_want_an_agent_beside_it(tmp_path: Path, store: Store) -> None:
    """It counts as an app for as long as it lives; others do not."""
    wants, other = made(tmp_path, "ps-1", agent="process"), made(tmp_path, "ps-2")
    store.turn(1.0)
    assert store.watch.apps == 1

    wants.close()
    store.turn(2.0)

    assert store.watch.apps == 0
    other.close()


def test_a_file_that_is_no_box_is_said_once(tmp_path: Path, store: Store) -> None:
    """Garbage stops nobody, and is named."""
    (tmp_path / f"x{SUFFIX}").write_bytes(b"garbage" * 1_000)
    box = made(tmp_path)
    write(box, "one")

    assert store.turn(1.0) == ["one"]
    store.turn(2.0)

    (problem,) = store.problems
    assert "no black box" in problem
    box.close()


def test_a_box_that_is_gone_is_let_go(tmp_path: Path, store: Store) -> None:
    """Somebody else may clear the folder."""
    box = made(tmp_path)
    store.turn(1.0)

    box.path.unlink()
    store.turn(2.0)

    assert store.watch.boxes == []
    box.close()


def _taken(box: BlackBox) -> int:
    with BoxReader(box.path, taking=True) as reader:
        return 0 if reader.poll() else 1
