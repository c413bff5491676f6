"""Reads a black box: of a living process while it writes, or of a dead one."""

from __future__ import annotations

import mmap
import os
import sys
import time
from collections.abc import Sequence
from operator import attrgetter
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from zlib import adler32

import msgspec

from telemetry.capture.blackbox import layout
from telemetry.capture.blackbox.box_head import BoxHead
from telemetry.capture.blackbox.decoding import Decoded, Head, RecordDecoder, whole
from telemetry.capture.blackbox.layout import Sizes
from telemetry.capture.blackbox.pieces import FRAGMENT, Joining, Spot, is_counted
from telemetry.capture.blackbox.records import LINE_KINDS
from telemetry.core.errors import Error


class NotABoxError(Error):
    """The file is no black box, or one of another version; the message says which."""


class Found(msgspec.Struct, frozen=True, gc=False):
    """A record, and where it stood: *block*, *generation* and *offset* name it.

    Attributes:
        when_ns: Unix nanoseconds, never going back within a block.
        what: The record; of a line with a *head*, only what it `Said`.
        block: Number of the block.
        generation: How often the block had been used anew.
        offset: Bytes from the beginning of the block.
        head: Of a line of the usual form: how it begins.
    """

    when_ns: int
    what: Any
    block: int
    generation: int
    offset: int
    head: Head | None = None

    @property
    def record(self) -> Sequence[Any]:
        """The whole record, see `telemetry.capture.blackbox.records`."""
        return whole(self.what, self.head)


Position = dict[int, tuple[int, int, int]]
"""How far a box has been read: of each block its generation, bytes and records."""


class _Place:
    """How far a block has been read."""

    __slots__ = ("bytes", "generation", "records", "taken")

    def __init__(self, generation: int, taken_bytes: int, taken_records: int) -> None:
        self.generation = generation
        self.bytes = taken_bytes
        self.records = taken_records
        self.taken = (generation, taken_bytes, taken_records)

    def pass_over(self, body: bytes, *, is_line: bool = False) -> None:
        """The next record of the block has been read."""
        self.bytes += layout.FRAME.size + len(body)
        self.records += is_line or is_counted(body)


class _Room:
    """How much a `poll` may still take."""

    __slots__ = ("bytes", "records")

    def __init__(self, records: int, most_bytes: int) -> None:
        self.records = records
        self.bytes = most_bytes

    @property
    def is_left(self) -> bool:
        """Whether there is room for another record."""
        return self.records > 0 and self.bytes > 0


_ANY: Final = _Room(sys.maxsize, sys.maxsize)


class BoxReader(BoxHead):
    """One box. Not safe for several threads.

    Args:
        taking: This reader is the one for whom the box is kept: `taken` lets the
            writer use the space again, and the next such reader goes on from there.
            Any number of others may look on.
        start: Where to begin instead, for who keeps the `position` in a place of
            its own: what was read and not `taken` is not read twice.

    Attributes:
        polled_bytes: Of the records that the last `poll` read.
        damaged: Records that could not be read.

    Raises:
        NotABoxError: The file holds no box.
        OSError: The file cannot be read.
    """

    def __init__(
        self, path: Path, *, taking: bool = False, start: Position | None = None
    ) -> None:
        self.path: Final = path
        self._start = start or {}
        self._taking = taking
        self._fd = os.open(path, (os.O_RDWR if taking else os.O_RDONLY) | os.O_CLOEXEC)
        try:
            self.sizes = _sizes_in(self._fd, path)
            self._head = mmap.mmap(
                self._fd,
                self.sizes.head_bytes,
                access=mmap.ACCESS_WRITE if taking else mmap.ACCESS_READ,
            )
        except BaseException:
            os.close(self._fd)
            raise
        self._map: mmap.mmap | None = None
        self._places: dict[int, _Place] = {}
        # Of blocks that were used anew: how many records we had read of them, how
        # many of all records are gone with them, and how many were before us.
        self._read_gone = 0
        self._gone_before = self._gone_now = _gone(self._head)
        self._missed = 0
        self._joining = Joining()
        self._decoder = RecordDecoder()
        # What the rows of the blocks were as nothing was left to read, and where the
        # next record of each open block begins: most looks find the same again.
        self._quiet_rows: bytes | None = None
        self._open_ends: list[int] = []
        self.polled_bytes = 0
        self.damaged = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._head.close()
        if self._map is not None:
            self._map.close()
        os.close(self._fd)

    def poll(self, limit: int = sys.maxsize) -> list[Sequence[Any]]:
        """What was written since the last `poll`, decoded, in the order of time.

        A record that is being written now comes with the next call. What cannot be
        decoded is left out, and counted in ``damaged``.

        Args:
            limit: Most records; where there are more, the oldest blocks come first.
        """
        return [each.record for each in self.poll_found(limit)]

    def poll_found(
        self, limit: int = sys.maxsize, most_bytes: int = sys.maxsize
    ) -> list[Found]:
        """`poll`, with where each record stood.

        Args:
            most_bytes: Of all records but the last one.

        Raises:
            NotABoxError: The file has been cut off.
        """
        self._check_size()
        rows = self._rows_now()
        if rows == self._quiet_rows and not self._has_begun():
            self.polled_bytes = 0
            return []
        room = _Room(limit, most_bytes)
        found = self._pass(room, None)
        if not found:
            self._rest(rows, room)
        elif room.is_left:
            # Race: 1. we read block 1; 2. a thread writes to it, goes over to block 2
            # (it runs another input now) and writes to that; 3. we read block 2, and
            # have its second record before its first. So we look once more: what was
            # said before we were through for the first time is there by now, and
            # what was said later has time until the next call.
            found += self._pass(room, time.time_ns())
        self.polled_bytes = most_bytes - room.bytes
        found.sort(key=attrgetter("when_ns"))
        return found

    def position(self) -> Position:
        """How far `poll` has come: what a later reader gets as *start*."""
        # Not the pieces of a record that is not complete: whoever goes on after us
        # needs them once more.
        done = {
            index: self._joining.earliest(index, place.generation) or place
            for index, place in self._places.items()
        }
        return {i: (at.generation, at.bytes, at.records) for i, at in done.items()}

    def skip(self) -> int:
        """Pass over all that was written since the last `poll`.

        Returns:
            How many records those are.
        """
        count = 0
        for index, row in self._written():
            for body in self._bodies(index, row, _ANY):
                self._places[index].pass_over(body)
                count += 1
        return count

    def missed(self) -> int:
        """How many records are gone that this reader has not read, since it began.

        For who only looks on: the writer waits for the reader that takes, and uses
        its space anew as soon as that is through.
        """
        # Race: 1. the writer uses a block anew; 2. it adds to its counters. So we
        # ask for the counters first: then every block that they speak of can be seen
        # to be another one, and what we have read of it is taken off.
        gone = _gone(self._head)
        if gone != self._gone_now:
            self._gone_now = gone
            for index, row in self._rows():
                place = self._places.get(index)
                if place is not None and place.generation != row[0]:
                    self._read_gone += place.records
                    del self._places[index]
            missed = gone - self._gone_before - self._read_gone
            self._missed = max(self._missed, missed)
        return self._missed

    def last_written_ns(self) -> int:
        """Unix nanoseconds of the newest sign of its writer; reads all that is left."""
        newest_ns = max(
            [self.pulse().ended_unix_ns, *(row[-1] for _, row in self._rows())]
        )
        for record in self.poll():
            newest_ns = max(newest_ns, _time_of(record))
        return newest_ns

    def taken(self) -> None:
        """What `poll` has given so far is in safe hands: its space may be used anew."""
        self.taken_to(self.position())

    def taken_to(self, position: Position) -> None:
        """What lies before *position*, which `position` gave, is in safe hands."""
        if not self._taking:
            raise ValueError(f"{self.path} was not opened with taking=True")
        for index, taken in position.items():
            place = self._places.get(index)
            if place is None or taken == place.taken or taken[0] != place.generation:
                continue
            offset = self.sizes.row_offset(index) + layout.TAKEN_OFFSET
            layout.put(self._head, offset, layout.TAKEN.pack(*taken))
            place.taken = taken

    def is_taken_to(self, position: Position) -> bool:
        """Whether what lies before *position* is in safe hands, or gone.

        For who looks on.
        """
        for index, row in self._rows():
            generation, end, _ = position.get(index, (0, 0, 0))
            taken = row[4] if row[3] == generation else 0
            if row[0] == generation and taken < end:
                return False
        return True

    def backlog_bytes(self) -> int:
        """How much is written and not taken; an estimate while it is written to."""
        total = 0
        for index, row in self._rows():
            if row[1] == layout.CLOSED:
                total += row[2] - (row[4] if row[3] == row[0] else 0)
            elif row[1] == layout.OPEN and index in self._places:
                place = self._places[index]
                if place.generation == row[0]:
                    total += place.bytes - (row[4] if row[3] == row[0] else 0)
        return total

    def _check_size(self) -> None:
        """See that what is mapped is there: else whoever looks at it gets a SIGBUS."""
        size = os.fstat(self._fd).st_size
        if size < self.sizes.head_bytes or (
            self._map is not None and size < len(self._map)
        ):
            raise NotABoxError(f"{self.path} was cut off while it was read")

    def _rest(self, rows: bytes, room: _Room) -> None:
        """There was nothing to read while the rows were these: see `_has_begun`."""
        if room.is_left:
            self._quiet_rows = rows
            self._open_ends = [
                self.sizes.block_offset(index) + self._places[index].bytes
                for index, row in enumerate(layout.ROW.iter_unpack(rows))
                if row[1] == layout.OPEN and index in self._places
            ]

    def _has_begun(self) -> bool:
        """Whether a record follows in an open block: what no row tells."""
        size, written = layout.FRAME.size, self._map
        return any(
            written is None
            or end + size > len(written)  # the file may be longer by now
            or layout.FRAME.unpack_from(written, end)[0]
            for end in self._open_ends
        )

    def _written(self) -> list[tuple[int, tuple[int, ...]]]:
        rows = [each for each in self._rows() if each[1][1] != layout.FREE]
        rows.sort(key=lambda each: each[1][-1])  # by when they were opened
        return rows

    def _pass(self, room: _Room, until_ns: int | None) -> list[Found]:
        """Each unread record with its time, block by block."""
        found: list[Found] = []
        for index, row in self._written():
            if not room.is_left:
                break
            bodies = self._bodies(index, row, room)
            self._take(found, index, bodies, room, until_ns or sys.maxsize)
        return found

    def _take(
        self,
        found: list[Found],
        index: int,
        bodies: list[bytes],
        room: _Room,
        until_ns: int,
    ) -> None:
        """Add what the records of a block say to *found*, up to *until_ns*."""
        place, decode = self._places[index], self._decoder.decode
        generation, newest_ns = place.generation, 0
        for body in bodies:
            what, head = decode(body) or _NOTHING
            is_line = head is not None
            if what is None:
                self.damaged += 1
            else:
                when_ns = what.unix_ns if is_line else _time_of(what)
                if when_ns > newest_ns:
                    if when_ns > until_ns:
                        return
                    newest_ns = when_ns
                if not is_line and what[0] == FRAGMENT:
                    what, head = self._joined(what, index, place) or _NOTHING
            if what is not None:
                found.append(
                    Found(newest_ns, what, index, generation, place.bytes, head)
                )
            place.pass_over(body, is_line=is_line)
            room.records -= 1
            room.bytes -= len(body)

    def _bodies(self, index: int, row: tuple[int, ...], room: _Room) -> list[bytes]:
        generation, state, used_bytes, taken_of, taken_bytes, taken_records = row[:6]
        place = self._places.get(index)
        if place is None or place.generation != generation:
            if place is not None:
                self._read_gone += place.records
            known = self._start.get(index)
            if known is None or known[0] != generation:
                known = (generation, 0, 0)
                if self._taking and taken_of == generation:
                    known = (generation, taken_bytes, taken_records)
            place = self._places[index] = _Place(*known)
        if state == layout.CLOSED and place.bytes >= used_bytes:
            return []
        data = self._unread(index, place.bytes)
        # Race: see Blocks._reopen. What was copied while the block was used anew is
        # worth nothing; the records are counted as evicted by the writer.
        offset = self.sizes.row_offset(index)
        if layout.ROW.unpack_from(self._head, offset)[0] != generation:
            return []
        bodies = parsed(data, room.records, room.bytes)
        if not bodies and state == layout.CLOSED:
            # Nobody is at it any more: what does not fit here never will.
            return self._behind_damage(place, data, used_bytes, room)
        return bodies

    def _behind_damage(
        self, place: _Place, data: bytes, used_bytes: int, room: _Room
    ) -> list[bytes]:
        """What follows a damaged record, which is passed over; or the block is."""
        self.damaged += 1
        size, bodies = layout.FRAME.size, list[bytes]()
        if len(data) > size:
            length = layout.FRAME.unpack_from(data)[0]
            if length:
                rest = data[size + length :]
                bodies = parsed(rest, room.records, room.bytes)
            place.bytes += size + length
            place.records += 1
        if not bodies:
            place.bytes = max(place.bytes, used_bytes)
        return bodies

    def _unread(self, index: int, done: int) -> bytes:
        """A copy of the rest of a block, if there is anything in it."""
        start = self.sizes.block_offset(index)
        end = start + self.sizes.block_bytes
        if self._map is None or len(self._map) < end:
            length = os.fstat(self._fd).st_size
            if self._map is not None:
                self._map.close()
            self._map = mmap.mmap(self._fd, length, access=mmap.ACCESS_READ)
        end = min(end, len(self._map))  # the file may be cut off
        if end - start - done < layout.FRAME.size:
            return b""
        if layout.FRAME.unpack_from(self._map, start + done)[0] == 0:
            return b""
        return self._map[start + done : end]

    def _joined(
        self, fragment: Sequence[Any], index: int, place: _Place
    ) -> Decoded | None:
        spot = Spot(index, place.generation, place.bytes, place.records)
        try:
            body = self._joining.add(fragment, spot)
        except (LookupError, TypeError, ValueError):
            self.damaged += 1
            return None
        if body is None:
            return None
        decoded = self._decoder.decode(body)
        self.damaged += decoded is None
        return decoded


def _sizes_in(fd: int, path: Path) -> Sizes:
    data = os.pread(fd, layout.HEADER.size, 0)
    if len(data) < layout.HEADER.size or data[:8] != layout.MAGIC:
        raise NotABoxError(f"{path} is no black box")
    _, version, *measures = layout.HEADER.unpack(data)
    if version != layout.VERSION:
        raise NotABoxError(
            f"{path} is a black box of version {version}; "
            f"this program reads version {layout.VERSION}"
        )
    sizes = Sizes(*measures)
    if not sizes.are_sound:
        raise NotABoxError(f"{path} is damaged: its measures are {measures}")
    if sizes.head_bytes > os.fstat(fd).st_size:
        raise NotABoxError(f"{path} is cut off")
    return sizes


def parsed(
    data: bytes, most: int = sys.maxsize, most_bytes: int = sys.maxsize
) -> list[bytes]:
    """The bodies of the whole records at the beginning of *data*.

    Args:
        most: So many bodies at most.
        most_bytes: Of all bodies but the last one.
    """
    bodies: list[bytes] = []
    at, size, unpack = 0, layout.FRAME.size, layout.FRAME.unpack_from
    end = len(data) - size
    while at <= end and len(bodies) < most and most_bytes > 0:
        length, checksum = unpack(data, at)
        start = at + size
        at = start + length
        if length == 0 or at > len(data):
            break
        body = data[start:at]
        if adler32(body) != checksum:
            break  # it is being written, or its writer was killed at it
        bodies.append(body)
        most_bytes -= length
    return bodies


_NOTHING: Final[tuple[None, None]] = (None, None)


def _gone(head: mmap.mmap) -> int:
    """Records of blocks that were used anew, since the box was made."""
    unpack, size = layout.COUNTER.unpack_from, layout.COUNTER.size
    evicted = layout.COUNTERS + layout.COUNTER_NAMES.index("evicted") * size
    counts = unpack(head, evicted), unpack(head, layout.RETIRED)
    return sum(count for (count,) in counts)


def _time_of(record: Sequence[Any]) -> int:
    try:
        found = record[4][0] if record[0] in LINE_KINDS else record[2]
    except (LookupError, TypeError):
        return 0
    return found if isinstance(found, int) else 0
