"""A program that writes on every road at a bad moment: run with -m.

Arguments: the moment, and the folder for its boxes. Each line is a mark: who wrote it,
the road and a number. The marks that must be there are written to ``said.json``, and
every error that came out of a road, ours included.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import structlog
from structlog.testing import ReturnLoggerFactory

import telemetry
from telemetry.capture import sink
from telemetry.capture.roads import streams

app: Final = logging.getLogger("moments")

ROADS: Final[dict[str, Callable[[str], object]]] = {
    "get_logger": lambda mark: telemetry.get_logger("ours").info(mark, n=1),
    "bound": lambda mark: telemetry.get_logger().bind(k="v").info("%s", mark),
    "exception": lambda mark: telemetry.get_logger().info(mark, exc_info=KeyError(1)),
    "logging": lambda mark: app.info("%s", mark),
    "extra": lambda mark: app.warning(mark, extra={"k": "v"}),
    "structlog": lambda mark: structlog.get_logger().info(mark),
    "print": print,
    "stderr": lambda mark: print(mark, file=sys.stderr),
    "warnings": lambda mark: warnings.warn(mark, stacklevel=1),
}

_ERRORS: Final[list[str]] = []


class Voice:
    """Says something on each road in turn, and remembers what."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.said: list[str] = []

    def say(self, number: int = 0) -> None:
        """One line on every road."""
        for road, call in ROADS.items():
            mark = f"{self.name}|{road}|{number}"
            self.said.append(mark)
            call(mark)


def finaliser() -> list[Voice]:
    """Garbage is collected in the midst of a line, and says something."""
    voice, dying = Voice("alive"), Voice("dying")

    class Dying:
        """In a cycle, so that the collector finds it."""

        def __init__(self, number: int) -> None:
            self.me, self.number = self, number

        def __del__(self) -> None:
            dying.say(self.number)

    gc.set_threshold(7)
    for number in range(100):
        Dying(number)
        voice.say(number)
    gc.set_threshold(700)
    gc.collect()
    return [voice, dying]


def signalled() -> list[Voice]:
    """A signal handler says something, wherever the thread is."""
    voice, handler = Voice("main"), Voice("handler")
    count = iter(range(1_000_000))
    signal.signal(signal.SIGALRM, lambda *_: handler.say(next(count)))
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.0007)
    for number in range(200):
        voice.say(number)
    signal.setitimer(signal.ITIMER_REAL, 0)
    return [voice, handler]


def handled() -> list[Voice]:
    """A handler of the program's own says something about each record."""
    voice, inner = Voice("outer"), Voice("inner")

    class Talking(logging.Handler):
        """On every road, but not about what it has said itself."""

        busy = False

        def emit(self, record: logging.LogRecord) -> None:
            if not self.busy:
                self.busy = True
                inner.say(len(inner.said))
                self.busy = False

    app.addHandler(Talking())
    for number in range(20):
        voice.say(number)
    return [voice, inner]


def forked() -> list[Voice]:
    """Processes are forked while threads write; the children write as well."""
    voices = [Voice(f"thread-{number}") for number in range(3)]
    over = threading.Event()

    def write(voice: Voice) -> None:
        number = 0
        while not over.is_set():
            voice.say(number)
            number += 1

    threads = [_started(partial(write, each)) for each in voices]
    hook = Voice("hook")
    os.register_at_fork(
        after_in_child=lambda: hook.say(os.getpid()),
        after_in_parent=lambda: hook.say(0) if not hook.said else None,
    )
    children: list[Voice] = []
    for number in range(8):
        child = Voice(f"child-{number}")
        pid = os.fork()
        if pid == 0:
            child.say()
            os._exit(1 if _ERRORS else 0)
        _, status = os.waitpid(pid, 0)
        if status:
            _ERRORS.append(f"child {number}: {status}")
        child.said = [f"child-{number}|{road}|0" for road in ROADS]
        in_child = Voice("hook")
        in_child.said = [f"hook|{road}|{pid}" for road in ROADS]
        children += [child, in_child]
    over.set()
    for thread in threads:
        thread.join()
    return [*voices, *children, hook]


def after_shutdown() -> list[Voice]:
    """It goes on after the end, from a thread and at exit as well."""
    voice, late = Voice("before"), Voice("after")
    voice.say()
    telemetry.shutdown(timeout=5)
    late.say()
    _started(lambda: late.say(1)).join()
    telemetry.shutdown(timeout=5)
    late.say(2)
    return [voice]


def configured() -> list[Voice]:
    """Two threads configure all the while, in different ways, and two write."""
    folder, over = sys.argv[2], threading.Event()
    voices = [Voice("first"), Voice("second")]

    def write(voice: Voice) -> None:
        for number in range(150):
            voice.say(number)

    def configure(patterns: tuple[str, ...]) -> None:
        while not over.is_set():
            telemetry.configure(
                "moments", console=None, directory=folder, scrub_patterns=patterns
            )

    configuring = [
        _started(partial(configure, each)) for each in (("password",), ("token",))
    ]
    writing = [_started(partial(write, each)) for each in voices]
    for thread in writing:
        thread.join()
    over.set()
    for thread in configuring:
        thread.join()
    return voices


MOMENTS: Final[dict[str, Callable[[], list[Voice]]]] = {
    each.__name__: each
    for each in (finaliser, signalled, handled, forked, after_shutdown, configured)
}


def _started(body: Callable[[], object]) -> threading.Thread:
    def run() -> None:
        with _watched(), telemetry.input_scope("moments", "in-thread"):
            body()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@contextmanager
def _watched() -> Iterator[None]:
    try:
        yield
    except BaseException:  # noqa: BLE001  # told at the end
        _ERRORS.append(traceback.format_exc())


def main() -> None:
    """Run, and say what has to be there."""
    warnings.simplefilter("always")
    # structlog's own output has a lock, which neither a signal handler nor a forked
    # child may meet.
    structlog.configure([lambda *_: "said"], logger_factory=ReturnLoggerFactory())
    app.setLevel(logging.INFO)
    app.addHandler(logging.NullHandler())
    app.propagate = False
    telemetry.configure("moments", console=None, directory=sys.argv[2])
    streams.ROAD.swallow = (
        True  # as in a container: the streams cannot be entered twice
    )
    sink.raise_failures(enabled=True)
    sys.unraisablehook = lambda raised: _ERRORS.append(repr(raised))
    said: list[str] = []
    with _watched(), telemetry.input_scope("moments", "in-main"):
        began_s = time.monotonic()
        for voice in MOMENTS[sys.argv[1]]():
            said += voice.said
        if time.monotonic() - began_s > 30:
            _ERRORS.append("it took too long")
    Path(sys.argv[2], "said.json").write_text(json.dumps([said, _ERRORS]), "utf-8")


if __name__ == "__main__":
    main()
