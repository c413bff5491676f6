"""Generators that tell how far they have come."""

# ruff: noqa: D103 - bodies, told by their names and the docstring above
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import telemetry
from telemetry.runtime import App, concurrent, method
from tests.runtime.semantics import gates

app = App("generators")


@app.function(max_containers=1)
def numbers(last: int) -> Iterator[int]:
    yield from range(last)


@app.function(max_containers=1)
@concurrent(max_inputs=4)
async def numbers_aio(last: int) -> AsyncIterator[int]:
    for number in range(last):
        await asyncio.sleep(0)
        yield number


def _progress(folder: Path, number: int) -> None:
    file = folder / "progress.new"
    file.write_text(str(number))
    file.rename(folder / "progress")


@app.function(max_containers=1)
def counted(folder: Path, last: int) -> Iterator[int]:
    try:
        for number in range(last):
            _progress(folder, number + 1)
            yield number
    finally:
        gates.note(folder, "finally")


@app.function(max_containers=1)
@concurrent(max_inputs=2, cancellation="input")
def counted_thread(folder: Path, last: int) -> Iterator[int]:
    try:
        for number in range(last):
            _progress(folder, number + 1)
            yield number
    finally:
        gates.note(folder, "finally")


@app.function(max_containers=1)
async def counted_aio(folder: Path, last: int) -> AsyncIterator[int]:
    try:
        for number in range(last):
            _progress(folder, number + 1)
            yield number
            await asyncio.sleep(0)
    finally:
        gates.note(folder, "finally")


@app.function(max_containers=1)
def breaks(last: int) -> Iterator[int]:
    yield from range(last)
    raise KeyError("in the middle")


@app.function(max_containers=1)
async def breaks_aio(last: int) -> AsyncIterator[int]:
    for number in range(last):
        yield number
    raise KeyError("in the middle")


@app.function(max_containers=1)
def unreadable_chunk() -> Iterator[object]:
    yield 1
    yield (each for each in range(1))


@app.function(max_containers=1)
def identified(count: int) -> Iterator[str | None]:
    for _ in range(count):
        yield telemetry.current_input_id()


@app.function(max_containers=1)
@concurrent(max_inputs=2)
async def identified_aio(count: int) -> AsyncIterator[str | None]:
    for _ in range(count):
        await asyncio.sleep(0)
        yield telemetry.current_input_id()


@app.function(max_containers=1, timeout=0.3)
def late(folder: Path) -> Iterator[int]:
    yield 1
    gates.wait(folder, "never")


@app.cls(max_containers=1)
class Counter:
    @method()
    def up(self, last: int) -> Iterator[int]:
        yield from range(last)

    @method()
    async def up_aio(self, last: int) -> AsyncIterator[int]:
        for number in range(last):
            yield number
