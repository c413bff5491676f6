"""One thread that waits for sockets, timers and calls from other threads.

Used on both sides: the driver's dispatcher and a container's transport each run
one, so neither depends on, nor can be stalled by, an event loop of the user.
"""

from __future__ import annotations

import asyncio
import heapq
import os
import selectors
import time
from collections import deque
from itertools import count
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

READ: Final = selectors.EVENT_READ
WRITE: Final = selectors.EVENT_WRITE


class Timer:
    """A call at a moment; `cancel` is idempotent and never fails."""

    __slots__ = ("call", "when_s")

    def __init__(self, when_s: float, call: Callable[[], None]) -> None:
        self.when_s = when_s
        self.call: Callable[[], None] | None = call

    def cancel(self) -> None:
        """Forget the call."""
        self.call = None


class Reactor:
    """Waits, then calls. Everything but `post` belongs to its own thread.

    Args:
        on_tick: Called after each round, when everything that was ready has
            been handled: the place to write what the round produced.
        on_error: Gets what a callback raised; the loop goes on.
    """

    def __init__(
        self,
        *,
        on_tick: Callable[[], None],
        on_error: Callable[[BaseException], None],
    ) -> None:
        self._on_tick = on_tick
        self._on_error = on_error
        self._selector = selectors.DefaultSelector()
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = count()
        self._posted: deque[tuple[Callable[..., object], tuple[object, ...]]] = deque()
        self._running = True
        self._asleep = False
        self._wake_asked = False
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self.watch(self._wake_read, READ, self._drain_wake)

    def post(self, call: Callable[..., object], *args: object) -> None:
        """Call it soon in the reactor's thread, in order. Safe from any thread."""
        self._posted.append((call, args))
        # Race: 1. the loop finds nothing posted; 2. we append; 3. it sleeps.
        # It sets _asleep before it looks, so either it sees ours or we see that.
        # The mark is the loop's own to clear: whoever cleared it here could be
        # interrupted before the wake-up, or be so late that the loop sleeps again,
        # and then the next caller would find no mark.
        if self._asleep:
            self._wake()

    def post_soon(self, call: Callable[..., object], *args: object) -> None:
        """`post` from a coroutine that will await: one wake-up per round of its loop.

        A wake-up hands the interpreter to the reactor; for a hundred coroutines
        that each post one call, a hundred hand-overs would cost more than the work.
        """
        self._posted.append((call, args))
        if self._asleep and not self._wake_asked:
            self._wake_asked = True
            asyncio.get_running_loop().call_soon(self._wake_if_asleep)

    def _wake_if_asleep(self) -> None:
        self._wake_asked = False
        if self._asleep:
            self._wake()

    def at(self, when_s: float, call: Callable[[], None]) -> Timer:
        """Call it at that moment of ``time.monotonic()``."""
        timer = Timer(when_s, call)
        heapq.heappush(self._timers, (when_s, next(self._order), timer))
        return timer

    def watch(self, fd: int, events: int, call: Callable[[int], None]) -> None:
        """Call it with the ready events whenever the descriptor is ready."""
        self._selector.register(fd, events, call)

    def rewatch(self, fd: int, events: int, call: Callable[[int], None]) -> None:
        """Wait for other events on a watched descriptor."""
        self._selector.modify(fd, events, call)

    def unwatch(self, fd: int) -> None:
        """Stop watching; unknown descriptors are fine."""
        try:
            self._selector.unregister(fd)
        except (KeyError, ValueError):
            pass

    def stop(self) -> None:
        """End `run` after the current round."""
        self._running = False

    def run(self) -> None:
        """Serve until `stop`; then close what belongs to the reactor."""
        try:
            while self._running:
                self._round()
        finally:
            self.close()

    def close(self) -> None:
        """Free its descriptors. For a fork's child; `run` does it by itself."""
        self._selector.close()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def _round(self) -> None:
        self._asleep = True
        timeout = 0.0 if self._posted else self._until_next_timer_s()
        ready = self._selector.select(timeout)
        self._asleep = False
        # Only what is there now: a caller that posts for ever starves nobody.
        for _ in range(len(self._posted)):
            call, args = self._posted.popleft()
            self._guard(call, *args)
        for key, events in ready:
            self._guard(key.data, events)
        if self._timers:
            self._fire_timers()
        self._guard(self._on_tick)

    def _until_next_timer_s(self) -> float | None:
        while self._timers and self._timers[0][2].call is None:
            heapq.heappop(self._timers)
        if not self._timers:
            return None
        return max(0.0, self._timers[0][0] - time.monotonic())

    def _fire_timers(self) -> None:
        now_s = time.monotonic()
        while self._timers and self._timers[0][0] <= now_s:
            timer = heapq.heappop(self._timers)[2]
            if timer.call is not None:
                self._guard(timer.call)

    def _guard(self, call: Callable[..., object], *args: object) -> None:
        try:
            call(*args)
        except Exception as error:  # noqa: BLE001 - one callback must not end all
            self._on_error(error)

    def _wake(self) -> None:
        try:
            os.write(self._wake_write, b"w")
        except BlockingIOError:
            pass  # the pipe is full of wake-ups already
        except OSError:
            pass  # the reactor has ended

    def _drain_wake(self, _events: int) -> None:
        os.read(self._wake_read, 4096)
