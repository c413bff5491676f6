"""A request that was accepted, on its way to whoever stores it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from http import HTTPStatus
from typing import Final, NamedTuple

from telemetry.pipeline.outbox import Signal
from telemetry.pipeline.receiver.http_head import RefusedError
from telemetry.pipeline.receiver.limits import MIB

RETRY_AFTER_S: Final = 1
"""When a sender that was sent away may come again."""


class Stored(NamedTuple):
    """What is told to the sender: all is kept, but for *rejected* items."""

    rejected: int = 0
    text: str = ""


Outcome = Stored | RefusedError


class Received:
    """A request; its sender waits until one of the three methods is called.

    They may be called from any thread, and only the first call counts. A sender that
    hears nothing for `Limits.answer_s` is told to come again: what is stored later is
    then stored twice, as OTLP allows.

    Attributes:
        body: An ``Export...ServiceRequest`` in protobuf, however it was sent.
        items: How many log records, spans or data points it holds.
    """

    __slots__ = ("_answer", "body", "items", "signal")

    def __init__(
        self,
        signal: Signal,
        body: bytes,
        items: int,
        answer: Callable[[Outcome], object],
    ) -> None:
        self.signal: Final = signal
        self.body: Final = body
        self.items: Final = items
        self._answer: Callable[[Outcome], object] | None = answer

    def stored(self, rejected: int = 0, text: str = "") -> None:
        """It is safe: it survives whatever happens to this process.

        Args:
            rejected: Items that are not, and never will be.
            text: Why, for a person.
        """
        self._tell(Stored(rejected, text))

    def refuse(self, text: str, retry_after_s: int = RETRY_AFTER_S) -> None:
        """It is not stored; the sender may try again."""
        self._tell(RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, text, retry_after_s))

    def reject(self, text: str) -> None:
        """It is not stored, and never will be."""
        self._tell(RefusedError(HTTPStatus.BAD_REQUEST, text))

    def _tell(self, outcome: Outcome) -> None:
        answer, self._answer = self._answer, None
        if answer is not None:
            answer(outcome)


Accept = Callable[[Received], bool]
"""Takes a request, from any thread, without waiting; False when there is no room."""


class Inbox:
    """Requests on their way from the receivers to one worker; bounded.

    ``inbox.offer`` is an `Accept`. Safe from all threads.

    Args:
        most_bytes: Bodies that may wait, together; one is taken whatever its size.
        most_requests: Requests that may wait.
        on_offer: Called behind each offer that was taken: to wake the worker.
    """

    def __init__(
        self,
        most_bytes: int = 64 * MIB,
        most_requests: int = 4_096,
        on_offer: Callable[[], object] | None = None,
    ) -> None:
        self._most_bytes = most_bytes
        self._most_requests = most_requests
        self._on_offer = on_offer
        self._lock = threading.Lock()
        # Invariant, under the lock: _bytes is the sum of the bodies in _waiting.
        self._waiting: deque[Received] = deque()
        self._bytes = 0
        self._closed = False

    def offer(self, received: Received) -> bool:
        """Leave a request; False when there is no room."""
        size = len(received.body)
        with self._lock:
            if self._closed or len(self._waiting) >= self._most_requests:
                return False
            if self._waiting and self._bytes + size > self._most_bytes:
                return False
            self._waiting.append(received)
            self._bytes += size
        if self._on_offer is not None:
            self._on_offer()
        return True

    def take(self, most_bytes: int) -> list[Received]:
        """The oldest requests, with bodies of *most_bytes* in all; one at the least."""
        taken: list[Received] = []
        with self._lock:
            while self._waiting:
                size = len(self._waiting[0].body)
                if taken and size > most_bytes:
                    break
                most_bytes -= size
                self._bytes -= size
                taken.append(self._waiting.popleft())
        return taken

    def waiting_bytes(self) -> int:
        """Bytes of all bodies that wait."""
        return self._bytes

    def close(self) -> None:
        """Take no more, and tell those who wait to come again."""
        with self._lock:
            self._closed = True
            waiting, self._waiting = self._waiting, deque()
            self._bytes = 0
        for received in waiting:
            received.refuse("the receiver ends")
