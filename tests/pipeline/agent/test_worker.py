"""What one transaction of the agent accepts, whatever lies in its folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest

from telemetry.capture.blackbox.places import SUFFIX
from telemetry.capture.blackbox.reader import NotABoxError
from telemetry.pipeline.agent import gathering
from telemetry.pipeline.agent.boxes import BOX_BYTES
from telemetry.pipeline.receiver.http_head import RefusedError
from telemetry.pipeline.receiver.received import Outcome
from telemetry.pipeline.store.failures import StoreDamagedError, StoreFullError
from tests.pipeline.agent.workshop import MIB, NOWHERE, Workshop, made, sent, write

TO_COLLECTOR = {"OTEL_EXPORTER_OTLP_ENDPOINT": NOWHERE}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Workshop]:
    """One whose records go to a Collector, which is away."""
    found = Workshop(tmp_path, TO_COLLECTOR)
    yield found
    found.worker.close()


def test_a_box_that_cannot_be_dealt_with_keeps_nobody(shop: Workshop) -> None:
    """The others are stored; it is named once, and its file stays as it is."""
    bad = made(shop.place.boxes, "ps-0", resource_attributes={1: "no text"})
    good = made(shop.place.boxes, "ps-1")
    write(bad, "bad")
    write(good, "one")
    shop.turns()
    write(good, "two")
    shop.turns()

    assert shop.said() == {"one": 1, "two": 1}
    assert [each for each in shop.problems if "ps-0" in each] == shop.problems
    assert len(shop.problems) == 1
    bad.close()
    shop.turns()
    assert bad.path.exists()
    good.close()


def test_the_app_of_a_bad_box_keeps_its_agent(shop: Workshop) -> None:
    """An agent does not leave because it cannot read what a driver writes."""
    bad = made(shop.place.boxes, kind="driver", resource_attributes={1: "no text"})
    write(bad, "bad")

    shop.turns()

    assert shop.problems
    assert shop.worker.watch.apps == 1
    bad.close()
    shop.turns()
    assert shop.worker.watch.apps == 0
    assert shop.worker.watch.boxes == []


def test_a_name_that_is_no_text(shop: Workshop) -> None:
    """It cannot be stored, and is said."""
    (shop.place.boxes / os.fsdecode(b"ps-\xff.box")).write_bytes(b"x" * 9_000)
    box = made(shop.place.boxes)
    write(box, "one")

    shop.turns()

    assert shop.said() == {"one": 1}
    assert len(shop.problems) == 1
    box.close()


def test_a_box_that_is_cut_off_while_it_is_read(shop: Workshop) -> None:
    """Its pages are gone: to look at them would end the process (SIGBUS)."""
    box, other = made(shop.place.boxes, "ps-0"), made(shop.place.boxes, "ps-1")
    write(box, "one")
    write(other, "two")
    shop.turns()
    (watched,) = [each for each in shop.worker.watch.boxes if each.name == "ps-0"]
    os.truncate(box.path, 0)
    with pytest.raises(NotABoxError, match="cut off"):
        watched.poll(1)
    write(other, "three")

    shop.turns()

    assert shop.said() == {"one": 1, "two": 1, "three": 1}
    assert any("cut off" in each for each in shop.problems)
    other.close()


def test_a_request_that_cannot_be_dealt_with(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is rejected for good, and the rest of the turn is stored once."""
    box = made(shop.place.boxes)
    write(box, "one")
    answers: list[Outcome] = []
    real = shop.worker.ledger.receive
    bad = sent("bad")
    monkeypatch.setattr(
        shop.worker.ledger,
        "receive",
        lambda request: 1 / 0 if request.body == bad else real(request),
    )
    shop.send("logs", bad, answers.append)
    shop.send("logs", sent("good"), answers.append)

    shop.turns()

    assert shop.said() == {"one": 1, "good": 1}
    refused = [each for each in answers if isinstance(each, RefusedError)]
    assert [each.status for each in refused] == [HTTPStatus.BAD_REQUEST]
    assert len(answers) == 2
    box.close()


def test_counters_that_cannot_be_written(shop: Workshop) -> None:
    """Those of one service begin anew, and nothing else is lost."""
    box = made(shop.place.boxes, service_name="images")
    write(box, "one")
    shop.turns()
    services = shop.worker.ledger._metering._services.values()
    for service in services:
        if service.identity["service_name"] == "images":
            service.deriver.lines(False, "resize", 1 << 70)
    write(box, "two")

    shop.turn(measure=True)
    write(box, "three")
    shop.turn(measure=True)

    assert shop.said() == {"one": 1, "two": 1, "three": 1}
    assert len(shop.problems) == 1
    assert "images" in shop.problems[0]
    box.close()


def test_a_full_disk(shop: Workshop) -> None:
    """Senders are told to come again; with space, everything is stored once."""
    box = made(shop.place.boxes)
    write(box, *(f"{number} {'x' * 900}" for number in range(400)))
    shop.turn()
    write(box, *(f"{number} {'x' * 900}" for number in range(400, 800)))
    pages = shop.ask("pragma page_count")[0][0]
    shop.ask(f"pragma max_page_count = {pages + 8}")
    answers: list[Outcome] = []
    shop.send("logs", sent("sent"), answers.append)

    for _ in range(2):
        with pytest.raises(StoreFullError, match="cannot grow"):
            shop.turn()
    shop.ask("pragma max_page_count = 1000000")
    shop.turns()

    assert [str(row[0]) for row in shop.ask("select event from logs order by id")] == [
        f"{number} {'x' * 900}" for number in range(800)
    ]
    (answer,) = answers
    assert isinstance(answer, RefusedError)
    assert answer.status == HTTPStatus.SERVICE_UNAVAILABLE
    items = shop.ask("select sum(items) from outbox where signal = 'logs'")
    assert items == [(800,)]
    box.close()


def test_a_store_that_is_damaged_while_it_is_written(shop: Workshop) -> None:
    """It is set aside, and what comes goes into another one, and its outbox."""
    box = made(shop.place.boxes, budget_bytes=8 * MIB)
    write(box, *("x" * 2_000 for _ in range(1_000)))
    shop.turns()
    shop.worker.ledger.store.checkpoint()
    shop.ask("pragma shrink_memory")
    with shop.place.store.open("r+b") as file:
        file.seek(8_192)
        file.write(b"\xff" * (os.fstat(file.fileno()).st_size - 8_192))
    write(box, "two")

    with pytest.raises(StoreDamagedError, match="damaged"):
        shop.turns()
    shop.turns()

    assert shop.said() == {"two": 1}
    assert len(shop.ledgers) == 2
    assert shop.ledgers[-1].outbox.waiting("logs", 0, MIB)
    assert any("kept as" in each for each in shop.problems)
    assert list(shop.place.base.glob("store.sqlite.corrupt-*"))
    box.close()


def test_a_store_that_is_damaged_from_the_start(shop: Workshop) -> None:
    """Whichever page it is: an agent can begin."""
    box = made(shop.place.boxes)
    write(box, *("x" * 2_000 for _ in range(100)))
    shop.turns()
    shop.worker.ledger.store.checkpoint()
    pages = shop.ask("select rootpage from sqlite_master where name = 'outbox'")
    size = shop.ask("pragma page_size")[0][0]
    shop.worker.close()
    with shop.place.store.open("r+b") as file:
        file.seek((pages[0][0] - 1) * size)
        file.write(b"\xff" * size)
    write(box, "two")

    shop.hired()
    shop.turns()

    assert shop.said() == {"two": 1}
    box.close()


@pytest.mark.parametrize("how", ["removed", "emptied"])
def test_a_store_that_is_gone(shop: Workshop, how: str) -> None:
    """What comes is not written to a file that nobody will ever find."""
    box = made(shop.place.boxes)
    write(box, "one")
    shop.turns()
    shop.worker.ledger.store.checkpoint()
    if how == "emptied":
        os.truncate(shop.place.store, 0)
    else:
        for path in shop.place.base.glob("store.sqlite*"):
            path.unlink()
    write(box, "two")

    shop.turns()

    assert shop.said() == {"two": 1}
    assert any("removed" in each for each in shop.problems)
    box.close()


def test_a_turn_holds_so_many_bytes(shop: Workshop) -> None:
    """A box full of large records is read in parts, and its ends are not lost."""
    box = made(shop.place.boxes, budget_bytes=16 * MIB)
    texts = [f"{number} {'x' * 60_000}" for number in range(160)]
    write(box, *texts, "y" * MIB)
    box.close()
    turns = 0
    while shop.turn():
        turns += 1
        sizes = shop.ask("select max(length(body)) from outbox")
        assert sizes[0][0] < BOX_BYTES + 2 * MIB

    assert turns >= 160 * 60_000 // BOX_BYTES
    assert shop.ask("select count(*) from logs") == [(161,)]


def test_a_chatty_box_does_not_keep_others_waiting(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With too much for a turn, each box has its turn."""
    monkeypatch.setattr(gathering, "TURN_RECORDS", 10)
    boxes = [made(shop.place.boxes, f"ps-{number}") for number in range(3)]
    for box in boxes:
        write(box, *[box.path.name] * 100)

    for _ in range(3):
        shop.turn()

    assert shop.said() == {f"ps-{number}{SUFFIX}": 10 for number in range(3)}
    for box in boxes:
        box.close()
