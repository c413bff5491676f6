"""Which lines are looked at, and in which order, to find the newest that match.

Lines are numbered as they came in. That is not quite the order in which they were
written: what a process left when it died comes late. A stretch of lines knows its
oldest and newest time. So stretches are read from the one with the newest line
backwards, until as many lines are found as are wanted and no stretch that is left can
hold a newer one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

MOST_AT_ONCE: Final = 256
"""Stretches that are read by one question: a million lines."""


class Stretch(NamedTuple):
    """Lines with numbers from *first* to *last*; times are Unix nanoseconds."""

    first: int
    last: int
    max_ns: int


class Window(NamedTuple):
    """What is read next.

    Attributes:
        ranges: Numbers of lines, from the first to the last.
        newest_ns: No line that is read later is newer than this; None: there is none.
    """

    ranges: list[tuple[int, int]]
    newest_ns: int | None


def windows(stretches: Iterable[Stretch]) -> Iterator[Window]:
    """One window after the other, each larger than the one before.

    Args:
        stretches: In the order of their newest lines, the newest first.
    """
    left = list(stretches)
    size, at = 1, 0
    while at < len(left):
        taken = left[at : at + size]
        at += size
        newest_ns = left[at].max_ns if at < len(left) else None
        yield Window(_joined(taken), newest_ns)
        size = min(size * 2, MOST_AT_ONCE)


def _joined(stretches: list[Stretch]) -> list[tuple[int, int]]:
    """Their numbers, side by side ones as one range."""
    ranges: list[tuple[int, int]] = []
    for first, last, _ in sorted(stretches):
        if ranges and ranges[-1][1] + 1 >= first:
            ranges[-1] = (ranges[-1][0], max(last, ranges[-1][1]))
        else:
            ranges.append((first, last))
    return ranges
