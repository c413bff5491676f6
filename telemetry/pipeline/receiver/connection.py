"""One client's connection: reads requests, hands them over, writes the answers.

Everything here happens in the thread of the receiver's loop.
"""

from __future__ import annotations

import asyncio
import enum
from http import HTTPStatus
from typing import Final, NamedTuple, Protocol, cast

from telemetry.pipeline.outbox import Signal
from telemetry.pipeline.receiver import answers
from telemetry.pipeline.receiver.admission import Door
from telemetry.pipeline.receiver.http_head import Head, RefusedError
from telemetry.pipeline.receiver.http_reading import RequestReader
from telemetry.pipeline.receiver.limits import Limits
from telemetry.pipeline.receiver.received import RETRY_AFTER_S, Outcome

PIPELINED_BYTES: Final = 65_536
"""What is read of later requests while one waits for its answer."""
LINGER_S: Final = 2.0
"""How long a client may go on sending what it was told is not taken. Closing at once
would make its system throw our answer away, together with the connection."""


class Request(NamedTuple):
    """A whole request.

    Attributes:
        number: Of the connection's requests: an answer to an earlier one is late.
    """

    number: int
    signal: Signal
    head: Head
    body: bytearray


class Service(Protocol):
    """What connections share."""

    @property
    def door(self) -> Door:
        """Who may come in."""
        ...

    @property
    def limits(self) -> Limits:
        """What is taken at most."""
        ...

    def now_s(self) -> float:
        """The clock of deadlines."""
        ...

    def enter(self, connection: Connection) -> None:
        """A client has come.

        Raises:
            RefusedError: There are too many.
        """
        ...

    def leave(self, connection: Connection) -> None:
        """It has gone."""
        ...

    def hold(self, connection: Connection, size_bytes: int) -> None:
        """So much of its requests is in memory now.

        Raises:
            RefusedError: All connections together hold too much.
        """
        ...

    def submit(self, connection: Connection, request: Request) -> None:
        """A request is complete; `Connection.answer` follows, soon or later."""
        ...

    def count(self, status: HTTPStatus) -> None:
        """An answer was written."""
        ...


class State(enum.Enum):
    """What a connection does."""

    READING = "reading"
    WAITING = "waiting"
    """A request is complete and has no answer yet."""
    LINGERING = "lingering"
    """Nothing more is taken; what still comes is thrown away."""


class Connection(asyncio.Protocol):
    """A client."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._reader = RequestReader(service.limits.body_bytes)
        self._transport: asyncio.Transport | None = None
        self._state = State.READING
        self._head: Head | None = None
        self._signal: Signal = "logs"
        self._number = 0
        self._since_s = service.now_s()
        self._advancing = False
        self._ends = False
        """No request is taken behind the one that waits."""
        self._has_ended = False
        """The client sends no more."""

    # -- what asyncio calls ---------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has come."""
        self._transport = cast("asyncio.Transport", transport)
        try:
            self._service.enter(self)
        except RefusedError as error:
            self._refuse(error)

    def connection_lost(self, exc: Exception | None) -> None:
        """It has gone, or was sent away."""
        del exc
        self._transport = None
        self._service.leave(self)

    def data_received(self, data: bytes) -> None:
        """It has sent something."""
        if self._state is State.LINGERING:
            return
        if self._is_idle():
            self._since_s = self._service.now_s()
        self._reader.feed(data)
        if self._state is State.READING:
            self._advance()
        elif self._reader.waiting_bytes > PIPELINED_BYTES and self._transport:
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """It sends no more; an answer that it waits for is still written."""
        self._ends = self._has_ended = True
        return self._state is State.WAITING

    def pause_writing(self) -> None:
        """It sends requests and reads no answers."""
        self.abort()

    # -- what the service calls -----------------------------------------------------

    def answer(self, number: int, outcome: Outcome) -> None:
        """The answer to one of its requests; a late one is nothing."""
        if self._state is not State.WAITING or number != self._number:
            return
        head = cast("Head", self._head)
        stays = head.stays and not self._ends
        if isinstance(outcome, RefusedError):
            status = outcome.status
            written = answers.refused(head.media_type, outcome, stays=stays)
        else:
            status = HTTPStatus.OK
            written = answers.accepted(
                head.media_type, self._signal, outcome, stays=stays
            )
        self._write(status, written)
        self._head = None
        self._since_s = self._service.now_s()
        if not stays:
            self._linger()
            return
        self._state = State.READING
        if self._transport is not None:
            self._transport.resume_reading()
        if not self._advancing:
            self._advance()

    def check_deadline(self, now_s: float) -> None:
        """Send away a client that is too slow, and answer one that waits too long."""
        limits = self._service.limits
        spent_s = now_s - self._since_s
        if self._state is State.LINGERING:
            if spent_s > LINGER_S:
                self.abort()
        elif self._state is State.WAITING:
            if spent_s > limits.answer_s:
                self.answer(self._number, _LATE)
        elif self._is_idle():
            if spent_s > limits.idle_s:
                self.close()
        elif spent_s > limits.head_s + (
            self._reader.waiting_bytes / limits.least_bytes_per_s if self._head else 0
        ):
            self._refuse(_SLOW)

    def close(self) -> None:
        """Take no more; what waits for an answer still gets one."""
        self._ends = True
        if self._state is not State.WAITING and self._transport is not None:
            self._transport.close()

    def is_waiting(self) -> bool:
        """Whether a request has no answer yet."""
        return self._state is State.WAITING

    def waits_for(self, number: int) -> bool:
        """Whether that request has no answer yet, even if its sender has gone."""
        return self.is_waiting() and number == self._number

    def give_up(self) -> None:
        """Answer what waits with "come again", and close."""
        self._ends = True
        self.answer(self._number, _ENDING)
        self.close()

    def abort(self) -> None:
        """Close at once, whatever is not sent yet."""
        if self._transport is not None:
            self._transport.abort()

    # -- the course of a request ----------------------------------------------------

    def _advance(self) -> None:
        self._advancing = True  # answers may come while we are in here
        try:
            while self._state is State.READING and self._step():
                pass
        except RefusedError as error:
            self._refuse(error)
        finally:
            self._advancing = False

    def _step(self) -> bool:
        """Read on; False when the rest is yet to come."""
        service, reader = self._service, self._reader
        body = None
        if self._head is not None or self._begin():
            body = reader.body()
        if body is None:
            service.hold(self, reader.waiting_bytes)
            return False
        service.hold(self, len(body))
        self._state = State.WAITING
        self._since_s = service.now_s()
        self._number += 1
        head = cast("Head", self._head)
        service.submit(self, Request(self._number, self._signal, head, body))
        return True

    def _begin(self) -> bool:
        head = self._reader.head()
        if head is None:
            return False
        self._head = head  # a refusal is written in its form
        self._signal = self._service.door.admit(head)
        self._reader.begin_body(head)
        if head.header("expect") and self._transport and not self._reader.waiting_bytes:
            self._transport.write(answers.CONTINUE)
        return True

    def _is_idle(self) -> bool:
        return self._head is None and not self._reader.waiting_bytes

    def _refuse(self, error: RefusedError) -> None:
        """Answer, and take no more: where the next request begins is not known."""
        media_type = self._head.media_type if self._head is not None else ""
        self._write(error.status, answers.refused(media_type, error, stays=False))
        self._linger()

    def _write(self, status: HTTPStatus, answer: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._service.count(status)
            self._transport.write(answer)

    def _linger(self) -> None:
        self._state = State.LINGERING
        self._since_s = self._service.now_s()
        self._service.hold(self, 0)
        if self._transport is None or self._transport.is_closing():
            return
        if self._has_ended:
            self._transport.close()
            return
        try:
            self._transport.write_eof()
        except OSError:  # the client has gone, and nobody has told us yet
            self._transport.abort()
        self._transport.resume_reading()


_SLOW: Final = RefusedError(
    HTTPStatus.REQUEST_TIMEOUT, "the request came too slowly", RETRY_AFTER_S
)
_LATE: Final = RefusedError(
    HTTPStatus.SERVICE_UNAVAILABLE, "it could not be stored in time", RETRY_AFTER_S
)
_ENDING: Final = RefusedError(
    HTTPStatus.SERVICE_UNAVAILABLE, "the receiver ends", RETRY_AFTER_S
)
