"""Bodies that show which slots they get, and when."""

# ruff: noqa: D103 - bodies, told by their names and the docstring above
from __future__ import annotations

import asyncio
import threading
from pathlib import Path

from telemetry.runtime import App, concurrent
from telemetry.runtime.exception import InputCancellation
from tests.runtime.semantics import gates
from tests.runtime.semantics.gates import Here, here

app = App("slots")


class Crowd:
    """Counts the bodies that are in a place at the same time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now = 0
        self.most = 0

    def __enter__(self) -> None:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._now -= 1


_crowd = Crowd()


@app.function(max_containers=1, cancel_grace=30)
@concurrent(max_inputs=3, cancellation="input")
def hold(folder: Path, name: str) -> Here:
    with _crowd:
        gates.stay(folder, name)
    return here()


@app.function(max_containers=1)
@concurrent(max_inputs=3)
async def hold_aio(folder: Path, name: str) -> Here:
    with _crowd:
        await gates.stay_aio(folder, name)
    return here()


@app.function(max_containers=1)
@concurrent(max_inputs=3)
def crowded(_item: int) -> int:
    with _crowd:
        return _crowd.most


@app.function(max_containers=1)
@concurrent(max_inputs=3)
async def crowded_aio(_item: int) -> int:
    with _crowd:
        await asyncio.sleep(0)
        return _crowd.most


@app.function(min_containers=2, max_containers=2)
@concurrent(max_inputs=4, target_inputs=2)
async def spread(folder: Path, name: str) -> Here:
    await gates.stay_aio(folder, name)
    return here()


@app.function(max_containers=1, cancel_grace=30)
@concurrent(max_inputs=2, cancellation="input")
def lingering(folder: Path, name: str) -> str:
    gates.note(folder, f"{name} began")
    try:
        gates.stay(folder, name)
    except InputCancellation:
        gates.note(folder, f"{name} unwinds")
        gates.wait(folder, f"{name}.unwind")
        gates.note(folder, f"{name} unwound")
        raise
    return name


@app.function(max_containers=1, cancel_grace=30)
@concurrent(max_inputs=2)
async def lingering_aio(folder: Path, name: str) -> str:
    gates.note(folder, f"{name} began")
    try:
        await gates.stay_aio(folder, name)
    except asyncio.CancelledError:
        gates.note(folder, f"{name} unwinds")
        await gates.wait_aio(folder, f"{name}.unwind")
        gates.note(folder, f"{name} unwound")
        raise
    return name
