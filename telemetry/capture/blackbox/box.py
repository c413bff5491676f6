"""The black box of this process: the writing side.

A record is one `Block.write`, from any thread and in a signal handler: no system
call, no lock. Only who finds a block full comes here, and changes blocks under a
lock that no user code runs in.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final
from zlib import adler32

import msgspec

from telemetry.capture.blackbox import layout
from telemetry.capture.blackbox.blocks import Block, Blocks, BoxFullError, reserve
from telemetry.core.scope import InputScope
from telemetry.policy.eviction import SHARED

_WAIT_S: Final = 1.0
"""How long a thread waits for another one that changes blocks: that takes
microseconds, or as long as the disk needs to make a file longer."""

_LARGEST_PART: Final = 8
"""The largest record is this part of the budget."""

FRAGMENT: Final = 0
"""Kind of the pieces of a record that is larger than a block: ``[kind, number of
the record, index, count, bytes]``."""
_FRAGMENT_SPARE_BYTES: Final = 64


class BlackBox:
    """One file that outlives its process.

    Args:
        path: Of the file; it must not exist.
        identity: Who writes here; encodable by msgpack, 3.8 kB at most.
        budget_bytes: How large the file may grow.
        slots: Rows of the slot table.
        guard: Calls its argument and holds off exceptions that another thread
            raises in this one meanwhile.

    Raises:
        OSError: The file cannot be made.
    """

    def __init__(
        self,
        path: Path,
        identity: Mapping[str, object],
        *,
        budget_bytes: int,
        slots: int,
        guard: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        self.path: Final = path
        self.pid: Final = os.getpid()
        self.sizes: Final = layout.sizes(budget_bytes, slots)
        self._guard = guard
        self._fd = os.open(
            path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600
        )
        try:
            # Held for as long as the process lives, however it ends: whoever gets a
            # lock on the file knows that its writer is dead.
            fcntl.flock(self._fd, fcntl.LOCK_EX)
            self.head = self._map_head(identity)
        except BaseException:
            os.close(self._fd)
            path.unlink(missing_ok=True)
            raise
        self._blocks = Blocks(self._fd, self.head, self.sizes)
        self._lock = threading.Lock()
        self._holder = 0
        self._waiting: deque[tuple[InputScope, bytes]] = deque()
        self._shared: Block | None = None
        self._private: dict[str, Block] = {}
        self._spare: list[Block] = []
        self._fragmented = 0
        self._closed = False
        self._dropped = dict.fromkeys(layout.COUNTER_NAMES, 0)

    def append(self, scope: InputScope, body: bytes) -> None:
        """Write a record the long way, as the input of *scope*; never raises.

        Afterwards ``scope.write`` is the short way, until its block is full. A
        record that has no place is dropped, and counted.
        """
        frame = layout.FRAME.pack(len(body), adler32(body)) + body
        if len(frame) > self.sizes.block_bytes:
            self._append_pieces(scope, body)
        else:
            self._waiting.append((scope, frame))
            self._work_off()

    def release(self, scope: InputScope) -> None:
        """The input writes no more; what is left of its own block is others'."""
        if scope.input_id in self._private:
            self._guarded(lambda: self._release(scope))

    def dropped(self) -> dict[str, int]:
        """How many records were dropped, by reason."""
        return {**self._dropped, "evicted": self._blocks.evicted}

    def count_dropped(self, reason: str, count: int = 1) -> None:
        """Note in the box that *count* records are missing, and why."""
        self._dropped[reason] += count
        self._put_counters()

    @property
    def disk_full(self) -> bool:
        """Whether the box cannot grow for want of space."""
        return self._blocks.disk_full

    def close(self) -> None:
        """Say goodbye in the box, and write nothing more to it."""
        self._guarded(self._close)

    def abandon(self) -> None:
        """In a forked child: let go of the parent's box, and leave it as it is."""
        self._closed = True
        self._lock = threading.Lock()
        self._holder = 0
        self._waiting.clear()
        for block in self._all_open():
            block.mapping.close()  # whoever holds its `write` comes here now
        self.head.close()
        os.close(self._fd)

    def _append_pieces(self, scope: InputScope, body: bytes) -> None:
        if len(body) > self.sizes.budget_bytes // _LARGEST_PART:
            self.count_dropped("oversize")
            return
        self._fragmented += 1
        number = self._fragmented
        size = self.sizes.block_bytes - layout.FRAME.size - _FRAGMENT_SPARE_BYTES
        pieces = [body[at : at + size] for at in range(0, len(body), size)]
        for index, piece in enumerate(pieces):
            record = (FRAGMENT, number, index, len(pieces), piece)
            self.append(scope, msgspec.msgpack.encode(record))

    def _work_off(self) -> None:
        """Write all that waits, or leave it to the thread that is at it."""
        # Race: 1. a thread changes blocks; 2. a signal handler or a finaliser logs
        # in it and comes here; 3. it must not wait for itself. It leaves the record
        # in `_waiting`, and the interrupted work takes it along: it looks once more
        # after letting go.
        me = threading.get_ident()
        while self._waiting and self._holder != me:
            if not self._lock.acquire(timeout=_WAIT_S):
                return  # whoever holds it finds the record
            self._holder = me
            try:
                self._guarded_here(self._write_waiting)
            finally:
                self._holder = 0
                self._lock.release()

    def _guarded(self, call: Callable[[], None]) -> None:
        me = threading.get_ident()
        if self._holder == me or not self._lock.acquire(timeout=_WAIT_S):
            return
        self._holder = me
        try:
            self._guarded_here(call)
        finally:
            self._holder = 0
            self._lock.release()
        self._work_off()

    def _guarded_here(self, call: Callable[[], None]) -> None:
        if self._guard is None:
            call()
        else:
            self._guard(call)

    def _write_waiting(self) -> None:
        while self._waiting:
            scope, frame = self._waiting.popleft()
            try:
                self._write(scope, frame)
            except BoxFullError:
                self.count_dropped("disk")
            except Exception:  # noqa: BLE001  # one record less, and the next may go
                self.count_dropped("internal")

    def _write(self, scope: InputScope, frame: bytes) -> None:
        if self._closed:
            self.count_dropped("closed")
            return
        while True:
            block = self._private.get(scope.input_id) or self._shared
            if block is None:
                block = self._shared = self._next_shared()
            try:
                block.write(frame)
            except ValueError:
                self._change(scope, block)
            else:
                scope.write = block.write
                return

    def _change(self, scope: InputScope, full: Block) -> None:
        """Close a full block, and give the input that filled it one of its own.

        Who fills a shared block wrote most of it, as likely as it wrote much; so
        the chatty input soon writes to blocks of its own, without any line being
        counted on the way.
        """
        evicted = self._blocks.evicted
        if full is self._shared:
            self._shared = None
        self._private.pop(scope.input_id, None)
        self._blocks.close(full)
        self._private[scope.input_id] = self._blocks.open(scope.input_id or _NOBODY)
        if self._blocks.evicted != evicted:
            self._put_counters()

    def _next_shared(self) -> Block:
        if self._spare:
            block = self._spare.pop()
            self._blocks.hand_over(block, SHARED)
            return block
        evicted = self._blocks.evicted
        block = self._blocks.open(SHARED)
        if self._blocks.evicted != evicted:
            self._put_counters()
        return block

    def _release(self, scope: InputScope) -> None:
        block = self._private.pop(scope.input_id, None)
        if block is not None:
            self._blocks.hand_over(block, SHARED)
            self._spare.append(block)

    def _put_counters(self) -> None:
        for at, (_, count) in enumerate(self.dropped().items()):
            offset = layout.COUNTERS + at * layout.COUNTER.size
            layout.COUNTER.pack_into(self.head, offset, count)

    def _all_open(self) -> list[Block]:
        found = [*self._private.values(), *self._spare]
        return [*found, self._shared] if self._shared is not None else found

    def _close(self) -> None:
        if self._closed:
            return
        self._closed = True
        for block in self._all_open():
            self._blocks.close(block)
        ended = layout.PULSE + 2 * layout.COUNTER.size
        layout.COUNTER.pack_into(self.head, ended, time.time_ns())
        # The mapping of the head, which others use, keeps the file open.
        fcntl.flock(self._fd, fcntl.LOCK_UN)
        os.close(self._fd)

    def _map_head(self, identity: Mapping[str, object]) -> mmap.mmap:
        reserve(self._fd, 0, self.sizes.head_bytes)
        head = mmap.mmap(self._fd, self.sizes.head_bytes, flags=mmap.MAP_SHARED)
        who = msgspec.msgpack.encode(identity)
        if len(who) > layout.IDENTITY_BYTES - layout.FRAME.size:
            raise ValueError(f"the identity has {len(who)} bytes, which is too much")
        start = layout.IDENTITY + layout.FRAME.size
        head[start : start + len(who)] = who
        layout.FRAME.pack_into(head, layout.IDENTITY, len(who), adler32(who))
        sizes = self.sizes
        layout.HEADER.pack_into(
            head,
            0,
            layout.MAGIC,
            layout.VERSION,
            sizes.head_bytes,
            sizes.block_bytes,
            sizes.budget_bytes,
            sizes.blocks,
            sizes.slots,
        )
        return head


_NOBODY: Final = "nobody"
"""The owner of blocks with lines of no input at all."""
