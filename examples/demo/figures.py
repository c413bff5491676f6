"""Numbers as people read them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least *share* of all do not exceed.

    Args:
        values: Sorted, and not empty.
        share: Above 0, at most 1.
    """
    return values[max(math.ceil(share * len(values)) - 1, 0)]


def quantiles(values: Iterable[float]) -> tuple[float, float, float, float] | None:
    """The 50th, 95th and 99th percentile, and the largest; None without values."""
    ordered = sorted(values)
    if not ordered:
        return None
    p50, p95, p99 = (percentile(ordered, share) for share in (0.5, 0.95, 0.99))
    return p50, p95, p99, ordered[-1]


def duration(value_s: float) -> str:
    """Three digits and a unit: 0.42 ms, 12.3 ms, 456 ms, 1.23 s, 78.9 s."""
    if value_s < 0.9995:
        return f"{_digits(value_s * 1000)} ms"
    return f"{_digits(value_s)} s"


def _digits(value: float) -> str:
    if value < 9.995:
        return f"{value:.2f}"
    return f"{value:.1f}" if value < 99.95 else f"{value:,.0f}"


def count(number: int, noun: str, plural: str = "") -> str:
    """1 input, 2 inputs, 1,234 inputs."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def listed(texts: Sequence[str]) -> str:
    """A, b and c."""
    if len(texts) < 2:
        return "".join(texts)
    return f"{', '.join(texts[:-1])} and {texts[-1]}"
