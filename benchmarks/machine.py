"""On what, and beside what, something was measured."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final, NamedTuple

PACKAGES: Final = ("uvloop", "msgspec", "cloudpickle", "orjson", "structlog")


class Load(NamedTuple):
    """How busy the machine is, others' work included.

    Attributes:
        average: Processes that ran or wanted to, over the last minute.
        stolen_ticks: What the host took from this guest so far.
        ticks: All ticks so far.
    """

    average: float
    stolen_ticks: int
    ticks: int


def describe() -> str:
    """Processor, cores, kernel and Python, in one line."""
    return (
        f"{_processor()}, {os.cpu_count()} CPUs, {platform.system()} "
        f"{platform.release()}, {platform.python_implementation()} "
        f"{platform.python_version()}"
    )


def versions(packages: Sequence[str] = PACKAGES) -> dict[str, str]:
    """The installed versions; ``-`` for what is not installed."""
    return {each: _version(each) for each in packages}


def load() -> Load:
    """How busy the machine is at this moment."""
    try:
        first = Path("/proc/stat").read_text("ascii").splitlines()[0]
        ticks = [int(each) for each in first.split()[1:9]]
    except OSError:
        ticks = [0] * 8
    return Load(os.getloadavg()[0], ticks[7], sum(ticks))


def stolen_ratio(before: Load, after: Load) -> float:
    """Which part of the time between the two the host took, 0 to 1."""
    return (after.stolen_ticks - before.stolen_ticks) / max(
        1, after.ticks - before.ticks
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        lines = []
    for line in lines:
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "-"
