"""The app of ``benchmarks.memory``; its containers import this."""

from __future__ import annotations

import asyncio
from typing import Final

from telemetry.runtime import App, concurrent

NEVER_S: Final = 3600.0

app = App("memory")


@app.function(max_containers=1, scaledown_window=NEVER_S)
@concurrent(max_inputs=100)
async def echo(x: int) -> int:
    return x


@app.function(max_containers=1, scaledown_window=NEVER_S, timeout=NEVER_S)
async def wait(x: int) -> int:
    """Keep the one slot, so that whatever comes after it is queued."""
    await asyncio.sleep(NEVER_S)
    return x
