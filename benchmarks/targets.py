"""The targets of the runtime's dispatch, and whether figures meet them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from benchmarks.measure import Measured

ALMOST: Final = 0.005
"""Below this share of a limit, a miss is rounding."""

SMALL_MISS: Final = 1.5
"""Up to this factor, a miss is told in percent."""


class Tables(NamedTuple):
    """What was measured with a hundred in flight, with one, and with pauses."""

    many: Measured
    one: Measured
    pauses: Measured


class Found(NamedTuple):
    """A figure: wall, and where CPU means the same, CPU."""

    value: float
    cpu: float | None = None
    iqr: float | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure should be.

    Attributes:
        find: The figure; None when what it needs was not measured.
        unit: What is printed behind figures.
        at_least: The limit is the least; otherwise it is the most.
    """

    key: str
    what: str
    limit: float
    find: Callable[[Tables], Found | None]
    unit: str = "x"
    at_least: bool = False


def verdicts(targets: Sequence[Target], tables: Tables) -> list[list[str]]:
    """One row per target: what was wanted, what was found, met or missed."""
    return [_row(target, target.find(tables)) for target in targets]


def ratio(name: str, to: str) -> Callable[[Tables], Found | None]:
    """Wall time of one case to another's, a hundred in flight."""
    return lambda tables: _ratio(tables.many, name, to)


def latency_ratio(name: str, to: str) -> Callable[[Tables], Found | None]:
    """Wall time of one case to another's, one in flight."""
    return lambda tables: _ratio(tables.one, name, to)


def pause_ratio(name: str, to: str) -> Callable[[Tables], Found | None]:
    """Wall time of one case to another's, with pauses."""
    return lambda tables: _ratio(tables.pauses, name, to)


def share_of_ideal(name: str, ideal_us: float) -> Callable[[Tables], Found | None]:
    """Which part of the ideal throughput a case with pauses reaches, in percent."""

    def find(tables: Tables) -> Found | None:
        if name not in tables.pauses.blocks:
            return None
        return Found(100 * ideal_us / tables.pauses.median_us(name))

    return find


def cpu_us(name: str) -> Callable[[Tables], Found | None]:
    """CPU time per input of a case with pauses."""

    def find(tables: Tables) -> Found | None:
        if name not in tables.pauses.blocks:
            return None
        used_us = tables.pauses.cpu_median_us(name)
        return None if used_us is None else Found(used_us)

    return find


def _ratio(measured: Measured, name: str, to: str) -> Found | None:
    if name not in measured.blocks or to not in measured.blocks:
        return None
    wall = measured.ratio(name, to)
    cpu = measured.cpu_ratio(name, to)
    return Found(wall.median, None if cpu is None else cpu.median, wall.iqr)


def _row(target: Target, found: Found | None) -> list[str]:
    sign = "at least" if target.at_least else "at most"
    wanted = f"{sign} {target.limit:g} {target.unit}"
    if found is None:
        return [target.key, target.what, wanted, "not measured", "", "", ""]
    over = found.value / target.limit
    if target.at_least:
        over = target.limit / found.value
    verdict = "met" if over <= 1 + ALMOST else f"missed by a factor of {over:.1f}"
    if 1 + ALMOST < over < SMALL_MISS:
        verdict = f"missed by {over - 1:.0%}"
    return [
        target.key,
        target.what,
        wanted,
        f"{found.value:,.2f} {target.unit}",
        "" if found.iqr is None else f"{found.iqr:.2f}",
        "" if found.cpu is None else f"{found.cpu:,.2f} {target.unit}",
        verdict,
    ]
