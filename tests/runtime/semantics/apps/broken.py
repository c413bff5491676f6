"""A module that cannot be imported while a flag file is there."""

# ruff: noqa: D103 - bodies, told by their names and the docstring above
from __future__ import annotations

import os
from pathlib import Path

from telemetry.runtime import App

app = App("broken")

if Path(os.environ.get("SEMANTICS_FLAG", "no such file")).exists():
    raise ImportError("broken on purpose")


@app.function(max_containers=1)
def double(number: int) -> int:
    return 2 * number
