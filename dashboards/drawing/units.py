"""Values as Grafana writes them, for the units that our dashboards use."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final

_SCALES: Final = ((1e9, "Bil"), (1e6, "Mil"), (1e3, "K"))
_TIMES: Final = ((86_400, "day"), (3_600, "hour"), (60, "min"))


def written(value: float, unit: str, decimals: int | None = None) -> str:
    """A value with its unit."""
    if math.isnan(value):
        return "-"
    if math.isinf(value):
        return "Inf" if value > 0 else "-Inf"
    if unit == "percentunit":
        return f"{_plain(value * 100, 1 if decimals is None else decimals)}%"
    if unit in _WRITTEN:
        return _WRITTEN[unit](value)
    suffix = {"reqps": " req/s", "cps": " c/s", "cpm": " c/m"}.get(unit, "")
    return f"{_short(value, decimals)}{suffix}"


def _plain(value: float, decimals: int) -> str:
    text = f"{value:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _short(value: float, decimals: int | None) -> str:
    for scale, name in _SCALES:
        if abs(value) >= scale:
            return f"{_plain(value / scale, 1)} {name}"
    if decimals is not None:
        return _plain(value, decimals)
    if value == int(value):
        return f"{int(value)}"
    digits = 2 if abs(value) >= 1 else 3
    return _plain(value, digits)


def _seconds(value: float) -> str:
    size = abs(value)
    if size == 0:
        return "0 s"
    for scale, name in _TIMES:
        if size >= scale:
            return f"{_plain(value / scale, 1)} {name}"
    if size >= 1:
        return f"{_plain(value, 2)} s"
    if size >= 1e-3:  # noqa: PLR2004  # a millisecond
        return f"{_plain(value * 1e3, 0 if size >= 0.1 else 1)} ms"  # noqa: PLR2004  # a hundred of them
    return f"{_plain(value * 1e6, 0)} us"


def _bytes(value: float) -> str:
    for power, name in ((3, "GiB"), (2, "MiB"), (1, "KiB")):
        if abs(value) >= 1024**power:
            return f"{_plain(value / 1024**power, 1)} {name}"
    return f"{_plain(value, 0)} B"


_WRITTEN: Final[Mapping[str, Callable[[float], str]]] = {
    "s": _seconds,
    "dtdurations": _seconds,
    "ns": lambda value: _seconds(value / 1e9),
    "bytes": _bytes,
}
