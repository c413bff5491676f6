"""Which black boxes of dead processes are kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

MAX_FILES: Final = 64
"""Of boxes that are kept for a post-mortem alone: what they hold is stored."""
MAX_UNREAD_FILES: Final = 1024
"""Of those that nobody has read yet: what they hold is nowhere else."""
MAX_BYTES: Final = 512 * 1024 * 1024
MAX_AGE_S: Final = 7 * 24 * 3600.0


class DeadBox(NamedTuple):
    """A box whose process has ended.

    Attributes:
        size_bytes: What it takes on the disk.
        age_s: Seconds since it was last written to.
        is_unread: It holds what nobody has taken.
    """

    name: str
    size_bytes: int
    age_s: float
    is_unread: bool = False


def superfluous(dead: Sequence[DeadBox]) -> list[str]:
    """Names of the boxes to remove.

    Those are too old, or beyond the number or the bytes that are kept; those that
    nobody has read are kept first, and of either kind the youngest.
    """
    kept_bytes = 0
    kept = {True: 0, False: 0}
    removed: list[str] = []
    for box in sorted(dead, key=lambda box: (not box.is_unread, box.age_s)):
        most = MAX_UNREAD_FILES if box.is_unread else MAX_FILES
        fits = kept[box.is_unread] < most and kept_bytes + box.size_bytes <= MAX_BYTES
        if fits and box.age_s <= MAX_AGE_S:
            kept[box.is_unread] += 1
            kept_bytes += box.size_bytes
        else:
            removed.append(box.name)
    return removed
