"""Bodies that stay until they are released, under different autoscaler settings."""

# ruff: noqa: D103 - bodies, told by their names and the docstring above
from __future__ import annotations

from pathlib import Path

from telemetry.runtime import App, concurrent
from tests.runtime.semantics import gates
from tests.runtime.semantics.gates import Here, here

app = App("scaling")


@app.function(max_containers=3)
async def hold(folder: Path, name: str) -> Here:
    await gates.stay_aio(folder, name)
    return here()


@app.function(min_containers=1, max_containers=1)
def kept() -> Here:
    return here()


@app.function(buffer_containers=1, max_containers=4)
@concurrent(max_inputs=2)
async def buffered(folder: Path, name: str) -> Here:
    await gates.stay_aio(folder, name)
    return here()


@app.function(max_containers=2, scaledown_window=0.3)
async def shrinking(folder: Path, name: str) -> Here:
    await gates.stay_aio(folder, name)
    return here()


@app.function(max_containers=2)
async def adjusted(folder: Path, name: str) -> Here:
    await gates.stay_aio(folder, name)
    return here()


@app.function(max_containers=1)
@concurrent(max_inputs=3, target_inputs=2)
async def counted(folder: Path, name: str) -> Here:
    await gates.stay_aio(folder, name)
    return here()
