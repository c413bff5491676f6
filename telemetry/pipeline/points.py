"""A measured value of a metric, as plain data: derived, received, stored and sent.

One shape for all who handle metrics: the deriver makes points of what the dispatcher
saw, the receiver decodes foreign ones, the encoder makes OTLP of them, the store
keeps them.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Shape = Literal["counter", "up-down counter", "gauge", "histogram"]
"""What OTLP makes of it: a monotonic sum, a sum, a gauge, a histogram."""

Attribute = str | int | float | bool


class Exemplar(msgspec.Struct, frozen=True, gc=False):
    """One measurement that stands for many, with the trace that it came from.

    Attributes:
        trace_id: 16 bytes, big endian; empty when there is none.
        attributes: What is not on the point: ``input_id``.
    """

    unix_ns: int
    value: float
    trace_id: bytes = b""
    span_id: bytes = b""
    attributes: tuple[tuple[str, Attribute], ...] = ()


class Distribution(msgspec.Struct, frozen=True, gc=False):
    """The value of a histogram.

    Attributes:
        bounds: Upper bounds of the buckets, without infinity.
        counts: One more than there are bounds; not cumulative.
        sum: Of all values.
        min: The least of them; None when not known.
        max: The greatest of them; None when not known.
    """

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    sum: float
    min: float | None = None
    max: float | None = None

    @property
    def count(self) -> int:
        """How many values there were."""
        return sum(self.counts)


class Point(msgspec.Struct, frozen=True, gc=False):
    """The state of one series at one moment.

    Attributes:
        attributes: Sorted by name, so that equal series compare equal.
        start_unix_ns: Since when sums and histograms count; 0 for gauges.
        delta: Sums and histograms count since the point before, not since the start.
    """

    name: str
    unit: str
    shape: Shape
    attributes: tuple[tuple[str, Attribute], ...]
    start_unix_ns: int
    unix_ns: int
    value: float | Distribution
    description: str = ""
    exemplars: tuple[Exemplar, ...] = ()
    delta: bool = False
