"""The outbox: whoever can writes, and nothing that was put stays behind."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest

from telemetry.runtime.container.outbox import Outbox
from telemetry.runtime.wire.frames import (
    ConnectionLostError,
    FrameReader,
    FrameWriter,
    Message,
)
from tests.runtime.mechanism.stand_ins import (
    FakeStream,
    held_back,
    joined,
    opened,
    started,
)


class GatedWriter(FrameWriter):
    """A writer that stops in the middle of its first frame."""

    def __init__(self) -> None:
        super().__init__(FakeStream())
        self.entered = threading.Event()
        self.go_on = threading.Event()
        self.frames: list[list[Any]] = []

    def send(self, messages: Sequence[Message]) -> bool:
        self.frames.append([message[0] for message in messages])
        self.entered.set()
        opened(self.go_on, "leave to write")
        return True


def read(stream: FakeStream) -> list[int]:
    """The kinds of the messages that were written."""
    source = FakeStream()
    source.to_read += stream.written
    reader = FrameReader(source)
    kinds: list[int] = []
    while source.to_read:
        for frame in reader.receive():
            kinds += [message[0] for message in frame.messages]
    return kinds


def test_what_lies_ready_goes_out_as_one_frame() -> None:
    """Messages of several threads leave together, in the order of their coming."""
    writer = GatedWriter()
    writer.go_on.set()
    outbox = Outbox(writer, held_back)
    for kind in range(5):
        outbox.put((kind,))
    outbox.flush()

    assert writer.frames == [[0, 1, 2, 3, 4]]
    assert outbox.empty


def test_a_second_writer_leaves_its_message_to_the_first() -> None:
    """The race: 1. A is writing; 2. B appends and finds the lock taken; 3. A ends.

    A looks again, so B's message does not wait for the next flush.
    """
    writer = GatedWriter()
    outbox = Outbox(writer, held_back)
    outbox.put((1,))
    first = started(outbox.flush)
    opened(writer.entered, "the first writer")
    outbox.put((2,))
    outbox.flush()  # gives up at once: the lock is taken
    assert writer.frames == [[1]]
    writer.go_on.set()
    joined(first)

    assert writer.frames == [[1], [2]]


def test_it_is_not_empty_while_somebody_writes() -> None:
    """A container that ends waits for what another thread has in its hands."""
    writer = GatedWriter()
    outbox = Outbox(writer, held_back)
    outbox.put((1,))
    first = started(outbox.flush)
    opened(writer.entered, "the first writer")
    seen = outbox.empty
    writer.go_on.set()
    joined(first)

    assert not seen, "it is empty while a frame is being written"
    assert outbox.empty


def test_a_full_socket_asks_for_help_and_resumes() -> None:
    """What the socket did not take follows when it has room, then what was put."""
    asked: list[int] = []
    stream = FakeStream(room=3)
    outbox = Outbox(FrameWriter(stream), lambda: asked.append(1))
    outbox.put((1,))
    outbox.flush()
    outbox.put((2,))
    outbox.flush()
    assert asked
    assert not outbox.empty

    stream.room = 2
    assert not outbox.resume()
    stream.room = None
    assert outbox.resume()
    assert read(stream) == [1, 2]
    assert outbox.empty


def test_a_socket_that_fills_again_asks_again() -> None:
    """Resuming may end at a full socket again: help is asked for again."""
    asked: list[int] = []
    stream = FakeStream(room=0)
    outbox = Outbox(FrameWriter(stream), lambda: asked.append(1))
    outbox.put((1,))
    outbox.flush()
    before = len(asked)
    outbox.put((2,))
    stream.room = len(_frame((1,)))
    outbox.resume()

    assert len(asked) > before
    stream.room = None
    outbox.resume()
    assert read(stream) == [1, 2]


def _frame(message: Message) -> bytes:
    stream = FakeStream()
    FrameWriter(stream).send([message])
    return bytes(stream.written)


class LostStream(FakeStream):
    def sendmsg(self, vectors: list[memoryview], /) -> int:
        raise BrokenPipeError("gone")


@pytest.mark.parametrize("how", ["by a write", "by being told"])
def test_a_lost_connection_takes_everything(how: str) -> None:
    """Once the other side is gone, putting and flushing cost nothing and fail never."""
    outbox = Outbox(FrameWriter(LostStream()), held_back)
    outbox.put((1,))
    if how == "by a write":
        outbox.flush()
    else:
        outbox.lose()
    outbox.put((2,))
    outbox.flush()

    assert outbox.empty
    assert outbox.resume()


def test_loss_while_resuming() -> None:
    """A socket that breaks while the rest is written is a lost connection too."""
    stream = FakeStream(room=1)
    outbox = Outbox(FrameWriter(stream), held_back)
    outbox.put((1,))
    outbox.flush()

    def fail() -> None:
        raise ConnectionLostError("gone")

    stream.before_send = fail
    assert outbox.resume()
    assert outbox.empty


def test_eight_writers_lose_nothing() -> None:  # noqa: C901 - four roles, one scene
    """Eight threads put and flush while a ninth resumes: all comes, each in order."""
    here, there = socket.socketpair()
    here.setblocking(False)
    there.settimeout(10)
    full, over = threading.Event(), threading.Event()
    outbox = Outbox(FrameWriter(here), full.set)
    reader, seen = FrameReader(there), [0] * 8
    interval, each = sys.getswitchinterval(), 500

    def write(me: int) -> None:
        for number in range(each):
            outbox.put((me, number, b"x" * 500))
            outbox.flush()

    def resume() -> None:
        while not over.is_set():
            if full.wait(0.01):
                full.clear()
                while not outbox.resume() and not over.is_set():
                    full.wait(0.001)

    sys.setswitchinterval(1e-5)
    try:
        threads = [started(partial(write, me)) for me in range(8)]
        helper = started(resume)
        while sum(seen) < 8 * each:
            for frame in reader.receive():
                for me, number, _ in frame.messages:
                    assert number == seen[me]
                    seen[me] += 1
        over.set()
        for thread in (*threads, helper):
            joined(thread)
    finally:
        over.set()
        sys.setswitchinterval(interval)
        here.close()
        there.close()

    assert seen == [each] * 8
