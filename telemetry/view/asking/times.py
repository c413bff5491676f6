"""Nanoseconds of the store as the milliseconds of a page, and back."""

from __future__ import annotations

from typing import Final, overload

NS_PER_MS: Final = 1_000_000


@overload
def ms(ns: int) -> float: ...
@overload
def ms(ns: None) -> None: ...
@overload
def ms(ns: int | None) -> float | None: ...


def ms(ns: int | None) -> float | None:
    """Unix nanoseconds as milliseconds; a float holds them to a microsecond."""
    return None if ns is None else ns // 1000 / 1000


def ns(milliseconds: float) -> int:
    """Milliseconds as nanoseconds."""
    return round(milliseconds * NS_PER_MS)
