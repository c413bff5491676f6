"""Records that are larger than a block: written in pieces, and put together again.

A piece is a record of its own: ``[FRAGMENT, index, number of the record, count,
bytes]``.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec

from telemetry.capture.blackbox import layout

FRAGMENT: Final = 0
"""Kind of a piece."""

_SPARE_BYTES: Final = 64
_FIRST: Final = b"\x95\x00\x00"
"""How the first piece of a record begins, in msgpack: array of five, kind, index."""
_ANY: Final = _FIRST[:2]
_MOST_OPEN: Final = 64


def pieces(body: bytes, number: int, block_bytes: int) -> list[bytes]:
    """The bodies of the records that make up one large one."""
    size = block_bytes - layout.FRAME.size - _SPARE_BYTES
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return [
        msgspec.msgpack.encode((FRAGMENT, index, number, len(parts), part))
        for index, part in enumerate(parts)
    ]


def is_counted(data: bytes, start: int = 0) -> bool:
    """Whether a body counts as a record: of several pieces only the first does."""
    found = data[start : start + len(_FIRST)]
    return found == _FIRST or found[: len(_ANY)] != _ANY


def record_count(data: bytes) -> int:
    """How many records lie in *data*, by their lengths alone."""
    at, count, unpack, size = 0, 0, layout.FRAME.unpack_from, layout.FRAME.size
    end = len(data) - size
    while at <= end:
        length = unpack(data, at)[0]
        start = at + size
        at = start + length
        if length == 0 or at > len(data):
            break
        # A byte that is not 0 comes first: it settles it for every line.
        if length == 1 or data[start + 1] or is_counted(data, start):
            count += 1
    return count


class Spot(NamedTuple):
    """Where a piece stands: in a block, behind so many bytes and records."""

    block: int
    generation: int
    bytes: int
    records: int


class _Large(NamedTuple):
    parts: dict[int, bytes]
    spots: list[Spot]


class Joining:
    """The records of which not all pieces have come yet."""

    def __init__(self) -> None:
        self._open: dict[int, _Large] = {}

    def add(self, fragment: Any, spot: Spot) -> bytes | None:  # noqa: ANN401  # from a file
        """Take a piece; the body of its record once that is complete.

        Raises:
            TypeError, ValueError: It is none.
        """
        _, index, number, count, data = fragment
        large = self._open.setdefault(number, _Large({}, []))
        large.parts[index] = bytes(data)
        large.spots.append(spot)
        if len(large.parts) >= count:
            del self._open[number]
            return b"".join(large.parts[at] for at in sorted(large.parts))
        if len(self._open) > _MOST_OPEN:
            # Its writer was killed at it, or a piece of it has been given up.
            del self._open[next(iter(self._open))]
        return None

    def earliest(self, block: int, generation: int) -> Spot | None:
        """The first piece in a block whose record is not complete."""
        spots = [
            spot
            for large in self._open.values()
            for spot in large.spots
            if spot[:2] == (block, generation)
        ]
        return min(spots, key=lambda spot: spot.bytes, default=None)
