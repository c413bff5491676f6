"""Waiting until what was stored so far is delivered."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Collection

from telemetry.pipeline.outbox import Signal
from telemetry.pipeline.store.outbox import StoreOutbox


class Draining:
    """Those who wait, and the worker that tells them.

    What is stored after they have asked is not waited for: a program that writes
    without end gets its answer, too.

    Args:
        wake: Has the worker take a turn.
    """

    def __init__(self, wake: Callable[[], object]) -> None:
        self._wake = wake
        self._changed = threading.Condition()
        # Guarded by _changed.
        self._asked = 0
        self._answered = 0
        self._has_ended = False
        # The worker's: who has asked, and the last parcel that there was then.
        self._marks: deque[tuple[int, int]] = deque()

    def wait(self, timeout_s: float) -> bool:
        """Wait; False when that took too long, or the agent has ended."""
        with self._changed:
            self._asked += 1
            mine = self._asked
        self._wake()
        with self._changed:
            self._changed.wait_for(
                lambda: self._answered >= mine or self._has_ended, timeout_s
            )
            return self._answered >= mine

    def asked(self) -> int:
        """How many have asked. For `look`, before a turn begins."""
        return self._asked

    def look(
        self, asked: int, outbox: StoreOutbox, signals: Collection[Signal]
    ) -> None:
        """Tell those whose parcels are gone. After a turn that has left out nothing.

        Race: 1. a turn looks at the boxes; 2. something is written, and its writer
        asks; 3. the turn is over. So only those are told who had asked before.

        Args:
            signals: Those that are delivered.
        """
        if asked > (self._marks[-1][0] if self._marks else self._answered):
            self._marks.append((asked, outbox.last_number()))
        if not self._marks:
            return
        oldest = outbox.oldest_number(signals)
        answered = self._answered
        while self._marks and (oldest is None or oldest > self._marks[0][1]):
            answered = self._marks.popleft()[0]
        if answered != self._answered:
            with self._changed:
                self._answered = answered
                self._changed.notify_all()

    def end(self) -> None:
        """Nobody will be told any more."""
        with self._changed:
            self._has_ended = True
            self._changed.notify_all()
