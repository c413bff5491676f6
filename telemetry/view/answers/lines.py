"""Log lines for the page; see `timeline`."""

from __future__ import annotations

import msgspec


class Line(msgspec.Struct):
    """A line of the store.

    Attributes:
        id: Its number; rises in the order of arrival.
        cursor: Its place in the order of time.
        fields: Name and value, both as text.
        cut_chars: How much of a long text is left out here.
    """

    id: int
    at_ms: float
    cursor: str
    level: str
    event: str
    logger: str | None = None
    input_id: str | None = None
    function: str | None = None
    attempt: int | None = None
    container_id: str | None = None
    slot: int | None = None
    late: bool = False
    stream: str | None = None
    thread: str = ""
    exception: str | None = None
    candidates: list[str] = []  # msgspec copies an empty default
    fields: list[tuple[str, str]] = []
    cut_chars: int = 0


class LinesPage(msgspec.Struct):
    """Lines that fit a query, the oldest first.

    Attributes:
        older: Ask for what is before this place; None when nothing is.
        newer: The same for what comes after.
        last: Number of the newest line of all, for who wants to follow.
    """

    lines: list[Line]
    older: str | None
    newer: str | None
    last: int
    took_ms: float


class Tail(msgspec.Struct):
    """What has come in; *skipped* more came at the same time."""

    lines: list[Line]
    skipped: int
