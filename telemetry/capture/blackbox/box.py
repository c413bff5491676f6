"""The black box of this process: the writing side.

A record is one `Block.write`, from any thread and in a signal handler: no system
call, no lock. Only who finds a block full comes here, and changes blocks under a
lock that no user code runs in.
"""

from __future__ import annotations

import fcntl
import itertools
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
from telemetry.capture.blackbox.blocks import (
    NO_DESCRIPTOR,
    Block,
    Blocks,
    BoxFullError,
    reserve,
)
from telemetry.capture.blackbox.pieces import pieces
from telemetry.capture.blackbox.records import framed
from telemetry.core.scope import InputScope
from telemetry.policy.eviction import SHARED

_WAIT_S: Final = 1.0
"""How long a thread waits for another one that changes blocks: that takes
microseconds, or as long as the disk needs to make a file longer."""

_CROWD: Final = 64
"""When so many records wait, the disk hangs: nobody else waits for it."""
_MOST_WAITING: Final = 4096

_LARGEST_PART: Final = 8
"""The largest record is this part of the budget."""

_PRIVATE_PART: Final = 4
"""Inputs may have this part of all blocks for themselves."""


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

    Attributes:
        shared_write: The short way of whoever has no block of its own; None: the
            long way.
        private: The inputs that have a block of their own; to be looked at only.
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
        self._lock = threading.RLock()  # it knows whose it is
        self._inside: set[int] = set()
        self._waiting: deque[tuple[InputScope, list[bytes]]] = deque()
        self._calls: deque[Callable[[], None]] = deque()
        self._shared: Block | None = None
        self.shared_write: Callable[[bytes], object] | None = None
        self.private: dict[str, Block] = {}  # the one given longest ago first
        self._spare: list[Block] = []
        self._numbers = itertools.count()
        self._closed = False
        self._dropped = dict.fromkeys(layout.COUNTER_NAMES, 0)

    def append(self, scope: InputScope, body: bytes) -> None:
        """Write a record the long way, as the input of *scope*; never raises.

        Afterwards ``scope.write`` is the short way, until its block is full. A
        record that has no place is dropped, and counted.

        Args:
            body: Not empty.
        """
        bodies = [body]
        if len(body) + layout.FRAME.size > self.sizes.block_bytes:
            if len(body) > self.sizes.budget_bytes // _LARGEST_PART:
                self.count_dropped("oversize")
                return
            bodies = pieces(body, next(self._numbers), self.sizes.block_bytes)
        if len(self._waiting) >= _MOST_WAITING:
            self.count_dropped("disk")
            return
        self._waiting.append((scope, [framed(each) for each in bodies]))
        self._work_off()

    def release(self, scope: InputScope) -> None:
        """The input writes no more; what is left of its own block is others'."""
        if scope.input_id in self.private:
            self._calls.append(lambda: self._hand_back(scope.input_id))
            self._work_off()

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
        self._calls.append(self._close)
        self._work_off()

    def abandon(self) -> None:
        """In a forked child: let go of the parent's box, and leave it as it is."""
        self._closed = True
        self._lock = threading.RLock()
        self._inside = set()
        self._waiting.clear()
        self._calls.clear()
        self._blocks.abandon()  # whoever holds a `write` comes here now
        self.head.close()
        self._close_file()

    def _work_off(self) -> None:
        """Do all that waits, or leave it to the thread that is at it."""
        # Race: 1. a thread changes blocks; 2. a signal handler or a finaliser logs
        # in it and comes here; 3. it must not wait for itself. It leaves the record
        # in `_waiting`, and the interrupted work takes it along: it looks once more
        # when it is through.
        me, inside = threading.get_ident(), self._inside
        if me in inside:
            return
        while self._waiting or self._calls:
            done = False

            def work() -> None:
                nonlocal done
                done = self._exclusively()

            try:
                inside.add(me)
                # Race: 1. a body's thread has taken the lock; 2. the body is
                # cancelled, and the exception is raised before the next line. Nobody
                # would let go of the lock. So exceptions are held off from before it
                # is taken until after.
                if self._guard is None:
                    work()
                else:
                    self._guard(work)
            finally:
                inside.discard(me)
            if not done:
                return  # whoever holds the lock finds what waits

    def _exclusively(self) -> bool:
        """Do all that waits, under the lock; False when it cannot be had."""
        lock = self._lock
        crowded = len(self._waiting) > _CROWD
        # Race: 1. the lock is taken; 2. an exception of another thread arrives before
        # the next line. So whether it is to be let go of is asked of the lock itself.
        try:
            if not lock.acquire(timeout=0 if crowded else _WAIT_S):
                return False
            while self._waiting or self._calls:
                self._write_waiting()
                if self._calls:
                    self._call(self._calls.popleft())
        finally:
            try:
                lock.release()
            except RuntimeError:
                pass  # it is another thread's
        return True

    def _call(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception:  # noqa: BLE001  # as for a record
            self.count_dropped("internal")

    def _write_waiting(self) -> None:
        while self._waiting:
            # Taken out when it is written: an exception of another thread that no
            # guard holds off may come in between.
            scope, frames = self._waiting[0]
            try:
                for frame in frames:
                    self._write(scope, frame)
            except BoxFullError:
                self.count_dropped("disk")
            except _ClosedError:
                self.count_dropped("closed")
            except Exception:  # noqa: BLE001  # one record less, and the next may go
                self.count_dropped("internal")
            if self._waiting:  # not in a child that was forked meanwhile
                self._waiting.popleft()

    def _write(self, scope: InputScope, frame: bytes) -> None:
        if self._closed:
            raise _ClosedError
        while True:
            block = self.private.get(scope.input_id) or self._shared
            if block is None:
                block = self._shared = self._next_shared()
                self.shared_write = block.write
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
        self._blocks.close(full)
        if full is self._shared:
            self._shared = self.shared_write = None
        self.private.pop(scope.input_id, None)
        self.private[scope.input_id] = self._open_for(scope.input_id or _NOBODY)
        if len(self.private) > self.sizes.blocks // _PRIVATE_PART:
            # Of inputs that are never released, or of very many at once.
            self._hand_back(next(iter(self.private)))

    def _next_shared(self) -> Block:
        if self._spare:
            return self._spare.pop()
        return self._open_for(SHARED)

    def _open_for(self, owner: str) -> Block:
        blocks = self._blocks
        before = blocks.evicted, blocks.retired
        block = blocks.open(owner)
        # After the block's row was written: see `BoxReader.missed`.
        if (blocks.evicted, blocks.retired) != before:
            self._put_counters()
        return block

    def _hand_back(self, input_id: str) -> None:
        block = self.private.pop(input_id, None)
        if block is None or self._closed:
            return
        self._blocks.hand_over(block, SHARED)
        self._spare.append(block)
        if len(self._spare) > self.sizes.blocks // _PRIVATE_PART:
            self._blocks.close(self._spare.pop(0))

    def _put_counters(self) -> None:
        counts = [*self.dropped().values(), self._blocks.retired]
        data = b"".join(map(layout.COUNTER.pack, counts))
        try:
            layout.put(self.head, layout.COUNTERS, data)
        except ValueError:
            pass  # in a child that was forked meanwhile

    def _close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._blocks.close_all()
        self._shared = self.shared_write = None
        self.private.clear()
        self._spare.clear()
        ended = layout.PULSE + 2 * layout.COUNTER.size
        layout.put(self.head, ended, layout.COUNTER.pack(time.time_ns()))
        # The mapping of the head, which others use, may keep the file open.
        fcntl.flock(self._fd, fcntl.LOCK_UN)
        self._close_file()

    def _close_file(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:  # once: by then another file may have the number
            os.close(fd)

    def _map_head(self, identity: Mapping[str, object]) -> mmap.mmap:
        reserve(self._fd, 0, self.sizes.head_bytes)
        head = mmap.mmap(
            self._fd, self.sizes.head_bytes, flags=mmap.MAP_SHARED, **NO_DESCRIPTOR
        )
        who = msgspec.msgpack.encode(identity)
        if len(who) > layout.IDENTITY_BYTES - layout.FRAME.size:
            raise ValueError(f"the identity has {len(who)} bytes, which is too much")
        start = layout.IDENTITY + layout.FRAME.size
        head[start : start + len(who)] = who
        layout.FRAME.pack_into(head, layout.IDENTITY, len(who), adler32(who))
        sizes = self.sizes
        header = layout.HEADER.pack(
            layout.MAGIC,
            layout.VERSION,
            sizes.head_bytes,
            sizes.block_bytes,
            sizes.budget_bytes,
            sizes.blocks,
            sizes.slots,
        )
        layout.put(head, 0, header)
        return head


class _ClosedError(Exception):
    """The box has said goodbye."""


_NOBODY: Final = "\0nobody"
"""The owner of blocks with lines of no input at all."""
