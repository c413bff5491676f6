"""Batched bodies."""

# ruff: noqa: D103 - bodies, told by their names and the docstring above
from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import telemetry
from telemetry.runtime import App, batched, concurrent, method
from tests.runtime.semantics import gates

app = App("batching")
log = telemetry.get_logger("batching")


class Undecodable:
    """Pickles, and cannot be read where it arrives."""

    def __reduce__(self) -> tuple[object, ...]:
        return _refuse, (os.getpid(),)


def _refuse(pid: int) -> int:
    if os.getpid() != pid:
        raise ValueError("not in this process")
    return pid


def _ids() -> tuple[str, ...]:
    current = telemetry.current_input()
    return () if current is None else current.batch_input_ids


@app.function(max_containers=1)
@batched(max_batch_size=4, wait_ms=30_000)
def sizes(numbers: list[int]) -> list[int]:
    return [len(numbers)] * len(numbers)


@app.function(max_containers=1)
@batched(max_batch_size=100, wait_ms=100)
def lingering(numbers: list[int]) -> list[int]:
    return [len(numbers)] * len(numbers)


@app.function(max_containers=1)
@batched(max_batch_size=4, wait_ms=20)
async def tens(numbers: list[int], signs: list[int]) -> list[int]:
    return [10 * number * sign for number, sign in zip(numbers, signs, strict=True)]


@app.function(max_containers=1)
@batched(max_batch_size=3, wait_ms=30_000)
def identities(numbers: list[int]) -> list[tuple[int, tuple[str, ...], str | None]]:
    log.info("batch", size=len(numbers))
    own = telemetry.current_input_id()
    return [(number, _ids(), own) for number in numbers]


@app.function(max_containers=1)
@concurrent(max_inputs=2)
@batched(max_batch_size=3, wait_ms=50)
def hold(folders: list[Path], names: list[str]) -> list[str]:
    gates.note(folders[0], ",".join(names))
    try:
        gates.stay(folders[0], names[0])
    finally:
        gates.note(folders[0], "ended")
    return [f"{name} done" for name in names]


@app.function(max_containers=1)
@batched(max_batch_size=2, wait_ms=50)
async def hold_aio(folders: list[Path], names: list[str]) -> list[str]:
    gates.note(folders[0], ",".join(names))
    try:
        await gates.stay_aio(folders[0], names[0])
    finally:
        gates.note(folders[0], "ended")
    return [f"{name} done" for name in names]


@app.function(max_containers=1)
@batched(max_batch_size=3, wait_ms=50)
def wrong_length(numbers: list[int]) -> list[int]:
    return numbers[1:]


@app.function(max_containers=1)
@batched(max_batch_size=3, wait_ms=50)
def raising(numbers: list[int]) -> list[int]:
    raise KeyError(len(numbers))


@app.function(max_containers=1)
@batched(max_batch_size=3, wait_ms=50)
def tolerant(values: list[object]) -> list[str]:
    return [type(value).__name__ for value in values]


@app.function(max_containers=1)
@batched(max_batch_size=3, wait_ms=50)
def unpicklable(numbers: list[int]) -> list[object]:
    return [number or (each for each in range(1)) for number in numbers]


@app.cls(max_containers=1)
class Model:
    @batched(max_batch_size=2, wait_ms=30_000)
    @method()
    def double(self, numbers: Sequence[int]) -> list[int]:
        return [2 * number for number in numbers]
