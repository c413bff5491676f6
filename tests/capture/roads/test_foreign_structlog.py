"""structlog as the program has it: each line once, with the input that wrote it."""

from __future__ import annotations

import contextvars
import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from structlog.testing import CapturingLogger

import telemetry
from telemetry.capture.line import Line
from telemetry.capture.roads import registry, stdlib_logging
from telemetry.capture.roads.foreign_structlog import ROAD
from telemetry.capture.roads.streams import CAPTURED_ELSEWHERE
from telemetry.capture.structlog_processor import add_input
from telemetry.core.scope import SCOPE, InputScope

FULL = InputScope("in-1", "fc-1", "translate", 2, "ct-1", 3)


@pytest.fixture(autouse=True)
def road() -> Iterator[None]:
    """The road is on, and structlog is unconfigured afterwards."""
    registry.choose(())
    structlog.reset_defaults()
    ROAD.install()
    yield
    ROAD.uninstall()
    stdlib_logging.ROAD.uninstall()
    structlog.reset_defaults()


def inside(scope: InputScope, body: Callable[[], object]) -> None:
    """Run *body* in a context of that scope."""

    def run() -> None:
        SCOPE.set(scope)
        body()

    contextvars.copy_context().run(run)


def to_json(*processors: Any, **options: Any) -> io.StringIO:
    """Configure structlog as many do: JSON into a stream, which is returned."""
    stream = io.StringIO()
    structlog.configure(
        processors=[*processors, structlog.processors.JSONRenderer()],
        logger_factory=structlog.PrintLoggerFactory(stream),
        **options,
    )
    return stream


def rows(stream: io.StringIO) -> list[dict[str, Any]]:
    """What was printed, row by row."""
    return [json.loads(row) for row in stream.getvalue().splitlines()]


def test_line_is_recorded_and_named(lines: list[Line]) -> None:
    """The line is left once, and what the program prints says whose it is."""
    stream = to_json(
        structlog.stdlib.add_log_level, structlog.processors.TimeStamper(fmt="iso")
    )

    inside(FULL, lambda: structlog.get_logger().bind(a=1).warning("hi %s", "x", b=2))

    (line,) = lines
    assert (line.event, line.level, line.input_id) == ("hi x", "warning", "in-1")
    assert line.fields == {"a": 1, "b": 2}
    assert line.shown
    (row,) = rows(stream)
    assert len(row.pop("trace_id")) == 32
    assert len(row.pop("span_id")) == 16
    row.pop("timestamp")
    assert row == {
        "event": "hi x",
        "level": "warning",
        "a": 1,
        "b": 2,
        "input_id": "in-1",
        "function_call_id": "fc-1",
        "function": "translate",
        "attempt": 2,
        "container_id": "ct-1",
        "slot": 3,
    }


def test_outside_of_an_input_nothing_is_added(lines: list[Line]) -> None:
    """The program's own output is what it was, also where it uses a name of ours."""
    stream = to_json()

    structlog.get_logger().info("hi", input_id="mine")

    assert rows(stream) == [{"event": "hi", "input_id": "mine"}]
    assert (lines[0].input_id, lines[0].fields) == (None, {"input_id_": "mine"})


def test_identity_cannot_be_spoofed(lines: list[Line]) -> None:
    """A key of our name is kept under another, in the line and in the output."""
    stream = to_json()

    inside(FULL, lambda: structlog.get_logger().info("hi", input_id="mine", level="x"))

    assert (lines[0].input_id, lines[0].level) == ("in-1", "info")
    assert lines[0].fields == {"input_id_": "mine", "level_": "x"}
    (row,) = rows(stream)
    assert (row["input_id"], row["input_id_"]) == ("in-1", "mine")


def test_late_line_says_so() -> None:
    """What is said after the input has settled is marked."""
    stream = to_json()

    inside(InputScope("in-1", closed=True), lambda: structlog.get_logger().info("hi"))

    assert rows(stream)[0]["input_late"] is True


@pytest.mark.parametrize(
    ("method", "level"),
    [("debug", "debug"), ("info", "info"), ("warn", "warning"), ("fatal", "critical")],
)
def test_level_of_the_method(lines: list[Line], method: str, level: str) -> None:
    """Each method has its level."""
    to_json()

    getattr(structlog.get_logger(), method)("hi")

    assert lines[0].level == level


def test_filtered_and_dropped_lines_are_not_recorded(lines: list[Line]) -> None:
    """Neither what is below the level nor what a processor drops is a line."""

    def drop(_: object, __: str, event_dict: Any) -> Any:
        if event_dict["event"] == "drop":
            raise structlog.DropEvent
        return event_dict

    to_json(drop, wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    log = structlog.get_logger()
    log.debug("filtered")
    log.info("drop")
    log.info("kept")

    assert [line.event for line in lines] == ["kept"]


def test_exception_is_kept(lines: list[Line]) -> None:
    """The traceback is on the line, whatever the chain makes of it."""
    chains: list[list[Any]] = [
        [],
        [structlog.processors.format_exc_info],
        [structlog.processors.dict_tracebacks],
        [structlog.dev.set_exc_info],
    ]
    for chain in chains:
        to_json(*chain)
        try:
            raise KeyError("gone")
        except KeyError:
            structlog.get_logger().exception("failed")

    assert [str(line.exception).splitlines()[-1] for line in lines] == [
        "KeyError: 'gone'"
    ] * 4
    assert [line.fields for line in lines] == [{}] * 4
    assert {line.level for line in lines} == {"error"}


def test_configure_later_and_cached_loggers(lines: list[Line]) -> None:
    """A logger that was cached before us is covered, and a later configuration, too."""
    ROAD.uninstall()
    to_json(cache_logger_on_first_use=True)
    cached = structlog.get_logger()
    cached.info("before us")
    ROAD.install()

    inside(FULL, lambda: cached.info("cached"))
    structlog.configure(processors=[structlog.processors.KeyValueRenderer()])
    inside(FULL, lambda: structlog.get_logger().info("later"))

    assert [(line.event, line.input_id) for line in lines] == [
        ("cached", "in-1"),
        ("later", "in-1"),
    ]


def test_wrap_logger_with_its_own_processors(lines: list[Line]) -> None:
    """A logger beside the configuration is covered, be its chain empty."""
    own = CapturingLogger()
    log = structlog.wrap_logger(own, processors=[])

    inside(FULL, lambda: log.info("hi", size=3))

    assert (lines[0].event, lines[0].fields) == ("hi", {"size": 3})
    assert own.calls[0].kwargs["input_id"] == "in-1"


def test_capture_logs_of_the_program(lines: list[Line]) -> None:
    """Structlog's own way of testing sees what it saw, and such lines are dropped."""
    with structlog.testing.capture_logs() as entries:
        structlog.get_logger().info("hi", size=3)

    assert entries == [{"event": "hi", "size": 3, "log_level": "info"}]
    assert lines == []


def test_our_own_logger_is_not_recorded_twice(lines: list[Line]) -> None:
    """The loggers of get_logger leave their lines themselves."""
    inside(FULL, lambda: telemetry.get_logger("app").info("hi", input_id="x"))

    (line,) = lines
    assert (line.input_id, line.fields, line.shown) == (
        "in-1",
        {"input_id_": "x"},
        False,
    )


def test_processor_of_the_program(lines: list[Line]) -> None:
    """The processor can be placed by hand: with the road, nothing is said twice."""
    stream = to_json(add_input)

    def say() -> None:
        structlog.get_logger().info("hi", slot=9)

    inside(FULL, say)
    ROAD.uninstall()
    inside(FULL, say)
    say()

    assert [line.fields for line in lines] == [{"slot_": 9}]
    first, second, third = rows(stream)
    assert first == second
    assert (first["slot"], first["slot_"]) == (3, 9)
    assert third == {"event": "hi", "slot_": 9}


def bound_to_logging(*processors: Any, handler: logging.Handler) -> Any:
    """A structlog logger on top of ``logging``, with a handler at the end."""
    logger = logging.getLogger("bound")
    logger.handlers[:] = [handler]
    logger.propagate = False
    logger.setLevel(logging.INFO)
    structlog.configure(
        processors=[*processors],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    return structlog.get_logger("bound")


RENDERERS: list[Any] = [
    structlog.processors.JSONRenderer(),
    structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    structlog.stdlib.render_to_log_kwargs,
]


@pytest.mark.parametrize("renderer", RENDERERS)
@pytest.mark.parametrize("with_logging", [True, False])
def test_line_through_logging_is_one_line(
    lines: list[Line], renderer: Any, with_logging: bool
) -> None:
    """Structlog on top of logging leaves one line, as it was said and not rendered."""
    if with_logging:
        stdlib_logging.ROAD.install()
    log = bound_to_logging(renderer, handler=logging.StreamHandler(io.StringIO()))

    inside(FULL, lambda: log.warning("hi", size=3))
    log.debug("below the level")

    (line,) = lines
    assert (line.event, line.fields, line.level) == ("hi", {"size": 3}, "warning")
    assert (line.logger, line.input_id, line.shown) == ("bound", "in-1", True)


def test_what_logging_has_filtered_is_forgotten(lines: list[Line]) -> None:
    """A line that logging does not take is not confused with the next record."""
    stdlib_logging.ROAD.install()
    handler = logging.StreamHandler(io.StringIO())
    log = bound_to_logging(structlog.stdlib.render_to_log_kwargs, handler=handler)

    log.debug("same", secret=1)
    logging.getLogger("bound").info("same")

    assert [(line.event, line.fields) for line in lines] == [("same", {})]


class Thinking(structlog.BoundLoggerBase):
    def think(self, event: str) -> None:
        """Say nothing in the end, as a wrapper class of the program's may."""
        self._process_event("info", event, {})


def test_what_was_never_said_is_forgotten(lines: list[Line]) -> None:
    """A line that is made and not handed on is not taken for the next record."""
    stdlib_logging.ROAD.install()
    logger = logging.getLogger("bound")
    logger.setLevel(logging.INFO)
    render = structlog.stdlib.render_to_log_kwargs
    log = structlog.wrap_logger(logger, processors=[render], wrapper_class=Thinking)

    log.bind().think("thought")
    logger.info("said")

    assert [line.event for line in lines] == ["said"]


def test_processor_formatter_says_whose_it_is() -> None:
    """Ids reach the handler's formatter, which renders in any thread."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(structlog.processors.JSONRenderer())
    )
    wrap = structlog.stdlib.ProcessorFormatter.wrap_for_formatter
    log = bound_to_logging(wrap, handler=handler)

    inside(FULL, lambda: log.warning("hi"))

    assert rows(stream)[0]["input_id"] == "in-1"


def test_positional_arguments(lines: list[Line]) -> None:
    """What logging would have formatted is formatted; what cannot be, is kept."""
    stdlib_logging.ROAD.install()
    handler = logging.NullHandler()
    log = bound_to_logging(
        structlog.stdlib.render_to_log_args_and_kwargs, handler=handler
    )

    log.info("got %d", 3)
    log.info("got %d", "three")

    assert [line.event for line in lines] == ["got 3", "got %d"]
    assert lines[1].fields == {"positional_args": ["three"]}


def test_processor_that_raises(lines: list[Line]) -> None:
    """A failure of the program's own chain reaches the program, as ever."""

    def fail(_: object, __: str, ___: Any) -> Any:
        raise ValueError("theirs")

    to_json(fail)

    with pytest.raises(ValueError, match="theirs"):
        structlog.get_logger().info("hi")
    assert lines == []


def test_install_and_uninstall() -> None:
    """Twice is as good as once, and all is put back as it was."""
    ROAD.uninstall()
    before = dict(vars(structlog.BoundLoggerBase))

    ROAD.install()
    ROAD.install()
    assert ROAD.state().on
    assert "structlog._output" in CAPTURED_ELSEWHERE
    ROAD.uninstall()
    ROAD.uninstall()

    assert dict(vars(structlog.BoundLoggerBase)) == before
    assert not ROAD.state().on
    assert "structlog._output" not in CAPTURED_ELSEWHERE
