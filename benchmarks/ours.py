"""This runtime as a side of the comparison, by its public verbs alone."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final, cast

import telemetry
from benchmarks import bodies
from benchmarks.bodies import IN_FLIGHT, PLAIN_LOOP
from benchmarks.floor_child import new_loop
from benchmarks.peers import Peer, in_lanes
from telemetry.capture.runtime_records import Record
from telemetry.runtime import App, Function, concurrent

Handle = Function[[int], int, Any]

_KEEP_S: Final = 3600.0
"""Longer than any benchmark: no container starts or ends while one is measured."""

log = telemetry.get_logger("benchmarks")


async def echo_logged(x: int) -> int:
    log.info("echo", x=x)
    return x


async def pause_logged(x: int) -> int:
    log.info("pause", x=x)
    return await bodies.pause(x)


def pause_logged_sync(x: int) -> int:
    log.info("pause", x=x)
    return bodies.pause_sync(x)


@dataclass(frozen=True, slots=True)
class Functions:
    """The functions of one app; each has one container with a hundred slots."""

    echo: Handle
    pause: Handle
    echo_sync: Handle
    pause_sync: Handle
    echo_logged: Handle
    pause_logged: Handle
    pause_logged_sync: Handle


@dataclass(frozen=True, slots=True)
class Apps:
    """The same functions in apps that differ in what goes on beside them.

    Attributes:
        bare: Nobody observes.
        observed: Every record of the runtime goes to an observer.
        plain: Nobody observes, and containers have asyncio's own loop.
    """

    bare: Functions
    observed: Functions
    plain: Functions


def start_apps(stack: ExitStack) -> Apps:
    """Run the apps until *stack* is closed.

    Raises:
        RuntimeError: A container has another loop than it should have.
    """
    telemetry.configure("benchmarks", console=None)
    bare = _start(stack, "bare", None, expected="uvloop")
    observed = _start(stack, "observed", _observe, expected="uvloop")
    os.environ[PLAIN_LOOP] = "1"
    try:
        plain = _start(stack, "plain", None, expected="asyncio")
    finally:
        del os.environ[PLAIN_LOOP]
    return Apps(bare, observed, plain)


class Mapped(Peer):
    """Inputs by ``map``: a hundred run, and up to a thousand are on their way."""

    def __init__(self, name: str, echo: Handle, pause: Handle) -> None:
        super().__init__(name)
        self._echo = echo
        self._pause = pause

    def run(self, inputs: int, in_flight: int, *, pausing: bool) -> None:  # noqa: ARG002 - the slots bound it
        """Run inputs, and check that each came back."""
        function = self._pause if pausing else self._echo
        if sum(function.map(range(inputs))) != inputs * (inputs - 1) // 2:
            raise RuntimeError(f"{self.name}: a result is wrong or missing")


class Awaited(Peer):
    """Inputs by ``remote.aio``, from as many coroutines as are to be in flight."""

    def __init__(self, name: str, echo: Handle, pause: Handle, *, fast: bool) -> None:
        super().__init__(name)
        self._echo = echo
        self._pause = pause
        self._loop = new_loop(fast=fast)

    def run(self, inputs: int, in_flight: int, *, pausing: bool) -> None:
        """Run inputs, and wait for the last."""
        remote = (self._pause if pausing else self._echo).remote.aio
        self._loop.run_until_complete(in_lanes(remote, inputs, in_flight))

    def close(self) -> None:
        """Close the loop."""
        self._loop.close()


class Called(Peer):
    """One input after the other by ``remote``, from a thread that waits."""

    concurrent = False

    def __init__(self, name: str, function: Handle) -> None:
        super().__init__(name)
        self._function = function

    def run(self, inputs: int, in_flight: int, *, pausing: bool) -> None:  # noqa: ARG002 - it is one
        """Run inputs, and wait for the last."""
        remote = self._function.remote
        for number in range(inputs):
            remote(number)


class Spawned(Peer):
    """Inputs by ``spawn``, a hundred at a time, and then ``get`` for each."""

    def __init__(self, name: str, echo: Handle, pause: Handle) -> None:
        super().__init__(name)
        self._echo = echo
        self._pause = pause

    def run(self, inputs: int, in_flight: int, *, pausing: bool) -> None:
        """Run inputs, and wait for the last."""
        function = self._pause if pausing else self._echo
        for first in range(0, inputs, in_flight):
            numbers = range(first, min(first + in_flight, inputs))
            for call in [function.spawn(number) for number in numbers]:
                call.get()


def _start(
    stack: ExitStack,
    name: str,
    on_record: Callable[[Record], None] | None,
    *,
    expected: str,
) -> Functions:
    app = App(f"benchmark-{name}")
    functions = Functions(*(_declare(app, body) for body in _BODIES))
    loop_name = app.function(max_containers=1)(bodies.loop_name)
    stack.enter_context(app.run(on_record=on_record, shutdown_grace=5))
    # Containers start with the environment of this moment.
    found = loop_name.remote(0)
    if found != expected:
        raise RuntimeError(f"containers of {name} run on {found}, not on {expected}")
    functions.echo.remote(0)
    return functions


def _declare(app: App, body: Callable[[int], Any]) -> Handle:
    declare = app.function(max_containers=1, scaledown_window=_KEEP_S)
    return cast("Handle", declare(body))


def _observe(record: Record) -> None:
    """Looks at nothing: what is measured is the making and the handing over."""


_shared: Final = concurrent(max_inputs=IN_FLIGHT)
_BODIES: Final[tuple[Callable[[int], Any], ...]] = (
    _shared(bodies.echo),
    _shared(bodies.pause),
    _shared(bodies.echo_sync),
    _shared(bodies.pause_sync),
    _shared(echo_logged),
    _shared(pause_logged),
    _shared(pause_logged_sync),
)
"""In the order of the fields of `Functions`."""
