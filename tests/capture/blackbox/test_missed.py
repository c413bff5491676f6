"""Who only looks on knows how much was gone before it was seen."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from telemetry.capture.blackbox.box import BlackBox
from telemetry.capture.blackbox.reader import BoxReader
from telemetry.capture.blackbox.records import NO_INPUT, encode
from telemetry.core.scope import InputScope

MIB = 1 << 20
RECORDS = 40_000


@pytest.fixture
def box(tmp_path: Path) -> Iterator[BlackBox]:
    """A small box: everything that is written here fits it several times over."""
    made = BlackBox(tmp_path / "x.box", {}, budget_bytes=MIB, slots=0)
    yield made
    made.close()


def written(box: BlackBox, scopes: list[InputScope], number: int) -> None:
    """One record, of an input that is chosen by its number."""
    scope = scopes[number * 7919 % len(scopes)]
    body = encode([20, ["x", {}], None, "t", [number + 1, "event", [], {"n": number}]])
    box.append(scope, body)


@pytest.mark.parametrize("taking", [True, False])
@pytest.mark.parametrize("every", [97, 3_000, 100_000])
def test_what_is_not_read_is_counted(box: BlackBox, every: int, taking: bool) -> None:
    """Read and missed are all, however seldom it looks, and whoever takes."""
    draw = random.Random(every)
    scopes = [InputScope(f"in-{n}", head=NO_INPUT) for n in range(5)]
    taker = BoxReader(box.path, taking=True) if taking else None
    seen = 0
    with BoxReader(box.path) as reader:
        for number in range(RECORDS):
            written(box, scopes, number)
            if taker is not None and number % 50 == 0:
                taker.poll(draw.randrange(1, 200))
                taker.taken()
            if number % every == 0:
                seen += len(reader.poll(draw.choice([10, 100_000])))
                assert seen + reader.missed() <= number + 1
        seen += len(reader.poll())

        assert reader.missed() == RECORDS - seen
        assert reader.missed() > 0 or every < RECORDS
    if taker is not None:
        taker.close()


def test_what_was_gone_before_is_not_missed(box: BlackBox) -> None:
    """It counts from when it began to look."""
    scopes = [InputScope("in-0", head=NO_INPUT)]
    for number in range(RECORDS):
        written(box, scopes, number)
    with BoxReader(box.path) as reader:
        reader.poll()

        assert reader.dropped()["evicted"] > 0
        assert reader.missed() == 0


def test_who_takes_and_is_alone_misses_nothing(box: BlackBox) -> None:
    """What it has taken gives way, and was read."""
    scopes = [InputScope("in-0", head=NO_INPUT)]
    seen = 0
    with BoxReader(box.path, taking=True) as reader:
        for number in range(RECORDS):
            written(box, scopes, number)
            if number % 100 == 0:
                seen += len(reader.poll())
                reader.taken()
        seen += len(reader.poll())

        assert (seen, reader.missed()) == (RECORDS, 0)
