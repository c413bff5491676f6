"""The status page of a black box: who runs where, and whether the loop still turns.

Every entry is one copy into mapped memory: no system call, no lock. None of them
raises: a page that is gone (in a forked child, the parent's) is written to no more.
"""

from __future__ import annotations

import mmap
import time
from heapq import heapify, heappop, heappush
from struct import Struct
from struct import error as StructError  # noqa: N812  # the module's own name says little
from threading import get_ident
from typing import Final

from telemetry.capture.blackbox import layout
from telemetry.core.scope import InputScope

_ID_BYTES: Final = 64
_FUNCTION_BYTES: Final = 40
_FUNCTIONS: Final = 1_024
"""Names of functions that are kept as a row holds them."""

_ATTEMPT_MASK: Final = 0xFFFFFFFF

BEAT: Final = Struct("<QQ")
"""Busy since, beat: the first half of `layout.PULSE_FORM`."""
GONE: Final = (TypeError, ValueError)
"""What a closed mapping raises: the first for ``pack_into``, the second for a byte."""

BLOCKED_OFFSET: Final = layout.PULSE + 3 * layout.COUNTER.size
"""Where the pulse counts the nanoseconds for which the loop has been held."""


class SlotTable:
    """The rows of what runs; each row belongs to whoever has the slot.

    Args:
        head: The head of the box, mapped.
        sizes: Its measures.
    """

    def __init__(self, head: mmap.mmap, sizes: layout.Sizes) -> None:
        self._head = head
        self._rows = [sizes.slot_offset(slot) for slot in range(sizes.slots)]
        self._states = [row + layout.SLOT_STATE_OFFSET for row in self._rows]
        self._free = list(range(sizes.slots))
        heapify(self._free)
        self._pack = layout.SLOT.pack_into
        self._functions: dict[str | None, bytes] = {}

    def start(self, slot: int, scope: InputScope, unix_ns: int) -> None:
        """The input runs in this slot since *unix_ns*, in this thread."""
        try:
            input_id = scope.input_id.encode()
            function = self._functions[scope.function]
        except (UnicodeEncodeError, KeyError):
            # Lone surrogates, in an id of the user's own; or a function that is new.
            input_id = scope.input_id.encode("utf-8", "replace")
            function = self._known(scope.function)
        if len(input_id) > _ID_BYTES:
            input_id = _cut(input_id, _ID_BYTES)
        try:
            self._pack(
                self._head,
                self._rows[slot],
                unix_ns,
                get_ident(),
                scope.attempt & _ATTEMPT_MASK,
                input_id,
                function,
                layout.RUNNING,
            )
        except (IndexError, StructError, *GONE):
            pass  # more slots than rows, or the page is gone

    def _known(self, name: str | None) -> bytes:
        """The name of a function as a row holds it."""
        if len(self._functions) >= _FUNCTIONS:
            self._functions.clear()
        data = _cut((name or "").encode("utf-8", "replace"), _FUNCTION_BYTES)
        self._functions[name] = data
        return data

    def end(self, slot: int) -> None:
        """Nothing runs in this slot any more; call before anybody is told."""
        try:
            self._head[self._states[slot]] = layout.IDLE
        except (IndexError, *GONE):
            pass

    def cancelled(self, slot: int, scope: InputScope) -> None:
        """Whoever has the slot was cancelled; from the thread that starts inputs."""
        # Race: 1. we see that it runs; 2. it closes its scope and ends its row; 3. we
        # write that it was cancelled, and an input that is gone stays in the table.
        # So we look at its scope once more. No other can have the slot by then: it
        # would have been started by this thread.
        try:
            at = self._states[slot]
            if self._head[at] == layout.RUNNING:
                self._head[at] = layout.CANCELLED
                if scope.closed:
                    self._head[at] = layout.IDLE
        except (IndexError, *GONE):
            pass

    def take(self) -> int | None:
        """The lowest free row, for inputs without a runtime; None: all are taken."""
        try:
            return heappop(self._free)
        except IndexError:
            return None

    def give_back(self, slot: int) -> None:
        """End a row that was taken, and let others have it."""
        self.end(slot)
        heappush(self._free, slot)


class PulseWriter:
    """Writes when the loop turned last. Only the loop's own thread writes.

    Args:
        head: The head of the box, mapped.
        threshold_ns: A stretch that is longer counts as one in which it was held.

    Attributes:
        busy_since_ns: As in `layout.Pulse`.
        held_ns: What `layout.Pulse` calls ``blocked_ns``.
        gone: The page cannot be written to any more.
    """

    def __init__(self, head: mmap.mmap, threshold_ns: int) -> None:
        self.head: Final = head
        self._threshold_ns = threshold_ns
        self.busy_since_ns = 0
        self.held_ns = 0
        self.gone = False

    def beat_busy(self) -> None:
        """The loop begins to work."""
        now_ns = time.monotonic_ns()
        try:
            BEAT.pack_into(self.head, layout.PULSE, now_ns, now_ns)
        except GONE:
            self.gone = True
        self.busy_since_ns = now_ns

    def beat_idle(self) -> None:
        """The loop waits for something to do."""
        now_ns = time.monotonic_ns()
        since_ns = self.busy_since_ns
        if now_ns - since_ns > self._threshold_ns and since_ns:
            self.add_held(now_ns - since_ns)
        try:
            BEAT.pack_into(self.head, layout.PULSE, 0, now_ns)
        except GONE:
            self.gone = True
        self.busy_since_ns = 0

    def beat_again(self) -> None:
        """The loop has come round, and works on."""
        now_ns = time.monotonic_ns()
        since_ns = self.busy_since_ns
        if now_ns - since_ns > self._threshold_ns and since_ns:
            self.add_held(now_ns - since_ns)
        self.beat_busy()

    def note_tick(self, tick_ns: int) -> None:
        """Say after how long each beat is followed by the next; 0 for no such time."""
        try:
            layout.COUNTER.pack_into(self.head, layout.TICK, tick_ns)
        except GONE:
            self.gone = True

    def add_held(self, stretch_ns: int) -> None:
        """Count a stretch in which the loop was held."""
        self.held_ns += stretch_ns
        try:
            layout.COUNTER.pack_into(self.head, BLOCKED_OFFSET, self.held_ns)
        except GONE:
            self.gone = True

    def blocked_ns(self, now_ns: int) -> int:
        """For how long the loop has been held so far, what goes on now included.

        What grew between the start and the end of an execution is the time for
        which it stood still, or held the others up.
        """
        since_ns = self.busy_since_ns
        if since_ns and now_ns - since_ns > self._threshold_ns:
            return self.held_ns + now_ns - since_ns
        return self.held_ns

    def busy_ns(self) -> int:
        """For how long the loop has been at what it does now."""
        since_ns = self.busy_since_ns
        return time.monotonic_ns() - since_ns if since_ns else 0


def _cut(data: bytes, size: int) -> bytes:
    """At most *size* bytes, cut between two characters."""
    return data[:size].decode("utf-8", "ignore").encode("utf-8")
