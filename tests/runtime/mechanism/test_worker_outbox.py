"""An interrupted body takes nothing of its neighbours' messages along."""

from __future__ import annotations

import random
import sys
import threading
from collections.abc import Callable
from typing import Any

from telemetry.runtime.container.outbox import Outbox
from telemetry.runtime.wire import messages
from telemetry.runtime.wire.frames import FrameReader, FrameWriter
from tests.runtime.mechanism.stand_ins import (
    FakeStream,
    held_back,
    joined,
    opened,
    started,
)
from tests.runtime.mechanism.worker_bench import Bench, local, spin

# What a body sends goes through the outbox that it shares with its neighbours.


def test_an_interruption_inside_the_outbox_loses_nothing() -> None:
    """A body that is interrupted while it sends takes no message of others along.

    1. A neighbour puts its result; 2. A's thread flushes, with both messages in
    its hands; 3. A is interrupted there. The neighbour's result must still leave.
    """
    bench = Bench()
    stream = FakeStream()
    writer = StruckWriter(stream)
    outbox = Outbox(writer, held_back)

    def body() -> None:
        outbox.put((1, "the neighbour's result"))
        outbox.put((2, "a line of A's"))
        outbox.flush()
        spin(threading.Event())

    running = local(body, 1)
    writer.strike = lambda: joined(started(lambda: bench.cancel(running)))
    bench.start(running)
    bench.wait()
    outbox.flush()  # as the next to end does
    bench.close()

    assert bench.ends["in-1"].how == messages.UNWOUND
    assert 1 in kinds(stream), "the neighbour's result is gone"


class StruckWriter(FrameWriter):
    """Its first frame is being written when the interruption is sent."""

    strike: Callable[[], None] = staticmethod(held_back)

    def send(self, batch: Any) -> bool:
        strike, self.strike = self.strike, held_back
        strike()
        return super().send(batch)


def kinds(stream: FakeStream) -> list[int]:
    """The kinds of the messages that were written."""
    source, seen = FakeStream(), []
    source.to_read += stream.written
    reader = FrameReader(source)
    while source.to_read:
        for frame in reader.receive():
            seen += [message[0] for message in frame.messages]
    return seen


def test_a_partial_write_survives_an_interruption() -> None:
    """A body interrupted when half a frame is out does not garble the stream."""
    bench = Bench()
    stream = FakeStream(room=5)
    outbox = Outbox(FrameWriter(stream), held_back)

    def body() -> None:
        outbox.put((1, "first"))
        outbox.flush()
        spin(threading.Event())

    running = local(body, 1)

    def strike() -> None:
        stream.before_send = held_back
        joined(started(lambda: bench.cancel(running)))

    stream.before_send = strike
    bench.start(running)
    bench.wait()
    stream.room = None
    outbox.resume()
    outbox.put((2, "second"))
    outbox.flush()
    bench.close()

    assert kinds(stream) == [1, 2]


def test_the_outbox_stays_open_after_a_thousand_interruptions() -> None:
    """Bodies that write without end are cancelled at random; others still write."""
    bench, draw = Bench(), random.Random(11)
    stream = FakeStream()
    outbox = Outbox(FrameWriter(stream), held_back)

    def body(entered: threading.Event) -> None:
        entered.set()
        while True:
            outbox.put((2, "a line"))
            outbox.flush()

    rounds, interval = 300, sys.getswitchinterval()
    sys.setswitchinterval(2e-5)
    try:
        for number in range(rounds):
            entered = threading.Event()
            running = bench.start(local(lambda entered=entered: body(entered), number))
            opened(entered, "the body")
            for _ in range(draw.randrange(300)):
                pass
            outbox.put((1, number))
            bench.cancel(running)
            bench.wait()
            outbox.flush()
    finally:
        sys.setswitchinterval(interval)
    bench.close()

    assert kinds(stream).count(1) == rounds
