"""The bare socket that a runtime is compared with: frames, and nothing else.

No ids, no slots, no cancellation, no errors: what two Python processes need to
exchange calls and results, and so a floor for whoever offers more.
"""

from __future__ import annotations

import asyncio
import pickle
import struct
from collections.abc import Callable, Iterator
from socket import socket
from typing import Any, Final, cast

HEAD: Final = struct.Struct("<I")
_READ_BYTES: Final = 256 * 1024

Message = tuple[Any, ...]


def encode(value: object) -> bytes:
    """A pickle behind its length."""
    data = pickle.dumps(value, 5)
    return HEAD.pack(len(data)) + data


def decode(data: bytes) -> tuple[list[Any], bytes]:
    """The values in *data*, and the beginning of one that is not complete."""
    values: list[Any] = []
    at, end = 0, len(data)
    while end - at >= HEAD.size:
        frame_end = at + HEAD.size + HEAD.unpack_from(data, at)[0]
        if frame_end > end:
            break
        values.append(pickle.loads(data[at + HEAD.size : frame_end]))  # noqa: S301 - from our own other end
        at = frame_end
    return values, data[at:]


def receive(sock: socket) -> Iterator[list[Any]]:
    """What each read of a blocking socket completes, until its end."""
    rest = b""
    while data := sock.recv(_READ_BYTES):
        values, rest = decode(rest + data)
        yield values


class Frames(asyncio.Protocol):
    """Messages over a transport, written once per round of the loop.

    Args:
        on_message: Called with each message that arrives.
        one_pickle: All messages of a round travel in one pickle, rather than in
            one pickle each.
    """

    def __init__(
        self,
        on_message: Callable[[Message], object],
        loop: asyncio.AbstractEventLoop,
        *,
        one_pickle: bool,
    ) -> None:
        self._on_message = on_message
        self._loop = loop
        self._one_pickle = one_pickle
        self._rest = b""
        self._unsent: list[Any] = []
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what to write to."""
        # No isinstance: uvloop's transports are not of asyncio's classes.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Hand out what is complete."""
        values, self._rest = decode(self._rest + data if self._rest else data)
        for value in values:
            if self._one_pickle:
                for message in value:
                    self._on_message(message)
            else:
                self._on_message(value)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The other side has gone, and with it the reason to run."""
        self._loop.stop()

    def send(self, message: Message) -> None:
        """Send it at the end of this round."""
        if not self._unsent:
            self._loop.call_soon(self._flush)
        self._unsent.append(message if self._one_pickle else encode(message))

    def _flush(self) -> None:
        unsent, self._unsent = self._unsent, []
        data = encode(unsent) if self._one_pickle else b"".join(unsent)
        if self._transport is not None:
            self._transport.write(data)
