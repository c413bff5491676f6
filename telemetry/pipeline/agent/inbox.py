"""Requests that the receiver has taken in, until the worker has them stored."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from telemetry.pipeline.outbox import Signal

MOST_BYTES: Final = 128 * 1024 * 1024
"""Of bodies that wait for the worker. Beyond it senders are told to come again."""
_OVERHEAD_BYTES: Final = 1_024


@dataclass(frozen=True, slots=True)
class Request:
    """An ``Export...ServiceRequest``, whole and not yet stored.

    Attributes:
        received_ns: Unix nanoseconds.
        answer: Told once how many of its items were refused, and why, or that it
            could not be stored (None): then its sender keeps it.
    """

    signal: Signal
    body: bytes
    received_ns: int
    answer: Callable[[int | None, str], object]


class Inbox:
    """Requests in order. Safe from several threads.

    Args:
        on_arrival: Called when there is something to take; must not block.
    """

    def __init__(self, on_arrival: Callable[[], object]) -> None:
        self._on_arrival = on_arrival
        self._lock = threading.Lock()
        # Guarded by _lock.
        self._waiting: deque[Request] = deque()
        self._bytes = 0
        self._closed = False

    def put(self, request: Request) -> bool:
        """Leave a request for the worker; False when there is no room for it."""
        with self._lock:
            if self._closed or self._bytes >= MOST_BYTES:
                return False
            self._waiting.append(request)
            self._bytes += len(request.body) + _OVERHEAD_BYTES
        self._on_arrival()
        return True

    def take(self, most_bytes: int) -> list[Request]:
        """The oldest requests, of *most_bytes* in all, or one that is larger."""
        found: list[Request] = []
        with self._lock:
            while self._waiting and (
                not found or most_bytes >= len(self._waiting[0].body)
            ):
                request = self._waiting.popleft()
                most_bytes -= len(request.body)
                self._bytes -= len(request.body) + _OVERHEAD_BYTES
                found.append(request)
        return found

    def close(self) -> None:
        """Take no more; who still waits is told that it was not stored."""
        with self._lock:
            self._closed = True
            waiting, self._waiting = self._waiting, deque()
        for request in waiting:
            request.answer(None, "the agent is about to end")
