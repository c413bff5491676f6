"""flush and shutdown: one deadline, a true answer, and no harm."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

import telemetry
from telemetry.capture import ending, sink
from telemetry.capture.console import Console
from telemetry.capture.roads import registry
from telemetry.core.errors import InvalidError


@pytest.fixture(autouse=True)
def no_steps(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Steps of this test alone."""
    monkeypatch.setattr(ending, "_FLUSHES", {})
    monkeypatch.setattr(ending, "_CLOSES", {})
    return iter(())


class Blocked(io.StringIO):
    """A stream that holds its writer until it is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.open = threading.Event(), threading.Event()

    def write(self, text: str, /) -> int:
        self.entered.set()
        self.open.wait(10)
        return super().write(text)


def noting(times: list[float]) -> ending.Step:
    """A step that notes what is left, and leaves nothing."""

    def step(left_s: float) -> bool:
        times.append(left_s)
        return True

    return step


@pytest.mark.parametrize("timeout", [-1, True, "5", None, float("nan"), float("inf")])
@pytest.mark.parametrize("end", [ending.flush, ending.shutdown])
def test_bad_timeouts_are_refused(end: Any, timeout: object) -> None:
    """The error names the value and the range."""
    with pytest.raises(InvalidError, match=r"timeout is .* from 0 to 3600"):
        end(timeout)


def test_answer_tells_what_is_left() -> None:
    """False while the stream is blocked, True once it has taken all."""
    stream = Blocked()
    sink.set_console(Console("json", stream=stream))
    log = telemetry.get_logger()
    writer = threading.Thread(target=log.info, args=("held",))
    writer.start()
    assert stream.entered.wait(10)
    log.info("waits")

    left = ending.flush(0)
    stream.open.set()
    done = ending.flush(10)
    writer.join()

    assert (left, done) == (False, True)
    assert "waits" in stream.getvalue()


def test_steps_share_one_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one step has spent, the next one does not have."""
    clock = iter([0.0, 1.0, 4.0, 9.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    sink.set_console(None)
    given: list[float] = []
    for name in ("a", "b", "c"):
        ending.on_flush(name, noting(given))

    assert ending.flush(5)
    assert given == [4.0, 1.0, 0.0]


def test_steps_that_fail_are_counted() -> None:
    """A failure is an answer, and the other steps are run."""
    sink.raise_failures(enabled=False)
    ran: list[float] = []

    def faulty(left_s: float) -> bool:
        raise OSError("gone")

    ending.on_flush("faulty", faulty)
    ending.on_flush("left", lambda left_s: False)
    ending.on_flush("other", noting(ran))
    before = sink.dropped().get("flush", 0)

    assert not ending.flush(1)
    assert sink.dropped()["flush"] == before + 1
    assert len(ran) == 1


def test_shutdown_ends_once_and_logging_goes_on() -> None:
    """Roads are taken away, closing steps run once, and a line is no error."""
    telemetry.configure(console=None, capture=["threads"])
    closed: list[float] = []
    ending.on_shutdown("box", noting(closed))

    assert ending.shutdown(1)
    assert ending.shutdown(1)
    telemetry.get_logger().info("after")

    assert len(closed) == 1
    assert registry._INSTALLED == {}
