"""An app with what the demo does not have: each function goes wrong in its own way."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from typing import Any, Final

import telemetry
from telemetry.runtime import App, Retries, concurrent, enter, method
from telemetry.runtime.exception import Error

HELD_S: Final = 0.4
CLINGS_S: Final = 4.0
"""Longer than until the next measure, and so many exports of metrics later."""

app = App("oddities")
log = telemetry.get_logger("oddities")
log.info("imported")  # by no input


@app.function(
    max_containers=1,
    timeout=0.3,
    startup_timeout=60,
    retries=Retries(max_retries=1, initial_delay=0.1),
)
async def late() -> None:
    """Takes too long, twice."""
    await asyncio.sleep(60)


@app.function(max_containers=1)
async def holds() -> None:
    """Lets nobody else have the event loop."""
    time.sleep(HELD_S)  # noqa: ASYNC251 - on purpose


@app.function(max_containers=1)
async def clings(work_s: float) -> None:
    """Goes on for some time after it was cancelled."""
    try:
        await asyncio.sleep(60)
    finally:
        await asyncio.sleep(work_s)


@app.function(max_containers=2)
@concurrent(max_inputs=2, cancellation="input")
def pauses(seconds: float) -> None:
    """Can be cancelled without its neighbour."""
    # Past all of Python: whose it is can only be guessed while two of them run.
    os.write(1, b"written like C code does\n")
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        time.sleep(0.01)


@app.function(max_containers=1)
def fails() -> None:
    """Raises."""
    raise ValueError("on purpose")


@app.function(max_containers=1)
def dies() -> None:
    """Takes its process along, whenever it runs: it will be lost."""
    os._exit(3)


@app.function(max_containers=1)
def echoes(value: object) -> object:
    """Gives back what it gets."""
    return value


@app.function(max_containers=1)
async def asks(value: int) -> object:
    """Has another function do the work."""
    return await echoes.remote.aio(value)


@app.function(max_containers=1)
def leaves() -> None:
    """Leaves a thread behind that speaks after its input has ended."""

    def afterwards() -> None:
        time.sleep(0.5)
        log.info("late")

    threading.Thread(target=afterwards).start()


@app.cls(max_containers=1)
class Broken:
    """Cannot start."""

    @enter()
    def load(self) -> None:
        """Fail."""
        raise RuntimeError("no model here")

    @method()
    def answer(self) -> None:
        """Never gets here."""


async def run_all() -> None:
    """Call all of it, to its end."""
    clinging = await clings.spawn.aio(CLINGS_S)
    pausing = [await pauses.spawn.aio(1.0) for _ in range(2)]
    await leaves.remote.aio()
    unsendable: Any = threading.Lock()
    wrong = [
        late.remote.aio(),
        holds.remote.aio(),
        fails.remote.aio(),
        dies.remote.aio(),
        asks.remote.aio(1),
        Broken().answer.remote.aio(),
        echoes.remote.aio(unsendable),
    ]
    await asyncio.sleep(0.5)
    await clinging.cancel.aio()
    await pausing[0].cancel.aio()
    ends = [each.get.aio() for each in (clinging, *pausing)]
    for ended in await asyncio.gather(*wrong, *ends, return_exceptions=True):
        if isinstance(ended, BaseException) and not isinstance(ended, _EXPECTED):
            raise ended


_EXPECTED: Final = (Error, ValueError, TypeError)
