"""What of a store is written to a file, and how far that is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from telemetry.core.errors import InvalidError

AT_ONCE: Final = 1_000
"""Rows of one question: the store is let go of in between, and memory stays small."""

QUESTION_S: Final = 600.0
"""Seconds that one question may take: what is wanted may be far apart."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What is wanted; what is None does not matter.

    Attributes:
        since_ns: What was written, ended or measured then, or later; Unix nanoseconds.
        until_ns: What was written or began before.
        function: Of its inputs.
        container_id: Of its inputs and its process.
        input_id: Of this one alone.

    Raises:
        InvalidError: The time is empty.
    """

    since_ns: int | None = None
    until_ns: int | None = None
    function: str | None = None
    container_id: str | None = None
    input_id: str | None = None

    def __post_init__(self) -> None:
        since_ns, until_ns = self.since_ns, self.until_ns
        if since_ns is not None and until_ns is not None and since_ns >= until_ns:
            raise InvalidError(
                f"the time is from {since_ns} to {until_ns}; it must have a length"
            )


ALL: Final = Selection()


class Progress(NamedTuple):
    """How far it is.

    Attributes:
        what: ``lines``, ``spans`` and so on.
        done: Of *total*, so many have been looked at.
        written: Of these, those that were wanted.
    """

    what: str
    done: int
    total: int
    written: int


OnProgress = Callable[[Progress], object]
"""Called now and then, in the thread that writes."""


def silent(_progress: Progress) -> None:
    """Tell nobody."""
