"""How the inputs of a map reach their call: never more than a window ahead.

The window counts inputs that were submitted and whose results the caller has not
had yet, so memory is bounded whichever side is slow.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import islice
from queue import Empty, SimpleQueue
from typing import Final, Protocol

from telemetry.runtime.calls import Arguments, Call

WINDOW: Final = 1000
"""Most inputs outstanding. Source: Modal's default for map."""

CHUNK: Final = 256
"""Most inputs in one submission."""

_FIRST_CHUNK: Final = 8
"""Small, so that the first result need not wait for a thousand encodings."""

_REFILL: Final = 64
"""Room that is worth a submission; a full window stays nearly full."""


class Feed(Protocol):
    """Pulls the caller's iterables and submits what comes."""

    @property
    def failure(self) -> BaseException | None:
        """What the caller's own iterator raised, if anything."""
        ...

    def top_up(self, handed: int) -> bool:
        """Go on, now that so many results were handed out.

        Returns:
            True when there is room for more at once: look for results, and come
            back without waiting for any.
        """
        ...

    def stop(self) -> None:
        """Pull no more. Never blocks: the garbage collector may call it."""
        ...


class InlineFeed:
    """Pulls in the caller's thread, for iterables that cannot keep it waiting."""

    def __init__(self, call: Call, arguments: Iterator[Arguments]) -> None:
        self.failure: BaseException | None = None
        self._call = call
        self._arguments = arguments
        self._sent = 0
        self._chunk = _FIRST_CHUNK
        self._ended = False

    def top_up(self, handed: int) -> bool:
        """Submit one chunk, if there is room that is worth it."""
        if self._ended or not self._has_room(handed):
            return False
        asked = min(self._chunk, WINDOW - (self._sent - handed))
        chunk = list(islice(self._arguments, asked))
        if chunk:
            self._call.submit(chunk)
            self._sent += len(chunk)
        if len(chunk) < asked:
            self._ended = True
            self._call.close()
            return False
        self._chunk = min(2 * self._chunk, CHUNK)
        return self._has_room(handed)

    def stop(self) -> None:
        """Nothing runs in between."""

    def _has_room(self, handed: int) -> bool:
        return WINDOW - (self._sent - handed) >= min(self._chunk, _REFILL)


class ThreadFeed:
    """Pulls on a thread of its own, for iterators that may take their time.

    A second thread submits: what was pulled goes out at once, even when the next
    pull blocks, and in larger chunks the faster pulls are.
    """

    def __init__(self, call: Call, arguments: Iterator[Arguments]) -> None:
        self.failure: BaseException | None = None
        self._call = call
        self._arguments = arguments
        self._queue: SimpleQueue[Arguments | None] = SimpleQueue()
        self._started = False
        self._pulled = 0  # written by the pulling thread alone
        self._room = threading.Condition()
        self._handed = 0  # guarded by _room
        self._stopped = False  # set once, guarded by _room; a late look is harmless

    def top_up(self, handed: int) -> bool:
        """Let the pulling thread go on."""
        if not self._started:
            self._started = True
            self._start("telemetry-map-pull", self._pull)
            self._start("telemetry-map-submit", self._submit)
        elif handed != self._handed:
            with self._room:
                self._handed = handed
                self._room.notify()
        return False

    def stop(self) -> None:
        """Let both threads end; one that is in the user's iterator ends after it."""
        # The lock of a condition is re-entrant, and nobody waits while holding it:
        # the garbage collector may come here in the middle of anything.
        with self._room:
            self._stopped = True
            self._room.notify()

    @staticmethod
    def _start(name: str, target: Callable[[], None]) -> None:
        context = contextvars.copy_context()
        # A daemon: a user's iterator that never returns must not hold up the exit.
        threading.Thread(
            target=context.run, args=(target,), name=name, daemon=True
        ).start()

    def _pull(self) -> None:
        try:
            while room := self._await_room():
                before = self._pulled
                for each in islice(self._arguments, room):
                    self._queue.put(each)
                    self._pulled += 1
                    if self._stopped:
                        return
                if self._pulled - before < room:
                    return
        except BaseException as error:  # noqa: BLE001 - raised again in the caller
            self.failure = error
        finally:
            self._queue.put(None)

    def _await_room(self) -> int:
        with self._room:
            while not self._stopped:
                room = WINDOW - (self._pulled - self._handed)
                if room > 0:
                    return room
                self._room.wait()
        return 0

    def _submit(self) -> None:
        try:
            ended = False
            while not ended:
                chunk, ended = self._next_chunk()
                if chunk:
                    self._call.submit(chunk)
                # Race: 1. we take a chunk; 2. the caller stops us and abandons the
                # call; 3. we submit. So look again, and abandon what came late.
                if self._stopped:
                    self._call.abandon()
                    return
        except BaseException as error:  # noqa: BLE001 - raised again in the caller
            self.failure = error
        if self.failure is not None:
            self._call.cancel()
        self._call.close()

    def _next_chunk(self) -> tuple[list[Arguments], bool]:
        chunk: list[Arguments] = []
        each = self._queue.get()
        try:
            while each is not None:
                chunk.append(each)
                if len(chunk) == CHUNK:
                    return chunk, False
                each = self._queue.get_nowait()
        except Empty:
            return chunk, False
        return chunk, True


class TaskFeed:
    """Pulls in a task of the caller's loop, for async iterables."""

    def __init__(self, call: Call, arguments: AsyncIterator[Arguments]) -> None:
        self.failure: BaseException | None = None
        self._call = call
        self._arguments = arguments
        self._task: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._pending: list[Arguments] = []
        self._room = asyncio.Event()
        self._pulled = 0
        self._handed = 0
        self._stopped = False

    def top_up(self, handed: int) -> bool:
        """Let the pulling task go on."""
        self._handed = handed
        self._room.set()
        if self._task is None:
            self._task = self._loop.create_task(self._pull(), name="telemetry-map-pull")
        return False

    def stop(self) -> None:
        """Cancel the pulling task; from any thread, also when the loop is closed."""
        self._stopped = True
        if self._task is None or self._loop.is_closed():
            return
        try:
            self._loop.call_soon_threadsafe(self._task.cancel)
        except RuntimeError:
            return  # it was closed meanwhile, and the task with it

    async def _pull(self) -> None:
        try:
            async for each in self._arguments:
                self._pending.append(each)
                if len(self._pending) == 1:
                    self._loop.call_soon(self._flush)
                self._pulled += 1
                if self._pulled % _REFILL == 0:
                    # An async generator that never waits would keep the loop.
                    await asyncio.sleep(0)
                while self._pulled - self._handed >= WINDOW:
                    self._room.clear()
                    await self._room.wait()
        except BaseException as error:
            if self._stopped:
                raise
            self.failure = error
        self._flush()
        if self.failure is not None:
            self._call.cancel()
        self._call.close()

    def _flush(self) -> None:
        pending, self._pending = self._pending, []
        if self._stopped:
            return
        try:
            for start in range(0, len(pending), CHUNK):
                self._call.submit(pending[start : start + CHUNK])
        except Exception as error:  # noqa: BLE001 - raised again in the caller
            self.failure = self.failure or error
            self._call.close()
        if self._stopped:  # meanwhile, by the garbage collector in another thread
            self._call.abandon()
