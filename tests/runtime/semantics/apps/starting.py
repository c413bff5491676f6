"""Containers that cannot start, as long as a flag file says so."""

from __future__ import annotations

import os
from pathlib import Path

from telemetry.runtime import App, enter, method, parameter
from tests.runtime.semantics import gates

app = App("starting")


class _Flagged:
    folder: str = parameter()

    def broken(self) -> bool:
        gates.note(Path(self.folder), "entering")
        return (Path(self.folder) / "broken").exists()


@app.cls(max_containers=1)
class RaisesInEnter(_Flagged):
    @enter()
    def fail(self) -> None:
        if self.broken():
            raise LookupError("no model file")

    @method()
    def double(self, number: int) -> int:
        return 2 * number


@app.cls(max_containers=1)
class ExitsInEnter(_Flagged):
    @enter()
    def end(self) -> None:
        if self.broken():
            raise SystemExit(5)

    @method()
    def double(self, number: int) -> int:
        return 2 * number


@app.cls(max_containers=1)
class DiesInEnter(_Flagged):
    @enter()
    def die(self) -> None:
        if self.broken():
            os._exit(7)

    @method()
    def double(self, number: int) -> int:
        return 2 * number


@app.cls(max_containers=1, startup_timeout=0.5)
class LateInEnter(_Flagged):
    @enter()
    def wait(self) -> None:
        if self.broken():
            gates.wait(Path(self.folder), "never")

    @method()
    def double(self, number: int) -> int:
        return 2 * number


@app.cls(max_containers=1)
class RaisesInInit:
    def __init__(self) -> None:
        raise LookupError("no constructor")

    @method()
    def double(self, number: int) -> int:
        return 2 * number
