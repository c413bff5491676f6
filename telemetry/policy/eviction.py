"""Which block of a full black box is given up.

One chatty input must not push out what its neighbours said. An input that writes
much has blocks of its own, so giving up one of those costs nobody else a line.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

SHARED: Final = ""
"""The owner of a block that many inputs wrote to, a little each."""


def victim(closed: Sequence[str], open_owners: Sequence[str]) -> int | None:
    """Index in *closed* of the block to give up; None when there is none.

    The oldest block of the owner that has most blocks, if it has at least two: so
    the last block of an input is kept. Else the oldest block of all.

    Args:
        closed: Owners of the full blocks, the oldest block first.
        open_owners: Owners of the blocks that are written to now.
    """
    if not closed:
        return None
    held = Counter(closed)
    held.update(open_owners)
    del held[SHARED]
    # Oldest first, so that of two that hold as much the older one gives.
    rivals = [owner for owner in dict.fromkeys(closed) if held[owner] > 1]
    if not rivals:
        return 0
    return closed.index(max(rivals, key=lambda owner: held[owner]))
