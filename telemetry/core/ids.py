"""Ids: a prefix and a ULID, sortable by time, made in batches.

Source: the ULID specification (github.com/ulid/spec): 48 bits of Unix
milliseconds, 80 random bits, Crockford base 32, 26 characters. Within one
millisecond the random part counts up, as the specification's monotonic factory.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

INPUT_PREFIX: Final = "in-"
CALL_PREFIX: Final = "fc-"
CONTAINER_PREFIX: Final = "ct-"

SHORT_LENGTH: Final = 6
"""Characters of a short id: the end of the ULID, which differs within a burst."""

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS: Final = [a + b for a in _ALPHABET for b in _ALPHABET]
_RANDOM_BITS: Final = 80
_TAIL_BITS: Final = 20  # the four characters that _PAIRS writes in two look-ups
_TAIL_MASK: Final = (1 << _TAIL_BITS) - 1


def short(identifier: str) -> str:
    """The part of an id that a person reads on a line: its last characters."""
    return identifier[-SHORT_LENGTH:]


class IdSource:
    """Makes ids; safe from any thread. A forked child needs one of its own.

    Args:
        now_ms: Unix time in milliseconds; the caller owns the clock.
        random_bits: ``random_bits(80)`` gives that many random bits.
    """

    def __init__(
        self, *, now_ms: Callable[[], int], random_bits: Callable[[int], int]
    ) -> None:
        self._now_ms = now_ms
        self._random_bits = random_bits
        self._lock = threading.Lock()
        # Both guarded by _lock: the last millisecond given out, never going
        # back even if the clock does, and the next random part within it.
        self._last_ms = -1
        self._next = 0

    def take(self, prefix: str, count: int) -> list[str]:
        """*count* new ids with this prefix, in rising order."""
        ms, start = self._reserve(count)
        written: list[str] = []
        while count:
            low = start & _TAIL_MASK
            run = min(count, _TAIL_MASK + 1 - low)
            head = prefix + _time(ms) + _random_head(start)
            written += [
                head + _PAIRS[tail >> 10] + _PAIRS[tail & 1023]
                for tail in range(low, low + run)
            ]
            start += run
            count -= run
        return written

    def one(self, prefix: str) -> str:
        """One new id with this prefix."""
        ms, number = self._reserve(1)
        tail = _PAIRS[number >> 10 & 1023] + _PAIRS[number & 1023]
        return prefix + _time(ms) + _random_head(number) + tail

    def _reserve(self, count: int) -> tuple[int, int]:
        """A millisecond, and the first of so many random parts within it."""
        with self._lock:
            now_ms = self._now_ms()
            if now_ms > self._last_ms:
                self._last_ms = now_ms
                # The top bit stays clear: counting up never overflows 80 bits.
                self._next = self._random_bits(_RANDOM_BITS - 1)
            start = self._next
            self._next = start + count
            return self._last_ms, start


def _time(ms: int) -> str:
    """The first ten characters: the milliseconds."""
    pairs = _PAIRS
    return (
        pairs[ms >> 40 & 1023]
        + pairs[ms >> 30 & 1023]
        + pairs[ms >> 20 & 1023]
        + pairs[ms >> 10 & 1023]
        + pairs[ms & 1023]
    )


def _random_head(number: int) -> str:
    """The next twelve characters: the random part without its tail."""
    pairs = _PAIRS
    return (
        pairs[number >> 70 & 1023]
        + pairs[number >> 60 & 1023]
        + pairs[number >> 50 & 1023]
        + pairs[number >> 40 & 1023]
        + pairs[number >> 30 & 1023]
        + pairs[number >> 20 & 1023]
    )
