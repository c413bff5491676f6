"""A body on asyncio's own loop: containers do not find uvloop."""

# ruff: noqa: D103 - bodies, told by their names and the docstring above
from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Final

from telemetry.runtime import App
from tests.runtime.semantics import gates

VARIABLE: Final = "SEMANTICS_PLAIN_LOOP"
"""Set where containers are to be kept from finding it."""

if os.environ.get(VARIABLE):
    sys.modules["uvloop"] = None  # type: ignore[assignment]  # how Python marks what may not be imported

app = App("plain-loop")


@app.function(max_containers=1)
async def hold(folder: Path, name: str) -> str:
    await gates.stay_aio(folder, name)
    return type(asyncio.get_running_loop()).__module__
