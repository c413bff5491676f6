"""The short way to read an attribute says what the long one does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from telemetry.pipeline.otlp.wire import MalformedError
from telemetry.pipeline.receiver.attribute_reading import REMEMBERED, attribute
from telemetry.pipeline.receiver.placing import FIELD, OWN, Placed, Places
from tests.pipeline.receiver.otlp import any_value, pairs

VALUES = st.one_of(
    st.text(max_size=140),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(0, 2**30),
    st.floats(allow_nan=False),
    st.booleans(),
    st.binary(max_size=5),
    st.lists(st.integers(0, 9), max_size=2),
)


def place(name: str, value: object) -> Placed:
    """One name is ours."""
    return (OWN, "ours", value) if name == "own" else (FIELD, name, value)


def raw(name: str, value: object) -> bytes:
    """An attribute on the wire."""
    return bytes(pairs({name: value})[0].SerializeToString())


@given(st.lists(st.tuples(st.sampled_from(["a", "own", "é"]), VALUES), max_size=8))
def test_the_short_way_is_the_long_one(given_: list[tuple[str, object]]) -> None:
    """Whatever was learned before: place, name and value are the same, in type too."""
    places = Places({"own"}, place)
    for name, value in given_ * 2:
        data = raw(name, value)
        found, expected = places[data], place(*attribute(data))
        assert found == expected
        assert type(found[2]) is type(expected[2])


@given(st.binary(max_size=40), st.integers(0, 3))
def test_garbage_by_the_short_way(noise: bytes, cut: int) -> None:
    """Also where the name is known: what the parser refuses is refused."""
    places = Places(set(), place)
    sound = raw("a", "text")
    assert places[sound] == (FIELD, "a", "text")
    data = sound[: len(sound) - cut] + noise
    try:
        expected = place(*attribute(data))
    except MalformedError:
        try:
            places[data]
        except MalformedError:
            return
        raise AssertionError(f"{data!r} was read") from None
    assert places[data] == expected


def test_it_begins_anew_when_it_is_full() -> None:
    """Memory is bounded, and nothing is wrong afterwards."""
    places = Places(set(), place)
    for number in range(REMEMBERED + 10):
        assert places[raw("a", f"text {number}")] == (FIELD, "a", f"text {number}")

    assert len(places) <= REMEMBERED


def test_numbers_with_a_point_are_not_remembered() -> None:
    """They seldom come again, and would push out what does."""
    places = Places(set(), place)
    for number in range(10):
        places[raw("a", number + 0.5)]

    assert len(places) <= 1


def test_a_value_without_a_name() -> None:
    """A ``KeyValue`` without a key, and one without a value."""
    places = Places(set(), place)

    assert places[b""] == (FIELD, "", None)
    assert places[b"\x12" + bytes([4]) + any_value("ab").SerializeToString()] == (
        FIELD,
        "",
        "ab",
    )
