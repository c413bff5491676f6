"""The bodies that every runtime in a comparison runs; light to import."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from typing import Final

IN_FLIGHT: Final = 100
PAUSE_S: Final = 0.01

PLAIN_LOOP: Final = "BENCHMARK_PLAIN_LOOP"
"""The variable under which containers are kept from finding uvloop."""

if os.environ.get(PLAIN_LOOP):
    # A container imports this before it makes its loop; its driver did earlier,
    # when the variable was not set.
    sys.modules["uvloop"] = None  # type: ignore[assignment]  # how Python marks what may not be imported


async def echo(x: int) -> int:
    return x


async def pause(x: int) -> int:
    await asyncio.sleep(PAUSE_S)
    return x


def echo_sync(x: int) -> int:
    return x


def pause_sync(x: int) -> int:
    time.sleep(PAUSE_S)
    return x


async def loop_name(x: int) -> str:  # noqa: ARG001 - as the others
    return type(asyncio.get_running_loop()).__module__.partition(".")[0]
