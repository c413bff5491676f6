"""What of the store is given up: what is too old, or the oldest of too much."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Final, NamedTuple

from telemetry.core.errors import InvalidError

MAX_AGE_S: Final = 7 * 24 * 3600.0
MAX_BYTES: Final = 2 * 1024**3
LEAST_BYTES: Final = 1024**2
"""A store needs some for its tables alone."""

_NS: Final = 1_000_000_000


class Mark(NamedTuple):
    """A moment, in the order in which things were taken into the store.

    Attributes:
        number: Rises with each mark.
        taken_ns: What the clock said, in Unix nanoseconds. It may have been wrong.
    """

    number: int
    taken_ns: int


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is kept.

    Attributes:
        max_age_s: Seconds since it was taken in.
        max_bytes: Of the whole store, but for what waits to be delivered.

    Raises:
        InvalidError: A limit is too small.
    """

    max_age_s: float = MAX_AGE_S
    max_bytes: int = MAX_BYTES

    def __post_init__(self) -> None:
        if not self.max_age_s > 0:
            raise InvalidError(f"max_age_s is {self.max_age_s}; it must be above 0")
        if self.max_bytes < LEAST_BYTES:
            raise InvalidError(
                f"max_bytes is {self.max_bytes}; it must be at least {LEAST_BYTES}"
            )


def trusted_now_ns(wall_ns: int, begun_wall_ns: int, elapsed_ns: int) -> int:
    """The time by which things are too old.

    A clock that leaps ahead must not make everything old at once, so time passes no
    faster than the monotonic clock says. One that goes back only makes things younger.

    Args:
        wall_ns: What the clock says, in Unix nanoseconds.
        begun_wall_ns: What it said when the store was opened.
        elapsed_ns: What has passed since then, by the monotonic clock.
    """
    return min(wall_ns, begun_wall_ns + elapsed_ns)


def outlived(marks: Iterable[Mark], now_ns: int, limits: Limits) -> Mark | None:
    """The last mark before which everything is too old; None when nothing is.

    Args:
        marks: The oldest first.
    """
    found: Mark | None = None
    horizon_ns = now_ns - round(limits.max_age_s * _NS)
    for mark in marks:
        if mark.taken_ns > now_ns:
            continue  # the clock was wrong: what comes behind it tells
        if mark.taken_ns >= horizon_ns:
            break
        found = mark
    return found


def given_up(
    marks: Iterable[Mark], now_ns: int, used_bytes: int, limits: Limits
) -> Mark | None:
    """The mark before which everything has to go now; None when all may stay.

    Beyond the bytes it is the oldest mark of all: what lies before it goes, and then
    one looks again.

    Args:
        marks: The oldest first; no more of them are asked for than are looked at.
    """
    left = iter(marks)
    oldest = next(left, None)
    if oldest is None:
        return None
    found = outlived(chain([oldest], left), now_ns, limits)
    if found is None and used_bytes > limits.max_bytes:
        return oldest
    return found
