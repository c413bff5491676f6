"""What comes again is decoded once, and everything as if it were decoded anew."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.capture.blackbox import decoding
from telemetry.capture.blackbox.decoding import Head, RecordDecoder, whole
from telemetry.capture.blackbox.records import EXECUTION, encode
from telemetry.capture.span_records import Settled

NS = 1_700_000_000_000_000_000
WHO = ["in-1", "fc-1", "embed", 0, "ct-1", 3, None, False, None, None]


def line(
    event: Any = "said", *more: Any, who: Any = WHO, thread: Any = "main", at: Any = NS
) -> list[Any]:
    """A line as it is written."""
    return [20, ["app", {"bound": 1}], who, thread, [at, event, [], {"n": 1}], *more]


def read(decoder: RecordDecoder, record: object) -> tuple[Any, Head | None]:
    """The record that comes out, as lists, and its head."""
    decoded = decoder.decode(encode(record))
    assert decoded is not None
    return msgspec.msgpack.decode(encode(whole(*decoded))), decoded[1]


PARTS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.text(max_size=3),
    st.lists(st.integers(0, 3), max_size=3),
    st.dictionaries(st.one_of(st.text(max_size=2), st.integers(0, 3)), st.none()),
)
LINES = st.builds(
    lambda more, said, **parts: [
        *(parts["level"], parts["logger"], parts["who"], parts["thread"], said),
        *more,
    ],
    more=st.lists(st.one_of(st.just({"stream": "stdout"}), PARTS), max_size=2),
    said=st.one_of(
        st.tuples(st.just(NS), st.text(max_size=3), st.just([]), st.just({})).map(list),
        st.lists(PARTS, max_size=5),
    ),
    level=st.sampled_from([10, 20, 50, 7, 300]),
    logger=st.one_of(st.just(["app", {}]), PARTS),
    who=st.one_of(st.just(WHO), PARTS),
    thread=st.sampled_from(["main", "t", 7]),
)


@given(st.lists(LINES, max_size=12))
def test_records_come_out_as_they_were_written(records: list[Any]) -> None:
    """Whatever their parts are, and whichever of them came before."""
    decoder = RecordDecoder()
    for record in records * 2:
        assert read(decoder, record)[0] == record


def test_lines_that_begin_alike_have_one_head() -> None:
    """So that what is made of a head is made once."""
    decoder = RecordDecoder()
    heads = [read(decoder, line(event))[1] for event in "abc"]

    assert heads[0] is not None
    assert heads[0].parts == (20, ("app", {"bound": 1}), tuple(WHO), "main")
    assert heads == [heads[0]] * 3


def test_each_of_many_heads_is_found_again() -> None:
    """Inputs and threads take turns in a block, and their heads differ in length."""
    decoder = RecordDecoder()
    turns = [line(who=who, thread="t" * n) for n in range(5) for who in (None, WHO)]
    first = [read(decoder, each)[1] for each in turns]

    assert len(set(first)) == len(turns)
    assert [read(decoder, each)[1] for each in turns] == first


def test_a_line_with_a_sixth_part_has_a_head_too() -> None:
    """Another one than a line without: it begins with another byte."""
    decoder = RecordDecoder()
    plain, printed = line("x"), line("x", {"stream": "stdout"})
    heads = [read(decoder, each)[1] for each in (plain, printed, printed)]

    assert heads[0] is not heads[1] is heads[2] is not None
    assert read(decoder, printed)[0] == printed


@pytest.mark.parametrize(
    "odd",
    [line(7), line(at="now"), line("x", None), line("x", {}, {})],
    ids=["event", "time", "sixth part", "seven parts"],
)
def test_a_line_of_another_form_has_no_head(odd: list[Any]) -> None:
    """Not even where its head is known: its reader has to look at all of it."""
    decoder = RecordDecoder()
    read(decoder, line())

    assert read(decoder, odd) == (odd, None)


def test_what_is_damaged_behind_a_known_head_is_nothing() -> None:
    """Cut off, or with something behind it."""
    decoder = RecordDecoder()
    body = encode(line())
    assert decoder.decode(body) is not None

    assert [decoder.decode(body[:size]) for size in range(len(body))] == [None] * len(
        body
    )
    assert decoder.decode(body + b"\x00") is None


def test_no_more_is_remembered_than_there_is_room_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of heads, of their lengths, of their bytes; all is read none the less."""
    monkeypatch.setattr(decoding, "_REMEMBERED", 3)
    monkeypatch.setattr(decoding, "_SIZES", 2)
    monkeypatch.setattr(decoding, "_HEAD_BYTES", 200)
    decoder = RecordDecoder()
    for size in [*range(1, 9), 3, 300, 300]:
        record = line(thread="t" * size)
        assert read(decoder, record)[0] == record
        assert len(decoder._heads) <= 3
        assert len(decoder._sizes) <= 2
        assert max(map(len, decoder._heads)) <= 200


def test_an_execution_is_decoded_to_what_it_says() -> None:
    """Once, for all who want it; what cannot be one is left as it is."""
    settled = Settled("in-1", NS, NS + 1, "success", own={"k": [1]})
    decoder = RecordDecoder()
    decoded = decoder.decode(encode((EXECUTION, None, NS + 1, settled)))

    assert decoded == ((EXECUTION, None, NS + 1, settled), None)
    assert read(decoder, [EXECUTION, None, NS, "none"])[0] == [
        *(EXECUTION, None, NS, "none")
    ]
