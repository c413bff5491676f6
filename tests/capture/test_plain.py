"""Whatever is logged becomes plain, bounded and encodable."""

from __future__ import annotations

import enum
from unittest.mock import Mock

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

import telemetry
from telemetry.capture.line import Line
from telemetry.capture.plain import DEPTH, LINE_CHARS, TEXT_CHARS, plain_fields


class Hostile:
    def __repr__(self) -> str:
        raise ValueError("no")


class HostileType(type):
    @property
    def __name__(cls) -> str:  # type: ignore[override]
        raise RuntimeError("not even a name")


class Nameless(metaclass=HostileType):
    def __repr__(self) -> str:
        raise ValueError("no")


class Colour(enum.StrEnum):
    RED = "red"


class Broken(dict[str, int]):
    def items(self) -> object:  # type: ignore[override]
        raise OSError("gone")


def plain(value: object) -> object:
    """One value, made plain."""
    return plain_fields({"key": value})["key"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (3, 3),
        (0.5, 0.5),
        ("text", "text"),
        (Colour.RED, "red"),
        ((1, [2]), [1, [2]]),
        ({1: b"x"}, {"1": "b'x'"}),
        (b"\xff", "b'\\xff'"),
        ({1}, "{1}"),
        (2**63, str(2**63)),
        (-(2**63), -(2**63)),
        pytest.param(1 << 100_000, "<int of 100001 bits>", id="huge int"),
        ("a\udc80", "a\\udc80"),
        (Hostile(), "<unprintable Hostile: ValueError>"),
        (Nameless(), "<unprintable object: ValueError>"),
        (Broken(a=1), "<unprintable Broken: OSError>"),
    ],
)
def test_value_is_made_plain(value: object, expected: object) -> None:
    """Each kind of value has one plain form."""
    assert plain(value) == expected


def test_mock_of_a_builtin_is_described() -> None:
    """An object that lies about its class is described by its own repr."""
    assert str(plain(Mock(spec=dict))).startswith("<Mock spec='dict'")


def test_what_contains_itself_ends() -> None:
    """A cycle is written as Python writes it."""
    loop: dict[str, object] = {}
    loop["self"] = loop
    many: list[object] = []
    many += [many, [many]]

    assert plain(loop) == {"self": "{...}"}
    assert plain(many) == ["[...]", ["[...]"]]


def test_deep_nesting_ends() -> None:
    """What is nested too deep is described, not walked."""
    deep: list[object] = []
    for _ in range(10_000):
        deep = [deep]

    assert f"nested deeper than {DEPTH}" in str(plain(deep))


def test_many_items_end() -> None:
    """A line holds a bounded number of values, and says that there were more."""
    result = plain({"rows": list(range(1_000_000))})

    assert isinstance(result, dict)
    assert len(result["rows"]) < 10_000
    assert result["rows"][-1] == "… (more items)"


def test_many_keys_end() -> None:
    """Keys are bounded as well."""
    assert len(plain_fields({f"k{n}": n for n in range(100_000)})) < 10_000


def test_long_text_is_cut_and_says_so() -> None:
    """A cut text tells how much is missing."""
    result = str(plain("x" * (TEXT_CHARS + 7)))

    assert result == "x" * TEXT_CHARS + "… (+7 characters)"


def test_long_texts_share_a_budget() -> None:
    """All texts of a line together are bounded."""
    result = plain_fields({f"k{n}": "x" * TEXT_CHARS for n in range(50)})

    assert sum(len(str(value)) for value in result.values()) < LINE_CHARS + 50 * 40


def test_hostile_names_are_made_plain() -> None:
    """A key is bounded and encodable, too."""
    name = "k\udc80" + "x" * 1_000

    (key,) = plain_fields({name: 1})

    assert key.startswith("k\\udc80x")
    assert len(key) < 300


def test_repr_that_logs_ends(lines: list[Line]) -> None:
    """A repr that logs itself gets one inner line, and no more."""
    log = telemetry.get_logger()

    class Chatty:
        def __repr__(self) -> str:
            log.info("inner", me=self)
            return "chatty"

    log.info("outer", me=Chatty())

    assert [(line.event, line.fields) for line in lines] == [
        ("inner", {"me": "<Chatty>"}),
        ("outer", {"me": "chatty"}),
    ]


def test_interrupt_in_a_repr_passes() -> None:
    """A cancellation that arrives inside a repr is not swallowed."""

    class Interrupted:
        def __repr__(self) -> str:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        plain(Interrupted())


@given(
    st.recursive(
        st.none() | st.integers() | st.floats() | st.text() | st.binary() | st.dates(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_anything_is_encodable(value: object) -> None:
    """What was made plain goes through msgpack and JSON."""
    fields = plain_fields({"key": value, "text": "\ud800"})

    assert msgspec.msgpack.encode(fields)
    assert orjson.dumps(fields)
