"""The app of ``benchmarks.chaos``; its containers import this."""

from __future__ import annotations

import asyncio
from typing import Final

import telemetry
from telemetry.runtime import App, concurrent

BODY_S: Final = 0.01
LIMIT: Final = 100
CONTAINERS: Final = 2

app = App("chaos")


@app.function(max_containers=CONTAINERS)
@concurrent(max_inputs=LIMIT)
async def double(x: int) -> tuple[int, int]:
    """Twice *x*, and which attempt it was."""
    await asyncio.sleep(BODY_S)
    scope = telemetry.current_input()
    return 2 * x, -1 if scope is None else scope.attempt
