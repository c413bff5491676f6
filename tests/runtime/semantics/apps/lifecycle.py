"""Classes whose hooks write down when they run."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from telemetry.runtime import (
    App,
    concurrent,
    enter,
    exit,  # noqa: A004 - Modal's name
    method,
    parameter,
)
from tests.runtime.semantics import gates
from tests.runtime.semantics.gates import Here, here

app = App("lifecycle")


class Base:
    folder: str = parameter()

    def say(self, what: str) -> None:
        gates.note(Path(self.folder), what)

    @enter()
    def base_enter(self) -> None:
        self.state = ["base"]
        self.say("base enter")

    @exit()
    def base_exit(self) -> None:
        self.say("base exit")


@app.cls(max_containers=1, scaledown_window=0.3)
@concurrent(max_inputs=2)
class Derived(Base):
    @enter()
    async def derived_enter(self) -> None:
        await asyncio.sleep(0)
        self.state.append("derived")
        self.say("derived enter")

    @exit()
    async def derived_exit(self) -> None:
        await asyncio.sleep(0)
        self.say("derived exit")

    @method()
    def hold(self, name: str) -> tuple[Here, list[str]]:
        try:
            gates.stay(Path(self.folder), name)
        finally:
            self.say(f"{name} ended")
        return here(), self.state


@app.cls(max_containers=1)
class Alone(Base):
    """On the main thread."""

    @method()
    def hold(self, name: str) -> Here:
        try:
            gates.stay(Path(self.folder), name)
        finally:
            self.say(f"{name} ended")
        return here()


@app.cls(max_containers=1)
@concurrent(max_inputs=2)
class Tasks(Base):
    @method()
    async def hold(self, name: str) -> Here:
        try:
            await gates.stay_aio(Path(self.folder), name)
        finally:
            self.say(f"{name} ended")
        return here()


@app.cls(max_containers=1)
class BadExit(Base):
    @exit()
    def fails(self) -> None:
        raise RuntimeError("the first hook fails")

    @exit()
    def runs(self) -> None:
        self.say("the second runs")

    @method()
    def pid(self) -> int:
        return os.getpid()


@app.cls(max_containers=1)
class SlowEnter(Base):
    @enter()
    def wait(self) -> None:
        self.say("entering")
        gates.wait(Path(self.folder), "entered")

    @method()
    def pid(self) -> int:
        self.say("body")
        return os.getpid()
