"""What the readers of logs, spans and metrics share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from google.protobuf.message import DecodeError

from telemetry.capture.span_records import SPAN_ID_BYTES, TRACE_ID_BYTES
from telemetry.pipeline.otlp.wire import MalformedError
from telemetry.pipeline.receiver.attribute_reading import (
    MOST_PARTS,
    Remembered,
    attribute,
    bounded,
    read_all,
)
from telemetry.pipeline.receiver.schema import Message

Attributes = dict[str, object]

INT64_MAX: Final = 2**63 - 1
"""The largest integer that sqlite, msgpack and OTLP's own JSON readers agree on."""

NO_TRACE: Final = bytes(TRACE_ID_BYTES)
NO_SPAN: Final = bytes(SPAN_ID_BYTES)
"""An id of zeros is none. Source: W3C trace context."""


class Tally:
    """What was found in a request, and what went wrong.

    Attributes:
        items: Log records, spans or data points that were kept.
        refused: Those that were removed.
        left_out: Parts that were removed, or kept and not read.
        changed: Something was removed: the request is no longer what came in.
    """

    __slots__ = ("changed", "items", "left_out", "refused")

    def __init__(self) -> None:
        self.items = 0
        self.refused = 0
        self.left_out = 0
        self.changed = False

    def mended(self, left_out: int) -> None:
        """So many parts were left out, and may have been removed."""
        self.left_out += left_out
        self.changed = self.changed or left_out > 0


def parsed(parse: Callable[[bytes], Message], raw: bytes) -> Message:
    """The message in *raw*.

    Raises:
        MalformedError: It holds none.
    """
    try:
        return parse(raw)
    except DecodeError as error:
        raise MalformedError(str(error)) from None


def mapping(attributes: Message, tally: Tally) -> Attributes:
    """A field of attributes as a dict; of two with one name the last counts."""
    pairs, left_out = read_all(attributes, _read)
    tally.mended(left_out)
    return bounded(dict(pairs))


def strict_mapping(attributes: Message) -> Attributes:
    """The same for what lies within a part, which is removed as a whole.

    Raises:
        MalformedError: One of the attributes cannot be read.
    """
    return bounded(dict(map(_read, attributes[:MOST_PARTS])))


def sane_ns(unix_ns: int, instead: int) -> int:
    """A time of OTLP, or *instead* where it is missing or beyond the year 2262."""
    return unix_ns if 0 < unix_ns <= INT64_MAX else instead


_read: Final = Remembered(attribute).__getitem__
