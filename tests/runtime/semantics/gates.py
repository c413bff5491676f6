"""Where a body and a test wait for each other: files in a folder that both know."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import telemetry.runtime

LIMIT_S: Final = 20.0
"""Longer than any wait of these tests takes, on a machine that is busy."""

_LOOK_S: Final = 0.002


class Here(NamedTuple):
    """Where a body runs."""

    pid: int
    thread: str
    is_main: bool
    input_id: str
    call_id: str | None
    container_id: str | None
    slot: int | None
    attempt: int


def here() -> Here:
    """Where this body runs; raises outside of one."""
    current = telemetry.current_input()
    if current is None:
        raise LookupError("no input runs here")
    thread = threading.current_thread()
    return Here(
        os.getpid(),
        thread.name,
        thread is threading.main_thread(),
        current.input_id,
        current.function_call_id,
        current.container_id,
        current.slot,
        current.attempt,
    )


def instance_of(model: Callable[..., Any], folder: Path) -> Any:
    """An instance of a class of an app whose one parameter is a folder."""
    return model(folder=str(folder))


def until(true: Callable[[], object], what: str, limit_s: float = LIMIT_S) -> None:
    """Wait until it is true.

    Raises:
        TimeoutError: It has not come true.
    """
    end_s = time.monotonic() + limit_s
    while not true():
        if time.monotonic() > end_s:
            raise TimeoutError(f"waited {limit_s:g} s for {what}")
        time.sleep(_LOOK_S)


def wait(folder: Path, name: str, limit_s: float = LIMIT_S) -> None:
    """Wait until the gate is open."""
    until((folder / name).exists, f"the gate {name!r}", limit_s)


async def wait_aio(folder: Path, name: str) -> None:
    """Wait in a task until the gate is open.

    Raises:
        TimeoutError: It has not been opened.
    """
    end_s = time.monotonic() + LIMIT_S
    while not (folder / name).exists():
        if time.monotonic() > end_s:
            raise TimeoutError(f"waited {LIMIT_S:g} s for the gate {name!r}")
        await asyncio.sleep(_LOOK_S)


def open_gate(folder: Path, *names: str) -> None:
    """Let whoever waits at these gates pass, now and later."""
    for name in names:
        (folder / name).touch()


def began(folder: Path, *names: str, attempt: int = 0) -> None:
    """Wait until these bodies have come to their gates, in that attempt."""
    for name in names:
        wait(folder, f"{name}.in.{attempt}")


def release(folder: Path, *names: str) -> None:
    """Let these bodies go on."""
    open_gate(folder, *(f"{name}.go" for name in names))


def stay(folder: Path, name: str) -> None:
    """In a body: say that it has begun, and stay until it is released."""
    open_gate(folder, f"{name}.in.{telemetry.runtime.current_attempt() or 0}")
    wait(folder, f"{name}.go")


async def stay_aio(folder: Path, name: str) -> None:
    """The same in an async body."""
    open_gate(folder, f"{name}.in.{telemetry.runtime.current_attempt() or 0}")
    await wait_aio(folder, f"{name}.go")


def note(folder: Path, text: str) -> None:
    """Add a line to the folder's log, whole even among many writers."""
    log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        os.write(log, f"{text}\n".encode())
    finally:
        os.close(log)


def notes(folder: Path) -> list[str]:
    """The lines of the folder's log."""
    log = folder / "log"
    return log.read_text().splitlines() if log.exists() else []


def noted(folder: Path, text: str, count: int = 1) -> None:
    """Wait for a line in the folder's log."""
    until(lambda: notes(folder).count(text) >= count, f"{text!r} in the log")


def is_alive(pid: int) -> bool:
    """Whether a process of this number exists, and is no zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    try:
        return not status.exists() or status.read_text().rpartition(")")[2][1] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def gone(pid: int) -> None:
    """Wait for the end of a process."""
    until(lambda: not is_alive(pid), f"the end of process {pid}")
