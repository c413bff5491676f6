"""How a black box lies in its file. Format: ours, version 1; little endian.

    head      magic, sizes, pulse, counters, identity
    blocks    one row for each block: generation, state, how far it is written and read
    slots     one row for each slot: what runs there, since when
    block 0   records, one after the other
    block 1   ...

A record is its length, its checksum and its body, written in one memory copy. A
block is zeroed before it is used, so a length of 0 is its end. A record whose
checksum does not fit its body is one whose writer was killed in mid-copy, or is
still at it: what lies before it is whole.

The checksum is Adler-32: half the cost of a CRC. It has to tell a whole copy from
one that ends in zeros, which always changes its sum, and not noise from data.
"""

from __future__ import annotations

import mmap
from struct import Struct
from typing import Final, NamedTuple

MAGIC: Final = b"INPUTBOX"
VERSION: Final = 1

HEADER: Final = Struct("<8sIIIIII")
"""Magic, version, bytes of the head, of a block, of the budget; numbers of blocks
and of slots."""

PULSE: Final = 64
"""Offset of the pulse: see `Pulse`."""
PULSE_FORM: Final = Struct("<QQQQ")
TICK: Final = PULSE + PULSE_FORM.size
"""Offset of the pulse's fifth part: nanoseconds from one tick to the next."""

COUNTERS: Final = 128
"""Offset of the counters, 64 bits each, in the order of `COUNTER_NAMES`."""
COUNTER: Final = Struct("<Q")
COUNTER_NAMES: Final = ("evicted", "disk", "oversize", "closed", "internal")
"""Why records were dropped: the budget was full; the disk was full; one was larger
than an eighth of the budget; the box was closed; a fault of ours."""

RETIRED: Final = COUNTERS + len(COUNTER_NAMES) * COUNTER.size
"""Offset of one counter more: records of blocks that were used anew after their reader
had taken them. Nothing is missing, but who only looks on may not have seen them."""

IDENTITY: Final = 256
"""Offset of who writes here: length and checksum as for a record, then msgpack."""
IDENTITY_BYTES: Final = 4096 - IDENTITY

ROWS: Final = 4096
"""Offset of the rows of the blocks."""
ROW: Final = Struct("<IIIIIIQ")
"""Generation, state, bytes used (once it is closed); what its reader has taken: of
which generation, how many bytes and records; Unix nanoseconds when it was opened."""
STATE: Final = Struct("<II")
STATE_OFFSET: Final = 4
"""The part of a row that changes when a block is closed: state, bytes used."""
TAKEN: Final = Struct("<III")
TAKEN_OFFSET: Final = 12
"""The part of a row that a reader writes. Race: 1. a reader has taken a block; 2. the
writer uses the block anew; 3. the reader says that it has taken it. So it says which
generation it means, and the writer believes it of that one alone."""

FREE: Final = 0
OPEN: Final = 1
CLOSED: Final = 2

SLOT: Final = Struct("<QQI64s40sI")
"""Since (Unix nanoseconds), thread, attempt, input id, function, state: last, so
that a row counts only when the rest of it is there."""
SLOT_BYTES: Final = 128
SLOT_STATE_OFFSET: Final = SLOT.size - 4
IDLE: Final = 0
RUNNING: Final = 1
CANCELLED: Final = 2
"""Cancelled, and still running."""

FRAME: Final = Struct("<II")
"""Before each record: its length in bytes, and Adler-32 of its body."""

MIN_BUDGET_BYTES: Final = 1024 * 1024
MAX_BLOCK_BYTES: Final = 256 * 1024
_BLOCKS_OF_BUDGET: Final = 256


class Pulse(NamedTuple):
    """Signs of life.

    Attributes:
        busy_since_ns: ``time.monotonic_ns()`` when the event loop began what it is
            doing now; 0 while it waits for something to do.
        beat_ns: ``time.monotonic_ns()`` of the loop's last sign of life.
        ended_unix_ns: When the writer said goodbye; 0 while it has not.
        blocked_ns: Nanoseconds for which the loop has been held so far.
        tick_ns: How long after each sign of life the next one is due, where a timer
            gives them; 0 where every wait of the loop is one.
    """

    busy_since_ns: int
    beat_ns: int
    ended_unix_ns: int
    blocked_ns: int
    tick_ns: int = 0


class Sizes(NamedTuple):
    """The measures of one box."""

    head_bytes: int
    block_bytes: int
    budget_bytes: int
    blocks: int
    slots: int

    @property
    def are_sound(self) -> bool:
        """Whether a file can have them: everything else is read with their help."""
        return (
            self.blocks > 0
            and self.block_bytes > FRAME.size
            and self.blocks * self.block_bytes <= self.budget_bytes
            and self.slots_offset + self.slots * SLOT_BYTES <= self.head_bytes
        )

    @property
    def slots_offset(self) -> int:
        """Where the slot table begins."""
        return ROWS + self.blocks * ROW.size

    def block_offset(self, index: int) -> int:
        """Where a block begins."""
        return self.head_bytes + index * self.block_bytes

    def row_offset(self, index: int) -> int:
        """Where the row of a block begins."""
        return ROWS + index * ROW.size

    def slot_offset(self, slot: int) -> int:
        """Where the row of a slot begins."""
        return self.slots_offset + slot * SLOT_BYTES


def put(head: mmap.mmap, offset: int, data: bytes) -> None:
    """Copy *data* to the head of a box, which others read meanwhile.

    Not ``pack_into``: that fills the place with zeros, and then goes byte by byte.
    Whoever looks between the two would believe what nobody has written.
    """
    head[offset : offset + len(data)] = data


def sizes(budget_bytes: int, slots: int) -> Sizes:
    """The measures of a box for this budget: some 256 blocks, of whole pages."""
    page = mmap.ALLOCATIONGRANULARITY
    wanted = budget_bytes // _BLOCKS_OF_BUDGET
    block = page
    while block * 2 <= min(wanted, MAX_BLOCK_BYTES):
        block *= 2
    blocks = budget_bytes // block
    head = ROWS + blocks * ROW.size + slots * SLOT_BYTES
    return Sizes(-(-head // page) * page, block, budget_bytes, blocks, slots)
