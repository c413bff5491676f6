"""Exponential histograms with buckets of our kind; pure functions.

At a scale of *s* the buckets of OTLP end at powers of ``2 ** (2 ** -s)``: 160 of them,
and others a minute later, when the scale has changed. Here pairs of buckets are
merged until they are few; that loses resolution and nothing else, as the bounds of a
scale are among those of every finer one.

Source: OpenTelemetry metrics data model, "ExponentialHistogram".
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

MOST_BUCKETS: Final = 64
"""Of either sign, after merging."""
_SCALES: Final = range(-10, 21)
"""Source: the data model: implementations keep to -10 to 20; at -11 a bucket is wider
than the range of a double."""
_MOST_WIDTH: Final = 100_000
"""Buckets that a sender may give; the model's own limit is 160."""


class Buckets(NamedTuple):
    """Counts of neighbouring buckets; the first has the index *offset*."""

    offset: int
    counts: Sequence[int]


def explicit(
    scale: int, zeros: int, positive: Buckets, negative: Buckets
) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """Bounds and counts of the same distribution.

    Args:
        zeros: How many values were 0, or so close to it that they count as 0: they go
            into the bucket around it.

    Returns:
        Rising bounds, and one more count.

    Raises:
        ValueError: The scale or an index is beyond what a double can hold.
    """
    if scale not in _SCALES:
        raise ValueError(f"scale is {scale}; the range is -10 to 20")
    for side in (positive, negative):
        if len(side.counts) > _MOST_WIDTH:
            raise ValueError(f"{len(side.counts)} buckets; at most {_MOST_WIDTH}")
    positive, negative = _trimmed(positive), _trimmed(negative)
    while max(len(positive.counts), len(negative.counts)) > MOST_BUCKETS:
        scale -= 1
        positive, negative = _merged(positive), _merged(negative)
    below = [-edge for edge in reversed(_edges(scale, negative))]
    above = _edges(scale, positive)
    bounds = (*below, *above)
    if any(low >= high for low, high in pairwise(bounds)):
        raise ValueError("the buckets are too close to 0 for a double")
    counts = (
        *((0, *reversed(negative.counts)) if below else ()),
        zeros,
        *((*positive.counts, 0) if above else ()),
    )
    return bounds, counts


def _trimmed(side: Buckets) -> Buckets:
    """Without the empty buckets at both ends."""
    used = [at for at, count in enumerate(side.counts) if count]
    if not used:
        return Buckets(0, ())
    return Buckets(side.offset + used[0], side.counts[used[0] : used[-1] + 1])


def _merged(side: Buckets) -> Buckets:
    """At the next coarser scale: the bucket *i* is part of the bucket ``i >> 1``."""
    if not side.counts:
        return side
    first = side.offset >> 1
    counts = [0] * (((side.offset + len(side.counts) - 1) >> 1) - first + 1)
    for at, count in enumerate(side.counts, side.offset):
        counts[(at >> 1) - first] += count
    return Buckets(first, counts)


def _edges(scale: int, side: Buckets) -> list[float]:
    """The lower bound of the first bucket, and the upper bounds of all."""
    if not side.counts:
        return []
    step = 2.0**-scale
    try:
        return [
            2.0 ** ((side.offset + at) * step) for at in range(len(side.counts) + 1)
        ]
    except OverflowError:
        raise ValueError("a bucket ends beyond the range of a double") from None
