"""Records on their way: through queues, sockets and processes, to our own handler."""

from __future__ import annotations

import contextvars
import io
import logging
import logging.config
import logging.handlers
import multiprocessing
import pickle
import queue
import threading
from collections.abc import Callable, Iterator
from functools import partial

import pytest

import telemetry
from telemetry.capture import sink
from telemetry.capture.line import Line
from telemetry.capture.log_handler import LogHandler
from telemetry.capture.roads import registry
from telemetry.capture.roads.stdlib_logging import ROAD
from telemetry.core.scope import SCOPE, InputScope

FULL = InputScope("in-1", "fc-1", "translate", 2, "ct-1", 3)


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


def test_queue_handler_and_listener(lines: list[Line]) -> None:
    """20 threads log through a queue: each record is one line of its own input."""
    passing: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    stream = io.StringIO()
    end = logging.StreamHandler(stream)
    end.setFormatter(logging.Formatter("%(input_id)s %(message)s"))
    listener = logging.handlers.QueueListener(passing, end, LogHandler())
    log = logging.getLogger("queued")
    log.setLevel(logging.INFO)
    log.addHandler(logging.handlers.QueueHandler(passing))
    gate = threading.Barrier(20)

    def work(number: int) -> None:
        gate.wait(20)
        for turn in range(25):
            log.info("%d/%d", number, turn)

    threads = [
        threading.Thread(
            target=inside, args=(InputScope(f"in-{n}"), partial(work, n)), name=f"w{n}"
        )
        for n in range(20)
    ]  # fmt: skip
    listener.start()
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    finally:
        listener.stop()
        log.handlers.clear()

    expected = sorted(f"in-{n} {n}/{t}" for n in range(20) for t in range(25))
    assert sorted(f"{line.input_id} {line.event}" for line in lines) == expected
    assert sorted(stream.getvalue().splitlines()) == expected
    assert all(line.thread == f"w{str(line.input_id)[3:]}" for line in lines)


def test_record_from_a_socket(lines: list[Line], log: logging.Logger) -> None:
    """A record of another process keeps identity, thread and time, or has none."""
    log.addHandler(logging.NullHandler())
    handler = logging.handlers.SocketHandler("localhost", 0)
    record = log.makeRecord("app", 20, "f", 1, "hi", (), None)
    sent: list[bytes] = []

    def send() -> None:
        made = log.makeRecord("app", 20, "f", 1, "hi %s", ("you",), None)
        made.process, made.threadName, made.created = -1, "theirs", 1.5
        sent.append(handler.makePickle(made))

    late = InputScope("in-1", "fc-1", "translate", 2, "ct-1", 3, closed=True)
    inside(late, send)
    record.process = -1
    sent.append(handler.makePickle(record))
    arrived = [logging.makeLogRecord(pickle.loads(each[4:])) for each in sent]

    inside(InputScope("in-2"), lambda: list(map(log.handle, arrived)))

    known, unknown = lines
    assert (known.input_id, known.slot, known.event) == ("in-1", 3, "hi you")
    assert (known.function_call_id, known.attempt, known.late) == ("fc-1", 2, True)
    assert (known.thread, known.unix_ns) == ("theirs", 1_500_000_000)
    assert unknown.input_id is None


def _child(passing: multiprocessing.Queue[logging.LogRecord]) -> None:
    caught: list[Line] = []
    sink.set_sink(caught.append)
    log = logging.getLogger("child")
    log.setLevel(logging.INFO)
    log.addHandler(logging.handlers.QueueHandler(passing))
    with telemetry.input_scope(input_id="in-child"):
        log.info("hi")
    ROAD.uninstall()
    log.info("without us")


def test_record_from_a_process(lines: list[Line]) -> None:
    """A record that a process has left as a line already is not left again here."""
    context = multiprocessing.get_context("fork")
    passing: multiprocessing.Queue[logging.LogRecord] = context.Queue()
    child = context.Process(target=_child, args=(passing,))
    child.start()
    records = [passing.get(timeout=20) for _ in range(2)]
    child.join(20)

    for record in records:
        logging.getLogger("x").handle(record)

    assert [type(record) for record in records][:1] == [logging.LogRecord]
    assert vars(records[0])["input_id"] == "in-child"
    assert [(line.event, line.input_id) for line in lines] == [("without us", None)]


def test_handler_without_the_road(lines: list[Line], log: logging.Logger) -> None:
    """The handler alone leaves each record once, wherever it is attached."""
    ROAD.uninstall()
    log.addHandler(LogHandler())
    logging.getLogger().addHandler(LogHandler())

    inside(FULL, lambda: log.info("hi", extra={"size": 1, "input_id": "x"}))

    (line,) = lines
    assert (line.event, line.input_id) == ("hi", "in-1")
    assert line.fields == {"size": 1, "input_id_": "x"}


def test_handler_beside_the_road(lines: list[Line], log: logging.Logger) -> None:
    """The handler adds no line to those of the road, and its filters hold."""
    handler = LogHandler()
    handler.addFilter(lambda record: record.levelno > logging.INFO)
    log.addHandler(handler)

    log.info("hi")
    ROAD.uninstall()
    log.info("filtered")
    log.warning("passed")

    assert [line.event for line in lines] == ["hi", "passed"]
