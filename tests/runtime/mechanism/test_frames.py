"""Frames: what is written in any pieces comes out as it was."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.runtime.wire.frames import (
    INLINE_BYTES,
    Blob,
    ConnectionLostError,
    Frame,
    FrameReader,
    FrameWriter,
    incoming,
    outgoing,
)
from tests.runtime.mechanism.stand_ins import FakeStream

FIELDS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.text(max_size=20)
    | st.binary(max_size=50)
    | st.floats(allow_nan=False)
)
SMALL = st.lists(st.tuples(st.integers(0, 40), FIELDS), max_size=6)
BLOBS = st.lists(st.binary(max_size=300), max_size=5)


def written(*batches: list[Any]) -> bytes:
    """The bytes of these frames."""
    stream = FakeStream()
    writer = FrameWriter(stream)
    for batch in batches:
        assert writer.send(batch)
    return bytes(stream.written)


def read_all(data: bytes, step: int) -> list[Frame]:
    """What a reader makes of these bytes when it gets so many at a time."""
    stream = FakeStream(step=step)
    stream.to_read += data
    reader, frames = FrameReader(stream), []
    while stream.to_read:
        frames += reader.receive()
    # A blob of no bytes at the very end asks for nothing more.
    frames += reader.receive()
    return frames


def plain(frames: list[Frame]) -> list[list[list[Any]]]:
    """Messages with their blobs in the places of their numbers."""
    return [
        [
            [m[0], *(bytes(incoming(f, frame.blobs)) for f in m[1:])]
            for m in frame.messages
        ]
        for frame in frames
    ]


@given(st.lists(SMALL, max_size=4), st.integers(1, 40))
def test_messages_round_trip(batches: list[list[Any]], step: int) -> None:
    """Messages of plain fields come out equal, however the bytes are cut."""
    frames = read_all(written(*batches), step)

    assert [f.messages for f in frames] == [[list(m) for m in b] for b in batches]


@given(st.lists(BLOBS, max_size=4), st.integers(1, 40))
def test_blobs_round_trip(batches: list[list[bytes]], step: int) -> None:
    """Any number of blobs, empty ones included, lands in its own message."""
    sent = [[(n, Blob(blob)) for n, blob in enumerate(batch)] for batch in batches]

    frames = read_all(written(*sent), step)

    expected = [[[n, blob] for n, blob in enumerate(batch)] for batch in batches]
    assert plain(frames) == expected


@given(BLOBS, st.integers(1, 30), st.lists(st.integers(0, 30), max_size=40))
def test_writer_survives_a_full_socket(
    blobs: list[bytes], step: int, rooms: list[int]
) -> None:
    """Bytes that the socket did not take follow, in order, with later frames."""
    stream = FakeStream(room=0, step=step)
    writer = FrameWriter(stream)
    batches: list[list[Any]] = [[(1, Blob(blob))] for blob in blobs]
    batches = batches or [[(1, b"x")]]
    for batch in batches:
        writer.send(batch)
    for room in rooms:
        stream.room = room
        writer.flush()
    stream.room = None

    assert writer.flush()
    assert not writer.blocked
    assert bytes(stream.written) == written(*batches)


def test_partial_first_write() -> None:
    """A frame of which one byte was taken is continued at its second byte."""
    stream = FakeStream(room=1)
    writer = FrameWriter(stream)

    assert not writer.send([(1, "a")])
    assert writer.blocked
    stream.room = None
    assert writer.flush()
    assert bytes(stream.written) == written([(1, "a")])


def test_nothing_taken_is_nothing_lost() -> None:
    """A frame that found the socket full goes out whole, before the next."""
    stream = FakeStream(room=0)
    writer = FrameWriter(stream)
    assert not writer.send([(1, "a")])
    assert not writer.send([(2, "b")])
    stream.room = None

    assert writer.flush()
    assert bytes(stream.written) == written([(1, "a")], [(2, "b")])


def test_more_blobs_than_one_write_may_take() -> None:
    """Hundreds of blobs go out in several writes, none twice."""
    blobs = [bytes([n % 256]) * (n % 5) for n in range(500)]

    frames = read_all(written([(n, Blob(b)) for n, b in enumerate(blobs)]), 1 << 20)

    assert plain(frames) == [[[n, b] for n, b in enumerate(blobs)]]


def test_blobs_beyond_the_socket_buffer() -> None:
    """Blobs larger than any socket buffer pass a real socket in both directions."""
    here, there = socket.socketpair()
    with here, there:
        here.setblocking(False)
        there.setblocking(False)
        writer, reader = FrameWriter(here), FrameReader(there)
        blobs = [b"a" * 5_000_000, b"", b"b" * 3_000_001]
        done = writer.send([(7, *map(Blob, blobs)), (8, "end")])
        frames: list[Frame] = []
        for _ in range(1_000_000):
            frames += reader.receive()
            done = done or writer.flush()
            if frames:
                break

    assert done
    assert frames[0].messages == [[7, 0, 1, 2], [8, "end"]]
    assert [bytes(blob) for blob in frames[0].blobs] == blobs


@pytest.mark.parametrize("cut", ["head", "sizes", "body", "blob"])
def test_end_inside_a_frame(cut: str) -> None:
    """A stream that ends inside a frame is a lost connection, never half a frame."""
    data = written([(1, Blob(b"x" * 100))])
    at = {"head": 3, "sizes": 10, "body": 17, "blob": len(data) - 50}[cut]
    stream = FakeStream()
    stream.to_read += data[:at]
    stream.at_end = True
    reader = FrameReader(stream)

    def read() -> None:
        while reader.receive() == []:
            pass

    with pytest.raises(ConnectionLostError, match="end of stream"):
        read()


def test_frames_before_the_end_are_heard() -> None:
    """What was complete when the other side died is received before the loss."""
    stream = FakeStream()
    stream.to_read += written([(1, "last words")])
    stream.at_end = True
    reader = FrameReader(stream)

    assert reader.receive()[0].messages == [[1, "last words"]]
    with pytest.raises(ConnectionLostError, match="end of stream"):
        reader.receive()


def test_nothing_there_yet() -> None:
    """Reading an empty socket gives no frame and no error."""
    assert FrameReader(FakeStream()).receive() == []


def test_a_socket_error_is_a_lost_connection() -> None:
    """What the system says of a broken socket is told as a lost connection."""
    here, there = socket.socketpair()
    there.close()
    here.setblocking(False)
    with here, pytest.raises(ConnectionLostError, match="Broken pipe"):
        FrameWriter(here).send([(1, "nobody")])


def test_only_large_payloads_travel_beside_the_body() -> None:
    """A payload becomes a blob above the bound, and comes back from either way."""
    small, large = b"x" * INLINE_BYTES, b"x" * (INLINE_BYTES + 1)

    assert outgoing(small) is small
    beside = outgoing(large)
    assert isinstance(beside, Blob)
    assert beside.data is large
    assert incoming(small, ()) is small
    assert incoming(0, [large]) is large


def test_what_cannot_be_encoded_leaves_no_trace() -> None:
    """A message that cannot be encoded is refused; the next frame is intact."""
    stream = FakeStream()
    writer = FrameWriter(stream)
    with pytest.raises(TypeError, match="a message holds a object"):
        writer.send([(1, Blob(b"beside")), (2, object())])

    assert writer.send([(3, "next")])
    assert bytes(stream.written) == written([(3, "next")])
