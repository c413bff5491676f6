"""A deriver that has taken in records made by hand, and what its points say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from telemetry.capture.runtime_records import (
    Record,
)
from telemetry.pipeline.metrics.deriver import Deriver
from telemetry.pipeline.points import Distribution, Point
from tests.pipeline.made_records import (
    declared,
)

START_NS = 1_000
NOW_NS = 2_000
RESIZE = {"input.function": "resize", "input.mode": "async"}

Said = dict[str, list[tuple[dict[str, Any], Any]]]


def deriver(*taken: Record, temporality: Any = "cumulative") -> Deriver:
    """A deriver that has taken these in, and the declaration of their pool before."""
    made = Deriver(START_NS, temporality)
    for record in (declared(), *taken):
        made.take(record, NOW_NS)
    return made


def said(points: Sequence[Point]) -> Said:
    """What the points say by instrument, without counters that stand at zero.

    Of a histogram: how many values, and their sum.
    """
    found: Said = {}
    for point in points:
        value: Any = point.value
        if isinstance(value, Distribution):
            value = (value.count, value.sum)
        if value != 0 or point.shape != "counter":
            found.setdefault(point.name, []).append((dict(point.attributes), value))
    return found


def derived(*taken: Record) -> Said:
    """What is said after these."""
    return said(deriver(*taken).collect(NOW_NS))


def own(**more: Any) -> dict[str, Any]:
    """Attributes of a point of `resize`."""
    return {
        **RESIZE,
        **{f"input.{name.replace('_', '.')}": v for name, v in more.items()},
    }


FAAS = {**RESIZE, "faas.trigger": "other"}
