"""Standard logging: each record is one line of the input that made it."""

from __future__ import annotations

import contextvars
import copy
import io
import logging
import logging.config
import logging.handlers
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from types import MappingProxyType
from typing import Any

import pytest

from telemetry.capture import sink
from telemetry.capture.line import Line
from telemetry.capture.log_handler import LogHandler
from telemetry.capture.noted_records import has_left
from telemetry.capture.roads import registry
from telemetry.capture.roads.stdlib_logging import ROAD
from telemetry.capture.roads.streams import CAPTURED_ELSEWHERE
from telemetry.core.scope import SCOPE, InputScope

FULL = InputScope("in-1", "fc-1", "translate", 2, "ct-1", 3)
STYLES = MappingProxyType({"%": "%(input_id)s", "{": "{input_id}", "$": "${input_id}"})


@pytest.fixture(autouse=True)
def road() -> Iterator[None]:
    """The road is on, and logging is as it was afterwards."""
    registry.choose(())
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    ROAD.install()
    yield
    ROAD.uninstall()
    root.handlers[:] = handlers
    root.setLevel(level)
    for logger in root.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            logger.disabled = False  # dictConfig has switched them off


@pytest.fixture
def log() -> Iterator[logging.Logger]:
    """A logger of the program's, with no handler of its own."""
    logger = logging.getLogger("app.part")
    logger.setLevel(logging.DEBUG)
    yield logger
    logger.handlers.clear()
    logger.filters.clear()
    logger.propagate, logger.disabled = True, False


def inside(scope: InputScope, body: Callable[[], object]) -> None:
    """Run *body* in a context of that scope."""

    def run() -> None:
        SCOPE.set(scope)
        body()

    contextvars.copy_context().run(run)


def printed(logger: logging.Logger, style: str, form: str) -> io.StringIO:
    """A stream to which *logger* writes in that format."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter(form, style=style))  # type: ignore[arg-type]  # a table of cases
    logger.addHandler(handler)
    return stream


def test_record_is_a_line(lines: list[Line], log: logging.Logger) -> None:
    """Message, level, logger, thread, time and extra are all there."""
    records: list[logging.LogRecord] = []
    log.addFilter(lambda record: not records.append(record))  # type: ignore[func-returns-value]  # it notes

    inside(FULL, lambda: log.warning("got %d of %s", 3, "all", extra={"size": 7}))

    (line,) = lines
    assert (line.event, line.level, line.logger) == (
        "got 3 of all",
        "warning",
        "app.part",
    )
    assert line.fields == {"size": 7}
    assert line.thread == threading.current_thread().name
    assert abs(line.unix_ns - records[0].created * 1e9) < 1_000
    assert (line.input_id, line.function_call_id, line.function) == (
        "in-1",
        "fc-1",
        "translate",
    )
    assert (line.attempt, line.container_id, line.slot) == (2, "ct-1", 3)


def test_record_outside_of_an_input(lines: list[Line], log: logging.Logger) -> None:
    """There is a line, and it is nobody's."""
    log.info("hi")

    assert [(line.event, line.input_id) for line in lines] == [("hi", None)]


@pytest.mark.parametrize(
    ("number", "level"),
    [(0, "debug"), (5, "debug"), (25, "info"), (45, "error"), (99, "critical")],
)
def test_level_between_two_is_the_lower(
    lines: list[Line], number: int, level: str
) -> None:
    """Levels that are not ours become the next lower one."""
    logging.getLogger("x").handle(
        logging.LogRecord("x", number, "f", 1, "hi", (), None)
    )

    assert lines[0].level == level


def test_levels_filters_and_disabled_loggers_hold(
    lines: list[Line], log: logging.Logger
) -> None:
    """What logging does not let through is no line."""
    log.setLevel(logging.WARNING)
    log.info("below the level")
    log.addFilter(lambda record: "secret" not in record.getMessage())
    log.warning("secret")
    log.disabled = True
    log.error("disabled")

    assert lines == []


@pytest.mark.parametrize("style", STYLES)
def test_format_may_name_the_input(log: logging.Logger, style: str) -> None:
    """A formatter of any style says whose it is, and a dash outside."""
    stream = printed(log, style, STYLES[style])

    inside(FULL, lambda: log.info("hi"))
    log.info("hi")

    assert stream.getvalue().split() == ["in-1", "-"]


def test_format_may_name_all_of_the_identity(log: logging.Logger) -> None:
    """Every name of the contract has its value, or a dash."""
    form = "%(function_call_id)s %(function)s %(attempt)s %(container_id)s %(slot)s "
    stream = printed(log, "%", form + "%(trace_id)s %(span_id)s %(input_late)s")

    inside(FULL, lambda: log.info("hi"))
    inside(InputScope("in-1", closed=True), lambda: log.info("hi"))

    first, second = (row.split() for row in stream.getvalue().splitlines())
    assert first[:5] == ["fc-1", "translate", "2", "ct-1", "3"]
    assert (len(first[5]), len(first[6]), first[7]) == (32, 16, "-")
    assert second[:5] == ["-", "-", "0", "-", "-"]
    assert second[7] == "True"


def test_missing_name_of_the_program_is_its_own_matter(log: logging.Logger) -> None:
    """Other names that a record does not have fail as they did."""
    formatter = logging.Formatter("%(nope)s")

    with pytest.raises(ValueError, match="nope"):
        formatter.format(logging.LogRecord("x", 20, "f", 1, "hi", (), None))


def test_extra_cannot_spoof(lines: list[Line], log: logging.Logger) -> None:
    """A key of our name neither raises nor changes whose line it is."""
    stream = printed(log, "%", "%(input_id)s %(input_id_)s")

    extra = {"input_id": "mine", "attempt": 9}
    inside(FULL, lambda: log.info("hi", extra=extra))
    log.info("hi", extra={**extra, "input_id_": "x"})

    inner, outer = lines
    assert (inner.input_id, inner.attempt) == ("in-1", 2)
    assert inner.fields == {"input_id_": "mine", "attempt_": 9}
    assert outer.input_id is None
    assert outer.fields == {"input_id__": "mine", "input_id_": "x", "attempt_": 9}
    # Outside of an input, what the program prints is as it was without us.
    assert stream.getvalue().split() == ["in-1", "mine", "mine", "x"]


def test_late_record_is_marked(lines: list[Line], log: logging.Logger) -> None:
    """What is logged after the input has settled says so."""
    inside(InputScope("in-1", closed=True), lambda: log.info("hi"))

    assert lines[0].late


class Hostile:
    def __init__(self, log: logging.Logger) -> None:
        self.log = log

    def __str__(self) -> str:
        self.log.info("inner %s", self)
        raise ValueError("no")

    __repr__ = __str__


def test_message_that_cannot_be_made(lines: list[Line], log: logging.Logger) -> None:
    """The template and the arguments are kept."""
    log.propagate = False

    log.info("%d of %d", "three")  # noqa: PLE1206  # it is what is tested

    assert lines[0].event == "%d of %d"
    assert lines[0].fields == {"args": ["three"]}


def test_message_that_logs_itself(lines: list[Line], log: logging.Logger) -> None:
    """An argument that logs itself when it is printed makes no endless recursion."""
    log.addHandler(logging.NullHandler())
    log.propagate = False

    log.info("outer %s", Hostile(log))

    assert {line.event for line in lines} == {"inner %s", "outer %s"}
    assert len(lines) < 5


def test_message_in_the_midst_of_another(
    lines: list[Line], log: logging.Logger
) -> None:
    """A ``repr`` that logs, or a signal handler meanwhile: its line is formatted."""
    log.addHandler(logging.NullHandler())
    log.propagate = False

    class Talking:
        """Says something else while it is written."""

        def __repr__(self) -> str:
            log.info("%s of %d", "inner", 1)
            return "talking"

    log.info("outer %r", Talking())

    assert [line.event for line in lines] == ["inner of 1", "outer talking"]


def test_exception_and_stack(lines: list[Line], log: logging.Logger) -> None:
    """Both are text on the line."""
    log.addHandler(logging.NullHandler())
    try:
        raise KeyError("gone")
    except KeyError:
        log.exception("failed", stack_info=True)

    (line,) = lines
    assert line.exception is not None
    assert line.exception.endswith("KeyError: 'gone'")
    assert "test_exception_and_stack" in str(line.fields["stack"])


def test_shown_when_a_person_sees_it(lines: list[Line], log: logging.Logger) -> None:
    """A handler of the program's shows it; none, a silent one or ours does not."""
    logging.getLogger().handlers.clear()
    log.info("nobody")
    log.warning("the handler of last resort")
    log.addHandler(logging.NullHandler())
    log.warning("a null handler")
    log.addHandler(LogHandler())
    log.warning("ours")
    high = logging.StreamHandler(io.StringIO())
    high.setLevel(logging.ERROR)
    log.addHandler(high)
    log.warning("too low")
    log.error("seen")
    log.removeHandler(high)
    logging.getLogger().addHandler(high)
    log.error("seen at the root")
    log.propagate = False
    log.error("not propagated")

    assert [line.event for line in lines if line.shown] == [
        "the handler of last resort",
        "seen",
        "seen at the root",
    ]
    assert len(lines) == 8


def test_basic_config_still_works(
    lines: list[Line], log: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    """No handler of ours stands in the way of basicConfig, nor is thrown away by it."""
    root = logging.getLogger()
    root.handlers.clear()

    logging.basicConfig(format="one %(message)s", stream=sys.stderr)
    log.warning("hi")
    logging.basicConfig(format="two %(message)s", stream=sys.stderr, force=True)
    log.warning("hi")

    assert capsys.readouterr().err == "one hi\ntwo hi\n"
    assert len(root.handlers) == 1
    assert len(lines) == 2


def test_last_resort_still_works(
    lines: list[Line], log: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    """A program without any handler prints its warnings as ever."""
    logging.getLogger().handlers.clear()

    log.warning("hi")

    assert capsys.readouterr().err == "hi\n"


def test_dict_config_still_works(lines: list[Line], log: logging.Logger) -> None:
    """After dictConfig, the loggers that it leaves on are seen, and no others."""
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": True,
            "handlers": {"input": {"()": LogHandler}},
            "loggers": {"kept": {"level": "INFO", "handlers": ["input"]}},
        }
    )  # fmt: skip
    log.error("off")
    logging.getLogger("kept").info("on")

    assert [line.event for line in lines] == ["on"]


def test_caplog_still_works(
    lines: list[Line], log: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    """The capture of pytest sees what it saw, and the identity with it."""
    with caplog.at_level(logging.INFO):
        inside(FULL, lambda: log.info("hi %s", "you"))

    assert caplog.record_tuples == [("app.part", logging.INFO, "hi you")]
    assert vars(caplog.records[0])["input_id"] == "in-1"
    assert len(lines) == 1


class Request(logging.LogRecord):
    def getMessage(self) -> str:  # noqa: N802  # the name is logging's
        return f"request: {super().getMessage()}"


def test_factory_of_the_program(lines: list[Line], log: logging.Logger) -> None:
    """A factory set before or after us works on, be it chained or not."""
    before = logging.getLogRecordFactory()

    def chained(*args: object, **kwargs: object) -> logging.LogRecord:
        record = before(*args, **kwargs)
        record.user = "ann"
        return record

    try:
        logging.setLogRecordFactory(chained)
        inside(FULL, lambda: log.info("hi"))
        logging.setLogRecordFactory(Request)
        inside(FULL, lambda: log.info("hi"))
    finally:
        logging.setLogRecordFactory(before)

    assert [(line.event, line.fields) for line in lines] == [
        ("hi", {"user": "ann"}),
        ("request: hi", {}),
    ]
    assert {line.input_id for line in lines} == {"in-1"}


def test_foreign_record_keeps_its_class() -> None:
    """A record of the program's own class is one still, and pickles as one."""
    record = Request("x", 20, "f", 1, "hi", (), None)
    logging.getLogger("x").handle(record)

    assert isinstance(record, Request)
    assert type(pickle.loads(pickle.dumps(record))) is Request
    assert has_left(copy.copy(record))


class Unusual(logging.Logger):
    def makeRecord(self, *args: Any, **kwargs: object) -> logging.LogRecord:  # noqa: N802  # the name is logging's
        return logging.LogRecord(*args[:7])


def test_logger_that_makes_its_own_records(lines: list[Line]) -> None:
    """Where our note was not made, it is made when the record is handled."""
    inside(FULL, lambda: Unusual("own").info("hi"))

    assert lines[0].input_id == "in-1"


class Talkative(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        if record.name != "inner":
            logging.getLogger("inner").warning("about %s", record.getMessage())


def test_handler_that_logs(lines: list[Line], log: logging.Logger) -> None:
    """A handler of the program's may log; both records are lines, once each."""
    log.addHandler(Talkative())

    inside(FULL, lambda: log.info("hi"))

    assert [(line.event, line.input_id) for line in lines] == [
        ("hi", "in-1"),
        ("about hi", "in-1"),
    ]


class Dying:
    def __init__(self, log: logging.Logger) -> None:
        self.log = log

    def __del__(self) -> None:
        self.log.info("dying")


def test_finaliser_that_logs(log: logging.Logger) -> None:
    """A record that is made while a line is being written is a line, too."""
    caught: list[Line] = []
    dying = [Dying(log)]

    def take(line: Line) -> None:
        caught.append(line)
        dying.clear()

    sink.set_sink(take)
    inside(FULL, lambda: log.info("outer"))

    assert [line.event for line in caught] == ["outer", "dying"]


def test_signal_handler_that_logs(log: logging.Logger) -> None:
    """A signal that arrives in the middle of a call makes no deadlock."""
    caught: list[Line] = []

    def take(line: Line) -> None:
        caught.append(line)
        if line.event == "outer":
            os.kill(os.getpid(), signal.SIGUSR1)

    sink.set_sink(take)
    before = signal.signal(signal.SIGUSR1, lambda *_: log.info("signal"))
    try:
        log.info("outer")
    finally:
        signal.signal(signal.SIGUSR1, before)

    assert [line.event for line in caught] == ["outer", "signal"]


def test_sender_does_not_feed_itself(lines: list[Line]) -> None:
    """While OpenTelemetry exports, the lines about it are dropped, and only those."""
    from opentelemetry import context as otel

    http, own = logging.getLogger("urllib3.connectionpool"), logging.getLogger("app")
    for logger in (http, own):
        logger.setLevel(logging.DEBUG)
    http.debug("the program's")
    token = otel.attach(otel.set_value(otel._SUPPRESS_INSTRUMENTATION_KEY, value=True))
    try:
        http.debug("the exporter's")
        own.debug("mine")
    finally:
        otel.detach(token)
    thread = threading.Thread(target=http.debug, args=("x",), name="OtelBatchSpan")
    thread.start()
    thread.join(20)
    logging.getLogger("telemetry.capture").error("ours")

    assert [line.event for line in lines] == ["the program's", "mine"]


def test_fast_logging(
    lines: list[Line], log: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With all look-ups of logging switched off, the line still knows its input."""
    for name in ("logThreads", "logProcesses", "logMultiprocessing", "_srcfile"):
        monkeypatch.setattr(logging, name, None)

    inside(FULL, lambda: log.info("hi"))

    (line,) = lines
    assert (line.input_id, line.thread) == ("in-1", threading.current_thread().name)


def test_structlog_event_dict_is_unwrapped(
    lines: list[Line], log: logging.Logger
) -> None:
    """What wrap_for_formatter leaves in a record is read as the event dict it is."""
    found = {"event": "hi", "size": 3, "level": "info", "input_id": "x"}
    log.addHandler(logging.NullHandler())

    log.info(found, extra={"_logger": log, "_name": "info"})

    assert (lines[0].event, lines[0].fields) == ("hi", {"size": 3})


PROGRAM = """
import logging, sys
from rich.console import Console
from rich.logging import RichHandler
from telemetry.capture import sink
from telemetry.capture.roads import stdlib_logging, streams
caught = []
sink.set_sink(lambda line: caught.append((line.event, line.stream)))
streams.ROAD.install()
stdlib_logging.ROAD.install()
console = Console(file=sys.stderr)
logging.basicConfig(handlers=[RichHandler(console=console), logging.StreamHandler()])
logging.error("logged")
console.print("by rich")
print("printed", file=sys.stderr)
print(caught)
"""


def test_what_handlers_write_is_not_captured_again() -> None:
    """One record is one line, be it shown by a stream handler or by rich."""
    pytest.importorskip("rich")

    run = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )

    assert run.stdout.strip() == str(
        [("logged", None), ("by rich", "stderr"), ("printed", "stderr")]
    )
    assert run.stderr.count("logged") == 2


def test_install_and_uninstall() -> None:
    """Twice is as good as once, and all is put back as it was."""
    ROAD.uninstall()
    owners = (logging.Logger, logging.PercentStyle, logging.StrFormatStyle)
    before = [dict(vars(owner)) for owner in owners]

    ROAD.install()
    ROAD.install()
    assert ROAD.state().on
    assert "logging" in CAPTURED_ELSEWHERE
    ROAD.uninstall()
    ROAD.uninstall()

    assert [dict(vars(owner)) for owner in owners] == before
    assert not ROAD.state().on
    assert "logging" not in CAPTURED_ELSEWHERE


def test_patch_on_top_of_ours(
    lines: list[Line], log: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has wrapped us keeps the wrapper when we go, and nothing is left of ours."""
    ours = logging.Logger.callHandlers
    seen: list[str] = []

    def theirs(self: logging.Logger, record: logging.LogRecord) -> None:
        seen.append(record.getMessage())
        ours(self, record)

    monkeypatch.setattr(logging.Logger, "callHandlers", theirs)
    log.info("one")
    ROAD.uninstall()
    log.info("two")

    assert seen == ["one", "two"]
    assert [line.event for line in lines] == ["one"]
