"""Whether something in another's system may be overwritten by what we ship.

What we push carries a mark: fingerprints of what we sent, and of what the other side
made of it. Whoever changes it there leaves the mark as it was, and the content no
longer fits.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

FINGERPRINT_LENGTH: Final = 12
"""Hexadecimal digits: 48 bits, for a handful of things that are compared in pairs."""

_MARK: Final = re.compile(
    rf"pushed-([0-9a-f]{{{FINGERPRINT_LENGTH}}})-([0-9a-f]{{{FINGERPRINT_LENGTH}}})"
)


@dataclass(frozen=True, slots=True)
class Mark:
    """What we leave on what we push.

    Attributes:
        sent: Fingerprint of what we sent.
        kept: Fingerprint of what the other side gave back right after. It differs
            from *sent* where a newer version adds defaults of its own.
    """

    sent: str
    kept: str

    def text(self) -> str:
        """As it is written down; 32 characters, for a tag of Grafana may have 50."""
        return f"pushed-{self.sent}-{self.kept}"


def mark_in(text: str) -> Mark | None:
    """The mark that *text* is; None when it is none."""
    found = _MARK.fullmatch(text)
    return Mark(found[1], found[2]) if found else None


@dataclass(frozen=True, slots=True)
class Found:
    """What lies there now.

    Attributes:
        fingerprint: Of the content, without our mark.
        mark: Ours; None when there is none.
        locked: It belongs to a file that the other side reads, and cannot be written.
    """

    fingerprint: str
    mark: Mark | None = None
    locked: bool = False


class Action(StrEnum):
    """What is to be done."""

    CREATE = "create"
    UPDATE = "update"
    NOTHING = "nothing"
    KEEP_CHANGED = "keep changed"
    """It was ours, and others have changed it since."""
    KEEP_FOREIGN = "keep foreign"
    """It has our name, and was never ours."""
    KEEP_LOCKED = "keep locked"
    """It is written by files, and by nothing else."""


KEPT: Final = frozenset({Action.KEEP_CHANGED, Action.KEEP_FOREIGN, Action.KEEP_LOCKED})
"""What is left alone, against the wish to push."""


def decide(ours: str, found: Found | None, *, force: bool) -> Action:
    """What to do with one thing.

    Args:
        ours: Fingerprint of what we ship.
        found: What lies there; None when nothing does.
        force: Overwrite what others have changed.
    """
    if found is None:
        return Action.CREATE
    mark = found.mark
    if mark is not None and mark.kept == found.fingerprint:
        return _refresh(found, stale=mark.sent != ours)
    if found.fingerprint == ours:
        # The same content without a mark: a file that somebody imported by hand.
        return _refresh(found, stale=not found.locked)
    if found.locked:
        return Action.KEEP_LOCKED
    if force:
        return Action.UPDATE
    return Action.KEEP_FOREIGN if mark is None else Action.KEEP_CHANGED


def _refresh(found: Found, *, stale: bool) -> Action:
    if not stale:
        return Action.NOTHING
    return Action.KEEP_LOCKED if found.locked else Action.UPDATE
