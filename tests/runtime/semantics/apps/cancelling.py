"""Bodies that are cancelled, and what they do about it."""

# ruff: noqa: D103 - bodies, told by their names and the docstring above
from __future__ import annotations

import asyncio
import ctypes
import itertools
import os
import time
from pathlib import Path

from telemetry.runtime import (
    App,
    Retries,
    concurrent,
    current_attempt,
    exit,  # noqa: A004 - Modal's name
    method,
    parameter,
)
from telemetry.runtime.exception import InputCancellation
from tests.runtime.semantics import gates
from tests.runtime.semantics.gates import Here, here

app = App("cancelling")


@app.function(max_containers=1)
@concurrent(max_inputs=4)
async def task(folder: Path, name: str) -> Here:
    try:
        await gates.stay_aio(folder, name)
    except asyncio.CancelledError:
        gates.note(folder, f"{name} cancelled")
        raise
    return here()


@app.function(max_containers=1, cancel_grace=30)
@concurrent(max_inputs=2)
async def clinging(folder: Path, name: str) -> None:
    try:
        await gates.stay_aio(folder, name)
    except asyncio.CancelledError:
        gates.note(folder, f"{name} clings")
        await gates.wait_aio(folder, f"{name}.unwind")
        raise


@app.function(max_containers=1)
def alone(folder: Path, name: str) -> Here:
    """Runs on the main thread."""
    try:
        gates.stay(folder, name)
    finally:
        gates.note(folder, f"{name} finally")
    return here()


@app.function(max_containers=1)
def asleep(folder: Path, name: str) -> Here:
    gates.open_gate(folder, f"{name}.in.0")
    if not (folder / f"{name}.go").exists():
        time.sleep(3600)
    return here()


@app.function(max_containers=2)
@concurrent(max_inputs=4)
def together(folder: Path, name: str) -> Here:
    """Takes its container along."""
    try:
        gates.stay(folder, name)
    finally:
        gates.note(folder, f"{name} finally {current_attempt()}")
    return here()


@app.function(max_containers=2)
@concurrent(max_inputs=4, cancellation="input")
def apart(folder: Path, name: str) -> Here:
    """Goes alone."""
    try:
        gates.stay(folder, name)
    finally:
        gates.note(folder, f"{name} finally")
    return here()


@app.function(max_containers=1, retries=Retries(max_retries=5, initial_delay=0))
def retried(folder: Path, name: str) -> Here:
    gates.note(folder, f"{name} attempt {current_attempt()}")
    gates.stay(folder, name)
    return here()


@app.function(max_containers=1, retries=Retries(max_retries=5, initial_delay=60))
def retried_late(folder: Path, name: str) -> None:
    raise ValueError(name)


@app.cls(max_containers=1)
@concurrent(max_inputs=4)
class Hooked:
    folder: str = parameter()

    @method()
    def hold(self, name: str) -> Here:
        folder = Path(self.folder)
        try:
            gates.stay(folder, name)
        finally:
            gates.note(folder, f"{name} {os.getpid()} ended")
        return here()

    @exit()
    def close(self) -> None:
        gates.note(Path(self.folder), f"exit {os.getpid()}")


def _swallow(folder: Path, name: str) -> str:
    try:
        gates.stay(folder, name)
    except InputCancellation:
        gates.note(folder, f"{name} swallowed")
    return "done anyway"


@app.function(max_containers=1)
def swallow_main(folder: Path, name: str) -> str:
    return _swallow(folder, name)


@app.function(max_containers=1)
@concurrent(max_inputs=2, cancellation="input")
def swallow_thread(folder: Path, name: str) -> str:
    return _swallow(folder, name)


@app.function(max_containers=1)
@concurrent(max_inputs=2)
async def swallow_task(folder: Path, name: str) -> str:
    try:
        await gates.stay_aio(folder, name)
    except asyncio.CancelledError:
        gates.note(folder, f"{name} swallowed")
    return "done anyway"


def _stubborn(folder: Path, name: str) -> Here:
    while True:
        try:
            gates.stay(folder, name)
        except InputCancellation:
            gates.note(folder, f"{name} swallowed")
        else:
            return here()


@app.function(max_containers=1, cancel_grace=0.2)
def stubborn_main(folder: Path, name: str) -> Here:
    return _stubborn(folder, name)


@app.function(max_containers=1, cancel_grace=0.2)
@concurrent(max_inputs=2, cancellation="input")
def stubborn_thread(folder: Path, name: str) -> Here:
    return _stubborn(folder, name)


@app.function(max_containers=1, cancel_grace=0.2)
@concurrent(max_inputs=2)
def stubborn_container(folder: Path, name: str) -> Here:
    return _stubborn(folder, name)


@app.function(max_containers=1, cancel_grace=0.2)
@concurrent(max_inputs=2)
async def stubborn_task(folder: Path, name: str) -> Here:
    while True:
        try:
            await gates.stay_aio(folder, name)
        except asyncio.CancelledError:
            gates.note(folder, f"{name} swallowed")
        else:
            return here()


def _hold_the_lock(name: str) -> None:
    if name == "stuck_asleep":
        ctypes.PyDLL(None).sleep(3600)  # holds the interpreter's lock
    else:
        _ = 0 in itertools.repeat(1)  # the same, and no signal ends it


def _stuck(folder: Path, name: str) -> Here:
    if name.startswith("stuck") and current_attempt() == 0:
        try:
            gates.open_gate(folder, f"{name}.in.0")
            _hold_the_lock(name)
        except InputCancellation:
            # It came before the lock was held; it comes once.
            _hold_the_lock(name)
    gates.stay(folder, name)
    return here()


@app.function(max_containers=1, cancel_grace=0.2)
def stuck_main(folder: Path, name: str) -> Here:
    return _stuck(folder, name)


@app.function(max_containers=1, cancel_grace=0.2)
@concurrent(max_inputs=2, cancellation="input")
def stuck_thread(folder: Path, name: str) -> Here:
    return _stuck(folder, name)


@app.function(max_containers=1, cancel_grace=0.2)
@concurrent(max_inputs=2)
async def stuck_task(folder: Path, name: str) -> Here:
    return _stuck(folder, name)


@app.function(max_containers=1)
@concurrent(max_inputs=4)
async def quick_task(number: int) -> int:
    return number


@app.function(max_containers=1)
def quick_main(number: int) -> int:
    return number


@app.function(max_containers=1)
@concurrent(max_inputs=4, cancellation="input")
def quick_thread(number: int) -> int:
    return number
