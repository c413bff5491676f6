"""What stands in one black box, as OTLP requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from telemetry.capture.blackbox.reader import Found
from telemetry.capture.span_records import FinishedSpan
from telemetry.pipeline.otlp.envelope import encoded_resource, resource_of
from telemetry.pipeline.otlp.logs import LogEncoder
from telemetry.pipeline.otlp.spans import SpanEncoder


class BoxEncoder:
    """Encodes the records of one box. Not safe for several threads.

    Args:
        identity: As `telemetry.capture.blackbox.reader.BoxReader.identity` gives it.

    Attributes:
        resource: The attributes of the resource that every request names.
    """

    def __init__(self, identity: Mapping[str, Any]) -> None:
        self.resource: Final = resource_of(identity)
        encoded = encoded_resource(self.resource)
        self._logs = LogEncoder(encoded)
        self._spans = SpanEncoder(encoded)

    def logs(self, found: Sequence[Found], box_name: str) -> tuple[bytes, int]:
        """An ``ExportLogsServiceRequest`` of the lines in *found*; and their number.

        Args:
            found: Records of the box, as `BoxReader.poll_found` gives them; those
                that are no lines are passed over.
            box_name: Of the file, without its suffix: each record's
                ``log.record.uid`` begins with it.

        Returns:
            ``(b"", 0)`` when there is no line.
        """
        return self._logs.request(found, box_name)

    def spans(self, spans: Sequence[FinishedSpan]) -> tuple[bytes, int]:
        """An ``ExportTraceServiceRequest`` of *spans*, and their number.

        Those that the program's own exporters have are left out.

        Returns:
            ``(b"", 0)`` when there is none.
        """
        return self._spans.request(spans)

    @property
    def damaged(self) -> int:
        """Records that hold neither line nor span, and were left out."""
        return self._logs.damaged + self._spans.damaged
