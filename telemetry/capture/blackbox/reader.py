"""Reads a black box: of a living process while it writes, or of a dead one."""

from __future__ import annotations

import mmap
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self
from zlib import adler32

import msgspec

from telemetry.capture.blackbox import layout
from telemetry.capture.blackbox.layout import Pulse, Sizes
from telemetry.capture.blackbox.pieces import FRAGMENT
from telemetry.capture.blackbox.records import LINE_KINDS
from telemetry.core.errors import Error


class NotABoxError(Error):
    """The file is no black box, or one of another version; the message says which."""


class SlotState(NamedTuple):
    """A row of the slot table.

    Attributes:
        since_unix_ns: When the input took the slot.
        thread: ``threading.get_ident()`` of its thread.
        cancelled: It was cancelled, and has not ended.
    """

    slot: int
    input_id: str
    function: str
    attempt: int
    since_unix_ns: int
    thread: int
    cancelled: bool


class _Place:
    """How far a block has been read."""

    __slots__ = ("bytes", "generation", "records")

    def __init__(self, generation: int, taken_bytes: int, taken_records: int) -> None:
        self.generation = generation
        self.bytes = taken_bytes
        self.records = taken_records


class BoxReader:
    """One box. Not safe for several threads.

    Args:
        taking: This reader is the one for whom the box is kept: `taken` lets the
            writer use the space again, and the next such reader goes on from there.
            Any number of others may look on.

    Raises:
        NotABoxError: The file holds no box.
        OSError: The file cannot be read.
    """

    def __init__(self, path: Path, *, taking: bool = False) -> None:
        self.path: Final = path
        self._taking = taking
        self._fd = os.open(path, (os.O_RDWR if taking else os.O_RDONLY) | os.O_CLOEXEC)
        try:
            self.sizes: Final = self._read_sizes()
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
        self._pieces: dict[int, dict[int, bytes]] = {}
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

    def identity(self) -> dict[str, Any]:
        """Who writes here: service name, pid, and so on; empty when unreadable."""
        length, checksum = layout.FRAME.unpack_from(self._head, layout.IDENTITY)
        start = layout.IDENTITY + layout.FRAME.size
        data = self._head[start : start + min(length, layout.IDENTITY_BYTES)]
        if adler32(data) != checksum:
            return {}
        found: dict[str, Any] = msgspec.msgpack.decode(data)
        return found

    def pulse(self) -> Pulse:
        """The signs of life."""
        return Pulse(*layout.PULSE_FORM.unpack_from(self._head, layout.PULSE))

    def dropped(self) -> dict[str, int]:
        """How many records its writer had to drop, by reason."""
        size = layout.COUNTER.size
        return {
            name: layout.COUNTER.unpack_from(self._head, layout.COUNTERS + at * size)[0]
            for at, name in enumerate(layout.COUNTER_NAMES)
        }

    def slots(self) -> list[SlotState]:
        """What runs in which slot; of a dead process: what ran when it died."""
        found: list[SlotState] = []
        for slot in range(self.sizes.slots):
            offset = self.sizes.slot_offset(slot)
            since, thread, attempt, input_id, function, state = layout.SLOT.unpack_from(
                self._head, offset
            )
            if state == layout.IDLE:
                continue
            found.append(
                SlotState(
                    slot,
                    _text(input_id),
                    _text(function),
                    attempt,
                    since,
                    thread,
                    state == layout.CANCELLED,
                )
            )
        return found

    def poll(self, limit: int = sys.maxsize) -> list[Sequence[Any]]:
        """What was written since the last `poll`, decoded, in the order of time.

        A record that is being written now comes with the next call. What cannot be
        decoded is left out, and counted in ``damaged``.

        Args:
            limit: Most records; where there are more, the oldest blocks come first.
        """
        found: list[Sequence[Any]] = []
        for body in self._unread_bodies(limit):
            record = self._decoded(body)
            if record is not None:
                found.append(record)
        found.sort(key=_time_of)
        return found

    def skip(self) -> int:
        """Pass over all that was written since the last `poll`.

        Returns:
            How many records those are.
        """
        return sum(1 for _ in self._unread_bodies(sys.maxsize))

    def taken(self) -> None:
        """What `poll` has given so far is in safe hands: its space may be used anew."""
        if not self._taking:
            raise ValueError(f"{self.path} was not opened with taking=True")
        for index, place in self._places.items():
            offset = self.sizes.row_offset(index) + layout.TAKEN_OFFSET
            layout.TAKEN.pack_into(
                self._head, offset, place.generation, place.bytes, place.records
            )

    def backlog_bytes(self) -> int:
        """How much is written and not taken; an estimate while it is written to."""
        total = 0
        for index, row in self._rows():
            if row[1] == layout.CLOSED:
                total += row[2] - (row[4] if row[3] == row[0] else 0)
            elif row[1] == layout.OPEN and index in self._places:
                total += self._places[index].bytes
        return total

    def _rows(self) -> Iterator[tuple[int, tuple[int, ...]]]:
        start = layout.ROWS
        rows = self._head[start : start + self.sizes.blocks * layout.ROW.size]
        return enumerate(layout.ROW.iter_unpack(rows))

    def _unread_bodies(self, limit: int) -> Iterator[bytes]:
        rows = [each for each in self._rows() if each[1][1] != layout.FREE]
        rows.sort(key=lambda each: each[1][-1])  # by when they were opened
        for index, row in rows:
            bodies = self._bodies(index, row, limit)
            limit -= len(bodies)
            yield from bodies
            if limit <= 0:
                return

    def _bodies(self, index: int, row: tuple[int, ...], limit: int) -> list[bytes]:
        place = self._places.get(index)
        if place is None or place.generation != row[0]:
            resumed = self._taking and row[3] == row[0]
            place = _Place(row[0], *(row[4:6] if resumed else (0, 0)))
            self._places[index] = place
        if row[1] == layout.CLOSED and place.bytes >= row[2]:
            return []
        data = self._unread(index, place.bytes)
        if not data:
            return []
        bodies = parsed(data, limit)
        # Race: see Blocks._reopen. What was copied while the block was used anew is
        # worth nothing; the records are counted as evicted by the writer.
        offset = self.sizes.row_offset(index)
        if layout.ROW.unpack_from(self._head, offset)[0] != place.generation:
            return []
        place.bytes += sum(map(len, bodies)) + layout.FRAME.size * len(bodies)
        place.records += len(bodies)
        return bodies

    def _unread(self, index: int, done: int) -> bytes:
        """A copy of the rest of a block, if there is anything in it."""
        start = self.sizes.block_offset(index)
        end = start + self.sizes.block_bytes
        if self.sizes.block_bytes - done < layout.FRAME.size:
            return b""
        if self._map is None or len(self._map) < end:
            length = os.fstat(self._fd).st_size
            if length < end:
                return b""
            if self._map is not None:
                self._map.close()
            self._map = mmap.mmap(self._fd, length, access=mmap.ACCESS_READ)
        if layout.FRAME.unpack_from(self._map, start + done)[0] == 0:
            return b""
        return self._map[start + done : end]

    def _decoded(self, body: bytes) -> Sequence[Any] | None:
        try:
            record: Sequence[Any] = msgspec.msgpack.decode(body)
            if record[0] == FRAGMENT:
                return self._joined(record)
        except (msgspec.DecodeError, LookupError, TypeError, ValueError):
            self.damaged += 1
            return None
        return record

    def _joined(self, fragment: Sequence[Any]) -> Sequence[Any] | None:
        _, index, number, count, data = fragment
        pieces = self._pieces.setdefault(number, {})
        pieces[index] = data
        if len(pieces) < count:
            return None
        del self._pieces[number]
        whole: Sequence[Any] = msgspec.msgpack.decode(
            b"".join(pieces[at] for at in range(count))
        )
        return whole

    def _read_sizes(self) -> Sizes:
        data = os.pread(self._fd, layout.HEADER.size, 0)
        if len(data) < layout.HEADER.size or data[:8] != layout.MAGIC:
            raise NotABoxError(f"{self.path} is no black box")
        _, version, *measures = layout.HEADER.unpack(data)
        if version != layout.VERSION:
            raise NotABoxError(
                f"{self.path} is a black box of version {version}; "
                f"this program reads version {layout.VERSION}"
            )
        sizes = Sizes(*measures)
        if sizes.head_bytes > os.fstat(self._fd).st_size or not sizes.block_bytes:
            raise NotABoxError(f"{self.path} is cut off")
        return sizes


def parsed(data: bytes, limit: int = sys.maxsize) -> list[bytes]:
    """The bodies of the whole records at the beginning of *data*, *limit* at most."""
    bodies: list[bytes] = []
    at, size, unpack = 0, layout.FRAME.size, layout.FRAME.unpack_from
    end = len(data) - size
    while at <= end and len(bodies) < limit:
        length, checksum = unpack(data, at)
        start = at + size
        at = start + length
        if length == 0 or at > len(data):
            break
        body = data[start:at]
        if adler32(body) != checksum:
            break  # it is being written, or its writer was killed at it
        bodies.append(body)
    return bodies


def _time_of(record: Sequence[Any]) -> int:
    try:
        found = record[4][0] if record[0] in LINE_KINDS else record[2]
    except (LookupError, TypeError):
        return 0
    return found if isinstance(found, int) else 0


def _text(field: bytes) -> str:
    return field.rstrip(b"\0").decode("utf-8", "replace")
