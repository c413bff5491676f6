"""Ray's actors as a side of the comparison; only with ``--ray``, where it is."""

from __future__ import annotations

import asyncio
import importlib
import os
import time
from typing import Any, Final

from benchmarks.bodies import IN_FLIGHT, PAUSE_S
from benchmarks.peers import Peer, in_lanes

MISSING: Final = (
    "ray is not installed here: `pip install ray` into a virtual environment that has "
    "this project's dependencies, and run again with its Python"
)

_STORE_BYTES: Final = 150 * 1024 * 1024
_CPUS: Final = 2


def start_ray() -> Any | None:  # noqa: ANN401 - an optional package's module
    """Start Ray on this machine; None when it is not installed."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_DEDUP_LOGS", "0")
    try:
        ray: Any = importlib.import_module("ray")
    except ImportError:
        return None
    ray.init(
        num_cpus=_CPUS,
        include_dashboard=False,
        object_store_memory=_STORE_BYTES,
        logging_level="ERROR",
        log_to_driver=False,
    )
    return ray


class Async:
    """The bodies as methods of an async actor."""

    async def echo(self, x: int) -> int:
        """Return at once."""
        return x

    async def pause(self, x: int) -> int:
        """Pause, then return."""
        await asyncio.sleep(PAUSE_S)
        return x


class Threaded:
    """The bodies as methods of a threaded actor."""

    def echo(self, x: int) -> int:
        """Return at once."""
        return x

    def pause(self, x: int) -> int:
        """Pause, then return."""
        time.sleep(PAUSE_S)
        return x


class RayActor(Peer):
    """One actor with a hundred calls at a time, each awaited by a coroutine."""

    def __init__(self, name: str, ray: Any, kind: type) -> None:  # noqa: ANN401 - an optional package's module
        super().__init__(name)
        self._ray = ray
        self._loop = asyncio.new_event_loop()
        options = {"max_concurrency": IN_FLIGHT, "num_cpus": 0}
        self._actor = ray.remote(kind).options(**options).remote()
        ray.get(self._actor.echo.remote(1))

    def run(self, inputs: int, in_flight: int, *, pausing: bool) -> None:
        """Run inputs, and wait for the last."""
        method = self._actor.pause if pausing else self._actor.echo

        async def call(number: int) -> None:
            await method.remote(number)

        self._loop.run_until_complete(in_lanes(call, inputs, in_flight))

    def close(self) -> None:
        """End the actor."""
        self._ray.kill(self._actor)
        self._loop.close()


class RayActorGet(RayActor):
    """The same actor from a thread: a hundred calls, and one ``ray.get`` for all."""

    def run(self, inputs: int, in_flight: int, *, pausing: bool) -> None:
        """Run inputs, and wait for the last."""
        method = self._actor.pause if pausing else self._actor.echo
        for _ in range(0, inputs, in_flight):
            self._ray.get([method.remote(number) for number in range(in_flight)])
