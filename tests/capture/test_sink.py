"""The seam: where lines go, and what a failure there does."""

from __future__ import annotations

import io
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import telemetry
from telemetry.capture import sink
from telemetry.capture.console import Console
from telemetry.capture.line import Line


@pytest.fixture
def as_in_production(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Failures are counted, and reported on the stream that is returned."""
    stderr = io.StringIO()
    monkeypatch.setattr("sys.__stderr__", stderr)
    monkeypatch.setattr(sink._SEAM, "reported", False)
    monkeypatch.setattr(sink._SEAM, "dropped", type(sink._SEAM.dropped)())
    sink.raise_failures(enabled=False)
    return stderr


def broken(line: Line) -> None:
    """A sink that fails."""
    raise RuntimeError("disk full")


def test_sink_is_replaced_and_restored() -> None:
    """set_sink returns what brings the sink before back."""
    first: list[Line] = []
    second: list[Line] = []
    log = telemetry.get_logger()

    assert sink.set_sink(first.append) is None
    before = sink.set_sink(second.append)
    log.info("two")
    sink.set_sink(before)
    log.info("one")

    assert ([x.event for x in first], [x.event for x in second]) == (["one"], ["two"])


def test_sink_goes_before_the_console(lines: list[Line]) -> None:
    """Where a sink is set, configure does not divert its lines."""
    stream = io.StringIO()
    telemetry.configure(console="json")
    sink.set_console(Console("json", stream=stream))

    telemetry.get_logger().info("x")

    assert (len(lines), stream.getvalue()) == (1, "")


def test_failure_is_counted_and_reported_once(as_in_production: io.StringIO) -> None:
    """A sink that raises is heard once, and harms no caller."""
    sink.set_sink(broken)

    telemetry.get_logger().info("x")
    telemetry.get_logger().info("x")

    assert sink.dropped() == {"sink": 2}
    assert as_in_production.getvalue() == (
        "telemetry: a log line was lost (sink: RuntimeError: disk full); "
        "further losses are counted and not reported\n"
    )


def test_an_agent_that_cannot_be_had_costs_no_line(
    as_in_production: io.StringIO,
) -> None:
    """What a program sees of a wrong endpoint in its environment."""
    sink.failed(ValueError("endpoint is 'foo'"), "agent")

    assert as_in_production.getvalue().startswith(
        "telemetry: what is written is kept, but not delivered "
        "(agent: ValueError: endpoint is 'foo'); "
    )


def test_failure_is_raised_in_our_tests() -> None:
    """Under our own tests nothing is hidden."""
    sink.set_sink(broken)

    with pytest.raises(RuntimeError, match="disk full"):
        telemetry.get_logger().info("x")


@pytest.mark.parametrize("stderr", [None, "closed"])
def test_nowhere_to_report(
    as_in_production: io.StringIO, monkeypatch: pytest.MonkeyPatch, stderr: str | None
) -> None:
    """Without a working stderr the failure is still only counted."""
    as_in_production.close()
    if stderr is None:
        monkeypatch.setattr("sys.__stderr__", None)
    sink.set_sink(broken)

    telemetry.get_logger().info("x")

    assert sink.dropped()["sink"] == 1


def test_sink_that_logs_ends(as_in_production: io.StringIO) -> None:
    """A sink that feeds itself gets one line more, and the rest is counted."""
    seen: list[str] = []

    def chatty(line: Line) -> None:
        seen.append(line.event)
        telemetry.get_logger().info(f"after {line.event}")

    sink.set_sink(chatty)
    telemetry.get_logger().info("x")

    assert seen == ["x", "after x"]
    assert sink.dropped() == {"recursion": 1}


def test_interrupt_in_a_sink_leaves_it_usable(lines: list[Line]) -> None:
    """A cancellation passes, and the thread can log afterwards."""

    def interrupted(line: Line) -> None:
        raise KeyboardInterrupt

    before = sink.set_sink(interrupted)
    with pytest.raises(KeyboardInterrupt):
        telemetry.get_logger().info("x")
    sink.set_sink(before)
    telemetry.get_logger().info("y")

    assert [line.event for line in lines] == ["y"]


def test_signal_handler_inside_a_sink_logs() -> None:
    """What a handler says while the thread is in a sink comes after that line."""
    seen: list[str] = []

    def interrupted(line: Line) -> None:
        if line.event == "outer":
            signal.raise_signal(signal.SIGUSR1)
        seen.append(line.event)

    def handler(number: int, frame: object) -> None:
        telemetry.get_logger().info("handler")

    sink.set_sink(interrupted)
    before = signal.signal(signal.SIGUSR1, handler)
    try:
        telemetry.get_logger().info("outer")
    finally:
        signal.signal(signal.SIGUSR1, before)

    assert seen == ["outer", "handler"]


PROGRAM = """
import telemetry
from telemetry.capture import sink
telemetry.configure()
with telemetry.input_scope(function="resize", input_id="in-01ABCDEFGH"):
    telemetry.get_logger().info("hello", size=3)
sink.current_console().set_status("busy " * 50)
"""


def test_program_on_a_terminal() -> None:
    """On a real terminal lines are pretty; at exit the status is taken away."""
    ours, theirs = pty.openpty()
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=Path(telemetry.__file__).parents[1],
        env={"TERM": "xterm", "PYTHONUTF8": "1"},
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 65_536)
        except OSError:  # how Linux says that the other side has closed
            break
        if not part:
            break
        shown += part
    os.close(ours)

    assert program.wait(10) == 0
    line, status = shown.decode().split("\r\n")
    assert "CDEFGH" in line
    assert "\x1b[36msize\x1b[0m" in line
    assert status == ("busy " * 50)[:79] + "\r\x1b[2K"


def test_unwritable_stderr_at_exit_is_quiet() -> None:
    """A program whose stderr is gone ends as if nothing was."""
    code = PROGRAM + "\nimport os; os.close(2)\nlog = telemetry.get_logger().info('x')"

    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=False,
        cwd=Path(telemetry.__file__).parents[1],
    )

    assert (done.returncode, done.stdout) == (0, b"")
