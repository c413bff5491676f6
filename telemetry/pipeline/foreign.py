"""A log line that was not read from a box of ours: from plain OpenTelemetry."""

from __future__ import annotations

from typing import NamedTuple

from telemetry.capture.line import Line


class ForeignLine(NamedTuple):
    """A line that came in by OTLP.

    Attributes:
        uid: The attribute ``log.record.uid``: what tells a repeat of this line from
            another line like it. None where the sender gave none, as most do.
    """

    line: Line
    uid: str | None
