"""Records go to the journal and to the observer, and neither waits for the other."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from telemetry.capture.runtime_records import ContainerStarting, Record
from telemetry.runtime.driver import observing, reports
from telemetry.runtime.driver.observing import Observer
from telemetry.runtime.driver.reports import Reports
from tests.runtime.mechanism.stand_ins import LIMIT_S, opened


class FakeJournal:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.dropped = 0
        self.came = threading.Condition()
        self.closed = threading.Event()

    def write(self, record: Record) -> None:
        with self.came:
            self.records.append(record)
            self.came.notify_all()

    def look(self, now_s: float) -> None:
        """Nothing is due."""

    def missed(self, count: int) -> None:
        self.dropped += count

    def close(self) -> None:
        self.closed.set()

    def wait(self, count: int) -> None:
        """Until so many have come."""
        with self.came:
            assert self.came.wait_for(lambda: len(self.records) >= count, LIMIT_S)


def record(number: int) -> Record:
    """A record that can be told from others."""
    return ContainerStarting(float(number), "f", f"ct-{number}")


def test_a_stuck_observer_does_not_hold_up_the_journal(tmp_path: Path) -> None:
    """It is a user's function: what it does is its own affair."""
    gate = threading.Event()
    journal: Any = FakeJournal()
    made = Reports(tmp_path, lambda _record: opened(gate, "the observer"), journal)
    made.start()
    for number in range(5):
        made.records([record(number)])
    journal.wait(5)
    stopped = made.stop(0.2)
    gate.set()

    assert [each.at_s for each in journal.records] == [0, 1, 2, 3, 4]
    assert journal.closed.is_set()
    assert not stopped


@pytest.mark.parametrize(
    ("on_record", "journal", "observed"),
    [(None, None, False), (print, None, True), (None, FakeJournal(), True)],
)
def test_records_are_made_only_where_somebody_wants_them(
    tmp_path: Path, on_record: Any, journal: Any, observed: bool
) -> None:
    """For an observer, or for a journal."""
    assert Reports(tmp_path, on_record, journal).is_observed == observed


def test_what_is_too_much_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the journal, and at the end on stderr."""
    monkeypatch.setattr(reports, "MAX_WAITING", 3)
    journal: Any = FakeJournal()
    made = Reports(tmp_path, None, journal)
    made.records([record(0), record(1), record(2)])
    made.records([record(3), record(4)])
    made.start()

    assert made.stop(LIMIT_S)
    assert (len(journal.records), journal.dropped) == (3, 2)
    assert "2 records were dropped" in capsys.readouterr().err


def test_an_observer_gets_all_in_order_and_no_more_than_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What does not fit is counted and not kept."""
    monkeypatch.setattr(observing, "MAX_WAITING", 3)
    seen: list[Record] = []
    made = Observer(seen.append)
    for number in range(5):
        made.records([record(number)])
    made.start()

    assert made.stop(LIMIT_S)
    assert seen == [record(0), record(1), record(2)]
    assert made.dropped == 2


def test_an_observer_that_raises_is_left_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Once, with its traceback; the others are not harmed."""
    calls: list[Record] = []

    def fails(each: Record) -> None:
        calls.append(each)
        raise ZeroDivisionError("mine")

    made = Observer(fails)
    made.start()
    made.records([record(0), record(1)])
    assert made.stop(LIMIT_S)
    said = capsys.readouterr().err

    assert calls == [record(0)]
    assert "on_record raised; it is not called any more" in said
    assert "ZeroDivisionError: mine" in said
