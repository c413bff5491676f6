"""Frames over one stream socket: a batch of messages, and large payloads beside it.

Source of the format (ours, private to one installed version)::

    u32 body length | u32 number of blobs | u64 length of each blob
    body: msgpack, a list of messages, each a list that begins with its kind
    blobs, one after the other

A payload above `INLINE_BYTES` travels as a blob: it is written from where it
lies and received into its final place, never copied through a frame buffer. In
the body its place is taken by its number.
"""

from __future__ import annotations

import struct
from collections import deque
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

INLINE_BYTES: Final = 64 * 1024
_READ_BYTES: Final = 256 * 1024
_HEAD: Final = struct.Struct("<II")
_MAX_VECTORS: Final = 64  # well below IOV_MAX (1024) everywhere

Message = tuple[Any, ...] | list[Any]
Payload = bytes | bytearray


class Stream(Protocol):
    """What frames need of a socket, which must not block."""

    def sendmsg(self, vectors: list[memoryview], /) -> int:
        """Write from several places; how many bytes were taken."""
        ...

    def recv(self, size: int, /) -> bytes:
        """Read up to so many bytes; none at the end of the stream."""
        ...

    def recv_into(self, view: memoryview, /) -> int:
        """Read into a place; how many bytes came."""
        ...


class Blob:
    """Marks a payload that travels beside the body."""

    __slots__ = ("data",)

    def __init__(self, data: Payload) -> None:
        self.data = data


class Frame(NamedTuple):
    """One batch of messages as it arrived."""

    messages: list[list[Any]]
    blobs: Sequence[Payload]


class ConnectionLostError(ConnectionError):
    """The other side is gone."""


def outgoing(payload: Payload) -> Payload | Blob:
    """The payload as a message carries it: itself, or beside the body."""
    return payload if len(payload) <= INLINE_BYTES else Blob(payload)


def incoming(field: bytes | int, blobs: Sequence[Payload]) -> Payload:
    """The payload that a message's field stands for."""
    return blobs[field] if type(field) is int else field  # type: ignore[return-value]  # not an int: bytes


class FrameWriter:
    """The sending half. Not thread safe: its owner serialises the calls."""

    def __init__(self, sock: Stream) -> None:
        self._sock = sock
        self._left: deque[memoryview] = deque()
        self._blobs: list[Payload] = []
        self._encode = msgspec.msgpack.Encoder(enc_hook=self._take_blob).encode

    @property
    def blocked(self) -> bool:
        """True while bytes wait for room in the socket."""
        return bool(self._left)

    def send(self, messages: Sequence[Message]) -> bool:
        """Write what the socket takes now; False when bytes are left.

        Raises:
            ConnectionLostError: The other side is gone.
        """
        try:
            body = self._encode(messages)
        finally:
            blobs, self._blobs = self._blobs, []
        head = _HEAD.pack(len(body), len(blobs))
        if blobs:
            head += struct.pack(f"<{len(blobs)}Q", *map(len, blobs))
        if not self._left and not blobs:
            data = head + body
            sent = self._write([memoryview(data)])
            if sent == len(data):
                return True
            self._left.append(memoryview(data)[sent:])
            return False
        self._left.append(memoryview(head + body))
        self._left.extend(memoryview(blob) for blob in blobs if blob)
        return self.flush()

    def flush(self) -> bool:
        """Write more of what is left; True when nothing is.

        Raises:
            ConnectionLostError: The other side is gone.
        """
        left = self._left
        while left:
            sent = self._write([left[i] for i in range(min(len(left), _MAX_VECTORS))])
            if not sent:
                return False
            while left and sent >= len(left[0]):
                sent -= len(left.popleft())
            if sent:
                left[0] = left[0][sent:]
        return True

    def _write(self, vectors: list[memoryview]) -> int:
        try:
            return self._sock.sendmsg(vectors)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError as error:
            raise ConnectionLostError(str(error)) from error

    def _take_blob(self, value: object) -> int:
        if not isinstance(value, Blob):
            raise TypeError(f"a message holds a {type(value).__name__}")
        self._blobs.append(value.data)
        return len(self._blobs) - 1


class FrameReader:
    """The receiving half. Not thread safe: one thread owns it."""

    def __init__(self, sock: Stream) -> None:
        self._sock = sock
        self.bytes_read = 0
        self._buffer = bytearray()
        # A frame whose blobs are still arriving, and the bytes that miss.
        self._body: list[list[Any]] | None = None
        self._blobs: list[bytearray] = []
        self._wanted: deque[memoryview] = deque()
        self._decode = msgspec.msgpack.Decoder().decode

    def receive(self) -> list[Frame]:
        """The frames that one read completes; often none or several.

        Raises:
            ConnectionLostError: The other side is gone.
        """
        frames: list[Frame] = []
        try:
            if self._wanted:
                self._read_blob(frames)
            else:
                data = self._sock.recv(_READ_BYTES)
                if not data:
                    raise ConnectionLostError("end of stream")
                self.bytes_read += len(data)
                self._parse(data, frames)
        except (BlockingIOError, InterruptedError):
            pass
        except ConnectionLostError:
            raise
        except OSError as error:
            raise ConnectionLostError(str(error)) from error
        return frames

    def _read_blob(self, frames: list[Frame]) -> None:
        view = self._wanted[0]
        count = self._sock.recv_into(view)
        if not count:
            raise ConnectionLostError("end of stream inside a frame")
        self.bytes_read += count
        if count < len(view):
            self._wanted[0] = view[count:]
            return
        self._wanted.popleft()
        if not self._wanted:
            self._finish(frames)

    def _parse(self, data: bytes, frames: list[Frame]) -> None:
        buffer: bytes | bytearray = data
        if self._buffer:
            self._buffer += data
            buffer = self._buffer
        start, end = 0, len(buffer)
        while end - start >= _HEAD.size:
            length, count = _HEAD.unpack_from(buffer, start)
            body_at = start + _HEAD.size + 8 * count
            body_end = body_at + length
            if body_end > end:
                break
            with memoryview(buffer) as view:
                messages = self._decode(view[body_at:body_end])
            if not count:
                frames.append(Frame(messages, ()))
                start = body_end
                continue
            sizes = struct.unpack_from(f"<{count}Q", buffer, start + _HEAD.size)
            start = self._begin_blobs(messages, sizes, buffer, body_end)
            if self._wanted:
                break
            self._finish(frames)
        if buffer is self._buffer:
            del self._buffer[:start]
        elif start < end:
            self._buffer += buffer[start:]

    def _begin_blobs(
        self,
        messages: list[list[Any]],
        sizes: tuple[int, ...],
        buffer: bytes | bytearray,
        at: int,
    ) -> int:
        """Lay out the blobs, fill them from the buffer; where reading goes on."""
        self._body, self._blobs = messages, [bytearray(size) for size in sizes]
        for blob in self._blobs:
            have = min(len(blob), len(buffer) - at)
            blob[:have] = buffer[at : at + have]
            at += have
            if have < len(blob):
                self._wanted.append(memoryview(blob)[have:])
        return at

    def _finish(self, frames: list[Frame]) -> None:
        if self._body is not None:
            frames.append(Frame(self._body, self._blobs))
        self._body, self._blobs = None, []
