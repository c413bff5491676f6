"""The status page says what runs where, to anybody who has the file."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from telemetry.capture.blackbox import layout
from telemetry.capture.blackbox.box import BlackBox
from telemetry.capture.blackbox.reader import BoxReader
from telemetry.capture.blackbox.status import PulseWriter, SlotTable
from telemetry.core.scope import InputScope

SLOTS = 4
SINCE_NS = 1_764_352_000_000_000_000


class Page:
    """A box with its status page, and a reader of it."""

    def __init__(self, folder: Path) -> None:
        self.box = BlackBox(
            folder / "one.box", {}, budget_bytes=layout.MIN_BUDGET_BYTES, slots=SLOTS
        )
        self.reader = BoxReader(folder / "one.box")
        self.table = SlotTable(self.box.head, self.box.sizes)


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    """A page that somebody reads."""
    made = Page(tmp_path)
    yield made
    made.reader.close()
    made.box.close()


def scope(input_id: str = "in-1", function: str | None = "f") -> InputScope:
    """An input."""
    return InputScope(input_id, function=function, attempt=2)


def test_a_row_says_what_runs_in_a_slot(page: Page) -> None:
    """Input, function, attempt, thread, and since when; until it ends."""
    page.table.start(3, scope(), SINCE_NS)
    [row] = page.reader.slots()

    assert (row.slot, row.input_id, row.function, row.attempt) == (3, "in-1", "f", 2)
    assert row.since_unix_ns == SINCE_NS
    assert row.thread == threading.get_ident() and not row.cancelled
    page.table.end(3)
    assert page.reader.slots() == []


def test_every_slot_has_a_row_of_its_own(page: Page) -> None:
    """All of them at once, and one that ends leaves the others as they are."""
    for slot in range(SLOTS):
        page.table.start(slot, scope(f"in-{slot}"), SINCE_NS)
    page.table.end(1)

    assert [row.input_id for row in page.reader.slots()] == ["in-0", "in-2", "in-3"]


def test_a_cancelled_input_that_runs_on_is_seen(page: Page) -> None:
    """It stays in its row, marked; its end is an end like any other."""
    running = scope()
    page.table.start(0, running, SINCE_NS)
    page.table.cancelled(0, running)

    assert [row.cancelled for row in page.reader.slots()] == [True]
    page.table.end(0)
    assert page.reader.slots() == []


def test_who_has_not_begun_is_not_marked(page: Page) -> None:
    """A slot in which nothing runs yet stays empty when its input is cancelled."""
    page.table.start(0, scope("in-before"), SINCE_NS)
    page.table.end(0)
    page.table.cancelled(0, scope("in-next"))

    assert page.reader.slots() == []


def test_an_end_beside_a_cancellation_leaves_no_ghost(page: Page) -> None:
    """It ends just before it is marked as cancelled: its row is empty afterwards."""
    running = scope()
    page.table.start(0, running, SINCE_NS)

    class EndsMeanwhile:
        """A page whose input ends between the look at it and the mark."""

        def __getitem__(self, at: int) -> int:
            return page.box.head[at]

        def __setitem__(self, at: int, value: int) -> None:
            if value == layout.CANCELLED:
                running.close()
                page.table.end(0)
            page.box.head[at] = value

    table = SlotTable(page.box.head, page.box.sizes)
    table._head = EndsMeanwhile()  # type: ignore[assignment]  # it is used like one
    table.cancelled(0, running)

    assert page.reader.slots() == []


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("x" * 64, "x" * 64),
        ("x" * 65, "x" * 64),
        ("x" * 63 + "\N{SNOWMAN}", "x" * 63),
        ("\N{SNOWMAN}" * 30, "\N{SNOWMAN}" * 21),
        ("a\ud800b", "a?b"),
        ("", ""),
    ],
)
def test_an_id_is_cut_between_characters(page: Page, given: str, shown: str) -> None:
    """Whatever a caller gave as an id: what is shown is text, of 64 bytes at most."""
    page.table.start(0, scope(given, "\N{SNOWMAN}" * 20), SINCE_NS)
    [row] = page.reader.slots()

    assert (row.input_id, row.function) == (shown, "\N{SNOWMAN}" * 13)


def test_a_slot_beyond_the_table_harms_nothing(page: Page) -> None:
    """More inputs than rows: they run, and are not in the table."""
    page.table.start(SLOTS, scope(), SINCE_NS)
    page.table.cancelled(SLOTS, scope())
    page.table.end(SLOTS)

    assert page.reader.slots() == []


def test_a_page_that_is_gone_harms_nothing(tmp_path: Path) -> None:
    """In a forked child, the parent's page cannot be written to any more."""
    page = Page(tmp_path)
    pulse = PulseWriter(page.box.head, 1)
    pulse.beat_busy()
    page.box.abandon()
    page.table.start(0, scope(), SINCE_NS)
    page.table.cancelled(0, scope())
    page.table.end(0)
    pulse.beat_idle()

    assert pulse.gone
    assert page.reader.slots() == []
    page.reader.close()


def test_rows_are_lent_lowest_first(page: Page) -> None:
    """Without a runtime that gives out slots: the lowest free row, or none."""
    taken = [page.table.take() for _ in range(SLOTS + 1)]
    assert taken == [0, 1, 2, 3, None]
    page.table.start(2, scope(), SINCE_NS)
    page.table.give_back(2)
    page.table.give_back(1)

    assert page.reader.slots() == []
    assert (page.table.take(), page.table.take(), page.table.take()) == (1, 2, None)


def test_threads_never_get_the_same_row(page: Page) -> None:
    """Rows that are lent are each lent to one."""
    doubles: list[int] = []
    owners = [0] * SLOTS

    def work() -> None:
        for _ in range(500):
            slot = page.table.take()
            if slot is not None:
                owners[slot] += 1
                if owners[slot] != 1:
                    doubles.append(slot)
                owners[slot] -= 1
                page.table.give_back(slot)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert doubles == []
    left = {page.table.take() for _ in range(SLOTS)}
    assert left == set(range(SLOTS))


def test_the_pulse_tells_busy_from_idle(page: Page) -> None:
    """Since when it is busy; nothing while it waits; and its last sign of life."""
    pulse = PulseWriter(page.box.head, 10**12)
    before_ns = time.monotonic_ns()
    pulse.beat_busy()
    busy = page.reader.pulse()
    pulse.beat_idle()
    idle = page.reader.pulse()

    assert before_ns <= busy.busy_since_ns == busy.beat_ns
    assert idle.busy_since_ns == 0 and idle.beat_ns >= busy.beat_ns
    assert (idle.blocked_ns, idle.ended_unix_ns) == (0, 0)


def test_only_long_stretches_count_as_held(page: Page) -> None:
    """A stretch above the threshold is added, in the page and for the process."""
    pulse = PulseWriter(page.box.head, 1000)
    pulse.busy_since_ns = time.monotonic_ns() - 5000
    pulse.beat_idle()
    held_ns = page.reader.pulse().blocked_ns
    assert held_ns >= 5000
    pulse.busy_since_ns = 100
    assert pulse.blocked_ns(1100) == held_ns
    assert pulse.blocked_ns(1101) == held_ns + 1001
