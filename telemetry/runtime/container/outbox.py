"""What a container sends: gathered from any thread, written by whoever can.

No thread exists only to write. Who puts a message either flushes at once (a slot
thread) or asks for one flush at the end of its loop's round (a coroutine), and
everything that lies ready then goes out as one frame.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from telemetry.runtime.shield import shielded
from telemetry.runtime.wire.frames import ConnectionLostError

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry.runtime.wire.frames import FrameWriter, Message


class Outbox:
    """Messages on their way to the driver. Safe from any thread, but not a signal.

    Args:
        writer: The sending half of the connection; used under the lock only.
        on_blocked: Called when the socket is full: somebody must call `flush`
            when it takes more.
    """

    def __init__(self, writer: FrameWriter, on_blocked: Callable[[], None]) -> None:
        self._writer = writer
        self._on_blocked = on_blocked
        self._waiting: deque[Message] = deque()
        self._writing = threading.Lock()
        self._lost = False

    def put(self, message: Message) -> None:
        """Add a message; it leaves with the next `flush`."""
        self._waiting.append(message)

    def flush(self) -> None:
        """Write what the socket takes; never blocks, never raises."""
        # Race: 1. a body's thread has a neighbour's messages in its hands; 2. the
        # body is cancelled, and the exception is raised here. So it is held off.
        if self._waiting:
            shielded(self._flush)

    def _flush(self) -> None:
        # Race: 1. A holds the lock and has emptied the deque; 2. B appends, finds
        # the lock taken and goes; 3. A lets go. So A looks again after letting go.
        while (
            self._waiting and not self._lost and self._writing.acquire(blocking=False)
        ):
            try:
                if not self._write():
                    self._on_blocked()
                    return
            finally:
                self._writing.release()

    def resume(self) -> bool:
        """The socket takes more: go on; True when nothing is left behind."""
        with self._writing:
            if self._lost:
                return True
            try:
                done = self._writer.flush()
            except ConnectionLostError:
                self.lose()
                return True
        if done:
            self.flush()
        return done

    def lose(self) -> None:
        """The other side is gone: forget everything, now and from now on."""
        self._lost = True
        self._waiting.clear()

    @property
    def empty(self) -> bool:
        """True when everything has been handed to the socket."""
        busy = self._waiting or self._writing.locked() or self._writer.blocked
        return self._lost or not busy

    def _write(self) -> bool:
        """One frame with all that waits; False when the socket is full."""
        if self._writer.blocked:
            return False
        waiting = self._waiting
        batch = [waiting.popleft() for _ in range(len(waiting))]
        try:
            return self._writer.send(batch)
        except ConnectionLostError:
            self.lose()
            return True
