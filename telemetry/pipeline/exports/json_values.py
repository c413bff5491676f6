"""Values and attributes in the form of OTLP/JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, Final

_INT64: Final = range(-(2**63), 2**63)

Json = dict[str, Any]


def attributes(given: Mapping[str, object]) -> list[Json]:
    """A list of ``KeyValue``."""
    return [{"key": name, "value": json_value(value)} for name, value in given.items()]


def json_value(value: object) -> Json:
    """An ``AnyValue``; what has no form becomes text."""
    form = _FORMS.get(type(value))
    return {"stringValue": str(value)} if form is None else form(value)


def double(value: float) -> float | str:
    """A number; NaN and the infinities by name, which JSON has no number for."""
    if isfinite(value):
        return value
    if value > 0:
        return "Infinity"
    return "-Infinity" if value < 0 else "NaN"


def _integer(value: int) -> Json:
    # As a string: 64 bits do not fit a number of JavaScript's.
    return {"intValue" if value in _INT64 else "stringValue": str(value)}


def _array(values: list[object] | tuple[object, ...]) -> Json:
    return {"arrayValue": {"values": [json_value(each) for each in values]}}


_FORMS: Final[dict[type, Callable[[Any], Json]]] = {
    str: lambda value: {"stringValue": value},
    bool: lambda value: {"boolValue": value},
    int: _integer,
    float: lambda value: {"doubleValue": double(value)},
    dict: lambda value: {"kvlistValue": {"values": attributes(value)}},
    list: _array,
    tuple: _array,
    type(None): lambda _value: {},
}
