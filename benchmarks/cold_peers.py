"""Processes of the standard library, from nothing to the first answer."""

from __future__ import annotations

from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Final

SPAWN: Final = get_context("spawn")
FORKSERVER: Final = get_context("forkserver")


def answer(connection: Connection) -> None:
    """In the child: say something."""
    connection.send(1)


def from_spawn() -> None:
    """Start a fresh interpreter, and hear from it."""
    ours, theirs = SPAWN.Pipe()
    with ours, theirs:
        process = SPAWN.Process(target=answer, args=(theirs,))
        process.start()
        ours.recv()
    process.join()


def from_forkserver() -> None:
    """Let the fork server fork, and hear from the child."""
    ours, theirs = FORKSERVER.Pipe()
    with ours, theirs:
        process = FORKSERVER.Process(target=answer, args=(theirs,))
        process.start()
        ours.recv()
    process.join()


def preload() -> None:
    """Let the fork server import what its children need, as ours does."""
    FORKSERVER.set_forkserver_preload(["benchmarks.cold_peers"])
    from_forkserver()
