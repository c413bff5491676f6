"""Containers die under their inputs, and nothing is lost or done twice."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

from telemetry.capture.runtime_records import ContainerStarting, InputSettled
from telemetry.core.outcome import Outcome
from telemetry.policy.retries import MAX_LOSSES
from telemetry.runtime.exception import InternalFailure
from tests.runtime.chaos import apps
from tests.runtime.chaos.books import Books, kill, killer, until, zygote

INPUTS = int(os.environ.get("CHAOS_INPUTS", "2000"))


@pytest.mark.parametrize("name", ["square", "square_sync"])
def test_map_while_containers_are_killed(books: Books, name: str) -> None:
    """Every result is right and every input settles once, whoever is killed."""
    function: Any = {"square": apps.square, "square_sync": apps.square_sync}[name]
    inputs = INPUTS if name == "square" else INPUTS // 2
    with apps.app.run(on_record=books), killer(books, (0.1, 0.2)) as hit:
        results = list(function.map(range(inputs), return_exceptions=True))

    wrong = [(n, r) for n, r in enumerate(results) if r != n * n]
    assert wrong == []
    assert hit
    books.check(inputs)
    assert books.outcomes() == {Outcome.SUCCESS: inputs}


def test_zygote_killed(books: Books, mark: str) -> None:
    """Without the process that forks containers, those go on and new ones come."""
    with apps.app.run(on_record=books):
        call = apps.square.map(range(300), order_outputs=False)
        results = [next(call) for _ in range(10)]
        kill(zygote(mark))
        results += list(call)
        for pid in books.living():
            kill(pid)
        results += list(apps.square.map(range(300, 400)))

    assert sorted(results) == [n * n for n in range(400)]
    books.check(400)


def test_zygote_and_containers_killed_together(books: Books, mark: str) -> None:
    """Everything below the driver is killed at once, in the middle of a map."""
    with apps.app.run(on_record=books):
        call = apps.square.map(range(200), order_outputs=False)
        results = [next(call) for _ in range(10)]
        kill(zygote(mark))
        for pid in books.living():
            kill(pid)
        results += list(call)

    assert sorted(results) == [n * n for n in range(200)]
    books.check(200)


def test_zygote_killed_while_nothing_runs(books: Books, mark: str) -> None:
    """An app whose zygote died in its sleep starts containers when they are needed."""
    with apps.app.run(on_record=books):
        until(lambda: _has_zygote(mark), "the zygote")
        kill(zygote(mark))
        assert apps.echo.remote(5) == 5

    books.check(1)


def test_zygote_killed_before_it_has_forked(books: Books, mark: str) -> None:
    """Starts that the zygote takes along are no fault of the function's.

    The zygote stands still while three containers are asked of it, and dies.
    """
    with apps.app.run(on_record=books):
        until(lambda: _has_zygote(mark), "the zygote")
        forker = zygote(mark)
        os.kill(forker, signal.SIGSTOP)
        call = apps.crowd.spawn(7)
        until(lambda: len(books.of(ContainerStarting)) >= 3, "three starts")
        kill(forker)
        assert call.get(timeout=20) == 7

    books.check(1)


def _has_zygote(mark: str) -> bool:
    try:
        return zygote(mark) > 0
    except LookupError:
        return False


def test_exit_beside_neighbours(books: Books) -> None:
    """A body that ends its process costs its neighbours attempts, never their result.

    It is forgiven eight times itself, and then it is lost.
    """
    inputs, culprit = 24, 5
    with apps.app.run(on_record=books):
        results = list(
            apps.beside.map(
                range(inputs), kwargs={"culprit": culprit}, return_exceptions=True
            )
        )

    assert isinstance(results[culprit], InternalFailure)
    others = [each for n, each in enumerate(results) if n != culprit]
    assert [each[0] for each in others] == [n for n in range(inputs) if n != culprit]
    books.check(inputs)
    (lost,) = [e for e in books.of(InputSettled) if e.outcome is Outcome.LOST]
    assert lost.attempt == MAX_LOSSES


def test_two_culprits_in_a_crowd(books: Books) -> None:
    """Several bodies that end their process take none of the innocent along."""
    with apps.app.run(on_record=books):
        calls = [apps.beside.spawn(n, n if n in {3, 11} else -1) for n in range(20)]
        lost = 0
        for number, call in enumerate(calls):
            if number in {3, 11}:
                with pytest.raises(InternalFailure, match="its container died 9 times"):
                    call.get(timeout=30)
                lost += 1
            else:
                assert call.get(timeout=30)[0] == number

    assert lost == 2
    books.check(20)


def test_killed_while_it_stops(books: Books) -> None:
    """Containers that are killed while the app ends do not hold it up."""
    with apps.app.run(on_record=books), killer(books, (0.005, 0.01)):
        calls = [apps.patient.spawn(n, 5.0) for n in range(8)]
        until(lambda: len(books.living()) > 0, "a container")

    assert len(calls) == 8
    books.check(8)
    assert set(books.outcomes()) <= {Outcome.CANCELLED, Outcome.LOST}
