"""How a caller waits for another thread: on a lock, or in its own event loop."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections import deque
from typing import Protocol

from telemetry.runtime.shield import this_thread


class Waiter(Protocol):
    """Somebody who waits; woken at most once, from any thread."""

    def wake(self) -> None:
        """Let it look again."""
        ...


class ThreadWaiter:
    """A blocked thread."""

    __slots__ = ("_gate",)

    def __init__(self) -> None:
        self._gate = threading.Lock()
        self._gate.acquire()

    def wake(self) -> None:
        """Let the thread look again; any number of times."""
        try:
            self._gate.release()
        except RuntimeError:
            pass  # it was woken before

    def wait(self, timeout_s: float | None) -> bool:
        """Block until woken; False when the time is over."""
        limit_s = -1.0 if timeout_s is None else min(timeout_s, threading.TIMEOUT_MAX)
        thread = this_thread()
        if thread is None:
            return self._gate.acquire(timeout=limit_s)
        thread.waiter = self
        try:
            return self._gate.acquire(timeout=limit_s)
        finally:
            thread.waiter = None


class LoopWaiter:
    """A coroutine that awaits `future`."""

    __slots__ = ("_mailbox", "future")

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.future: asyncio.Future[None] = loop.create_future()
        self._mailbox = _mailbox_of(loop)

    def wake(self) -> None:
        """Let the coroutine look again."""
        self._mailbox.put(self.future)

    async def wait(self, timeout_s: float | None) -> bool:
        """Await the wake-up; False when the time is over."""
        if timeout_s is None:
            await self.future
            return True
        done, _ = await asyncio.wait([self.future], timeout=timeout_s)
        return bool(done)


class _Mailbox:
    """Wakes many futures of one loop with one call into it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = weakref.ref(loop)
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._called = False

    def put(self, future: asyncio.Future[None]) -> None:
        self._waiting.append(future)
        # Race: 1. the loop empties the box; 2. we append; 3. we see _called
        # still set and go. So the loop clears _called before it empties.
        if self._called:
            return
        self._called = True
        loop = self._loop()
        try:
            if loop is not None:
                loop.call_soon_threadsafe(self._open)
        except RuntimeError:
            self._waiting.clear()  # the loop is closed: nobody waits any more

    def _open(self) -> None:
        self._called = False
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(None)


_mailboxes: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Mailbox] = (
    weakref.WeakKeyDictionary()
)
_mailboxes_lock = threading.Lock()


def _mailbox_of(loop: asyncio.AbstractEventLoop) -> _Mailbox:
    mailbox = _mailboxes.get(loop)
    if mailbox is None:
        with _mailboxes_lock:
            mailbox = _mailboxes.setdefault(loop, _Mailbox(loop))
    return mailbox
