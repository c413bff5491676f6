"""What the containers of ``benchmarks.cold_start`` import: as good as nothing."""

from __future__ import annotations

from telemetry.runtime import App

app = App("cold-start")
first_app = App("cold-start-first")


# A window this short lets the container go as soon as its input has ended.
@app.function(max_containers=1, scaledown_window=0.01)
def echo(x: int) -> int:
    return x


@first_app.function(max_containers=1)
def first_echo(x: int) -> int:
    return x
