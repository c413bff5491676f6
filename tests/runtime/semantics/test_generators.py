"""Generators: chunks come as they are made, and no faster than they are taken."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from telemetry.capture.runtime_records import InputSettled
from telemetry.core.outcome import Outcome
from telemetry.runtime import Function
from telemetry.runtime.exception import FunctionTimeoutError, InvalidError
from telemetry.runtime.wire.messages import INITIAL_CREDIT
from tests.runtime.semantics import gates
from tests.runtime.semantics.apps.generators import (
    Counter,
    app,
    breaks,
    breaks_aio,
    counted,
    counted_aio,
    counted_thread,
    identified,
    identified_aio,
    late,
    numbers,
    numbers_aio,
    unreadable_chunk,
)
from tests.runtime.semantics.recorder import Recorder, recording

Counted = Function[[Path, int], int, Any]
COUNTED = [counted, counted_thread, counted_aio]


@pytest.fixture(scope="module", autouse=True)
def seen() -> Iterator[Recorder]:
    """The app runs, and its records are kept."""
    with recording(app) as recorder:
        yield recorder


@pytest.mark.parametrize("body", [numbers, numbers_aio])
@pytest.mark.parametrize("last", [0, 1, 3 * INITIAL_CREDIT])
def test_chunks_come_in_order(body: Function[[int], int, Any], last: int) -> None:
    """All of them, once, also when there are none or many."""
    assert list(body.remote_gen(last)) == list(range(last))


@pytest.mark.parametrize("body", [numbers, numbers_aio])
def test_the_async_verb_streams_too(body: Function[[int], int, Any]) -> None:
    """`remote_gen.aio` is iterated on the caller's loop."""

    async def collect() -> list[int]:
        return [number async for number in body.remote_gen.aio(600)]

    assert asyncio.run(collect()) == list(range(600))


def test_methods_of_a_class_stream() -> None:
    """Sync and async, in one container."""
    counter = Counter()

    assert list(counter.up.remote_gen(3)) == [0, 1, 2]
    assert list(counter.up_aio.remote_gen(3)) == [0, 1, 2]


def test_streams_run_side_by_side() -> None:
    """Two generators of one container do not mix their chunks."""
    one, two = numbers_aio.remote_gen(500), numbers_aio.remote_gen(500)

    assert list(zip(one, two, strict=True)) == [(n, n) for n in range(500)]


@pytest.mark.parametrize("body", COUNTED)
def test_the_first_chunk_comes_before_the_last_is_made(
    body: Counted, tmp_path: Path
) -> None:
    """The consumer does not wait for the end of the body."""
    chunks = body.remote_gen(tmp_path, 10_000_000)

    assert [next(chunks), next(chunks)] == [0, 1]
    close(chunks)


@pytest.mark.parametrize("body", COUNTED)
def test_a_slow_consumer_holds_the_body_back(body: Counted, tmp_path: Path) -> None:
    """The body rests, at most as far ahead as what was taken at once and its credit."""
    chunks = body.remote_gen(tmp_path, 100_000)
    made = []
    for _ in range(3):
        next(chunks)
        made.append(resting_place(tmp_path))
    close(chunks)

    assert max(made) <= 3 + 2 * (INITIAL_CREDIT + 1)


@pytest.mark.parametrize("body", COUNTED)
def test_leaving_the_iteration_ends_the_body(
    seen: Recorder, body: Counted, tmp_path: Path
) -> None:
    """Its `finally` runs, and its slot is free, though it waited for credit."""
    chunks = body.remote_gen(tmp_path, 10_000_000)
    next(chunks)
    resting_place(tmp_path)
    close(chunks)
    gates.noted(tmp_path, "finally")
    after = list(body.remote_gen(tmp_path, 3))
    seen.one(InputSettled, function=body.label, outcome=Outcome.CANCELLED)

    assert after == [0, 1, 2]


@pytest.mark.parametrize("body", [breaks, breaks_aio])
@pytest.mark.parametrize("last", [0, 3, 300])
def test_an_exception_comes_after_the_chunks_before_it(
    body: Function[[int], int, Any], last: int
) -> None:
    """What was yielded arrives, then the exception in its own type."""
    found: list[int] = []
    with pytest.raises(KeyError, match="in the middle"):
        list(keep(body.remote_gen(last), found))

    assert found == list(range(last))


def test_a_chunk_that_cannot_travel_is_an_error() -> None:
    """The chunk before it arrives."""
    chunks = unreadable_chunk.remote_gen()

    assert next(chunks) == 1
    with pytest.raises((InvalidError, TypeError), match="pickle"):
        next(chunks)


@pytest.mark.parametrize("body", [identified, identified_aio])
def test_a_generator_knows_its_input(
    body: Function[[int], str | None, Any],
) -> None:
    """Between any two chunks it is the same one."""
    found = set(body.remote_gen(300))

    assert len(found) == 1 and None not in found


def test_a_timeout_ends_a_generator(tmp_path: Path) -> None:
    """The chunks before it arrive."""
    chunks = late.remote_gen(tmp_path)

    assert next(chunks) == 1
    with pytest.raises(FunctionTimeoutError, match="its timeout"):
        next(chunks)


def keep(chunks: Iterator[int], found: list[int]) -> Iterator[int]:
    """Put each chunk into the list as it comes, and pass it on."""
    for chunk in chunks:
        found.append(chunk)
        yield chunk


def close(chunks: Any) -> None:
    """Leave the iteration, as the end of a `for` block would."""
    chunks.close()


def resting_place(folder: Path) -> int:
    """How far the body has come when it goes no further."""
    last, since_s = -1, time.monotonic()

    def rests() -> bool:
        nonlocal last, since_s
        file = folder / "progress"
        now = int(file.read_text()) if file.exists() else -1
        if now != last:
            last, since_s = now, time.monotonic()
        return time.monotonic() - since_s > 0.15

    gates.until(rests, "the generator to wait for its consumer")
    return last
