"""A Perfetto trace, written as it comes.

Packets of protobuf, one behind the other: tracks, and what happens on them. Order
matters only among events of one moment on one track: the reader sorts by time.

Source: protos/perfetto/trace/{trace_packet,track_event/*}.proto, and "Synthetic Track
Event" in Perfetto's documentation. Open the file at https://ui.perfetto.dev.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import BinaryIO, Final

from telemetry.pipeline.otlp.values import utf8
from telemetry.pipeline.otlp.wire import (
    BYTES,
    FIXED64,
    VARINT,
    double,
    framed,
    tag,
    varint,
)

Argument = str | int | float | bool | None

# Trace
_PACKET: Final = tag(1, BYTES)
# TracePacket
_CLOCKS: Final = tag(6, BYTES)
_TIME: Final = tag(8, VARINT)
_SEQUENCE: Final = tag(10, VARINT) + varint(1)
"""All packets are of one writer."""
_EVENT: Final = tag(11, BYTES)
_TRACK: Final = tag(60, BYTES)
_FLAGS: Final = tag(13, VARINT) + varint(1)
"""SEQ_INCREMENTAL_STATE_CLEARED: nothing has been said before this packet."""
# ClockSnapshot, its Clock, and BuiltinClock
_CLOCK: Final = tag(1, BYTES)
_CLOCK_ID: Final = tag(1, VARINT)
_CLOCK_TIME: Final = tag(2, VARINT)
_REALTIME: Final = 1
_BOOTTIME: Final = 6
# TrackDescriptor, ProcessDescriptor, CounterDescriptor
_UUID: Final = tag(1, VARINT)
_NAME: Final = tag(2, BYTES)
_PROCESS: Final = tag(3, BYTES)
_PARENT: Final = tag(5, VARINT)
_COUNTER: Final = tag(8, BYTES)
_CHILDREN_BY_RANK: Final = tag(11, VARINT) + varint(3)
"""EXPLICIT, of ChildTracksOrdering."""
_RANK: Final = tag(12, VARINT)
_PID: Final = tag(1, VARINT)
_PROCESS_NAME: Final = tag(6, BYTES)
_UNIT_NAME: Final = tag(6, BYTES)
# TrackEvent and DebugAnnotation
_ARGUMENT: Final = tag(4, BYTES)
_TYPE: Final = tag(9, VARINT)
_TRACK_UUID: Final = tag(11, VARINT)
_CATEGORY: Final = tag(22, BYTES)
_EVENT_NAME: Final = tag(23, BYTES)
_VALUE: Final = tag(44, FIXED64)
_BEGIN, _END, _INSTANT, _COUNT = 1, 2, 3, 4
_ARGUMENT_NAME: Final = tag(10, BYTES)
_FLAG: Final = tag(2, VARINT)
_INTEGER: Final = tag(4, VARINT)
_DOUBLE: Final = tag(5, FIXED64)
_TEXT: Final = tag(6, BYTES)

_MOST_CHARS: Final = 2_000
"""Of one text: a trace is for looking at."""


def uuid_of(*parts: object) -> int:
    """A number that stands for a track, the same whenever it is asked for."""
    digest = blake2b("\0".join(map(str, parts)).encode(), digest_size=7)
    return int.from_bytes(digest.digest(), "big")


class TraceFile:
    """Writes packets to *out*. Times are Unix nanoseconds."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._processes = 0

    def begin(self, unix_ns: int) -> None:
        """Say that times are those of the calendar."""
        clocks = b"".join(
            framed(_CLOCK, _CLOCK_ID + varint(clock) + _CLOCK_TIME + varint(unix_ns))
            for clock in (_BOOTTIME, _REALTIME)
        )
        self._put(_TIME + varint(unix_ns) + framed(_CLOCKS, clocks) + _FLAGS)

    def process(self, uuid: int, name: str) -> None:
        """A group of tracks. Its number is no pid: those come again, these do not."""
        self._processes += 1
        process = _PID + varint(self._processes) + framed(_PROCESS_NAME, _short(name))
        self._describe(
            _UUID + varint(uuid) + framed(_PROCESS, process) + _CHILDREN_BY_RANK
        )

    def track(self, uuid: int, parent: int, name: str, rank: int) -> None:
        """A row in a group; ranks say in which order they are.

        Rows of one name in one group are shown as one that is as high as it has to be.
        """
        self._describe(_child(uuid, parent, name, rank))

    def counter(self, uuid: int, parent: int, name: str, rank: int, unit: str) -> None:
        """A row with a curve."""
        counter = framed(_COUNTER, framed(_UNIT_NAME, _short(unit)))
        self._describe(_child(uuid, parent, name, rank) + counter)

    def slice_begin(
        self,
        track: int,
        unix_ns: int,
        name: str,
        category: str,
        arguments: Mapping[str, Argument],
    ) -> None:
        """Something begins; what began before it on the track ends later."""
        self._event(track, unix_ns, _BEGIN, _told(name, category, arguments))

    def slice_end(self, track: int, unix_ns: int) -> None:
        """What began last on the track ends."""
        self._event(track, unix_ns, _END, b"")

    def instant(
        self,
        track: int,
        unix_ns: int,
        name: str,
        category: str,
        arguments: Mapping[str, Argument],
    ) -> None:
        """Something happens."""
        self._event(track, unix_ns, _INSTANT, _told(name, category, arguments))

    def count(self, counter: int, unix_ns: int, value: float) -> None:
        """From now on the curve is at *value*."""
        self._event(counter, unix_ns, _COUNT, _VALUE + double(value))

    def _event(self, track: int, unix_ns: int, kind: int, more: bytes) -> None:
        event = _TYPE + varint(kind) + _TRACK_UUID + varint(track) + more
        self._put(_TIME + varint(unix_ns) + framed(_EVENT, event))

    def _describe(self, descriptor: bytes) -> None:
        self._put(framed(_TRACK, descriptor))

    def _put(self, packet: bytes) -> None:
        self._out.write(framed(_PACKET, packet + _SEQUENCE))


def _child(uuid: int, parent: int, name: str, rank: int) -> bytes:
    return (
        _UUID
        + varint(uuid)
        + framed(_NAME, _short(name))
        + _PARENT
        + varint(parent)
        + _RANK
        + varint(rank)
    )


def _told(name: str, category: str, arguments: Mapping[str, Argument]) -> bytes:
    parts = [framed(_CATEGORY, utf8(category)), framed(_EVENT_NAME, _short(name))]
    parts += [
        framed(_ARGUMENT, framed(_ARGUMENT_NAME, _short(key)) + _value(value))
        for key, value in arguments.items()
        if value is not None
    ]
    return b"".join(parts)


def _value(value: Argument) -> bytes:
    if isinstance(value, bool):
        return _FLAG + varint(value)
    if isinstance(value, int):
        return _INTEGER + varint(value)
    if isinstance(value, float):
        return _DOUBLE + double(value)
    return framed(_TEXT, _short(value or ""))


def _short(text: str) -> bytes:
    return utf8(text if len(text) <= _MOST_CHARS else text[:_MOST_CHARS] + "…")
