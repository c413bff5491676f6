"""What was said, by whom and when."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telemetry.core.errors import InvalidError
from telemetry.pipeline.store.queries import windows
from telemetry.pipeline.store.queries.lines import (
    LineCursor,
    LineFilter,
    lines,
    lines_after,
)
from telemetry.pipeline.store.queries.reading import Reader
from tests.pipeline.store.queries.afternoon import A, B
from tests.pipeline.store.records import (
    PROG,
    SECOND,
    T0,
    Kept,
    identity,
    input_id,
    line,
)

EVERYTHING = [
    "begin one",
    "begin two",
    "whose is this",
    "begin three",
    "begin three once more",
    "end one",
    "translate failed",
    "too late",
    "Connection refused: retrying",
    "resizing",
]


@pytest.fixture(params=[0, 1 << 20], ids=["indexed", "read"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether text is looked for in the index, or in the lines: it finds the same."""
    name = "telemetry.pipeline.store.queries.lines._READ_LINES"
    monkeypatch.setattr(name, request.param)


def events(reader: Reader, **wanted: Any) -> list[str]:
    """What the lines that match say, in the order of time."""
    return [each.line.event for each in lines(reader, LineFilter(**wanted)).lines]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, EVERYTHING),
        ({"input_id": input_id(1)}, ["begin one", "end one"]),
        ({"input_id": input_id(3)}, ["begin three", "begin three once more"]),
        ({"input_id": "in-unknown"}, []),
        ({"level": "warning"}, ["end one", "translate failed"]),
        ({"stream": "stdout"}, ["whose is this"]),
        ({"logger": "app.db"}, ["begin two"]),
        ({"logger": "app"}, EVERYTHING),
        ({"logger": "ap"}, []),
        ({"function": "resize"}, ["resizing"]),
        (
            {"container_id": B},
            ["begin three once more", "Connection refused: retrying"],
        ),
        ({"container_id": A, "unattributed": True}, ["whose is this"]),
        ({"process": "ps-1"}, ["resizing"]),
        ({"unattributed": True}, ["whose is this"]),
        ({"late": True}, ["too late"]),
        (
            {"late": False, "since_ns": T0 + 22 * SECOND},
            ["Connection refused: retrying", "resizing"],
        ),
        (
            {"since_ns": T0 + 5 * SECOND, "until_ns": T0 + 10 * SECOND},
            ["begin three", "begin three once more", "end one"],
        ),
        ({"text": "connection refu"}, ["Connection refused: retrying"]),
        ({"text": "onnection"}, []),
        ({"text": "refused connection"}, []),
        ({"text": "three once"}, ["begin three once more"]),
        ({"text": "KeyError(word"}, ["translate failed"]),
        ({"text": ": "}, ["translate failed", "Connection refused: retrying"]),
        (
            {"text": "begin", "input_id": input_id(3), "until_ns": T0 + 6 * SECOND},
            ["begin three"],
        ),
    ],
)
def test_filters(asked: Reader, wanted: dict[str, Any], expected: list[str]) -> None:
    """Each filter leaves out what it says, and nothing else."""
    assert events(asked, **wanted) == expected


def test_a_line_is_whole(asked: Reader) -> None:
    """All that the line said, and whose it was, as it was written."""
    (first, *_, failed) = lines(asked, LineFilter(until_ns=T0 + 21 * SECOND)).lines

    said = first.line
    assert (said.fields, said.logger, said.thread) == ({"n": 1}, "app", "MainThread")
    assert (said.input_id, said.function, said.slot) == (input_id(1), "translate", 0)
    assert (said.container_id, first.process) == (A, A)
    assert said.trace_id is not None
    assert said.span_id is not None
    assert failed.line.exception is not None
    assert failed.line.exception.startswith("Traceback")
    whose = lines(asked, LineFilter(unattributed=True)).lines[0].line
    assert (whose.input_id, whose.candidates) == (None, (input_id(1), input_id(2)))


def test_lines_of_a_batch_are_those_of_each_member(kept: Kept, reader: Reader) -> None:
    """Whichever member is asked for, its lines name all of them."""
    ids = (input_id(1), input_id(2))
    kept.take(PROG, line("both", identity(1, batch=ids)))

    for each in ids:
        (found,) = lines(reader, LineFilter(input_id=each)).lines
        assert (found.line.event, found.line.batch_input_ids) == ("both", ids)
        assert lines_after(reader, LineFilter(input_id=each), 0) == [found]


def test_pages_lead_back_in_time(asked: Reader) -> None:
    """The newest first, then what was before: everything once."""
    found: list[str] = []
    before: LineCursor | None = None
    while True:
        page = lines(asked, LineFilter(), limit=3, before=before)
        found = [each.line.event for each in page.lines] + found
        before = page.older
        if before is None:
            break

    assert found == EVERYTHING


def test_following_gives_each_new_line_once(kept: Kept, reader: Reader) -> None:
    """From the page's last number on, in the order in which lines come in."""
    kept.take(PROG, line("old", at_s=5.0))
    last = lines(reader, LineFilter()).last
    kept.take(PROG, line("new"), line("error", level="error"))

    assert [each.line.event for each in lines_after(reader, LineFilter(), last)] == [
        "new",
        "error",
    ]
    found = lines_after(reader, LineFilter(level="error"), last)
    assert [each.line.event for each in found] == ["error"]
    assert lines_after(reader, LineFilter(), found[-1].number) == []


def test_the_newest_are_found_among_many_that_came_in_any_order(
    kept: Kept, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Boxes that are read late, and clocks that leap, do not hide newer lines."""
    monkeypatch.setattr("telemetry.pipeline.store.stretches.LINES", 8)
    rng = random.Random(5)
    times = []
    for _ in range(60):
        base = rng.choice([0, 1_000, 1_030, 5_000]) + rng.random() * 50
        batch = [round(base + rng.random() * rng.choice([1, 90]), 3) for _ in range(9)]
        times += batch
        kept.take(PROG, *[line(f"{at}", at_s=at) for at in batch])
    newest_first = sorted(times, reverse=True)
    assert kept.rows("select count(*) from stretches")[0][0] > 40

    for limit in (1, 7, 200):
        found = lines(reader, LineFilter(), limit=limit).lines
        assert [float(each.line.event) for each in reversed(found)] == (
            newest_first[:limit]
        )
    odd = [at for at in newest_first if f"{at}".startswith("50")]
    found = lines(reader, LineFilter(text="50"), limit=20).lines
    assert [float(each.line.event) for each in reversed(found)] == odd[:20]


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.integers(1, 40), st.integers(1, 5), st.integers(0, 99)),
        max_size=60,
    )
)
def test_windows_cover_each_stretch_once(given_: list[tuple[int, int, int]]) -> None:
    """Whatever the stretches, each number is read once, and what is left is older."""
    first, stretches = 1, []
    for gap, length, newest in given_:
        first += gap
        stretches.append(windows.Stretch(first, first + length - 1, newest))
        first += length
    ordered = sorted(stretches, key=lambda each: -each.max_ns)

    read: list[int] = []
    for window in windows.windows(ordered):
        for begin, end in window.ranges:
            read += range(begin, end + 1)
        left = [each.max_ns for each in ordered if each.first not in read]
        assert window.newest_ns == max(left, default=None)

    every = [n for each in stretches for n in range(each.first, each.last + 1)]
    assert sorted(read) == every


@pytest.mark.parametrize(
    ("wanted", "match"),
    [
        ({"text": "  "}, "not blanks alone"),
        ({"text": "x" * 1_001}, "has 1001 characters"),
        ({"level": "loud"}, "level is 'loud'; it must be one of debug, info"),
    ],
)
def test_bad_questions_are_refused(
    asked: Reader, wanted: dict[str, Any], match: str
) -> None:
    """The message says the value and what it may be."""
    with pytest.raises(InvalidError, match=match):
        lines(asked, LineFilter(**wanted))
