"""The blocks of a box: where they come from, and which is given up for a new one.

Called under the writer's lock only, but for `Block.write`.
"""

from __future__ import annotations

import errno
import mmap
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Final

from telemetry.capture.blackbox import layout
from telemetry.capture.blackbox.layout import Sizes
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

    __slots__ = ("generation", "index", "mapping", "owner", "write")

    def __init__(
        self, index: int, generation: int, mapping: mmap.mmap, owner: str
    ) -> None:
        self.index = index
        self.generation = generation
        self.mapping = mapping
        self.owner = owner
        self.write: Callable[[bytes], object] = (
            mapping.write if _ONE_AT_A_TIME else _locked(mapping)
        )

    @property
    def used_bytes(self) -> int:
        """How far it is written."""
        return self.mapping.tell()


class _Closed:
    """A full block, which a reader may still want."""

    __slots__ = ("generation", "index", "owner", "used_bytes")

    def __init__(self, block: Block) -> None:
        self.index = block.index
        self.generation = block.generation
        self.owner = block.owner
        self.used_bytes = block.used_bytes


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
        self.evicted = 0

    def open(self, owner: str) -> Block:
        """A block with nothing in it.

        Raises:
            BoxFullError: The disk is full, and every block is being written to.
            OSError: The file cannot be grown or mapped, for another reason.
        """
        taken = self._taken_by_reader()
        if taken is not None:
            return self._reopen(taken, owner)
        if self._made < self._sizes.blocks and self._grow():
            self._made += 1
            return self._map(self._made - 1, 1, owner)
        at = eviction.victim(
            [each.owner for each in self._closed],
            [each.owner for each in self._open.values()],
        )
        if at is None:
            raise BoxFullError
        self.evicted += self._lost_with(self._closed[at])
        return self._reopen(at, owner)

    def close(self, block: Block) -> None:
        """Nothing more is written to it; from now on it may be given up."""
        closed = _Closed(block)
        del self._open[block.index]
        self._closed.append(closed)
        self._put_row(block, layout.CLOSED, closed.used_bytes)
        # A thread that holds `block.write` gets a ValueError from now on.
        block.mapping.close()

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
        return self._map(closed.index, closed.generation + 1, owner)

    def _map(self, index: int, generation: int, owner: str) -> Block:
        size = self._sizes.block_bytes
        mapping = mmap.mmap(
            self._fd,
            size,
            flags=mmap.MAP_SHARED | _POPULATE,
            offset=self._sizes.block_offset(index),
        )
        block = Block(index, generation, mapping, owner)
        self._open[index] = block
        self._put_row(block, layout.FREE, 0)
        if generation > 1:
            mapping[:] = bytes(size)
        self._put_row(block, layout.OPEN, 0)
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

    def _lost_with(self, closed: _Closed) -> int:
        """How many records go with a block that nobody has read to the end."""
        data = os.pread(
            self._fd, closed.used_bytes, self._sizes.block_offset(closed.index)
        )
        row = self._row(closed.index)
        taken = row[5] if row[3] == closed.generation else 0
        return max(record_count(data) - taken, 0)

    def _row(self, index: int) -> tuple[int, ...]:
        return layout.ROW.unpack_from(self._head, self._sizes.row_offset(index))

    def _put_row(self, block: Block, state: int, used_bytes: int) -> None:
        offset = self._sizes.row_offset(block.index)
        if state == layout.CLOSED:
            # The reader's part of the row stays as it is.
            offset += layout.STATE_OFFSET
            layout.STATE.pack_into(self._head, offset, state, used_bytes)
            return
        layout.ROW.pack_into(
            self._head, offset, block.generation, state, 0, 0, 0, 0, time.time_ns()
        )


def record_count(data: bytes) -> int:
    """How many records lie in *data*, counted by their lengths alone."""
    at, count, unpack, size = 0, 0, layout.FRAME.unpack_from, layout.FRAME.size
    end = len(data) - size
    while at <= end:
        length = unpack(data, at)[0]
        if length == 0:
            break
        at += size + length
        count += 1
    return count


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


def _locked(mapping: mmap.mmap) -> Callable[[bytes], object]:
    """``mapping.write`` where threads run at once and it could be entered twice."""
    lock = threading.RLock()  # a signal handler may come between

    def write(frame: bytes) -> object:
        with lock:
            return mapping.write(frame)

    return write


_ONE_AT_A_TIME: Final = getattr(sys, "_is_gil_enabled", lambda: True)()
_POPULATE: Final = getattr(mmap, "MAP_POPULATE", 0)
"""Have the pages ready before the first line needs them. Linux only."""
