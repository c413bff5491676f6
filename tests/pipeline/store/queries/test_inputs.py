"""Which inputs there were, and what happened to one of them."""

from __future__ import annotations

from typing import Any

import pytest

from telemetry.core.errors import InvalidError
from telemetry.pipeline.store.queries.inputs import (
    InputCursor,
    InputFilter,
    Order,
    input_life,
    inputs,
    matching_inputs,
    neighbours,
)
from telemetry.pipeline.store.queries.reading import Reader
from tests.pipeline.store.queries.afternoon import A, B
from tests.pipeline.store.records import CALL, SECOND, T0, input_id


def numbers(reader: Reader, **wanted: Any) -> list[int]:
    """The inputs that match, by their numbers, the newest first."""
    found = inputs(reader, InputFilter(**wanted)).inputs
    return [int(each.input_id[-4:]) for each in found]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, [8, 7, 6, 4, 5, 3, 2, 1]),
        ({"function": "resize"}, [8, 7]),
        ({"function": "no such function"}, []),
        ({"outcome": "error"}, [4]),
        ({"outcome": "cancelled"}, [5, 2]),
        ({"outcome": "success"}, [8, 7, 3, 1]),
        ({"outcome": "running"}, [6]),
        ({"since_ns": T0 + 20 * SECOND}, [8, 7, 6, 4]),
        ({"until_ns": T0 + 2 * SECOND}, [1]),
        ({"slower_than_s": 10.0}, [3, 1]),
        ({"burst": True}, [2]),
        ({"container_id": B}, [6, 3]),
        ({"container_id": A, "outcome": "success"}, [3, 1]),
        ({"call_id": CALL, "since_ns": T0 + 25 * SECOND}, [6]),
        ({"parent": input_id(1)}, [6]),
        ({"text": "00004"}, [4]),
        ({"text": "in-01J"}, [8, 7, 6, 4, 5, 3, 2, 1]),
        ({"text": "%4"}, []),
    ],
)
def test_filters(asked: Reader, wanted: dict[str, Any], expected: list[int]) -> None:
    """Each filter leaves out what it says, and nothing else."""
    assert numbers(asked, **wanted) == expected


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("newest", [8, 7, 6, 4, 5, 3, 2, 1]),
        ("oldest", [1, 2, 3, 5, 4, 6, 7, 8]),
        ("slowest", [1, 3, 5, 2, 8, 7, 4, 6]),
        ("waited", [1, 3, 8, 7, 6, 5, 4, 2]),
    ],
)
def test_pages_make_the_whole_list(
    asked: Reader, order: Order, expected: list[int]
) -> None:
    """One page behind the other: everything once, in order, also where values tie."""
    found: list[int] = []
    after: InputCursor | None = None
    for _ in range(8):
        page = inputs(asked, InputFilter(), order=order, limit=1, after=after)
        found += [int(each.input_id[-4:]) for each in page.inputs]
        after = page.more
    assert after is None
    assert found == expected


def test_one_input_with_all_that_happened(asked: Reader) -> None:
    """An input that had to move: both executions, and what it is now."""
    life = input_life(asked, input_id(3))

    assert life is not None
    assert (life.input.outcome, life.input.attempts) == ("success", 2)
    assert (life.input.wait_reason, life.input.container_id) == ("retry", B)
    first, second = life.executions
    assert (first.container_id, first.slot, first.ending) == (A, 2, "neighbour")
    assert (first.zone, first.concurrency, first.burst) == ("burst", 3, 1)
    assert (second.attempt, second.ending, second.process) == (1, "success", B)
    assert second.ended_ns == T0 + 15 * SECOND


def test_an_input_knows_its_children(asked: Reader) -> None:
    """The calls that its body made lead on."""
    life = input_life(asked, input_id(1))

    assert life is not None
    assert life.children == [input_id(6)]
    assert input_life(asked, "in-unknown") is None


def test_an_exact_id_excludes_all_others(asked: Reader) -> None:
    """A short id may mean several; a whole one means one."""
    assert [each.input_id for each in matching_inputs(asked, input_id(3))] == [
        input_id(3)
    ]
    assert len(matching_inputs(asked, "in-", limit=3)) == 3
    assert matching_inputs(asked, "nothing") == []


def test_neighbours_ran_in_the_same_container_meanwhile(asked: Reader) -> None:
    """Whoever shared a container with an input while it ran; in each attempt."""
    found = neighbours(asked, input_id(1))
    assert [(each.input_id, each.attempt) for each in found] == [
        (input_id(2), 0),
        (input_id(3), 0),
    ]
    assert [each.input_id for each in neighbours(asked, input_id(3))] == [
        input_id(1),
        input_id(2),
    ]
    assert neighbours(asked, input_id(4)) == []
    # Without a container it is the process that counts; to touch is no overlap.
    assert neighbours(asked, input_id(8)) == []


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"limit": 0}, "limit is 0; it must be from 1 to 10000"),
        ({"order": "best"}, "order is 'best'; it must be one of newest, oldest"),
    ],
)
def test_bad_questions_are_refused(
    asked: Reader, given: dict[str, Any], match: str
) -> None:
    """The message says the value and what it may be."""
    with pytest.raises(InvalidError, match=match):
        inputs(asked, InputFilter(), **given)
    with pytest.raises(InvalidError, match="outcome is 'fine'; it must be one of"):
        InputFilter(outcome="fine")
