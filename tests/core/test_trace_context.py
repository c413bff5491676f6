"""W3C trace context as text, and the derived ids of an input's spans."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.core import trace_context
from telemetry.core.ids import INPUT_PREFIX, IdSource
from telemetry.core.trace_context import (
    CLIENT,
    EXECUTION,
    QUEUE,
    TraceParent,
    client_span,
    derived_span_id,
    execution_span,
    packed,
    parse_traceparent,
    traceparent,
    unpacked,
)

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
HEADER = f"00-{TRACE}-{SPAN}-01"
PARENT = TraceParent(int(TRACE, 16), int(SPAN, 16))
INPUT = "in-01KAZ0M6ZJX8V1Q2W3E4R5T6Y7"

parents = st.builds(
    TraceParent,
    st.integers(1, 2**128 - 1),
    st.integers(1, 2**64 - 1),
    st.booleans(),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60),
    st.booleans(),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60),
)


def test_a_header_is_read_as_the_standard_has_it() -> None:
    """The ids, the flag and the state of the example of the standard arrive."""
    parent = parse_traceparent(HEADER, "congo=t61rcWkgMzE", "tenant=a")

    assert parent == PARENT._replace(state="congo=t61rcWkgMzE", baggage="tenant=a")


@pytest.mark.parametrize(
    "header",
    [
        None,
        7,
        b"00",
        "",
        "garbage",
        HEADER.upper(),
        HEADER[:-1],
        HEADER + "-more",
        HEADER.replace("-01", "-0g"),
        "ff" + HEADER[2:],
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"01-{TRACE}-{SPAN}-01more",
        HEADER.replace("0af", "\u0660af"),
        "x" * 1_000_000,
    ],
)
def test_what_is_no_parent_is_none(header: object) -> None:
    """An invalid header gives no parent, whatever it is."""
    assert parse_traceparent(header, "a=b") is None


@pytest.mark.parametrize("header", ["cc" + HEADER[2:], "01" + HEADER[2:] + "-what.is"])
def test_later_versions_are_read_as_far_as_they_are_known(header: str) -> None:
    """Of a version to come the first 55 characters hold."""
    assert parse_traceparent(header) == PARENT


def test_flags_are_kept_that_are_known() -> None:
    """Sampled and random are read bit by bit; others are not passed on."""
    parent = parse_traceparent(HEADER[:-2] + "fe")

    assert parent is not None
    assert (parent.sampled, parent.random) == (False, True)
    assert traceparent(parent) == HEADER[:-2] + "02"


@pytest.mark.parametrize("state", [None, 3, "a=b\r\nevil: 1", "ä=b", "x" * 9_000])
def test_a_state_that_fits_no_header_is_left_out(state: object) -> None:
    """A bad tracestate or baggage is dropped, and the parent stays valid."""
    assert parse_traceparent(HEADER, state, state) == PARENT


@given(parents)
def test_a_parent_survives_its_message(parent: TraceParent) -> None:
    """What is packed for a message is unpacked as it was."""
    assert unpacked(packed(parent)) == parent


def test_a_text_that_is_no_parent_unpacks_to_none() -> None:
    """A damaged message gives no parent, and no error."""
    assert unpacked("") is None
    assert unpacked("00-1\n\n") is None


def test_a_root_begins_a_trace_that_tells_when() -> None:
    """The first half of an id of ours is that of its trace id: so they sort alike."""
    source = IdSource(now_ms=lambda: 0x0123456789AB, random_bits=lambda _: 0xCDEF)
    input_id = source.one(INPUT_PREFIX)

    span = execution_span(input_id, 0, None)

    assert f"{span.trace_id:032x}".startswith("0123456789ab0000")
    assert span.sampled
    assert client_span(input_id, None).trace_id == span.trace_id


def fnv(trace_id: int) -> float:
    """Where the Collector's samplers see a trace, from 0 to 1: FNV-1a of 64 bits."""
    found = 0xCBF29CE484222325
    for byte in trace_id.to_bytes(16, "big"):
        found = (found ^ byte) * 0x100000001B3 % 2**64
    return found / 2**64


@pytest.mark.parametrize(
    "where",
    [fnv, lambda trace_id: trace_id % 2**56 / 2**56],
    ids=["FNV-1a", "last 56 bits"],
)
def test_a_share_of_a_burst_is_a_share(where: Callable[[int], float]) -> None:
    """Traces of inputs that count up are not kept all together, or all lost.

    Source of the second: W3C Trace Context Level 2, random-trace-id.
    """
    source = IdSource(now_ms=lambda: 1, random_bits=lambda _: 0x9E3779B97F4A7C15)
    ids = source.take(INPUT_PREFIX, 2_000)
    places = [where(execution_span(each, 0, None).trace_id) for each in ids]

    for tenth in range(10):
        here = sum(tenth <= 10 * each < tenth + 1 for each in places)
        assert 140 < here < 260  # 200 are due; four standard deviations are 54


def test_a_child_is_in_the_trace_of_its_parent() -> None:
    """Trace, decision, state and baggage are the parent's; the span id is its own."""
    parent = PARENT._replace(sampled=False, state="a=b", random=True, baggage="c=d")

    span = execution_span(INPUT, 0, parent)

    assert span == parent._replace(span_id=execution_span(INPUT, 0, None).span_id)
    assert client_span(INPUT, parent)[:1] == parent[:1]


def test_ids_of_a_burst_differ() -> None:
    """10,000 inputs of a burst, their attempts and kinds, share no span id."""
    source = IdSource(now_ms=lambda: 1, random_bits=lambda _: 1)
    found = [
        derived_span_id(each, attempt, kind)
        for each in source.take(INPUT_PREFIX, 10_000)
        for attempt in (0, 1)
        for kind in (EXECUTION, QUEUE, CLIENT)
    ]

    assert len(set(found)) == len(found)
    assert all(0 < each < 2**64 for each in found)


def test_names_for_spans_agree() -> None:
    """Every way to name the span of an execution gives the same id."""
    assert execution_span(INPUT, 3, None).span_id == derived_span_id(INPUT, 3, 0)
    assert client_span(INPUT, None).span_id == derived_span_id(INPUT, 0, CLIENT)


def test_derived_ids_are_a_format() -> None:
    """They never change: another version reads the black box of this one."""
    assert traceparent(execution_span(INPUT, 0, None)) == (
        "00-019abe0a1bf2ea364e1868ef1449091a-a1e9f1213fd365c0-01"
    )
    assert traceparent(execution_span("job-7", 0, None)) == (
        "00-b89816f50f31c2bc95604d1657c106a9-71f7fa08febc9c59-01"
    )


def test_the_mixer_is_splitmix64() -> None:
    """Its outputs for a seed are those that other implementations publish.

    Source: the test vector of the task "Pseudo-random numbers/Splitmix64" of Rosetta
    Code.
    """
    found = [trace_context._mixed(1234567, number) for number in (0, 1, 2)]

    assert found == [6457827717110365317, 3203168211198807973, 9817491932198370423]


@given(st.text(), st.integers(0, 20))
def test_any_text_is_an_input_id(input_id: str, attempt: int) -> None:
    """An id that another runtime gave has valid ids of spans, always the same."""
    span = execution_span(input_id, attempt, None)

    assert 0 < span.trace_id < 2**128
    assert 0 < span.span_id < 2**64
    assert span == execution_span(input_id, attempt, None)
    assert parse_traceparent(traceparent(span)) == span


@pytest.mark.parametrize(
    "input_id",
    [
        "in-" + "0" * 26,
        "in-" + "Z" * 26,
        INPUT.lower(),
        INPUT[:-1] + "U",
        INPUT[:-1] + "_",
        INPUT[:-2] + "é",
        "in-\ud800",
    ],
)
def test_what_only_looks_like_our_id_is_hashed(input_id: str) -> None:
    """No such id is a ULID; each gets a trace of its own and none raises."""
    span = execution_span(input_id, 0, None)

    assert 0 < span.trace_id < 2**128
    assert span.trace_id != execution_span(INPUT, 0, None).trace_id
