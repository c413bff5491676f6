"""Bodies that take too long, raise, or take their container down."""

# ruff: noqa: D103 - bodies, told by their names and the docstring above
from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from telemetry.runtime import App, Retries, concurrent, current_attempt
from telemetry.runtime.exception import InputCancellation
from tests.runtime.semantics import gates
from tests.runtime.semantics.gates import Here, here

app = App("failing")
_NOW = Retries(max_retries=2, initial_delay=0)


class OrderError(Exception):
    """A user's own, with arguments of its own."""

    def __init__(self, number: int, why: str) -> None:
        super().__init__(number, why)
        self.number = number


@app.function(max_containers=1, timeout=0.3)
def late_main(folder: Path, name: str) -> Here:
    try:
        gates.stay(folder, name)
    finally:
        gates.note(folder, f"{name} finally")
    return here()


@app.function(max_containers=1, timeout=0.3)
@concurrent(max_inputs=2)
def late_container(folder: Path, name: str) -> Here:
    gates.stay(folder, name)
    return here()


@app.function(max_containers=1, timeout=0.3)
@concurrent(max_inputs=2, cancellation="input")
def late_input(folder: Path, name: str) -> Here:
    gates.stay(folder, name)
    return here()


@app.function(max_containers=1, timeout=0.3)
@concurrent(max_inputs=2)
async def late_task(folder: Path, name: str) -> Here:
    await gates.stay_aio(folder, name)
    return here()


@app.function(max_containers=1, timeout=0.3, cancel_grace=0.2)
@concurrent(max_inputs=2, cancellation="input")
def late_stubborn(folder: Path, name: str) -> None:
    while True:
        try:
            gates.stay(folder, name)
        except InputCancellation:
            gates.note(folder, f"{name} swallowed")


def _at_last(folder: Path, name: str) -> None:
    gates.note(folder, f"{name} {current_attempt()}")


@app.function(max_containers=1, timeout=0.3, retries=_NOW)
def late_twice_main(folder: Path, name: str) -> Here:
    _at_last(folder, name)
    if current_attempt() != 2:
        gates.wait(folder, "never")
    return here()


@app.function(max_containers=1, timeout=0.3, retries=_NOW)
@concurrent(max_inputs=2)
def late_twice_container(folder: Path, name: str) -> Here:
    _at_last(folder, name)
    if current_attempt() != 2:
        gates.wait(folder, "never")
    return here()


@app.function(max_containers=1, timeout=0.3, retries=_NOW)
@concurrent(max_inputs=2, cancellation="input")
def late_twice_input(folder: Path, name: str) -> Here:
    _at_last(folder, name)
    if current_attempt() != 2:
        gates.wait(folder, "never")
    return here()


@app.function(max_containers=1, timeout=0.3, retries=_NOW)
@concurrent(max_inputs=2)
async def late_twice_task(folder: Path, name: str) -> Here:
    _at_last(folder, name)
    if current_attempt() != 2:
        await gates.wait_aio(folder, "never")
    return here()


@app.function(max_containers=1, timeout=1)
@concurrent(max_inputs=2)
def one_late_container(folder: Path, name: str) -> Here:
    gates.stay(folder, name)
    return here()


@app.function(max_containers=1, timeout=1)
@concurrent(max_inputs=2, cancellation="input")
def one_late_input(folder: Path, name: str) -> Here:
    gates.stay(folder, name)
    return here()


@app.function(max_containers=1, timeout=1)
@concurrent(max_inputs=2)
async def one_late_task(folder: Path, name: str) -> Here:
    await gates.stay_aio(folder, name)
    return here()


@app.function(max_containers=1, retries=_NOW)
def fails_twice() -> int | None:
    if current_attempt() != 2:
        raise OrderError(current_attempt() or 0, "again")
    return current_attempt()


@app.function(max_containers=1, retries=Retries(max_retries=2, initial_delay=0.1))
def fails_always() -> None:
    raise OrderError(current_attempt() or 0, "for good")


@app.function(max_containers=1)
def fails_once_only() -> None:
    raise OrderError(3, "no retries")


@app.function(max_containers=1)
async def fails_task() -> None:
    await asyncio.sleep(0)
    raise OrderError(4, "in a task")


@app.function(max_containers=1)
def unpicklable_failure() -> None:
    class LocalError(Exception):
        def __reduce__(self) -> str:
            raise TypeError("this one stays at home")

    raise LocalError("a secret of the container")


@app.function(max_containers=1)
@concurrent(max_inputs=3)
def victim(folder: Path, name: str) -> Here:
    gates.stay(folder, name)
    return here()


@app.function(max_containers=1)
@concurrent(max_inputs=3)
async def victim_task(folder: Path, name: str) -> Here:
    await gates.stay_aio(folder, name)
    return here()


@app.function(max_containers=1, retries=Retries(max_retries=1, initial_delay=0))
def killed_then_fails(folder: Path) -> int | None:
    gates.note(folder, f"attempt {current_attempt()}")
    if current_attempt() in {0, 1}:
        os.kill(os.getpid(), signal.SIGKILL)
    if current_attempt() == 2:
        raise OrderError(2, "one retry is left")
    return current_attempt()


@app.function(max_containers=1)
def killer(folder: Path) -> None:
    gates.note(folder, f"attempt {current_attempt()}")
    os.kill(os.getpid(), signal.SIGKILL)


_EXCEPTIONS: dict[str, BaseException] = {
    "SystemExit": SystemExit(3),
    "KeyboardInterrupt": KeyboardInterrupt(),
    "GeneratorExit": GeneratorExit(),
    "CancelledError": asyncio.CancelledError("mine"),
    "InputCancellation": InputCancellation("mine"),
}


def _raise(name: str) -> int:
    if name in _EXCEPTIONS:
        raise _EXCEPTIONS[name]
    return os.getpid()


@app.function(max_containers=1)
def control_main(name: str) -> int:
    return _raise(name)


@app.function(max_containers=1)
@concurrent(max_inputs=2)
def control_thread(name: str) -> int:
    return _raise(name)


@app.function(max_containers=1)
async def control_task(name: str) -> int:
    await asyncio.sleep(0)
    return _raise(name)


@app.function(max_containers=1)
@concurrent(max_inputs=4)
async def own_task(name: str) -> int:
    """A task of the user's own raises; the body itself returns."""

    async def inner() -> int:
        return _raise(name)

    ended = asyncio.Event()
    task = asyncio.create_task(inner())
    task.add_done_callback(lambda _: ended.set())
    await ended.wait()
    if not task.cancelled():
        task.exception()
    return os.getpid()
