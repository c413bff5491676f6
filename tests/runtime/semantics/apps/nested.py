"""Bodies that call other functions."""

# ruff: noqa: D103 - bodies, told by their names and the docstring above
from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from telemetry.runtime import App, FunctionCall, concurrent
from telemetry.runtime.exception import InputCancelledError, InvalidError
from tests.runtime.semantics import gates

app = App("nested")


@app.function(max_containers=1)
def double(number: int) -> int:
    return 2 * number


@app.function(max_containers=1)
@concurrent(max_inputs=8)
async def double_aio(number: int) -> int:
    return 2 * number


@app.function(max_containers=1)
def count(last: int) -> Iterator[int]:
    yield from range(last)


@app.function(max_containers=1)
def fails(number: int) -> int:
    raise KeyError(number)


@app.function(max_containers=1)
@concurrent(max_inputs=4)
async def hold(folder: Path, name: str) -> str:
    try:
        await gates.stay_aio(folder, name)
    finally:
        gates.note(folder, f"{name} ended")
    return name


@app.function(max_containers=1)
def calls_remote(number: int) -> int:
    return double.remote(number) + 1


@app.function(max_containers=1)
async def calls_remote_aio(number: int) -> int:
    return await double_aio.remote.aio(number) + 1


@app.function(max_containers=1)
def calls_map(last: int) -> list[int]:
    return list(double.map(range(last)))


@app.function(max_containers=1)
async def calls_map_aio(last: int) -> list[int]:
    return [each async for each in double_aio.map.aio(range(last))]


@app.function(max_containers=1)
def calls_gen(last: int) -> list[int]:
    return list(count.remote_gen(last))


@app.function(max_containers=1)
def calls_fails(number: int) -> str:
    try:
        fails.remote(number)
    except KeyError as error:
        return f"{error!r} {type(error.__cause__).__name__}"
    return "nothing"


@app.function(max_containers=1)
def lets_through(number: int) -> int:
    return fails.remote(number)


@app.function(max_containers=1)
def spawns(folder: Path, name: str) -> FunctionCall[str]:
    return hold.spawn(folder, name)


@app.function(max_containers=1)
def spawns_and_gets(number: int) -> tuple[int, int]:
    call = double.spawn(number)
    return call.get(20), call.get(20)


@app.function(max_containers=1)
def takes(call: FunctionCall[Any]) -> object:
    return call.get(20)


@app.function(max_containers=1)
def takes_id(object_id: str) -> object:
    return FunctionCall.from_id(object_id).get(20)


@app.function(max_containers=1)
async def takes_aio(call: FunctionCall[Any]) -> object:
    return await call.get.aio(20)


@app.function(max_containers=1)
def cancels(call: FunctionCall[Any]) -> str:
    call.cancel()
    try:
        call.get(20)
    except InputCancelledError as error:
        return type(error).__name__
    return "not cancelled"


@app.function(max_containers=1)
def waits_for(folder: Path, name: str) -> str:
    gates.open_gate(folder, "waiting")
    return hold.remote(folder, name)


@app.function(max_containers=1)
def scales() -> tuple[int, int]:
    double.update_autoscaler(min_containers=1)
    stats = double.get_current_stats()
    return stats.ready + stats.starting, stats.backlog


@app.function(max_containers=1)
def factorial(number: int) -> int:
    """Needs no container of another function, but one of its own per level."""
    return 1 if number < 2 else number * factorial_next.remote(number - 1)


@app.function(max_containers=4)
def factorial_next(number: int) -> int:
    return 1 if number < 2 else number * factorial_next.remote(number - 1)


@app.function(max_containers=1)
def calls_with_a_lock() -> str:
    unsendable: Any = threading.Lock()
    try:
        double.remote(unsendable)
    except InvalidError as error:
        return type(error).__name__
    return "nothing"
