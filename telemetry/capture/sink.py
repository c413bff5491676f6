"""Where lines go: one function at a time, and a failure in it harms nobody.

The seam of the floor. In a program that only imports the toolkit, lines go to a
`Console`; in a container, the runtime sets a sink that sends them to its driver.
"""

from __future__ import annotations

import atexit
import sys
import threading
from collections import Counter
from collections.abc import Callable
from typing import Final, TypeAlias

from telemetry.capture.changes import changed
from telemetry.capture.console import Console
from telemetry.capture.line import Line
from telemetry.capture.plain import type_name
from telemetry.capture.unpatched import unpatched

Sink: TypeAlias = Callable[[Line], object]
"""Takes a line, from any thread. It should neither block nor log."""

_EXIT_FLUSH_S: Final = 1.0
_A_LINE: Final = "a log line was lost"
_COSTS: Final = {"agent": "what is written is kept, but not delivered"}
"""What a failure costs, where it is no line."""


class _Seam:
    """What is in force, for the whole process. Each attribute is set at once."""

    def __init__(self) -> None:
        # Invariant: `sink` is what emit calls; `own` is None while it is `console`.
        self.console: Console | None = Console()
        self.own: Sink | None = None
        self.sink: Sink = self.console.write
        self.dropped: Counter[str] = Counter()
        self.reported = False
        self.raising = False


class _Here(threading.local):
    """Per thread: whether a sink runs, and what was said meanwhile."""

    def __init__(self) -> None:
        self.busy = False
        self.waiting: list[Line] = []


_SEAM: Final = _Seam()
_HERE: Final = _Here()


def emit(line: Line) -> None:
    """Hand *line* to the sink in force; never raises, never recurses.

    A line that is written while this thread is inside a sink (by the sink itself, a
    signal handler, a finaliser) waits for the outer line. What is written while
    those are delivered is dropped and counted: there, the sink feeds itself.
    """
    if line.shown and _SEAM.own is None:
        return  # a person has seen it already
    here = _HERE
    if here.busy:
        here.waiting.append(line)
        return
    here.busy = True
    try:
        _deliver(line)
        if here.waiting:
            waiting, here.waiting = here.waiting, []
            for inner in waiting:
                _deliver(inner)
            _SEAM.dropped["recursion"] += len(here.waiting)
            here.waiting = []
    finally:
        here.busy = False


def is_wanted() -> bool:
    """Whether anybody takes lines here: a sink that was set, or a console."""
    return _SEAM.sink is not _nowhere


def is_busy() -> bool:
    """Whether this thread is inside a sink, a console or a report of ours.

    What is written to a stream now is our own output, and no line to capture.
    """
    return _HERE.busy


def _deliver(line: Line) -> None:
    try:
        _SEAM.sink(line)
    except Exception as error:  # noqa: BLE001  # no sink may harm who logs
        failed(error, "sink")


def failed(error: Exception, reason: str) -> None:
    """Count a line that is lost for *reason*, and say so once per process.

    Raises:
        Exception: *error* itself, while `raise_failures` is on.
    """
    _SEAM.dropped[reason] += 1
    if _SEAM.raising:
        raise error
    if _SEAM.reported:
        return
    _SEAM.reported = True
    stderr = sys.__stderr__
    if stderr is None:
        return
    try:
        unpatched(stderr)(
            f"telemetry: {_COSTS.get(reason, _A_LINE)} ({reason}: {type_name(error)}: "
            f"{error}); further losses are counted and not reported\n"
        )
        stderr.flush()
    except Exception:  # noqa: BLE001  # there is nowhere left to say it
        _SEAM.dropped["report"] += 1


def set_sink(sink: Sink | None) -> Sink | None:
    """Send lines to *sink* from now on, whatever `configure` says of the console.

    Args:
        sink: None for the console.

    Returns:
        What to pass to go back: the sink before, or None if it was the console.
    """
    previous, _SEAM.own = _SEAM.own, sink
    _choose()
    return previous


def set_console(console: Console | None) -> Console | None:
    """Make *console* the one that lines go to where no sink is set; None: nowhere.

    Returns:
        The console before.
    """
    previous, _SEAM.console = _SEAM.console, console
    _choose()
    return previous


def current_console() -> Console | None:
    """The console of this process: for what else is shown on it, and its status."""
    return _SEAM.console


def dropped() -> dict[str, int]:
    """How many lines were lost, by reason."""
    return dict(_SEAM.dropped)


def raise_failures(*, enabled: bool) -> bool:
    """Raise into the caller what is otherwise counted: for our own tests.

    Returns:
        What it was before.
    """
    previous, _SEAM.raising = _SEAM.raising, enabled
    return previous


def _choose() -> None:
    _set_in_force()
    changed()


def _set_in_force() -> None:
    if _SEAM.own is not None:
        _SEAM.sink = _SEAM.own
    elif _SEAM.console is not None:
        _SEAM.sink = _SEAM.console.write
    else:
        _SEAM.sink = _nowhere


def _nowhere(line: Line) -> None:
    """The sink of ``console=None``."""


@atexit.register
def _flush_at_exit() -> None:
    # A daemon thread may be writing what the main thread said last.
    console = _SEAM.console
    if console is None:
        return
    try:
        console.clear_status()
        console.flush(_EXIT_FLUSH_S)
    except Exception:  # noqa: BLE001  # a stream that is closed by now
        _SEAM.dropped["exit"] += 1
