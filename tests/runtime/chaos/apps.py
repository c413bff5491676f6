"""Functions that behave badly; containers import this module."""

# ruff: noqa: D103 - bodies, told by their names and the docstring above
from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import telemetry
from telemetry.runtime import App, batched, concurrent

app = App("chaos")
log = telemetry.get_logger(__name__)


@app.function(max_containers=3)
@concurrent(max_inputs=8, target_inputs=6)
async def square(x: int, pause_s: float = 0.02) -> int:
    await asyncio.sleep(pause_s)
    return x * x


@app.function(max_containers=3)
@concurrent(max_inputs=8)
def square_sync(x: int, pause_s: float = 0.02) -> int:
    time.sleep(pause_s)
    return x * x


@app.function(max_containers=3)
@concurrent(max_inputs=4, cancellation="input")
def patient(x: int, pause_s: float = 0.05) -> int:
    """Sleeps in steps, so that an interruption gets through."""
    until_s = time.monotonic() + pause_s
    while time.monotonic() < until_s:
        time.sleep(0.002)
    return x


@app.function(max_containers=3)
def alone(x: int, pause_s: float = 0.02) -> int:
    time.sleep(pause_s)
    return x


@app.function(max_containers=4, buffer_containers=3)
def crowd(x: int) -> int:
    """Its containers start several at a time."""
    return x


@app.function(max_containers=2)
@batched(max_batch_size=8, wait_ms=5)
def together(xs: list[int]) -> list[int]:
    time.sleep(0.01)
    return [2 * x for x in xs]


@app.function(max_containers=2, timeout=0.05, startup_timeout=30, retries=1)
async def hasty(x: int, pause_s: float) -> int:
    await asyncio.sleep(pause_s)
    return x


@app.function(max_containers=2)
@concurrent(max_inputs=8)
def beside(x: int, culprit: int) -> tuple[int, int]:
    """The culprit ends the process under its neighbours."""
    if x == culprit:
        time.sleep(0.05)
        os._exit(3)
    time.sleep(0.1)
    current = telemetry.current_input()
    return x, -1 if current is None else current.attempt


@app.function(max_containers=2)
@concurrent(max_inputs=4, cancellation="input")
def chatter(x: int) -> int:
    """Writes without end; numbers from 0 on are quick and say one thing."""
    if x >= 0:
        log.info("quick", x=x)
        return x
    for number in range(10**9):
        log.info("talking", number=number)
    return x


@app.function()
def echo(value: Any) -> Any:
    return value


@app.function()
def size(value: Any) -> int:
    return len(value)


@app.function()
@concurrent(max_inputs=4)
def hostile(name: str) -> Any:
    return BODIES[name]()


@app.function()
def hostile_alone(name: str) -> Any:
    return BODIES[name]()


@app.function()
@concurrent(max_inputs=4)
async def hostile_async(name: str) -> Any:
    if name == "leave tasks":
        LEFT.extend(asyncio.create_task(asyncio.sleep(600)) for _ in range(20))
        return "left"
    return BODIES[name]()


LEFT: list[asyncio.Task[None]] = []


class CannotTravel:
    def __reduce__(self) -> Any:
        raise TypeError("stays here")


class OnlyHere:
    """Can be decoded in the process that made it, and in no other."""

    def __init__(self) -> None:
        self.pid = os.getpid()

    def __reduce__(self) -> Any:
        return only_here, (self.pid,)


def only_here(pid: int) -> str:
    if os.getpid() != pid:
        raise ValueError(f"made for process {pid}")
    return "decoded"


class StubbornError(Exception):
    def __reduce__(self) -> Any:
        raise TypeError("stays here")

    def __str__(self) -> str:
        raise ValueError("says nothing")


def fork_and_return() -> str:
    pid = os.fork()
    return "child" if pid == 0 else "parent"


def fork_and_sleep() -> str:
    if os.fork() == 0:
        time.sleep(600)
    return "parent"


def fork_and_exec() -> str:
    if os.fork() == 0:
        os.execv("/bin/sleep", ["sleep", "600"])  # noqa: S606 - as a body may
    return "parent"


def fork_and_raise() -> str:
    if os.fork() == 0:
        raise ValueError("in the child")
    return "parent"


def start_program() -> str:
    subprocess.Popen(["/bin/sleep", "600"])
    return "started"


def close_everything() -> str:
    os.closerange(3, 4096)
    return "closed"


def close_standard() -> str:
    os.closerange(0, 3)
    return "closed"


def change_directory() -> str:
    os.chdir("/")
    return str(Path.cwd())


def delete_directory() -> str:
    folder = tempfile.mkdtemp()
    os.chdir(folder)
    Path(folder).rmdir()
    return "deleted"


def recurse() -> Any:
    def deeper(depth: int) -> int:
        return deeper(depth + 1) + 1

    return deeper(0)


def leave() -> None:
    raise SystemExit(3)


def print_megabytes() -> str:
    for _ in range(3):
        print("x" * 1_000_000)
    return "printed"


def replace_stdout() -> str:
    sys.stdout = None
    sys.stderr = object()
    return "replaced"


def take_signals() -> str:
    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    return "taken"


def become_leader() -> None:
    os.setsid()


def start_threads() -> str:
    for _ in range(5):
        threading.Thread(target=threading.Event().wait).start()
    return "started"


def forget_modules() -> str:
    sys.path.clear()
    for name in list(sys.modules):
        if name.partition(".")[0] in {"json", "telemetry", "tests", "pickle"}:
            del sys.modules[name]
    return "forgotten"


def hog() -> int:
    used = int(open("/proc/self/statm").read().split()[0]) * 4096  # noqa: SIM115, PTH123 - as bad as it gets
    resource.setrlimit(resource.RLIMIT_AS, (used + 200_000_000,) * 2)
    return len(bytearray(2_000_000_000))


def kill_itself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def segfault() -> None:
    ctypes.string_at(0)


def end_twice() -> str:
    with contextlib.suppress(BaseException):
        raise KeyboardInterrupt
    raise KeyboardInterrupt


def sleep_long() -> None:
    time.sleep(600)


BODIES: dict[str, Callable[[], Any]] = {
    "unpicklable result": threading.Lock,
    "result that stays": CannotTravel,
    "result only here": OnlyHere,
    "sleep": sleep_long,
}
for _body in (
    fork_and_return,
    fork_and_sleep,
    fork_and_exec,
    fork_and_raise,
    start_program,
    close_everything,
    close_standard,
    change_directory,
    delete_directory,
    recurse,
    leave,
    print_megabytes,
    replace_stdout,
    take_signals,
    become_leader,
    start_threads,
    forget_modules,
    hog,
    kill_itself,
    segfault,
    end_twice,
):
    BODIES[_body.__name__] = _body


def stubborn() -> None:
    raise StubbornError("x")


BODIES["stubborn"] = stubborn
BODIES["fine"] = lambda: "fine"
