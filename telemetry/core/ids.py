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


def _base32(number: int, length: int) -> str:
    return "".join(
        _ALPHABET[(number >> shift) & 31] for shift in range(5 * (length - 1), -1, -5)
    )


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
        with self._lock:
            now_ms = self._now_ms()
            if now_ms > self._last_ms:
                self._last_ms = now_ms
                # The top bit stays clear: counting up never overflows 80 bits.
                self._next = self._random_bits(_RANDOM_BITS - 1)
            ms, start = self._last_ms, self._next
            self._next = start + count
        return _write(prefix, ms, start, count)

    def one(self, prefix: str) -> str:
        """One new id with this prefix."""
        return self.take(prefix, 1)[0]


def _write(prefix: str, ms: int, start: int, count: int) -> list[str]:
    written: list[str] = []
    time_part = prefix + _base32(ms, 10)
    while count:
        low = start & _TAIL_MASK
        run = min(count, _TAIL_MASK + 1 - low)
        head = time_part + _base32(start >> _TAIL_BITS, 12)
        written += [
            head + _PAIRS[tail >> 10] + _PAIRS[tail & 1023]
            for tail in range(low, low + run)
        ]
        start += run
        count -= run
    return written
