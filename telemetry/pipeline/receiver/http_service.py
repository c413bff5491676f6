"""What the connections of an HTTP receiver share; lives in its loop's thread."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http import HTTPStatus
from typing import Final

from telemetry.pipeline.receiver.admission import Door
from telemetry.pipeline.receiver.connection import Connection, Request
from telemetry.pipeline.receiver.http_head import RefusedError
from telemetry.pipeline.receiver.limits import MIB, Limits
from telemetry.pipeline.receiver.payloads import Payload, payload
from telemetry.pipeline.receiver.received import (
    RETRY_AFTER_S,
    Accept,
    Outcome,
    Received,
)

SMALL: Final = Limits(inflated_bytes=MIB, json_bytes=MIB // 8)
"""What is unpacked at once, as that takes a few milliseconds; the rest is given to a
thread, so that one large body does not keep all other clients waiting."""

_SWEEP_S: Final = 1.0
_UNPACKERS: Final = 2


class HttpService:
    """Takes whole requests apart and hands them to *accept*.

    Args:
        on_error: Gets what *accept* raised, which is none of the client's business.
    """

    def __init__(
        self,
        door: Door,
        accept: Accept,
        limits: Limits,
        on_error: Callable[[BaseException], object],
    ) -> None:
        self.door: Final = door
        self.limits: Final = limits
        self.statuses: Final = Counter[int]()
        """Answers by HTTP status."""
        self._accept = accept
        self._on_error = on_error
        self._loop = asyncio.get_running_loop()
        self._pool = ThreadPoolExecutor(_UNPACKERS, "telemetry-unpacking")
        self._outcomes: deque[tuple[Connection, int, Outcome]] = deque()
        self._is_woken = False
        # Invariant: the sum of the held bytes, which connections have told.
        self._held: dict[Connection, int] = {}
        self._held_bytes = 0
        self._sweep: asyncio.TimerHandle | None = None
        self._is_ending = False
        self._changed = asyncio.Event()
        """Somebody has got an answer, or has gone."""

    # -- for connections --------------------------------------------------------------

    def now_s(self) -> float:
        """The clock of deadlines."""
        return self._loop.time()

    def enter(self, connection: Connection) -> None:
        """See `connection.Service`."""
        is_full = len(self._held) >= self.limits.connections
        self._held[connection] = 0
        if self._sweep is None:
            self._sweep = self._loop.call_later(_SWEEP_S, self._check_deadlines)
        if is_full or self._is_ending:
            raise _busy("there are too many connections")

    def leave(self, connection: Connection) -> None:
        """See `connection.Service`."""
        self._held_bytes -= self._held.pop(connection, 0)
        self._changed.set()

    def hold(self, connection: Connection, size_bytes: int) -> None:
        """See `connection.Service`."""
        before = self._held.get(connection)
        if before is None:
            return
        self._held[connection] = size_bytes
        self._held_bytes += size_bytes - before
        if size_bytes > before and self._held_bytes > self.limits.held_bytes:
            raise _busy("there are too many large requests")

    def count(self, status: HTTPStatus) -> None:
        """See `connection.Service`."""
        self.statuses[status.value] += 1
        self._changed.set()

    def submit(self, connection: Connection, request: Request) -> None:
        """See `connection.Service`."""
        try:
            found = _payload(request, SMALL)
        except RefusedError as error:
            if error.status != HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
                connection.answer(request.number, error)
                return
        else:
            self._hand_over(connection, request, found)
            return
        work = self._pool.submit(_payload, request, self.limits)
        work.add_done_callback(
            lambda done: self._soon(
                self._unpacked, connection, request, done.exception() or done.result()
            )
        )

    # -- the course of a request ------------------------------------------------------

    def _unpacked(
        self,
        connection: Connection,
        request: Request,
        found: Payload | BaseException,
    ) -> None:
        if isinstance(found, RefusedError):
            connection.answer(request.number, found)
        elif isinstance(found, Payload):
            self._hand_over(connection, request, found)
        else:
            self._on_error(found)
            connection.answer(request.number, _broken())

    def _hand_over(
        self, connection: Connection, request: Request, found: Payload
    ) -> None:
        if not connection.waits_for(request.number):
            return  # it was told to come again
        self.hold(connection, 0)
        answer = partial(self._decided, connection, request.number)
        try:
            is_taken = self._accept(
                Received(request.signal, found.body, found.items, answer)
            )
        except Exception as error:  # noqa: BLE001  # the client is told to come again
            self._on_error(error)
            is_taken = False
        if not is_taken:
            connection.answer(request.number, _busy("there is no room at the moment"))

    def _decided(self, connection: Connection, number: int, outcome: Outcome) -> None:
        """Whoever stores it has spoken. Any thread."""
        self._outcomes.append((connection, number, outcome))
        # Race: 1. the loop has taken the last outcome; 2. we append; 3. we see the
        # mark. The loop takes the mark away before it looks, so ours is either seen
        # by it, or wakes it up. One wake-up serves all who speak at the same time.
        if not self._is_woken:
            self._is_woken = True
            self._soon(self._tell)

    def _tell(self) -> None:
        self._is_woken = False
        while self._outcomes:
            connection, number, outcome = self._outcomes.popleft()
            connection.answer(number, outcome)

    def _soon(self, call: Callable[..., object], *args: object) -> None:
        try:
            self._loop.call_soon_threadsafe(call, *args)
        except RuntimeError:
            pass  # the loop has ended, and with it all connections

    def _check_deadlines(self) -> None:
        self._sweep = None
        now_s = self.now_s()
        for connection in list(self._held):
            connection.check_deadline(now_s)
        if self._held:
            self._sweep = self._loop.call_later(_SWEEP_S, self._check_deadlines)

    # -- the end ----------------------------------------------------------------------

    async def end(self, timeout_s: float) -> bool:
        """Answer those who wait, and close all connections.

        Returns:
            Whether all of them got their answer in time.
        """
        self._is_ending = True
        for connection in list(self._held):
            connection.close()
        is_done = await self._until(self._is_nobody_waiting, timeout_s)
        for connection in list(self._held):
            connection.give_up()
        await self._until(lambda: not self._held, _LAST_S)
        for connection in list(self._held):
            connection.abort()
        await asyncio.sleep(0)  # for the transports to close their sockets
        self._pool.shutdown(wait=False, cancel_futures=True)
        if self._sweep is not None:
            self._sweep.cancel()
        return is_done

    async def _until(self, is_so: Callable[[], bool], timeout_s: float) -> bool:
        try:
            async with asyncio.timeout(timeout_s):
                while not is_so():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            pass
        return is_so()

    def _is_nobody_waiting(self) -> bool:
        return not any(connection.is_waiting() for connection in self._held)


def _payload(request: Request, limits: Limits) -> Payload:
    head = request.head
    encoding = head.header("content-encoding").lower()
    return payload(request.signal, head.media_type, encoding, request.body, limits)


def _busy(text: str) -> RefusedError:
    return RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, text, RETRY_AFTER_S)


def _broken() -> RefusedError:
    return RefusedError(HTTPStatus.INTERNAL_SERVER_ERROR, "the receiver has failed")


_LAST_S: Final = 0.5
"""For answers to leave, and clients to close, behind the end of the time."""
