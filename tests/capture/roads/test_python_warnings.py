"""Warnings: each that the program shows is a line, and is shown as before."""

from __future__ import annotations

import contextvars
import gc
import logging
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from telemetry.capture import sink
from telemetry.capture.line import Line
from telemetry.capture.roads import registry, stdlib_logging
from telemetry.capture.roads.python_warnings import ROAD
from telemetry.capture.roads.streams import CAPTURED_ELSEWHERE
from telemetry.core.scope import SCOPE, InputScope

Shown = list[warnings.WarningMessage]


@pytest.fixture(autouse=True)
def shown(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shown]:
    """What Python would write to stderr; the road is on, on top of that."""
    registry.choose(())
    found: Shown = []
    # pytest has put a list of its own there; here, this is Python's.
    monkeypatch.setattr(warnings, "_showwarnmsg_impl", found.append)
    monkeypatch.setattr(warnings, "filters", [])
    monkeypatch.setattr(warnings, "defaultaction", "always")
    warnings.simplefilter("always")
    ROAD.install()
    yield found
    ROAD.uninstall()


def inside(body: Callable[[], object]) -> None:
    """Run *body* in the context of an input."""

    def run() -> None:
        SCOPE.set(InputScope("in-1"))
        body()

    contextvars.copy_context().run(run)


def warn(text: str, category: type[Warning] = UserWarning) -> None:
    """Warn, of the line that calls."""
    warnings.warn(text, category, stacklevel=2)


def test_warning_is_a_line(lines: list[Line], shown: Shown) -> None:
    """Text, category and place are on the line, and it is shown as before."""
    inside(lambda: warn("old", DeprecationWarning))

    (line,) = lines
    assert (line.level, line.event, line.input_id) == ("warning", "old", "in-1")
    assert line.fields["category"] == "DeprecationWarning"
    assert line.fields["code.file.path"] == __file__
    assert isinstance(line.fields["code.line.number"], int)
    assert line.shown
    assert [str(message.message) for message in shown] == ["old"]


def test_what_the_program_takes_is_no_line(lines: list[Line], shown: Shown) -> None:
    """Recorded, ignored, raised and redirected warnings are the program's own."""
    taken: list[object] = []
    with warnings.catch_warnings(record=True) as caught:
        warn("recorded")
    with warnings.catch_warnings(action="ignore"):
        warn("ignored")
    with warnings.catch_warnings(action="error"), pytest.raises(UserWarning):
        warn("raised")
    with warnings.catch_warnings():
        warnings.showwarning = lambda *args, **_: taken.append(args)
        warn("redirected")
    warnings.showwarning("rendered", UserWarning, "f", 1, file=sys.stdout)

    assert lines == []
    assert [str(message.message) for message in caught] == ["recorded"]
    assert len(taken) == 1
    assert [message.message for message in shown] == ["rendered"]

    warn("back")
    assert [line.event for line in lines] == ["back"]


def test_showwarning_that_passes_on(lines: list[Line]) -> None:
    """A hook of the program's that calls the one before leaves the line to us."""
    with warnings.catch_warnings():
        before = warnings.showwarning
        warnings.showwarning = partial(before)
        warn("passed on")

    assert [line.event for line in lines] == ["passed on"]


def test_capture_warnings_makes_one_line(lines: list[Line]) -> None:
    """With logging.captureWarnings, the record is the line."""
    stdlib_logging.ROAD.install()
    logging.captureWarnings(capture=True)
    try:
        inside(lambda: warn("old"))
    finally:
        logging.captureWarnings(capture=False)
        stdlib_logging.ROAD.uninstall()

    (line,) = lines
    assert (line.logger, line.input_id) == ("py.warnings", "in-1")
    assert "UserWarning: old" in line.event


class Unclosed:
    def __init__(self) -> None:
        self.cycle: object = None

    def __del__(self) -> None:
        warnings.warn("unclosed", ResourceWarning, stacklevel=2)


def test_warning_of_the_collector_is_nobodys(lines: list[Line]) -> None:
    """Who runs while garbage is collected is a candidate, and no more."""
    gc.disable()
    try:
        left = Unclosed()
        left.cycle = left
        del left
        inside(gc.collect)
        inside(Unclosed)
    finally:
        gc.enable()

    collected, counted = lines
    assert (collected.input_id, collected.candidates) == (None, ("in-1",))
    assert (counted.input_id, counted.candidates) == ("in-1", ())


def test_warning_inside_of_our_own_code(shown: Shown) -> None:
    """A warning that comes while a line is written is the next line."""
    caught: list[str] = []

    def take(line: Line) -> None:
        caught.append(line.event)
        if line.event == "outer":
            warn("inner", ResourceWarning)

    sink.set_sink(take)
    warn("outer")

    assert caught == ["outer", "inner"]
    assert len(shown) == 2


class Recursive(UserWarning):
    def __str__(self) -> str:
        show(self)
        return "recursive"


def show(warning: Warning) -> None:
    """Show *warning* as Python does once it has passed the filters."""
    message = warnings.WarningMessage(warning, type(warning), "f", 1)
    warnings._showwarnmsg_impl(message)  # type: ignore[attr-defined]  # private


def test_warning_that_warns_of_itself(lines: list[Line]) -> None:
    """A text that warns when it is asked for makes no endless recursion."""
    show(Recursive())

    assert [line.event for line in lines] == ["<Recursive>", "recursive"]


PROGRAM = """
import sys, warnings
from telemetry.capture import sink
from telemetry.capture.roads.python_warnings import ROAD
caught = []
sink.set_sink(caught.append)
if sys.argv[1] == "with": ROAD.install()
warnings.warn("old")
print(len(caught))
"""


def test_stderr_is_the_same_with_us() -> None:
    """Python writes to stderr byte for byte what it writes without us."""
    runs = [
        subprocess.run(
            [sys.executable, "-c", PROGRAM, how],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        for how in ("without", "with")
    ]

    assert runs[0].stderr == runs[1].stderr
    assert "UserWarning: old" in runs[1].stderr
    assert [run.stdout.strip() for run in runs] == ["0", "1"]


def test_install_and_uninstall() -> None:
    """Twice is as good as once, and all is put back as it was."""
    ROAD.uninstall()
    before, callbacks = dict(vars(warnings)), [*gc.callbacks]

    ROAD.install()
    ROAD.install()
    assert ROAD.state().on
    assert "warnings" in CAPTURED_ELSEWHERE
    ROAD.uninstall()
    ROAD.uninstall()

    assert dict(vars(warnings)) == before
    assert gc.callbacks == callbacks
    assert not ROAD.state().on
    assert "warnings" not in CAPTURED_ELSEWHERE


def test_state_says_when_a_context_holds_the_hook() -> None:
    """While catch_warnings records, the road is not on, and says why."""
    with warnings.catch_warnings(record=True):
        state = ROAD.state()

    assert not state.on
    assert "_showwarnmsg_impl" in state.note
    assert ROAD.state().on
