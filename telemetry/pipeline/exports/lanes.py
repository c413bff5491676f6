"""Where slices go, so that on each track they lie behind or within each other.

What overlaps in part cannot be on one track. It is no rule that it does not: a body
may go on when its slot has been given away, and spans of concurrent code overlap.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from telemetry.pipeline.exports.trace_file import Argument, TraceFile

MOST_LANES: Final = 500
"""Of one group; what has no place in any of them is not drawn, and counted."""


class Lanes:
    """Tracks of one name, as many as are needed.

    Args:
        make: Makes the track of a number, from 0, and gives its uuid.

    Attributes:
        hidden: Slices for which there was no place.
    """

    def __init__(self, file: TraceFile, make: Callable[[int], int]) -> None:
        self._file = file
        self._make = make
        self._lanes: list[_Lane] = []
        self.hidden = 0

    def add(
        self,
        start_ns: int,
        end_ns: int,
        name: str,
        category: str,
        arguments: dict[str, Argument],
    ) -> int | None:
        """Draw a slice.

        The fewest lanes are needed when slices come in the order of their starts; any
        order will do.

        Returns:
            The track that it is on; None where there was no place.
        """
        end_ns = max(start_ns, end_ns)
        lane = self._lane(start_ns, end_ns)
        if lane is None:
            self.hidden += 1
            return None
        self._file.slice_begin(lane.track, start_ns, name, category, arguments)
        lane.open.append((start_ns, end_ns))
        return lane.track

    def finish(self) -> None:
        """End what is open: nothing more comes."""
        for lane in self._lanes:
            self._close(lane, None)

    def _lane(self, start_ns: int, end_ns: int) -> _Lane | None:
        for lane in self._lanes:
            self._close(lane, start_ns)
            if lane.has_room(start_ns, end_ns):
                return lane
        if len(self._lanes) >= MOST_LANES:
            return None
        lane = _Lane(self._make(len(self._lanes)))
        self._lanes.append(lane)
        return lane

    def _close(self, lane: _Lane, until_ns: int | None) -> None:
        """End what has ended by then; the innermost first."""
        while lane.open and (until_ns is None or lane.open[-1][1] <= until_ns):
            _, lane.ended_ns = lane.open.pop()
            self._file.slice_end(lane.track, lane.ended_ns)


class _Lane:
    """A track, and the slices on it that have not ended: each within the one before.

    Attributes:
        ended_ns: When the last that ended did so.
    """

    __slots__ = ("ended_ns", "open", "track")

    def __init__(self, track: int) -> None:
        self.track = track
        self.open: list[tuple[int, int]] = []
        self.ended_ns = 0

    def has_room(self, start_ns: int, end_ns: int) -> bool:
        """Whether a slice can go behind all that ended, and into all that is open."""
        if start_ns < self.ended_ns:
            return False
        if not self.open:
            return True
        outer_start_ns, outer_end_ns = self.open[-1]
        return outer_start_ns <= start_ns and end_ns <= outer_end_ns
