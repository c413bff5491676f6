"""A log line that was not read from a box of ours: from plain OpenTelemetry."""

from __future__ import annotations

import msgspec

from telemetry.capture.line import Line


class ForeignLine(msgspec.Struct, frozen=True, gc=False):
    """A line that came in by OTLP.

    No NamedTuple: there is one for each record, and making a tuple with names takes
    ten times as long.

    Attributes:
        uid: The attribute ``log.record.uid``: what tells a repeat of this line from
            another line like it. None where the sender gave none, as most do.
    """

    line: Line
    uid: str | None
