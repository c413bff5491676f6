"""Ids: the form of a ULID, rising order, no duplicates, whatever the clock does."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.core import ids

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


RANDOM = random.Random(7)


def source(
    *times_ms: int, bits: Callable[[int], int] = RANDOM.getrandbits
) -> ids.IdSource:
    """An id source whose clock shows these times, then keeps the last."""
    left = list(times_ms)
    return ids.IdSource(
        now_ms=lambda: left.pop(0) if len(left) > 1 else left[0], random_bits=bits
    )


def number(ulid: str) -> int:
    """The 130 bits that 26 characters of Crockford's base 32 stand for."""
    value = 0
    for character in ulid:
        value = value * 32 + ALPHABET.index(character)
    return value


def test_time_is_written_as_in_the_specification() -> None:
    """1469918176385 ms is 01ARYZ6S41, the example of the ULID specification."""
    made = source(1469918176385).one(ids.INPUT_PREFIX)

    assert made[: len("in-") + 10] == "in-01ARYZ6S41"


@pytest.mark.parametrize(
    ("prefix", "written"),
    [
        (ids.INPUT_PREFIX, "in-"),
        (ids.CALL_PREFIX, "fc-"),
        (ids.CONTAINER_PREFIX, "ct-"),
    ],
)
def test_prefixes_are_the_contract(prefix: str, written: str) -> None:
    """Inputs, function calls and containers are told apart by their ids."""
    assert source(1).one(prefix).startswith(written)


def test_random_part_is_what_the_source_gave() -> None:
    """The last 16 characters are the random number, undistorted."""
    drawn = 0x1234_5678_9ABC_DEF0_1234
    made = source(0, bits=lambda _: drawn).one("")

    assert number(made) == drawn


@given(
    drawn=st.integers(0, 2**79 - 1),
    count=st.integers(0, 3000),
    ms=st.integers(0, 2**48 - 1),
)
def test_batch_counts_up(drawn: int, count: int, ms: int) -> None:
    """A batch is the drawn number and those after it, 26 characters each."""
    made = source(ms, bits=lambda _: drawn).take("x-", count)

    assert [number(i.removeprefix("x-")) for i in made] == [
        (ms << 80) + drawn + n for n in range(count)
    ]
    assert all(len(i) == len("x-") + 26 for i in made)


def test_batch_crosses_the_table_of_pairs() -> None:
    """A carry into the upper characters loses no id and repeats none."""
    made = source(5, bits=lambda _: 2**20 - 2).take("", 4)

    assert [number(i) & (2**80 - 1) for i in made] == [2**20 + n for n in range(-2, 2)]


def test_ids_rise_within_a_millisecond() -> None:
    """Ids of one millisecond are in the order in which they were made."""
    ids_source = source(9)
    made = [ids_source.one("") for _ in range(50)] + ids_source.take("", 50)

    assert made == sorted(set(made))


def test_ids_rise_when_the_clock_goes_back() -> None:
    """A clock that is set back makes no id that sorts before an older one."""
    ids_source = source(1000, 10, 999, 1001)
    made = [ids_source.one("") for _ in range(4)]

    assert made == sorted(set(made))


def test_a_new_millisecond_draws_anew() -> None:
    """The random part is not the last one plus one in another millisecond."""
    draws = iter([1, 77])
    ids_source = source(1, 2, bits=lambda _: next(draws))

    assert [number(ids_source.one("")) & (2**80 - 1) for _ in range(2)] == [1, 77]


def test_draw_leaves_room_to_count() -> None:
    """One bit less than 80 is asked for, so that counting up cannot overflow."""
    asked: list[int] = []

    def bits(count: int) -> int:
        asked.append(count)
        return 0

    source(1, bits=bits).one("")

    assert asked == [79]


def test_no_duplicates_between_threads() -> None:
    """Threads that take batches at the same moment never get the same id."""
    ids_source = source(3)
    start = threading.Barrier(4)
    taken: list[list[str]] = []

    def take() -> None:
        start.wait()
        taken.append([i for _ in range(50) for i in ids_source.take("", 20)])

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made = [i for batch in taken for i in batch]

    assert len(set(made)) == len(made) == 4 * 50 * 20


def test_clock_is_read_under_the_lock() -> None:
    """No other thread is between the clock and the counter at the same time."""
    held: list[bool] = []

    def now_ms() -> int:
        held.append(ids_source._lock.locked())
        return 1

    ids_source = ids.IdSource(now_ms=now_ms, random_bits=lambda _: 1)
    ids_source.one("")

    assert held == [True]


def test_short_ids_differ_within_a_burst() -> None:
    """The short form tells apart what was made in one batch."""
    made = source(1).take(ids.INPUT_PREFIX, 2000)

    assert len({ids.short(i) for i in made}) == 2000
    assert {len(ids.short(i)) for i in made} == {6}
