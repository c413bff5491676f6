"""An app whose run leaves something in every instrument."""

# ruff: noqa: D103 - bodies, told by their names and the docstring above
from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from pathlib import Path

import telemetry
from telemetry.runtime import App, Retries, batched, concurrent, current_attempt
from tests.runtime.semantics import gates

app = App("everything")
log = telemetry.get_logger("everything")
log.info("imported")  # by no input

LOOP_HELD_S = 0.3


@app.function(max_containers=1, min_containers=0)
@concurrent(max_inputs=4, target_inputs=2)
async def task(folder: Path, name: str) -> str:
    log.info("begins", name=name)
    await gates.stay_aio(folder, name)
    return name


@app.function(max_containers=1)
async def clings(folder: Path, name: str) -> None:
    try:
        await gates.stay_aio(folder, name)
    except asyncio.CancelledError:
        await gates.wait_aio(folder, f"{name}.unwind")
        raise


@app.function(max_containers=2)
@concurrent(max_inputs=2)
def together(folder: Path, name: str) -> str:
    gates.stay(folder, name)
    return name


@app.function(max_containers=1)
def alone(folder: Path, name: str) -> str:
    gates.stay(folder, name)
    return name


@app.function(max_containers=1, retries=Retries(max_retries=1, initial_delay=0))
def fails() -> None:
    raise ValueError("on purpose")


@app.function(max_containers=1, timeout=0.2)
async def late() -> None:
    await asyncio.sleep(60)


@app.function(max_containers=1)
def dies_once() -> int | None:
    if not current_attempt():
        os.kill(os.getpid(), signal.SIGKILL)
    return current_attempt()


@app.function(max_containers=1)
async def holds_the_loop() -> None:
    time.sleep(LOOP_HELD_S)  # noqa: ASYNC251 - on purpose


@app.function(max_containers=1)
@batched(max_batch_size=3, wait_ms=200)
def embed(items: list[int]) -> list[int]:
    return items


@app.function(max_containers=1)
def logs_late(folder: Path) -> None:
    def afterwards() -> None:
        gates.wait(folder, "settled")
        log.info("late")
        gates.open_gate(folder, "late")

    threading.Thread(target=afterwards).start()
