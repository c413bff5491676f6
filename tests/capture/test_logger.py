"""The logger: structlog's interface, our identity, and nothing that raises."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import pickle
import subprocess
import sys
import threading
from pathlib import Path

import cloudpickle
import msgspec
import pytest
import structlog

import telemetry
from telemetry.capture import sink
from telemetry.capture.line import RESERVED, Line
from telemetry.capture.logger import set_level
from telemetry.core.scope import SCOPE, InputScope

LEVELS = ["debug", "info", "warning", "error", "critical"]


def in_scope(scope: InputScope, *events: str) -> None:
    """Log *events* in a context of that scope."""

    def body() -> None:
        SCOPE.set(scope)
        for event in events:
            telemetry.get_logger().info(event)

    contextvars.copy_context().run(body)


def test_line_carries_the_scope(lines: list[Line]) -> None:
    """Every identity field comes from the scope of the caller."""
    in_scope(
        InputScope("in-1", "fc-1", "translate", 2, "ct-1", 3, ("in-1", "in-2")), "hi"
    )

    (line,) = lines
    assert (line.input_id, line.function_call_id, line.function) == (
        "in-1",
        "fc-1",
        "translate",
    )
    assert (line.attempt, line.container_id, line.slot) == (2, "ct-1", 3)
    assert line.batch_input_ids == ("in-1", "in-2")
    assert (line.event, line.level, line.late) == ("hi", "info", False)
    assert line.thread == threading.current_thread().name


def test_line_without_a_scope(lines: list[Line]) -> None:
    """Outside of an input there is no identity."""
    telemetry.get_logger("app").info("hi")

    assert (lines[0].input_id, lines[0].logger) == (None, "app")


def test_closed_scope_makes_a_late_line(lines: list[Line]) -> None:
    """What is written after the input has settled is marked."""
    in_scope(InputScope("in-1", closed=True), "hi")

    assert lines[0].late


def test_line_travels(lines: list[Line]) -> None:
    """A line is the same after msgpack."""
    in_scope(InputScope("in-1", batch_input_ids=("in-1",)), "hi")
    telemetry.get_logger("app").error("x", nested={"a": [1, 2.5, None]}, bad="\udc80")

    sent = msgspec.msgpack.encode(lines)

    assert msgspec.msgpack.decode(sent, type=list[Line]) == lines


def test_identity_cannot_be_spoofed(lines: list[Line]) -> None:
    """Keys of our names are kept under another one."""
    names = sorted(RESERVED - {"event"})
    log = telemetry.get_logger().bind(**dict.fromkeys(names, "mine"))
    log.info("hi", input_id_="taken")

    (line,) = lines
    assert line.input_id is None
    assert RESERVED.isdisjoint(line.fields)
    assert line.fields["input_id__"] == "mine"
    assert line.fields["input_id_"] == "taken"
    assert line.fields["level_"] == "mine"


def test_context_is_bound_and_unbound(lines: list[Line]) -> None:
    """bind, unbind, try_unbind and new do what structlog's do."""
    log = telemetry.get_logger("app", a=1)

    log.bind(b=2).info("x", c=3)
    log.unbind("a").info("x")
    log.try_unbind("a", "nope").info("x")
    log.new(d=4).info("x")
    log.info("x")

    assert [line.fields for line in lines] == [
        {"a": 1, "b": 2, "c": 3},
        {},
        {},
        {"d": 4},
        {"a": 1},  # new has left it alone
    ]
    assert {line.logger for line in lines} == {"app"}


@pytest.mark.parametrize("level", LEVELS)
def test_methods_have_their_level(lines: list[Line], level: str) -> None:
    """Each method, its twin and `log` write lines of the level of that name."""
    set_level("debug")
    log = telemetry.get_logger()

    getattr(log, level)("x")
    asyncio.run(getattr(log, f"a{level}")("x"))
    log.log(logging.getLevelName(level.upper()), "x")
    asyncio.run(log.alog(logging.getLevelName(level.upper()) + 5, "x"))

    assert [line.level for line in lines] == [level] * 4


def test_exception_of_a_coroutine(lines: list[Line]) -> None:
    """Aexception renders the exception that is being handled."""

    async def body() -> None:
        try:
            raise ValueError("boom")
        except ValueError:
            await telemetry.get_logger().aexception("x")

    asyncio.run(body())

    assert str(lines[0].exception).endswith("ValueError: boom")


def test_other_names_of_methods(lines: list[Line]) -> None:
    """The further names of structlog are there as well."""
    log = telemetry.get_logger()
    for name in ("msg", "warn", "fatal", "exception"):
        getattr(log, name)("x")

    assert [line.level for line in lines] == ["info", "warning", "critical", "error"]


@pytest.mark.parametrize("least", LEVELS)
def test_level_is_in_force_for_every_logger(lines: list[Line], least: str) -> None:
    """A change of level reaches the loggers that exist, through each method."""
    log = telemetry.get_logger().bind(a=1)
    set_level(least)

    for level in LEVELS:
        getattr(log, level)("x")
        asyncio.run(getattr(log, f"a{level}")("x"))
        log.log(logging.getLevelName(level.upper()), "x")

    written = LEVELS[LEVELS.index(least) :]
    assert [line.level for line in lines] == [x for x in written for _ in range(3)]
    assert log.get_effective_level() == logging.getLevelName(least.upper())
    assert log.is_enabled_for(logging.DEBUG) == (least == "debug")


@pytest.mark.parametrize(
    ("event", "args", "expected"),
    [
        ("100 %", (), "100 %"),
        ("%s of %d", ("a", 2), "a of 2"),
        ("%(size)d", ({"size": 3},), "3"),
        (ValueError("as event"), (), "as event"),
    ],
)
def test_event_is_formatted(
    lines: list[Line], event: str, args: tuple[object, ...], expected: str
) -> None:
    """Positional arguments are interpolated, and only where there are some."""
    telemetry.get_logger().info(event, *args)

    assert (lines[0].event, lines[0].fields) == (expected, {})


def test_huge_event_is_cut(lines: list[Line]) -> None:
    """A message of ten megabytes becomes one of a bounded size."""
    telemetry.get_logger().info("x" * 10_000_000, more="y" * 10_000_000)

    assert len(lines[0].event) < 70_000
    assert len(str(lines[0].fields["more"])) < 70_000


def test_wrong_format_keeps_the_line(lines: list[Line]) -> None:
    """A format that does not fit loses neither the event nor the arguments."""
    telemetry.get_logger().info("%d rows", "many", key=1)

    assert lines[0].event == "%d rows"
    assert lines[0].fields == {"key": 1, "positional_args": ["many"]}


def test_names_of_structlog_internals_are_keys(lines: list[Line]) -> None:
    """A caller's key may be called like a parameter inside structlog."""
    telemetry.get_logger().info("x", method_name="m", name="n")

    assert lines[0].fields == {"method_name": "m", "name": "n"}


def caught(text: str) -> ValueError:
    """An exception with a traceback."""
    try:
        raise ValueError(text)
    except ValueError as error:
        return error


def test_exception_is_rendered(lines: list[Line]) -> None:
    """All forms of exc_info give the traceback as text."""
    log = telemetry.get_logger()
    error = caught("boom")
    log.error("x", exc_info=error)
    log.error("x", exc_info=(ValueError, error, error.__traceback__))
    try:
        raise error
    except ValueError:
        log.exception("x")
        log.info("x", exc_info=True)

    assert [str(line.exception).splitlines()[-1] for line in lines] == [
        "ValueError: boom"
    ] * 4
    assert str(lines[0].exception).startswith("Traceback (most recent call last):")


@pytest.mark.parametrize("exc_info", [None, False, True, (None, None, None), (), "x"])
def test_no_exception_is_none(lines: list[Line], exc_info: object) -> None:
    """Where there is no exception, there is no text."""
    telemetry.get_logger().info("x", exc_info=exc_info)

    assert lines[0].exception is None


def test_long_exception_keeps_its_end(lines: list[Line]) -> None:
    """The type and message of a huge exception survive the cut."""
    telemetry.get_logger().error("x", exc_info=caught("y" * 1_000_000 + "END"))

    assert len(str(lines[0].exception)) < 70_000
    assert str(lines[0].exception).endswith("END")


def test_stack_begins_at_the_caller(lines: list[Line]) -> None:
    """stack_info shows the caller's frame as the innermost one."""
    telemetry.get_logger().info("x", stack_info=True)

    assert "test_stack_begins_at_the_caller" in str(lines[0].fields["stack"])
    assert "structlog" not in str(lines[0].fields["stack"]).splitlines()[-1]
    assert "capture/logger.py" not in str(lines[0].fields["stack"])


def test_global_structlog_is_left_alone(lines: list[Line]) -> None:
    """The program's own configuration is neither used nor changed."""
    before = structlog.get_config()
    with structlog.testing.capture_logs() as others:
        telemetry.get_logger().info("ours")

    assert (others, len(lines)) == ([], 1)
    assert structlog.get_config() == before


def test_failure_never_reaches_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    """What breaks while a line is made is counted."""

    def broken(*args: object, **kwargs: object) -> None:
        raise RuntimeError("no clock")

    monkeypatch.setattr("telemetry.capture.logger.record", broken)
    sink.raise_failures(enabled=False)
    before = sink.dropped().get("logger", 0)

    telemetry.get_logger().info("x")

    assert sink.dropped()["logger"] == before + 1


@pytest.mark.parametrize("kind", [pickle, cloudpickle])
def test_logger_pickles(lines: list[Line], kind: object) -> None:
    """A logger keeps its name and its keys, and nothing of the process."""
    log = telemetry.get_logger("app", a=1).bind(b=2)

    copy = pickle.loads(kind.dumps(log))  # type: ignore[attr-defined]
    copy.info("x")

    assert (lines[0].logger, lines[0].fields) == ("app", {"a": 1, "b": 2})
    assert copy == log


def test_pickled_logger_is_a_name_and_keys() -> None:
    """No processor or class of structlog is in it: versions may differ."""
    assert b"structlog" not in pickle.dumps(telemetry.get_logger("app", a=1))


SHIP = """
import sys, cloudpickle, telemetry
log = telemetry.get_logger("shipped", a=1)
def work(n):
    log.info("working", n=n)
    log.debug("not at this level")
    return telemetry.current_input_id()
telemetry.configure(level="DEBUG")
log.debug("here")
sys.stdout.buffer.write(cloudpickle.dumps(work))
"""

LOAD = """
import sys, pickle, telemetry
work = pickle.loads(sys.stdin.buffer.read())
with telemetry.input_scope(input_id="in-there"):
    assert work(3) == "in-there"
"""


def script(code: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run *code* as the __main__ of a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", code],
        input=stdin,
        capture_output=True,
        check=True,
        cwd=Path(telemetry.__file__).parents[1],
    )


def test_function_of_main_ships_its_logger() -> None:
    """A function of a script, sent by value, logs in the process that runs it."""
    there = script(LOAD, script(SHIP).stdout)

    (line,) = there.stderr.decode().splitlines()
    assert '"event":"working","logger":"shipped","input_id":"in-there"' in line
