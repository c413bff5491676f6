"""Exceptions that nobody caught: a line each, and Python's own hooks go on."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

import telemetry
from telemetry.capture.line import Line
from telemetry.capture.roads import excepthooks, registry, stdlib_logging, threads
from telemetry.capture.roads.excepthooks import ROAD
from telemetry.capture.roads.streams import CAPTURED_ELSEWHERE
from telemetry.core.scope import SCOPE, InputScope

ENDINGS = [KeyboardInterrupt, SystemExit]


@pytest.fixture(autouse=True)
def called(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Which hooks of the program's own were called; the road is on top of them."""
    registry.choose(())
    found: list[str] = []
    monkeypatch.setattr(sys, "excepthook", lambda *_: found.append("main"))
    monkeypatch.setattr(threading, "excepthook", lambda _: found.append("thread"))
    monkeypatch.setattr(sys, "unraisablehook", lambda _: found.append("unraisable"))
    ROAD.install()
    yield found
    ROAD.uninstall()
    stdlib_logging.ROAD.uninstall()


def inside(body: Callable[[], object]) -> None:
    """Run *body* in the context of an input."""

    def run() -> None:
        SCOPE.set(InputScope("in-1"))
        body()

    contextvars.copy_context().run(run)


def raised(error: BaseException) -> BaseException:
    """*error* with a traceback."""
    try:
        raise error
    except BaseException as caught:  # noqa: BLE001  # it may be one that ends programs
        return caught


def test_uncaught_exception(lines: list[Line], called: list[str]) -> None:
    """What ends the program is a critical line with its traceback."""
    error = raised(ValueError("bad"))

    inside(lambda: sys.excepthook(type(error), error, error.__traceback__))

    (line,) = lines
    assert (line.level, line.input_id, line.shown) == ("critical", "in-1", True)
    assert line.event == "uncaught exception: ValueError: bad"
    assert "in raised" in str(line.exception)
    assert line.fields == {"exception.type": "ValueError"}
    assert called == ["main"]


@pytest.mark.parametrize("kind", ENDINGS)
def test_endings_are_no_errors(
    lines: list[Line], called: list[str], kind: type[BaseException]
) -> None:
    """What ends a program or a thread by Python's own rules leaves no line."""
    sys.excepthook(kind, kind(), None)
    threading.excepthook(threading.ExceptHookArgs((kind, kind(), None, None)))
    sys.unraisablehook(
        SimpleNamespace(
            exc_type=kind, exc_value=kind(), exc_traceback=None, err_msg=None, object=1
        )
    )

    assert lines == []
    assert called == ["main", "thread", "unraisable"]


def test_exception_in_a_thread(lines: list[Line], called: list[str]) -> None:
    """The line is the thread's, and of the input that has started it."""

    def fail() -> None:
        raise KeyError("gone")

    thread = threading.Thread(target=fail, name="worker")
    threads.ROAD.install()
    try:
        inside(thread.start)
        thread.join(20)
    finally:
        threads.ROAD.uninstall()

    (line,) = lines
    assert (line.level, line.thread, line.input_id) == ("error", "worker", "in-1")
    assert "KeyError: 'gone'" in str(line.exception)
    assert called == ["thread"]


class Failing:
    def __init__(self) -> None:
        self.cycle: object = None

    def __del__(self) -> None:
        raise OSError("lost")


def test_exception_in_a_finaliser(lines: list[Line], called: list[str]) -> None:
    """It is the input's that dropped the object; the collector's is nobody's."""
    gc.disable()
    try:
        left = Failing()
        left.cycle = left
        del left
        inside(Failing)
        inside(gc.collect)
    finally:
        gc.enable()

    counted, collected = lines
    assert (counted.level, counted.input_id) == ("error", "in-1")
    assert "Failing.__del__" in str(counted.fields["object"])
    assert counted.exception is not None
    assert (collected.input_id, collected.candidates) == (None, ("in-1",))
    assert called == ["unraisable", "unraisable"]


class HostileError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no")


def test_exception_that_cannot_be_printed(lines: list[Line]) -> None:
    """The line says what it is; nothing is raised into the program."""
    error = raised(HostileError())

    sys.excepthook(type(error), error, error.__traceback__)

    assert "Hostile" in lines[0].event


def run_loop(main: Callable[[], Any], *, handler: Any = None) -> None:
    """Run *main* in a loop of asyncio's own."""

    async def run() -> None:
        asyncio.get_running_loop().set_exception_handler(handler)
        await main()

    asyncio.run(run())


def test_callback_that_fails(lines: list[Line]) -> None:
    """The line has the id of the callback, whoever runs the loop; logging adds none."""
    stdlib_logging.ROAD.install()

    async def main() -> None:
        loop = asyncio.get_running_loop()

        def fail() -> None:
            raise ValueError("bad")

        with telemetry.input_scope(input_id="in-callback"):
            loop.call_soon(fail)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    run_loop(main)

    (line,) = lines
    assert (line.level, line.input_id) == ("error", "in-callback")
    assert line.event.endswith("ValueError: bad")
    assert line.exception is not None


def test_handler_of_the_program(lines: list[Line]) -> None:
    """A loop's own handler still runs, and sees the context of what has failed."""
    seen: list[tuple[str, str | None]] = []

    def handle(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        seen.append((context["message"], telemetry.current_input_id()))

    async def main() -> None:
        loop = asyncio.get_running_loop()
        with telemetry.input_scope(input_id="in-callback"):
            handle_of = loop.call_later(60, print)
        loop.call_exception_handler({"message": "odd", "handle": handle_of})
        handle_of.cancel()

    run_loop(main, handler=handle)

    assert [(line.event, line.input_id) for line in lines] == [("odd", "in-callback")]
    assert seen == [("odd", "in-callback")]


def test_task_whose_exception_nobody_asked_for(lines: list[Line]) -> None:
    """It has the id of the task, or none where Python does not tell: never another."""

    async def fail() -> None:
        raise ValueError("bad")

    async def main() -> None:
        with telemetry.input_scope(input_id="in-task"):
            task = asyncio.get_running_loop().create_task(fail())
        await asyncio.wait([task])
        with telemetry.input_scope(input_id="in-other"):
            del task
            gc.collect()

    run_loop(main)

    (line,) = lines
    known = hasattr(asyncio.Task, "get_context")  # since 3.12
    assert line.input_id == ("in-task" if known else None)
    assert "never retrieved" in line.event
    assert "ValueError: bad" in str(line.exception)


def test_thread_of_the_exception_is_named(lines: list[Line]) -> None:
    """The line names the thread that failed, whoever calls the hook."""
    error = raised(KeyError("gone"))
    thread = threading.Thread(name="other")

    threading.excepthook(
        threading.ExceptHookArgs((type(error), error, error.__traceback__, thread))
    )

    assert lines[0].thread == "other"


@pytest.mark.parametrize("kind", ENDINGS)
def test_endings_in_a_loop(lines: list[Line], kind: type[BaseException]) -> None:
    """They are no errors of the loop either."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.call_exception_handler({"message": "x", "exception": kind()})

    run_loop(main, handler=lambda *_: None)

    assert lines == []


PROGRAM = """
import asyncio, sys, threading
from telemetry.capture import sink
from telemetry.capture.roads.excepthooks import ROAD
caught = []
sink.set_sink(caught.append)
from telemetry.capture.roads import stdlib_logging, streams
if sys.argv[1] == "with":
    streams.ROAD.install()
    stdlib_logging.ROAD.install()
    ROAD.install()
def fail(): raise ValueError("bad")
class Failing:
    def __del__(self): fail()
thread = threading.Thread(target=fail); thread.start(); thread.join()
Failing()
async def main():
    asyncio.get_running_loop().call_soon(fail)
    await asyncio.sleep(0.01)
asyncio.run(main())
import atexit
atexit.register(lambda: print(len(caught)))
fail()
"""


def test_stderr_is_the_same_with_us() -> None:
    """Python's hooks write as without us, and no road makes a second line of it."""
    runs = [
        subprocess.run(
            [sys.executable, "-c", PROGRAM, how],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        for how in ("without", "with")
    ]

    before, after = (
        [row for row in run.stderr.splitlines() if " at 0x" not in row] for run in runs
    )
    assert before == after
    assert "ValueError: bad" in runs[1].stderr
    assert [run.returncode for run in runs] == [1, 1]
    assert [run.stdout.strip() for run in runs] == ["0", "4"]


def hooks() -> list[object]:
    """All that the road replaces, as it stands."""
    loop = vars(asyncio.BaseEventLoop)["call_exception_handler"]
    return [sys.excepthook, threading.excepthook, sys.unraisablehook, loop]


def test_install_and_uninstall() -> None:
    """Twice is as good as once, and all is put back as it was."""
    ROAD.uninstall()
    before = hooks()

    ROAD.install()
    ROAD.install()
    assert ROAD.state().on
    assert excepthooks.__name__ in CAPTURED_ELSEWHERE
    ROAD.uninstall()
    ROAD.uninstall()

    assert hooks() == before
    assert not ROAD.state().on
    assert excepthooks.__name__ not in CAPTURED_ELSEWHERE


def test_hook_on_top_of_ours(
    lines: list[Line], called: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hook that was set after us stays when we go, and ours passes through."""
    ours = sys.excepthook

    def theirs(*args: Any) -> None:
        called.append("theirs")
        ours(*args)

    monkeypatch.setattr(sys, "excepthook", theirs)
    assert ROAD.state().on
    assert "theirs" in ROAD.state().note
    ROAD.uninstall()

    sys.excepthook(ValueError, ValueError(), None)

    assert called == ["theirs", "main"]
    assert lines == []
