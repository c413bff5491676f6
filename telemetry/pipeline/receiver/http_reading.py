"""HTTP/1.1 requests out of the bytes of a connection; no sockets, no clock."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Final, Protocol

from telemetry.pipeline.receiver.http_head import (
    HEAD_BYTES,
    Head,
    RefusedError,
    parse_head,
)

MOST_CHUNKS: Final = 100_000
"""Of one body: 64 MiB in chunks of 700 bytes. Each costs, however small it is."""

_LINE_BYTES: Final = 1_024
"""A chunk's size, and what may stand behind it."""
_TRAILER_BYTES: Final = 8_192
_END: Final = b"\r\n\r\n"
_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;.*)?")


class Body(Protocol):
    """A body that is coming in."""

    @property
    def data(self) -> bytearray:
        """What has come in so far."""
        ...

    def take(self, buffer: bytearray) -> bool:
        """Take from *buffer* what belongs to the body; True when it is complete.

        Raises:
            RefusedError: It is too large, or not what it has to be.
        """
        ...


class RequestReader:
    """One request after the other.

    Args:
        body_bytes: A larger body is refused.
    """

    def __init__(self, body_bytes: int) -> None:
        self._body_bytes = body_bytes
        self._buffer = bytearray()
        self._body: Body | None = None

    def feed(self, data: bytes) -> None:
        """The next bytes of the connection."""
        self._buffer += data

    @property
    def waiting_bytes(self) -> int:
        """Bytes held here: of an incomplete request, or of those behind it."""
        return len(self._buffer) + (len(self._body.data) if self._body else 0)

    def head(self) -> Head | None:
        """The head of the next request; None while it is not complete.

        Raises:
            RefusedError: There is none, or it is too large.
        """
        buffer = self._buffer
        # Source: RFC 9112, 2.2: an empty line before the request line is ignored.
        while buffer.startswith(b"\r\n"):
            del buffer[:2]
        at = buffer.find(_END, 0, HEAD_BYTES + len(_END))
        if at < 0:
            if len(buffer) > HEAD_BYTES:
                raise RefusedError(
                    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                    f"the headers are larger than {HEAD_BYTES} bytes",
                )
            return None
        block = bytes(buffer[:at])
        del buffer[: at + len(_END)]
        return parse_head(block)

    def begin_body(self, head: Head) -> None:
        """What follows is the body of *head*.

        Raises:
            RefusedError: It will be too large.
        """
        if head.length_bytes is None:
            self._body = _Chunked(self._body_bytes)
            return
        if head.length_bytes > self._body_bytes:
            raise _too_large(self._body_bytes)
        self._body = _Sized(head.length_bytes)

    def body(self) -> bytearray | None:
        """The body that was begun; None while it is not complete.

        Raises:
            RefusedError: It is too large, or not what it has to be.
        """
        body = self._body
        if body is None or not body.take(self._buffer):
            return None
        self._body = None
        return body.data


class _Sized:
    """A body whose length was announced."""

    def __init__(self, length_bytes: int) -> None:
        self._length_bytes = length_bytes
        self.data = bytearray()

    def take(self, buffer: bytearray) -> bool:
        """See `Body`."""
        missing = self._length_bytes - len(self.data)
        if missing >= len(buffer):
            self.data += buffer
            buffer.clear()
        else:
            self.data += buffer[:missing]
            del buffer[:missing]
        return len(self.data) == self._length_bytes


class _Chunked:
    """A body in chunks. Source: RFC 9112, 7.1."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._chunks = 0
        self._missing = 0
        """Bytes of this chunk that are still to come."""
        self._is_behind = False
        """The line end behind a chunk comes next."""
        self._is_last = False
        """What comes now are trailers."""
        self.data = bytearray()

    def take(self, buffer: bytearray) -> bool:
        """See `Body`."""
        while not self._is_last:
            if self._missing:
                part = buffer[: self._missing]
                if not part:
                    return False
                self.data += part
                self._missing -= len(part)
                del buffer[: len(part)]
                self._is_behind = not self._missing
            elif not self._begin_chunk(buffer):
                return False
        return _skip_trailers(buffer)

    def _begin_chunk(self, buffer: bytearray) -> bool:
        start = 2 if self._is_behind else 0
        if start and buffer[:2] != b"\r\n"[: len(buffer[:2])]:
            raise _bad_chunk()
        end = buffer.find(b"\r\n", start, start + _LINE_BYTES + 2)
        if end < 0:
            if len(buffer) > _LINE_BYTES + 2:
                raise _bad_chunk()
            return False
        found = _SIZE.fullmatch(buffer[start:end])
        self._chunks += 1
        if found is None or self._chunks > MOST_CHUNKS:
            raise _bad_chunk()
        self._missing = int(found[1], 16)
        self._is_last = not self._missing
        self._is_behind = False
        if len(self.data) + self._missing > self._most_bytes:
            raise _too_large(self._most_bytes)
        # The last line end stays: trailers, or none, end like the headers.
        del buffer[: end if self._is_last else end + 2]
        return True


def _skip_trailers(buffer: bytearray) -> bool:
    end = buffer.find(_END, 0, _TRAILER_BYTES + len(_END))
    if end >= 0:
        del buffer[: end + len(_END)]
        return True
    if len(buffer) > _TRAILER_BYTES:
        raise _bad_chunk()
    return False


def _bad_chunk() -> RefusedError:
    return RefusedError(HTTPStatus.BAD_REQUEST, "the chunks of the body are broken")


def _too_large(most_bytes: int) -> RefusedError:
    return RefusedError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"the body is larger than {most_bytes} bytes",
    )
