"""Values of all kinds for property tests, and what a reader makes of them."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

INT64 = st.integers(-(2**63), 2**63 - 1)
LEGAL_SCALARS = (
    st.none()
    | st.booleans()
    | INT64
    | st.integers(-1_000, 20_000)
    | st.floats()
    | st.text(max_size=80)
)
"""What any exporter can send."""
SCALARS = LEGAL_SCALARS | st.text(st.characters(exclude_categories=[]), max_size=10)
"""Lone surrogates, too."""
NAMES = st.text(min_size=1, max_size=12)


def _nested(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3)
        ),
        max_leaves=5,
    )


LEGAL_VALUES = _nested(LEGAL_SCALARS | st.binary(max_size=8))
VALUES = _nested(SCALARS | st.binary(max_size=8) | st.integers(-(2**80), 2**80))


def read_value(value: AnyValue) -> Any:
    """The value that a message holds, as `comparable` has it."""
    kind = value.WhichOneof("value")
    if kind is None:
        return comparable(None)
    if kind == "array_value":
        return [read_value(each) for each in value.array_value.values]
    if kind == "kvlist_value":
        return read_all(value.kvlist_value.values)
    return comparable(getattr(value, kind))


def read_all(pairs: Any) -> dict[str, Any]:
    """Attributes as a dict; no key may be there twice."""
    found = {pair.key: read_value(pair.value) for pair in pairs}
    assert len(found) == len(pairs)
    return found


def read_one(message: bytes) -> tuple[str, Any]:
    """A ``KeyValue``."""
    pair = KeyValue.FromString(message)
    return pair.key, read_value(pair.value)


def expected(value: Any) -> Any:
    """What a reader should get of *value*."""
    if isinstance(value, dict):
        return {_text(str(key)): expected(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [expected(item) for item in value]
    if isinstance(value, str):
        return comparable(_text(value))
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return comparable(str(value))
    return comparable(value)


def comparable(value: Any) -> Any:
    """With its type, as True is 1 and 1.0 is 1; a NaN like any other."""
    if isinstance(value, float) and math.isnan(value):
        return (float, "nan")
    return (type(value), value)


def _text(value: str) -> str:
    return value.encode("utf-8", "backslashreplace").decode()
