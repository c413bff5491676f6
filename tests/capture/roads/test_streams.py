"""The road of print and the standard streams."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import io
import logging
import os
import pty
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, copy_context
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest

from telemetry.capture import open_scopes, sink, unpatched
from telemetry.capture.console import Console
from telemetry.capture.line import Line, stamp
from telemetry.capture.roads import streams
from telemetry.capture.roads.road import RoadState
from telemetry.core.scope import SCOPE, InputScope

_Test = TypeVar("_Test", bound=Callable[..., None])


def on_stdout(test: _Test) -> _Test:
    """Run *test* with its ``out`` as ``sys.stdout``, which pytest sets anew."""

    @functools.wraps(test)
    def run(**fixtures: Any) -> None:
        with contextlib.redirect_stdout(fixtures["out"]):
            test(**fixtures)

    return cast("_Test", run)


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[io.TextIOWrapper]:
    """A real text stream over a file, as ``sys.stdout``."""
    stream = (tmp_path / "out").open("w", encoding="utf-8")
    monkeypatch.setattr("sys.stdout", stream)
    yield stream
    stream.close()


@pytest.fixture
def road(out: io.TextIOWrapper) -> Iterator[streams._Streams]:
    """The road, installed; the test's own stream is ``sys.stdout``."""
    streams.ROAD.uninstall()  # it may be on: it belongs to the library's roads
    elsewhere = set(streams.CAPTURED_ELSEWHERE)
    streams.CAPTURED_ELSEWHERE.clear()
    streams.ROAD.install()
    yield streams.ROAD
    streams.ROAD.uninstall()
    streams.ROAD.swallow = False
    streams.CAPTURED_ELSEWHERE.clear()
    streams.CAPTURED_ELSEWHERE.update(elsewhere)


def written(stream: io.TextIOWrapper) -> str:
    """What has reached the file of *stream*."""
    stream.flush()
    return Path(stream.name).read_text("utf-8")


def under(scope: InputScope, body: Callable[[], object]) -> None:
    """Run *body* as the input of *scope*, in a context of its own."""

    def run() -> None:
        SCOPE.set(scope)
        open_scopes.opened(scope)
        try:
            body()
        finally:
            open_scopes.ended(scope)
            scope.close()

    copy_context().run(run)


@on_stdout
def test_line_knows_its_input(
    road: streams._Streams, out: io.TextIOWrapper, lines: list[Line]
) -> None:
    """A print is one record with the id, and the text passes through untouched."""
    under(InputScope("in-1"), lambda: print("a", 1, file=sys.stdout))
    print("\x1b[1mbold\x1b[0m")

    assert [(x.event, x.input_id, x.stream, x.level, x.shown) for x in lines] == [
        ("a 1", "in-1", "stdout", "info", True),
        ("bold", None, "stdout", "info", True),
    ]
    assert written(out) == "a 1\n\x1b[1mbold\x1b[0m\n"


def test_stderr_is_a_warning(
    lines: list[Line], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What goes to stderr has the level warning, and a progress bar has info."""
    with io.TextIOWrapper(io.BytesIO()) as stream:
        monkeypatch.setattr("sys.stderr", stream)
        streams.ROAD.uninstall()
        streams.ROAD.install()
        try:
            sys.stderr.write("oh\n")
            sys.stderr.write("\r50%")
            sys.stderr.write("\n")
        finally:
            streams.ROAD.uninstall()

    assert [(x.event, x.level, x.fields) for x in lines] == [
        ("oh", "warning", {}),
        ("50%", "info", {"progress": True}),
        ("50%", "info", {}),
    ]


@on_stdout
def test_result_and_stream_are_unchanged(
    road: streams._Streams, out: io.TextIOWrapper, lines: list[Line]
) -> None:
    """The write returns and raises what it did, and the object is the same."""
    assert sys.stdout is out
    assert sys.stdout.write("four") == 4
    with pytest.raises(TypeError):
        sys.stdout.write(b"bytes")  # type: ignore[arg-type]  # what is tested
    sys.stdout.writelines(["a", "b\n"])

    assert [line.event for line in lines] == ["fourab"]


@on_stdout
def test_swallowed(
    road: streams._Streams, out: io.TextIOWrapper, lines: list[Line]
) -> None:
    """In a container nothing goes to the descriptor, and the caller cannot tell."""
    road.swallow = True
    print("x")
    assert sys.stdout.write("yy") == 2
    with pytest.raises(TypeError):
        sys.stdout.write(3)  # type: ignore[arg-type]  # what is tested
    road.swallow = False
    print("z")

    assert [(x.event, x.shown) for x in lines] == [("x", False), ("yyz", True)]
    assert written(out) == "z\n"


@on_stdout
def test_module_with_a_road_of_its_own(
    road: streams._Streams, out: io.TextIOWrapper, lines: list[Line]
) -> None:
    """What a handler built earlier writes is recorded here unless it is elsewhere."""
    logger = logging.getLogger("telemetry.test.streams")
    logger.addHandler(logging.StreamHandler(out))
    logger.warning("here")
    streams.CAPTURED_ELSEWHERE.add("logging")
    logger.warning("elsewhere")

    assert [line.event for line in lines] == ["here"]
    assert written(out) == "here\nelsewhere\n"


@on_stdout
def test_fifty_threads_and_fifty_tasks(
    road: streams._Streams, out: io.TextIOWrapper, lines: list[Line]
) -> None:
    """Every line is whole, there, and of its input, whoever else prints."""

    def body(number: int) -> None:
        for at in range(20):
            print("t", number, at)

    async def task(number: int) -> None:
        scope = InputScope(f"in-{number}")
        SCOPE.set(scope)
        for at in range(20):
            print("t", number, end=" ")
            await asyncio.sleep(0)
            print(at)

    async def tasks() -> None:
        await asyncio.gather(*(task(number) for number in range(50, 100)))

    with ThreadPoolExecutor(50) as pool:
        jobs = [
            pool.submit(under, InputScope(f"in-{n}"), functools.partial(body, n))
            for n in range(50)
        ]
        asyncio.run(tasks())
        for job in jobs:
            job.result()

    assert Counter((x.input_id, x.event) for x in lines) == Counter(
        (f"in-{number}", f"t {number} {at}")
        for number in range(100)
        for at in range(20)
    )


@on_stdout
def test_leftover_is_recorded_as_the_scope_ends(
    road: streams._Streams, out: io.TextIOWrapper, lines: list[Line]
) -> None:
    """What a joined thread or the body began and not ended is there, and not late."""

    def body() -> None:
        context = copy_context()
        thread = threading.Thread(
            target=context.run, args=(lambda: print("thread", end=""),)
        )
        thread.start()
        thread.join()
        print("body", end="")

    under(InputScope("in-1"), body)

    assert {(x.event, x.input_id, x.late) for x in lines} == {
        ("thread", "in-1", False),
        ("body", "in-1", False),
    }


@on_stdout
def test_thread_left_behind_ends_its_own_line(
    road: streams._Streams, out: io.TextIOWrapper, lines: list[Line]
) -> None:
    """The end of a scope does not tear the line that another thread is writing."""
    begun, go = threading.Event(), threading.Event()
    threads: list[threading.Thread] = []

    def late() -> None:
        print("a", end=" ")
        begun.set()
        go.wait()
        print("b")

    def body() -> None:
        threads.append(threading.Thread(target=copy_context().run, args=(late,)))
        threads[0].start()
        begun.wait()

    under(InputScope("in-1"), body)
    go.set()
    threads[0].join()

    assert [(x.event, x.input_id, x.late) for x in lines] == [("a b", "in-1", True)]


@on_stdout
def test_idle_line_is_recorded(
    road: streams._Streams, out: io.TextIOWrapper, lines: list[Line]
) -> None:
    """A line that nobody goes on with is recorded; one that grows is left alone."""
    streams._IDLE.next_s = 0.0
    Context().run(lambda: print("prompt? ", end=""))
    streams.flush_idle(10.0)
    print("x", end="")  # the same key: the line grows
    streams.flush_idle(11.5)
    assert lines == []
    streams.flush_idle(13.0)

    assert [line.event for line in lines] == ["prompt? x"]


@on_stdout
def test_signal_handler_within_a_write(
    road: streams._Streams,
    out: io.TextIOWrapper,
    lines: list[Line],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A handler that prints while a line is being put together loses no text."""
    original = streams._take_in

    def interrupted(key: streams.Key, pending: object, text: str) -> None:
        monkeypatch.setattr(streams, "_take_in", original)
        signal.raise_signal(signal.SIGUSR1)
        original(key, pending, text)  # type: ignore[arg-type]  # passed on as it is

    before = signal.signal(signal.SIGUSR1, lambda *_: print("handler", end=""))
    try:
        print("main", end="")
        monkeypatch.setattr(streams, "_take_in", interrupted)
        print(" goes", end="")
        print(" on")
    finally:
        signal.signal(signal.SIGUSR1, before)

    assert [line.event for line in lines] == ["handler", "main goes on"]


@on_stdout
def test_finaliser_that_prints(
    road: streams._Streams, out: io.TextIOWrapper, lines: list[Line]
) -> None:
    """A ``__del__`` that prints amid another line loses nothing."""

    class Loud:
        def __del__(self) -> None:
            print("gone")

    print("a", type(Loud()).__name__)

    assert "".join(line.event for line in lines).count("gone") == 1


@on_stdout
def test_redirected_output_is_the_programs(
    road: streams._Streams, out: io.TextIOWrapper, lines: list[Line]
) -> None:
    """redirect_stdout to memory works untouched; a new stream over 1 is watched."""
    with contextlib.redirect_stdout(io.StringIO()) as memory:
        print("mine")
        under(InputScope("in-1"), lambda: print("mine too"))
    assert memory.getvalue() == "mine\nmine too\n"
    assert lines == []

    with open(1, "w", closefd=False, encoding="utf-8") as again:
        with contextlib.redirect_stdout(again):
            under(InputScope("in-1"), lambda: print("watched"))
        print("back")
        assert "write" not in vars(again)
    assert [line.event for line in lines] == ["watched", "back"]


@on_stdout
def test_uninstall_gives_the_write_back(
    out: io.TextIOWrapper, lines: list[Line]
) -> None:
    """Nothing is left on the stream; a write taken meanwhile passes through."""
    streams.ROAD.uninstall()
    streams.ROAD.install()
    streams.ROAD.install()
    assert streams.ROAD.state().on
    taken = sys.stdout.write
    streams.ROAD.uninstall()
    taken("x\n")
    print("y")

    assert "write" not in vars(out)
    assert streams.ROAD.state() == RoadState(on=False)
    assert (lines, written(out)) == ([], "x\ny\n")


@on_stdout
def test_patch_on_top_of_ours_stays(out: io.TextIOWrapper, lines: list[Line]) -> None:
    """Who replaced the write after us keeps it when we go, and we come back below."""
    streams.ROAD.uninstall()
    streams.ROAD.install()
    seen: list[str] = []
    ours = sys.stdout.write

    def theirs(text: str) -> int:
        seen.append(text)
        return ours(text)

    out.write = theirs  # type: ignore[method-assign]  # as wandb does
    streams.ROAD.uninstall()
    print("x")
    streams.ROAD.install()
    print("y")
    streams.ROAD.uninstall()

    assert "".join(seen) == "x\ny\n"
    assert [line.event for line in lines] == ["y"]


@on_stdout
def test_console_is_not_captured(
    road: streams._Streams, out: io.TextIOWrapper, lines: list[Line]
) -> None:
    """What our console shows is a record already, also when shown outside of emit."""
    console = Console("json", stream=out)
    console.show([stamp("info", "shown", {})])

    assert lines == []
    assert "shown" in written(out)


@on_stdout
def test_sink_that_prints_does_not_recurse(
    road: streams._Streams, out: io.TextIOWrapper
) -> None:
    """A sink that prints what it gets prints it once."""
    sink.set_sink(lambda line: print("sink:", line.event))
    print("x")

    assert written(out) == "x\nsink: x\n"


@on_stdout
def test_closed_and_missing_streams(
    road: streams._Streams, out: io.TextIOWrapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A closed stream raises what it did; where there is none, none is watched."""
    out.close()
    with pytest.raises(ValueError, match="closed"):
        print("x")
    road.uninstall()
    monkeypatch.setattr("sys.stdout", None)
    road.install()
    print("x")
    assert "stdout: a NoneType" in road.state().note


@on_stdout
def test_forked_child_does_not_repeat(
    road: streams._Streams, out: io.TextIOWrapper, lines: list[Line]
) -> None:
    """A line begun before a fork is the parent's alone."""
    print("half", end="")
    child = os.fork()
    if child == 0:
        os._exit(len(streams._OPEN))
    assert os.waitpid(child, 0)[1] == 0
    print(" whole")

    assert [line.event for line in lines] == ["half whole"]


def test_exit_hooks_and_shutdown(tmp_path: Path) -> None:
    """Late prints reach the terminal, and what was left over is recorded."""
    script = tmp_path / "script.py"
    script.write_text(
        "import atexit, os, sys\n"
        "from telemetry.capture import sink\n"
        "from telemetry.capture.roads import streams\n"
        "caught = []\n"
        "sink.set_sink(lambda line: caught.append(line.event))\n"
        "atexit.register(lambda: os.write(2, repr(caught).encode()))\n"
        "streams.ROAD.install()\n"
        "atexit.register(print, 'in a hook')\n"
        "print('left', end='', file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, check=True, timeout=30
    )

    assert done.stdout == "in a hook\n"
    assert done.stderr == "left['in a hook', 'left']"


def on_a_terminal(script: str, *, watched: bool) -> bytes:
    """What *script* writes to a terminal, with or without the road."""
    head = (
        "from telemetry.capture import sink\n"
        "from telemetry.capture.roads import streams\n"
        "sink.set_sink(lambda line: None)\n"
        "streams.ROAD.install()\n"
    )
    source = (head if watched else "") + script
    controller, terminal = pty.openpty()
    env = {**os.environ, "COLUMNS": "60", "TERM": "xterm-256color"}
    process = subprocess.Popen(
        [sys.executable, "-c", source],
        stdin=terminal, stdout=terminal, stderr=terminal, env=env,
    )  # fmt: skip
    os.close(terminal)
    seen = b""
    while True:
        try:
            block = os.read(controller, 65_536)
        except OSError:  # EIO: nobody has the terminal open
            break
        if not block:
            break
        seen += block
    os.close(controller)
    assert process.wait(30) == 0, seen
    return seen


def test_tqdm_looks_the_same() -> None:
    """Byte for byte on a terminal, with the clock of the bars stopped."""
    pytest.importorskip("tqdm")
    script = (
        "import tqdm.std, time\n"
        "tqdm.std.time = lambda: 1.0\n"
        "tqdm.std.tqdm.monitor_interval = 0\n"
        "for a in tqdm.std.tqdm(range(3), mininterval=0, miniters=1):\n"
        "    for b in tqdm.std.tqdm(range(3), mininterval=0, miniters=1,\n"
        "                           leave=False):\n"
        "        pass\n"
        "print('done')\n"
    )
    plain = on_a_terminal(script, watched=False)

    assert b"\r" in plain
    assert on_a_terminal(script, watched=True) == plain


def test_rich_looks_the_same() -> None:
    """A live table, with a print above it, byte for byte on a terminal."""
    pytest.importorskip("rich")
    script = (
        "from rich.live import Live\n"
        "with Live('a', auto_refresh=False) as live:\n"
        "    for n in range(3):\n"
        "        live.update(f'[red]{n}[/]\\nrow', refresh=True)\n"
        "        print('above', n)\n"
    )
    plain = on_a_terminal(script, watched=False)

    assert b"\x1b[1A" in plain
    assert on_a_terminal(script, watched=True) == plain


def test_unpatched_of_a_stream_of_others() -> None:
    """A stream that nobody watches is written to as it is."""
    stream = io.StringIO()
    unpatched.unpatched(stream)("x")

    assert stream.getvalue() == "x"
