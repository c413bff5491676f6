"""Every value is encoded legally, and read back as it was."""

from __future__ import annotations

import random
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from telemetry.pipeline.otlp.attributes import Attributes, UnusualError
from telemetry.pipeline.otlp.values import any_value, attribute
from telemetry.pipeline.otlp.wire import (
    MalformedError,
    fields,
    framed,
    read_varint,
    varint,
)
from tests.pipeline.otlp.plain_values import (
    INT64,
    NAMES,
    SCALARS,
    VALUES,
    expected,
    read_all,
    read_value,
)

ATTRIBUTES = b"\x4a"
"""Of a span."""


@given(VALUES)
def test_value(value: Any) -> None:
    """Whatever it is: nested, bytes, None, large, NaN, no legal text."""
    assert read_value(AnyValue.FromString(any_value(value))) == expected(value)


class _Nameless:
    def __str__(self) -> str:
        raise ValueError("no")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (_Nameless(), "<unprintable _Nameless: ValueError>"),
        (3 + 4j, "(3+4j)"),
        ({1: "a", "1": "b"}, {"1": "b"}),
        (10**5_000, hex(10**5_000)),
        ((1, 2), [1, 2]),
        (bytearray(b"x"), b"x"),
    ],
    ids=lambda _value: "",
)
def test_values_that_are_not_plain(value: Any, text: Any) -> None:
    """What is no plain data is described; nothing raises."""
    assert sys.get_int_max_str_digits() < 5_000
    found = read_value(AnyValue.FromString(any_value(value)))
    assert found == expected(text)


def test_values_that_contain_themselves() -> None:
    """They come to an end, and a reader takes them."""
    value: list[Any] = ["x"]
    value.append(value)

    assert AnyValue.FromString(any_value(value)).array_value.values[0].string_value


@settings(max_examples=50)
@given(st.dictionaries(NAMES, VALUES, max_size=8))
def test_attributes_the_short_way(attributes: dict[str, Any]) -> None:
    """As the thorough way, whatever was seen before; twice, so that it was."""
    encoder = Attributes(9)
    for _ in range(2):
        parts: list[bytes] = []
        encoder.put(attributes, parts)
        thorough = [attribute(ATTRIBUTES, *each) for each in attributes.items()]

        assert b"".join(parts) == b"".join(thorough)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.sampled_from("abc"), SCALARS), max_size=200))
def test_no_value_is_taken_for_another(pairs: list[tuple[str, Any]]) -> None:
    """True, 1 and 1.0 are equal in Python, and not here; and memory is bounded."""
    encoder = Attributes(9)
    ones: list[tuple[str, Any]] = [
        ("a", each) for each in (1, True, 1.0, 0, False, 0.0)
    ]
    for name, value in (*ones, *pairs, *reversed(ones)):
        parts: list[bytes] = []
        encoder.put({name: value}, parts)
        span = Span.FromString(b"".join(parts))

        assert read_all(span.attributes) == {name: expected(value)}


def test_memory_is_bounded() -> None:
    """Ids that are new each time, and keys too, are not kept for ever."""
    encoder = Attributes(9)
    for number in range(5_000):
        encoder.put({"id": f"in-{number}", f"key-{number % 900}": number}, [])

    keys = encoder._keys
    assert len(keys) <= 256
    assert all(len(key.texts) + len(key.numbers) <= 64 for key in keys.values())


@pytest.mark.parametrize("pair", [("mine", 1), ("x" * 300, 1), ("a", [1]), ("a", b"")])
def test_what_the_short_way_refuses(pair: tuple[str, Any]) -> None:
    """Keys that need more than encoding, and values that are nested."""
    with pytest.raises(UnusualError):
        Attributes(6, {"mine"}).put(dict([pair]), [])


def test_no_name() -> None:
    """OpenTelemetry allows no empty key."""
    parts: list[bytes] = []
    Attributes(9).put({"": 1}, parts)

    assert read_all(Span.FromString(parts[0]).attributes) == {"_": expected(1)}
    assert attribute(ATTRIBUTES, "", 1) == parts[0]


@given(INT64)
def test_varint(number: int) -> None:
    """As protobuf has it, and back."""
    data = varint(number)
    value = AnyValue.FromString(b"\x18" + data)

    assert value.int_value == number
    assert read_varint(data, 0, len(data)) == (number % 2**64, len(data))


@pytest.mark.parametrize(
    "data",
    [
        b"\x0a\x05abc",  # ends too early
        b"\x0b",  # a group
        b"\x08\xff",  # a varint without an end
        b"\x08" + b"\xff" * 11,
        b"\x09\x00",
        b"\xff",
    ],
)
def test_malformed(data: bytes) -> None:
    """What is no message is told apart, and nothing is read beyond the end."""
    with pytest.raises(MalformedError):
        list(fields(data))


@given(st.binary(max_size=60))
def test_any_bytes(data: bytes) -> None:
    """Fields, or an error; never anything else."""
    try:
        found = list(fields(data))
    except MalformedError:
        return
    assert all(field.end <= len(data) for field in found)


def test_long_fields() -> None:
    """Lengths of more than two bytes."""
    text = random.Random(1).randbytes(40_000).hex()

    assert AnyValue.FromString(any_value(text)).string_value == text
    assert framed(b"\x0a", b"x" * 20_000)[:4] == b"\x0a\xa0\x9c\x01"
