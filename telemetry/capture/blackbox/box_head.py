"""The head of a black box: who writes it, its signs of life, its slots and blocks."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from typing import Any, NamedTuple
from zlib import adler32

import msgspec

from telemetry.capture.blackbox import layout
from telemetry.capture.blackbox.layout import Pulse, Sizes


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


class BoxHead:
    """What can be told of a box without reading its records.

    Attributes:
        sizes: Its measures.
    """

    sizes: Sizes
    _head: mmap.mmap

    def identity(self) -> dict[str, Any]:
        """Who writes here: service name, pid, and so on; empty when unreadable."""
        length, checksum = layout.FRAME.unpack_from(self._head, layout.IDENTITY)
        start = layout.IDENTITY + layout.FRAME.size
        data = self._head[start : start + min(length, layout.IDENTITY_BYTES)]
        if adler32(data) != checksum:
            return {}
        try:
            found = msgspec.msgpack.decode(data)
        except (msgspec.DecodeError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def pulse(self) -> Pulse:
        """The signs of life."""
        signs = layout.PULSE_FORM.unpack_from(self._head, layout.PULSE)
        return Pulse(*signs, *layout.COUNTER.unpack_from(self._head, layout.TICK))

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

    def _rows_now(self) -> bytes:
        start = layout.ROWS
        return self._head[start : start + self.sizes.blocks * layout.ROW.size]

    def _rows(self) -> Iterator[tuple[int, tuple[int, ...]]]:
        return enumerate(layout.ROW.iter_unpack(self._rows_now()))


def _text(field: bytes) -> str:
    return field.rstrip(b"\0").decode("utf-8", "replace")
