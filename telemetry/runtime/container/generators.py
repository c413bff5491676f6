"""How far a generator may run ahead of the one who consumes its chunks."""

from __future__ import annotations

import asyncio
import threading
from typing import Protocol

from telemetry.runtime.wire.messages import INITIAL_CREDIT


class Credit(Protocol):
    """Counts the chunks that may still be sent."""

    def add(self, chunks: int) -> None:
        """The consumer has taken some. Called from the transport thread."""
        ...


class ThreadCredit:
    """For a generator that runs on a slot thread."""

    def __init__(self) -> None:
        self._left = threading.Semaphore(INITIAL_CREDIT)

    def add(self, chunks: int) -> None:
        """Let the thread send some more; also used to wake it for its cancellation."""
        self._left.release(chunks)

    def spend(self) -> None:
        """Wait until one more chunk may be sent."""
        self._left.acquire()


class LoopCredit:
    """For a generator that runs as a task."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._left = asyncio.Semaphore(INITIAL_CREDIT)

    def add(self, chunks: int) -> None:
        """Let the task send some more."""
        self._loop.call_soon_threadsafe(self._release, chunks)

    async def spend(self) -> None:
        """Wait until one more chunk may be sent."""
        await self._left.acquire()

    def _release(self, chunks: int) -> None:
        for _ in range(chunks):
            self._left.release()
