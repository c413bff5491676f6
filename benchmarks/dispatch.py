"""What one input costs from call to result, beside what is possible and beside peers.

    python -m benchmarks.dispatch [--rounds N] [--json FILE] [--quick] [--ray]

Three tables: bodies that return at once, with 100 in flight; the same, one at a
time; and bodies that pause for 10 ms, with 100 in flight. CPU is that of the whole
process tree, so a runtime cannot hide its work in another process. The floor is a
bare Unix socket between two Python processes that pickle and nothing else.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from typing import Final

from benchmarks import ray_peers
from benchmarks.bodies import IN_FLIGHT, PAUSE_S
from benchmarks.machine import PACKAGES
from benchmarks.measure import Case, Measured, Plan, measure
from benchmarks.ours import Apps, Awaited, Called, Mapped, Spawned, start_apps
from benchmarks.peers import (
    InProcess,
    Peer,
    ProcessPool,
    SocketBlocking,
    SocketLoop,
    ThreadPool,
)
from benchmarks.report import Report, parser, rounds_of
from benchmarks.targets import (
    Tables,
    Target,
    cpu_us,
    latency_ratio,
    ratio,
    share_of_ideal,
    verdicts,
)

BARE: Final = "socket, asyncio, joined writes (bare floor)"
TICK: Final = "socket, asyncio, one pickle per tick"
TICK_UVLOOP: Final = "socket, uvloop, one pickle per tick"
SLOT_THREADS: Final = "socket, asyncio, child with 100 threads"
THREADS: Final = "ThreadPoolExecutor(100), in process"
PROCESS: Final = "ProcessPoolExecutor(1)"
RAY_ASYNC: Final = "Ray async actor, await"
MAP: Final = "ours: async, map"
MAP_RECORDS: Final = "ours: async, map, on_record"
MAP_LOGGED: Final = "ours: async, map, on_record, a log line each"
MAP_PLAIN: Final = "ours: async, map, container without uvloop"
AIO: Final = "ours: async, remote.aio, uvloop"
AIO_RECORDS: Final = "ours: async, remote.aio, uvloop, on_record"
AIO_PLAIN: Final = "ours: async, remote.aio, no uvloop anywhere"
SPAWN: Final = "ours: async, spawn and get"
SYNC: Final = "ours: sync on slot threads, map"
SYNC_RECORDS: Final = "ours: sync on slot threads, map, on_record"
SYNC_LOGGED: Final = "ours: sync on slot threads, map, on_record, a line each"
REMOTE: Final = "ours: async, remote"
REMOTE_SYNC: Final = "ours: sync, remote"

IDEAL_US: Final = PAUSE_S * 1e6 / IN_FLIGHT

TARGETS: Final = (
    Target("T8", f"{AIO_RECORDS} / {TICK_UVLOOP}", 1.5, ratio(AIO_RECORDS, TICK_UVLOOP)),
    Target("T8", f"{MAP_RECORDS} / {TICK_UVLOOP}", 1.5, ratio(MAP_RECORDS, TICK_UVLOOP)),
    Target("T8", f"{MAP} / {TICK_UVLOOP}", 1.5, ratio(MAP, TICK_UVLOOP)),
    Target("T8", f"{AIO_PLAIN} / {TICK}", 1.5, ratio(AIO_PLAIN, TICK)),
    Target("T8", f"{MAP_PLAIN} / {TICK}", 1.5, ratio(MAP_PLAIN, TICK)),
    Target("T8", f"{MAP_RECORDS} / {BARE}", 0.8, ratio(MAP_RECORDS, BARE)),
    Target("T9", f"{PROCESS} / {MAP}", 15, ratio(PROCESS, MAP), at_least=True),
    Target("T9", f"{PROCESS} / {AIO}", 15, ratio(PROCESS, AIO), at_least=True),
    Target("T9", f"{RAY_ASYNC} / {AIO}", 80, ratio(RAY_ASYNC, AIO), at_least=True),
    Target("T9", f"{RAY_ASYNC} / {MAP}", 80, ratio(RAY_ASYNC, MAP), at_least=True),
    Target(
        "T9",
        f"1 in flight: {RAY_ASYNC} / {AIO}",
        10,
        latency_ratio(RAY_ASYNC, AIO),
        at_least=True,
    ),
    Target("T10", f"{SYNC} / {SLOT_THREADS}", 1.5, ratio(SYNC, SLOT_THREADS)),
    Target("T10", f"{SYNC} / {THREADS}", 1, ratio(SYNC, THREADS)),
    *(
        Target("T11", name, least, share_of_ideal(name, IDEAL_US), "%", at_least=True)
        for name, least in (
            (MAP_LOGGED, 93),
            (AIO_RECORDS, 93),
            (AIO_PLAIN, 89),
            (MAP_PLAIN, 89),
            (SYNC_LOGGED, 89),
        )
    ),
    Target("T11", f"CPU of {MAP_LOGGED}", 15, cpu_us(MAP_LOGGED), "us"),
    Target("T11", f"CPU of {SYNC_LOGGED}", 90, cpu_us(SYNC_LOGGED), "us"),
)


def our_peers(apps: Apps) -> list[Peer]:
    """This runtime, by its verbs, with and without what can be left out."""
    bare, seen, plain = apps.bare, apps.observed, apps.plain
    return [
        Mapped(MAP, bare.echo, bare.pause),
        Mapped(MAP_RECORDS, seen.echo, seen.pause),
        Mapped(MAP_LOGGED, seen.echo_logged, seen.pause_logged),
        Mapped(MAP_PLAIN, plain.echo, plain.pause),
        Awaited(AIO, bare.echo, bare.pause, fast=True),
        Awaited(AIO_RECORDS, seen.echo, seen.pause, fast=True),
        Awaited(AIO_PLAIN, plain.echo, plain.pause, fast=False),
        Spawned(SPAWN, bare.echo, bare.pause),
        Mapped(SYNC, bare.echo_sync, bare.pause_sync),
        Mapped(SYNC_RECORDS, seen.echo_sync, seen.pause_sync),
        Mapped(SYNC_LOGGED, seen.echo_sync, seen.pause_logged_sync),
        Called(REMOTE, bare.echo),
        Called(REMOTE_SYNC, bare.echo_sync),
    ]


def other_peers() -> list[Peer]:
    """Floors, and what Python brings along."""
    return [
        InProcess("in process, asyncio: create_task", fast=False),
        InProcess("in process, uvloop: create_task", fast=True),
        SocketBlocking("socket, blocking on both sides, no loop"),
        SocketLoop(BARE, "loop"),
        SocketLoop(TICK, "loop-tick"),
        SocketLoop(TICK_UVLOOP, "uvloop-tick"),
        SocketLoop(SLOT_THREADS, "threads"),
        ThreadPool(THREADS),
        ProcessPool(PROCESS),
    ]
