"""Values and attributes in the form of OTLP/JSON."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any, Final

_INT64: Final = range(-(2**63), 2**63)


def attributes(given: Mapping[str, object]) -> list[dict[str, Any]]:
    """A list of ``KeyValue``."""
    return [{"key": name, "value": json_value(value)} for name, value in given.items()]


def json_value(value: object) -> dict[str, Any]:
    """An ``AnyValue``; what has no form becomes text."""
    if isinstance(value, Mapping):
        return {"kvlistValue": {"values": attributes(value)}}
    if isinstance(value, list | tuple):
        return {"arrayValue": {"values": [json_value(each) for each in value]}}
    return {} if value is None else _scalar(value)


def _scalar(value: object) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int) and value in _INT64:
        return {"intValue": str(value)}  # 64 bits do not fit a number of JavaScript's
    if isinstance(value, float):
        return {"doubleValue": double(value)}
    return {"stringValue": str(value)}


def double(value: float) -> float | str:
    """A number; NaN and the infinities by name, which JSON has no number for."""
    if isfinite(value):
        return value
    if value > 0:
        return "Infinity"
    return "-Infinity" if value < 0 else "NaN"
