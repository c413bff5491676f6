"""Arguments and results of every kind and size."""

from __future__ import annotations

import threading

import pytest

from telemetry.core.outcome import Outcome
from telemetry.runtime import FunctionCall
from telemetry.runtime.exception import (
    DeserializationError,
    ExecutionError,
    InvalidError,
)
from tests.runtime.chaos import apps
from tests.runtime.chaos.books import Books


def test_what_cannot_travel(books: Books) -> None:
    """Whatever cannot be encoded or decoded, and wherever, is told as such."""
    with apps.app.run(on_record=books):
        with pytest.raises(InvalidError, match="arguments of input 0 cannot be pickle"):
            apps.echo.remote(threading.Lock())
        with pytest.raises(InvalidError, match="stays here"):
            apps.echo.remote(apps.CannotTravel())
        with pytest.raises(DeserializationError, match="argument cannot be decoded"):
            apps.echo.remote(apps.OnlyHere())
        with pytest.raises(InvalidError, match="a lock, cannot be pickled"):
            apps.hostile.remote("unpicklable result")
        with pytest.raises(InvalidError, match="stays here"):
            apps.hostile.remote("result that stays")
        with pytest.raises(DeserializationError, match="the result cannot be decoded"):
            apps.hostile.remote("result only here")
        with pytest.raises(ExecutionError, match="StubbornError"):
            apps.hostile.remote("stubborn")
        assert apps.hostile.remote("fine") == "fine"


def test_one_bad_argument_in_a_map(books: Books) -> None:
    """An argument that only the container cannot decode spoils no other input."""
    values = [1, apps.OnlyHere(), 3, threading.Lock(), 5]
    with apps.app.run(on_record=books):
        results = list(apps.echo.map(values, return_exceptions=True))

    assert results[::2] == [1, 3, 5]
    assert isinstance(results[1], DeserializationError)
    assert isinstance(results[3], InvalidError)


def test_a_hundred_megabytes_each_way(books: Books) -> None:
    """An argument and a result of 100 MB arrive whole."""
    data = bytes(range(256)) * 390_625
    with apps.app.run(on_record=books):
        assert apps.echo.remote(data) == data

    books.check(1)


def test_small_inputs_beside_a_large_one(books: Books) -> None:
    """Ten thousand small inputs and one of 50 MB in the middle of them."""
    with apps.app.run(on_record=books):
        large = apps.square.spawn(2)  # another pool, so that both are busy
        values = [b"x" * (50_000_000 if n == 5000 else n % 7) for n in range(10_000)]
        sizes = list(apps.size.map(values))
        assert large.get(timeout=20) == 4

    assert sizes == [len(value) for value in values]
    books.check(10_001)


def test_a_million_elements(books: Books) -> None:
    """A list of a million numbers is one argument and one result."""
    values = list(range(1_000_000))
    with apps.app.run(on_record=books):
        assert apps.echo.remote(values) == values


def test_two_hundred_variants(books: Books) -> None:
    """Each variant of a function has a pool of its own, and all end."""
    variants = [apps.echo.with_options(timeout=100 + n) for n in range(200)]
    with apps.app.run(on_record=books):
        calls = [each.spawn(n) for n, each in enumerate(variants)]
        assert [call.get(timeout=40) for call in calls] == list(range(200))

    books.check(200)


def test_a_thousand_calls_by_id(books: Books) -> None:
    """A thousand calls are found by their ids, more than once."""
    with apps.app.run(on_record=books):
        ids = [apps.square.spawn(n, 0.0).object_id for n in range(1000)]
        for _ in range(2):
            found = [FunctionCall.from_id(each).get(timeout=20) for each in ids]
            assert found == [n * n for n in range(1000)]

    books.check(1000)
    assert books.outcomes() == {Outcome.SUCCESS: 1000}
