"""The short ways of a line say what the long one says."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextvars import copy_context
from pathlib import Path
from typing import Any

import msgspec
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

import telemetry
from telemetry.capture import executions, recording
from telemetry.capture.blackbox import records
from telemetry.capture.line import Line
from telemetry.core.scope import SCOPE, InputScope
from telemetry.core.trace_context import TraceParent
from tests.capture.hostile import app
from tests.capture.test_hostile_values import recorded

Body = Callable[[], object]

PARENT = TraceParent(2**127 + 5, 77, state="a=b")
WHOLE = ("in-whole", "fc-1", "translate", 2, "ct-1", 3, ("in-1", "in-2"))

SAYS: dict[str, Body] = {
    "event": lambda: telemetry.get_logger("a.b").info("said"),
    "fields": lambda: telemetry.get_logger().warning("said", n=1, x=0.5, t="é", b=None),
    "arguments": lambda: telemetry.get_logger().error("said %s of %d", "one", 2),
    "a dict of arguments": lambda: telemetry.get_logger().info("%(n)d", {"n": 3}),
    "wrong arguments": lambda: telemetry.get_logger().info("said %d", "x"),
    "bound": lambda: telemetry.get_logger("a", k="v").bind(n=1).info("said", n=2),
    "bound with a name of ours": lambda: (
        telemetry.get_logger().new(slot=9).info("said")
    ),
    "logging": lambda: app.info("said"),
    "logging: arguments": lambda: app.warning("said %s of %d", "one", 2),
    "logging: a dict": lambda: app.info("%(n)d", {"n": 3}),
    "logging: extra": lambda: app.error("said", extra={"n": 1, "t": "é"}),
    "logging: extra of ours": lambda: app.error("said", extra={"slot": 1}),
    "logging: own level": lambda: app.log(35, "said"),
    "print": lambda: print("said", 1),
    "stderr": lambda: print("said", file=sys.stderr),
}


def in_nothing(body: Body) -> None:
    """Outside of any input."""
    copy_context().run(body)


def in_scope(scope: InputScope, body: Body) -> None:
    """As the runtime runs an input."""

    def run() -> None:
        SCOPE.set(scope)
        executions.begin(scope)
        body()
        executions.end(scope, 1, 2)

    copy_context().run(run)


def within_a_span(body: Body) -> None:
    """Within a span that the program has opened."""
    tracer = TracerProvider().get_tracer("test")
    link = trace.SpanContext(5, 6, is_remote=False, trace_flags=trace.TraceFlags(1))

    def run() -> None:
        parent = trace.set_span_in_context(trace.NonRecordingSpan(link))
        with trace.use_span(tracer.start_span("own", parent)), fixed_ids():
            body()

    in_scope(InputScope("in-1"), run)


def fixed_ids() -> Any:
    """A span inside, whose ids are the same each time."""
    link = trace.SpanContext(7, 8, is_remote=False, trace_flags=trace.TraceFlags(1))
    return trace.use_span(trace.NonRecordingSpan(link))


def late(body: Body) -> None:
    """After the input has settled."""
    scope = InputScope("in-1")

    def run() -> None:
        SCOPE.set(scope)
        telemetry.get_logger().info("first", here=1)
        scope.close()
        body()

    copy_context().run(run)


def on_a_thread(body: Body) -> None:
    """On a thread with a name."""
    context = copy_context()
    thread = threading.Thread(target=context.run, args=(body,), name="thé")
    thread.start()
    thread.join()


WHERE: dict[str, Callable[[Body], None]] = {
    "nowhere": in_nothing,
    "in an input": lambda body: in_scope(InputScope("in-1"), body),
    "in one of the runtime's": lambda body: in_scope(
        InputScope(*WHOLE, parent=PARENT), body
    ),
    "in one that has an id of its own": lambda body: in_scope(InputScope("é\n"), body),
    "within a span": within_a_span,
    "late": late,
    "on a thread": on_a_thread,
}


def told(lines: list[Line]) -> list[dict[str, Any]]:
    """What lines say, but for the moment."""
    return [
        msgspec.structs.asdict(msgspec.structs.replace(line, unix_ns=0, shown=False))
        for line in lines
    ]


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("says", SAYS)
def test_both_ways_say_the_same(tmp_path: Path, says: str, where: str) -> None:
    """Event, level, keys, stream, thread, trace and all of the identity."""
    found = []
    for way in ("box", "sink"):
        with recorded(way, tmp_path) as read:
            for _ in range(2):  # what is new takes another turn than what is known
                WHERE[where](SAYS[says])
        found.append(told(read()))

    assert found[0] == found[1]
    assert len(found[0]) >= 2


def test_the_short_ways_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of these needs the long one, from the first line of an input on."""
    long: list[str] = []

    def put(_scope: object, record: bytes) -> bool:
        long.append(str(msgspec.msgpack.decode(record)))
        return True

    short = ("event", "fields", "arguments", "bound", "logging", "logging: arguments")
    with recorded("box", tmp_path) as read:
        telemetry.get_logger().info("there is a block now")
        monkeypatch.setattr(recording, "put", put)
        for says in (*short, "logging: extra", "print", "stderr"):
            in_scope(InputScope(f"in-{says}"), SAYS[says])
        lines = read()

    assert long == []
    assert len(lines) == len(short) + 4


def test_an_input_that_ends_during_a_line_has_late_ones_from_then_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its end comes while another thread encodes that it is open."""
    scope = InputScope("in-1")
    encode = records.encode

    def closed_meanwhile(identity: object) -> bytes:
        owner = threading.Thread(target=scope.close)
        owner.start()
        owner.join()
        return encode(identity)

    def lines_of_a_thread() -> None:
        SCOPE.set(scope)
        log = telemetry.get_logger()
        log.info("said")  # the constant part of the logger is encoded by now
        scope.head, scope.closed = None, False
        with monkeypatch.context() as patched:
            patched.setattr(records, "encode", closed_meanwhile)
            log.info("during")
        log.info("after")

    with recorded("box", tmp_path) as read:
        copy_context().run(lines_of_a_thread)
        found = {line.event: line.late for line in read()}

    assert found == {"said": False, "during": False, "after": True}
