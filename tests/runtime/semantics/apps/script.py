"""A program that runs an app and is ended from outside; run, never imported.

Arguments: a folder, and what to run: `main`, `threads`, `tasks`, `stubborn`, `leaving`.
"""

# ruff: noqa: D103 - bodies, told by their names and the docstring above
from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from telemetry.runtime import (
    App,
    concurrent,
    enter,
    exit,  # noqa: A004 - Modal's name
    method,
)
from telemetry.runtime.exception import InputCancellation
from tests.runtime.semantics import gates

app = App("script")
FOLDER = Path(sys.argv[1])


class Hooked:
    @enter()
    def begin(self) -> None:
        gates.note(FOLDER, f"container {os.getpid()} {os.getppid()}")

    @exit()
    def end(self) -> None:
        gates.note(FOLDER, "exit hook")


@app.cls(max_containers=1)
class OnMain(Hooked):
    @method()
    def hold(self) -> None:
        try:
            gates.stay(FOLDER, "body")
        finally:
            gates.note(FOLDER, "body ended")


@app.cls(max_containers=1)
@concurrent(max_inputs=2)
class OnThreads(Hooked):
    @method()
    def hold(self) -> None:
        try:
            gates.stay(FOLDER, "body")
        finally:
            gates.note(FOLDER, "body ended")


@app.cls(max_containers=1)
@concurrent(max_inputs=2)
class OnLoop(Hooked):
    @method()
    async def hold(self) -> None:
        try:
            await gates.stay_aio(FOLDER, "body")
        finally:
            gates.note(FOLDER, "body ended")


@app.cls(max_containers=1, cancel_grace=0.2)
class Stubborn(Hooked):
    @method()
    def hold(self) -> None:
        while True:
            try:
                gates.stay(FOLDER, "body")
            except InputCancellation:
                gates.note(FOLDER, "body goes on")


@app.cls(max_containers=1)
class Leaving:
    @method()
    def hold(self) -> None:
        pass

    @exit()
    def end(self) -> None:
        gates.note(FOLDER, "leaving")
        gates.wait(FOLDER, "left")


MODELS: dict[str, Any] = {
    "main": OnMain,
    "threads": OnThreads,
    "tasks": OnLoop,
    "stubborn": Stubborn,
    "leaving": Leaving,
}


def main() -> None:
    with app.run(shutdown_grace=5):
        gates.note(FOLDER, "running")
        MODELS[sys.argv[2]]().hold.remote()
    gates.note(FOLDER, "went on")


if __name__ == "__main__":
    main()
