"""A log line that was not read from a box: received, or written about a process."""

from __future__ import annotations

import msgspec

from telemetry.capture.line import Line


class ForeignLine(msgspec.Struct, frozen=True, gc=False):
    """A line from elsewhere.

    No NamedTuple: there is one for each record, and making a tuple with names takes
    ten times as long.

    Attributes:
        uid: Its attribute ``log.record.uid``, if it has one: a line whose uid is in
            the store already is not stored again.
    """

    line: Line
    uid: str | None = None
