"""Which black boxes of dead processes are kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

MAX_FILES: Final = 64
MAX_BYTES: Final = 512 * 1024 * 1024
MAX_AGE_S: Final = 7 * 24 * 3600.0


class DeadBox(NamedTuple):
    """A box whose process has ended.

    Attributes:
        size_bytes: What it takes on the disk.
        age_s: Seconds since it was last written to.
    """

    name: str
    size_bytes: int
    age_s: float


def superfluous(dead: Sequence[DeadBox]) -> list[str]:
    """Names of the boxes to remove.

    Those are too old, or beyond the number or the bytes that are kept; the youngest
    are kept first.
    """
    kept_bytes = 0
    removed: list[str] = []
    for rank, box in enumerate(sorted(dead, key=lambda box: box.age_s)):
        kept_bytes += box.size_bytes
        if rank >= MAX_FILES or kept_bytes > MAX_BYTES or box.age_s > MAX_AGE_S:
            kept_bytes -= box.size_bytes
            removed.append(box.name)
    return removed
