"""Bodies that tell where they run, and what they find there."""

# ruff: noqa: D103 - bodies, told by their names and the docstring above
from __future__ import annotations

import asyncio
import contextvars
import os
import threading
import time
from pathlib import Path

import telemetry
from telemetry.core.scope import CurrentInput
from telemetry.runtime import (
    App,
    concurrent,
    current_attempt,
    current_function_call_id,
    current_input_id,
    enter,
    method,
)
from tests.runtime.semantics import gates
from tests.runtime.semantics.gates import Here, here

app = App("contexts")
log = telemetry.get_logger("contexts")
_mine: contextvars.ContextVar[str] = contextvars.ContextVar("_mine", default="nobody's")


def _swap(value: str) -> str:
    before = _mine.get()
    _mine.set(value)
    return before


@app.function(max_containers=1)
def swap_main(value: str) -> tuple[str, Here]:
    return _swap(value), here()


@app.function(max_containers=1)
@concurrent(max_inputs=2)
def swap_thread(value: str) -> tuple[str, int]:
    return _swap(value), threading.get_ident()


@app.function(max_containers=1)
async def swap_task(value: str) -> tuple[str, int]:
    return _swap(value), threading.get_ident()


@app.function(max_containers=1)
@concurrent(max_inputs=2)
def on_thread(folder: Path, name: str) -> tuple[Here, int]:
    gates.stay(folder, name)
    return here(), threading.get_ident()


@app.function(max_containers=1)
@concurrent(max_inputs=3)
async def on_loop(folder: Path, name: str) -> tuple[Here, str, int]:
    await gates.stay_aio(folder, name)
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()
    return here(), task.get_name() if task else "", id(loop)


@app.cls(max_containers=1)
@concurrent(max_inputs=3)
class Mixed:
    @enter()
    def look(self) -> None:
        self.at_enter = telemetry.current_input()

    @method()
    def sync(self, folder: Path, name: str) -> Here:
        gates.stay(folder, name)
        return here()

    @method()
    async def task(self, folder: Path, name: str) -> Here:
        await gates.stay_aio(folder, name)
        return here()

    @method()
    def entered_as(self) -> CurrentInput | None:
        return self.at_enter


@app.function(max_containers=1)
@concurrent(max_inputs=2)
async def blocking(folder: Path, name: str) -> Here:
    log.info("blocks the loop", who=name)
    gates.stay(folder, name)
    return here()


@app.function(max_containers=1)
@concurrent(max_inputs=2)
async def quick_or_blocking(folder: Path, name: str) -> str:
    if name == "quick":
        await gates.wait_aio(folder, "quick.go")
        # Its end and the other's beginning fall into one round of the loop.
        gates.open_gate(folder, "quick.ends")
        return name
    await gates.wait_aio(folder, "quick.ends")
    gates.stay(folder, name)
    return name


@app.function(max_containers=1)
def identity() -> tuple[CurrentInput | None, str | None, str | None, int | None]:
    return (
        telemetry.current_input(),
        current_input_id(),
        current_function_call_id(),
        current_attempt(),
    )


@app.function(max_containers=1)
@concurrent(max_inputs=8)
async def family() -> tuple[str | None, list[str | None]]:
    async def child() -> str | None:
        await asyncio.sleep(0)
        return current_input_id()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(child())
    found = [await child(), task.result(), await asyncio.to_thread(current_input_id)]
    return current_input_id(), found


@app.function(max_containers=1)
@concurrent(max_inputs=8)
async def speak(word: str) -> str | None:
    log.info("spoke", word=word)
    await asyncio.sleep(0)
    log.info("spoke again", word=word)
    return current_input_id()


@app.function(max_containers=1)
@concurrent(max_inputs=4)
def speak_sync(word: str) -> str | None:
    log.info("spoke", word=word)
    return current_input_id()


@app.function(max_containers=1)
@concurrent(max_inputs=2)
def leave_thread(folder: Path) -> str | None:
    def later() -> None:
        gates.wait(folder, "late")
        log.info("said late")

    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(later,), daemon=True).start()
    return current_input_id()


@app.function(max_containers=1)
async def leave_task(folder: Path) -> str | None:
    async def later() -> None:
        await gates.wait_aio(folder, "late")
        log.info("said late")

    _left.append(asyncio.create_task(later()))
    return current_input_id()


_left: list[asyncio.Task[None]] = []


@app.function(max_containers=1)
@concurrent(max_inputs=2)
def busy_then_named(_item: int) -> tuple[str, str | None, int]:
    time.sleep(0)
    return threading.current_thread().name, current_input_id(), os.getpid()
