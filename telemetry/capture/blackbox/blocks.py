"""The blocks of a box: where they come from, and which is given up for a new one.

Called under the writer's lock only, but for `Block.write`.
"""

from __future__ import annotations

import errno
import mmap
import os
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from threading import RLock
from typing import Any, Final

from telemetry.capture.blackbox import layout
from telemetry.capture.blackbox.layout import Sizes
from telemetry.capture.blackbox.pieces import record_count
from telemetry.policy import eviction

_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class BoxFullError(Exception):
    """There is no block, and none to give up: the disk is full."""


class Block:
    """A block that is written to.

    ``write`` is the ``write`` of its mapping: one call that finds the place, copies
    and moves on, while no other thread runs and no signal handler comes between.
    It raises ValueError when the rest is too small, and when the block is closed.
    """

    __slots__ = (
        "_lock",
        "_used_bytes",
        "generation",
        "index",
        "mapping",
        "owner",
        "write",
    )

    def __init__(
        self, index: int, generation: int, mapping: mmap.mmap, owner: str
    ) -> None:
        self.index = index
        self.generation = generation
        self.mapping = mapping
        self.owner = owner
        self._used_bytes: int | None = None
        self._lock: AbstractContextManager[object] = nullcontext()
        self.write: Callable[[bytes], object] = mapping.write
        if not ONE_AT_A_TIME:
            # A signal handler may come between: it must not wait for itself.
            self._lock = RLock()
            self.write = _locked(mapping, self._lock)

    def seal(self) -> int:
        """Let nobody write to it any more; how far it is written."""
        # Race: 1. we ask how far it is written; 2. another thread, whose record is
        # small, still finds room; 3. we take the answer for the end, and its record
        # is lost. So the position goes to the end, and then we look what came.
        unpack, mapping = layout.FRAME.unpack_from, self.mapping
        if self._used_bytes is not None:
            return self._used_bytes
        with self._lock:
            used_bytes = mapping.tell()
            mapping.seek(0, os.SEEK_END)
            last = len(mapping) - layout.FRAME.size
            while used_bytes <= last and (length := unpack(mapping, used_bytes)[0]):
                used_bytes += layout.FRAME.size + length
        self._used_bytes = used_bytes
        return used_bytes

    def unmap(self) -> None:
        """Let go of it: whoever holds `write` gets a ValueError from now on."""
        with self._lock:
            self.mapping.close()


@dataclass(frozen=True, slots=True)
class _Closed:
    """A full block, which a reader may still want."""

    index: int
    generation: int
    owner: str
    used_bytes: int


class Blocks:
    """All blocks of one file.

    Args:
        fd: Of the file; stays the caller's.
        head: The mapping of its head.
    """

    def __init__(self, fd: int, head: mmap.mmap, sizes: Sizes) -> None:
        self._fd = fd
        self._head = head
        self._sizes = sizes
        self._made = 0
        self._closed: list[_Closed] = []  # the oldest first
        self._open: dict[int, Block] = {}
        self._full = False  # the disk took no more, the last time
        # Records of blocks that were used anew: unread, and read.
        self.evicted = 0
        self.retired = 0

    def open(self, owner: str) -> Block:
        """A block with nothing in it.

        Raises:
            BoxFullError: The disk is full, and every block is being written to.
            OSError: The file cannot be grown or mapped, for another reason.
        """
        taken = self._taken_by_reader()
        if taken is not None:
            count = self._row(self._closed[taken].index)[5]
            block = self._reopen(taken, owner)
            self.retired += count
            return block
        if self._made < self._sizes.blocks and self._grow():
            return self._map_next(owner)
        at = eviction.victim(
            [each.owner for each in self._closed],
            [each.owner for each in self._open.values()],
        )
        if at is None:
            raise BoxFullError
        lost, seen = self._gone_with(self._closed[at])
        block = self._reopen(at, owner)
        self.evicted += lost
        self.retired += seen
        return block

    def close(self, block: Block) -> None:
        """Nothing more is written to it; from now on it may be given up.

        Closing it once more does nothing: whoever was interrupted may begin again.
        """
        if self._open.get(block.index) is not block:
            return
        used_bytes = block.seal()
        state = layout.STATE.pack(layout.CLOSED, used_bytes)
        # The reader's part of the row stays as it is.
        offset = self._sizes.row_offset(block.index) + layout.STATE_OFFSET
        layout.put(self._head, offset, state)
        # Race: 1. another thread forks at any of these steps; 2. its child must find
        # every block that is mapped. So it is unmapped before it is forgotten.
        block.unmap()
        del self._open[block.index]
        self._closed.append(
            _Closed(block.index, block.generation, block.owner, used_bytes)
        )

    def close_all(self) -> None:
        """Close every block, and let go of the file."""
        for block in list(self._open.values()):
            self.close(block)
        self._fd = _NO_FILE

    def abandon(self) -> None:
        """Unmap every block and change nothing in the file: it is another process's."""
        # Whoever was at work here when its process was forked, and goes on in the
        # child, finds no file: the number of the old one may soon be another's.
        self._fd = _NO_FILE
        for block in list(self._open.values()):
            block.unmap()

    def hand_over(self, block: Block, owner: str) -> None:
        """Somebody else writes to it from now on."""
        block.owner = owner

    @property
    def disk_full(self) -> bool:
        """Whether the disk took no more, the last time that it was asked."""
        return self._full

    def _taken_by_reader(self) -> int | None:
        """Index in `_closed` of a block that its reader is through with."""
        for at, block in enumerate(self._closed):
            row = self._row(block.index)
            if row[3] == block.generation and row[4] >= block.used_bytes:
                return at
        return None

    def _reopen(self, at: int, owner: str) -> Block:
        closed = self._closed.pop(at)
        # Race: 1. a reader copies the block; 2. we zero and fill it; 3. the reader
        # looks at its copy. It reads the generation before and after the copy, and
        # throws the copy away when that has changed; so it changes first.
        try:
            return self._map(closed.index, closed.generation + 1, owner)
        except OSError:
            self._closed.insert(at, closed)
            raise

    def _map_next(self, owner: str) -> Block:
        self._made += 1
        try:
            return self._map(self._made - 1, 1, owner)
        except OSError:
            self._made -= 1
            raise

    def _map(self, index: int, generation: int, owner: str) -> Block:
        size = self._sizes.block_bytes
        mapping = mmap.mmap(
            self._fd,
            size,
            flags=mmap.MAP_SHARED | _POPULATE,
            offset=self._sizes.block_offset(index),
            **NO_DESCRIPTOR,
        )
        block = self._open[index] = Block(index, generation, mapping, owner)
        self._put_row(block, layout.FREE)
        if generation > 1:
            mapping[:] = bytes(size)
        self._put_row(block, layout.OPEN)
        return block

    def _grow(self) -> bool:
        """Make the file one block longer; False when the disk is full.

        Reserved and not left sparse: a store into a hole of a full disk is SIGBUS.
        """
        start = self._sizes.block_offset(self._made)
        try:
            reserve(self._fd, start, self._sizes.block_bytes)
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise
            self._full = True
            return False
        self._full = False
        return True

    def _gone_with(self, closed: _Closed) -> tuple[int, int]:
        """What goes with a block not read to its end: records unread, and taken."""
        data = os.pread(
            self._fd, closed.used_bytes, self._sizes.block_offset(closed.index)
        )
        row = self._row(closed.index)
        taken = row[5] if row[3] == closed.generation else 0
        return max(record_count(data) - taken, 0), taken

    def _row(self, index: int) -> tuple[int, ...]:
        return layout.ROW.unpack_from(self._head, self._sizes.row_offset(index))

    def _put_row(self, block: Block, state: int) -> None:
        row = layout.ROW.pack(block.generation, state, 0, 0, 0, 0, time.time_ns())
        layout.put(self._head, self._sizes.row_offset(block.index), row)


def reserve(fd: int, start: int, size: int) -> None:
    """Make sure that these bytes of a file have a place on the disk.

    Raises:
        OSError: With ``ENOSPC`` or ``EDQUOT`` when there is none.
    """
    if sys.platform != "darwin":
        os.posix_fallocate(fd, start, size)
        return
    # No fallocate there: written out, which reserves as well.
    os.pwrite(fd, bytes(size), start)


def _locked(
    mapping: mmap.mmap, lock: AbstractContextManager[object]
) -> Callable[[bytes], object]:
    """``mapping.write`` where threads run at once and it could be entered twice."""

    def write(frame: bytes) -> object:
        with lock:
            return mapping.write(frame)

    return write


def _without_descriptor() -> dict[str, Any]:
    options: dict[str, Any] = {"trackfd": False}
    try:
        mmap.mmap(-1, mmap.PAGESIZE, **options).close()
    except TypeError:
        return {}
    return options


_NO_FILE: Final = -1
ONE_AT_A_TIME: Final[bool] = getattr(sys, "_is_gil_enabled", lambda: True)()
"""Only one thread runs at a time. Not in a free-threaded build."""
_POPULATE: Final = getattr(mmap, "MAP_POPULATE", 0)
"""Have the pages ready before the first line needs them. Linux only."""
NO_DESCRIPTOR: Final = _without_descriptor()
"""Since Python 3.13 a mapping need not hold a descriptor of its own."""
