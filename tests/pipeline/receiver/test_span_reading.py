"""Spans of OTLP become finished spans."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from telemetry.capture.span_records import (
    ERROR,
    INTERNAL,
    SERVER,
    FinishedSpan,
    SpanEvent,
    SpanLink,
)
from telemetry.pipeline.receiver.decoding import Decoded, decode_spans
from tests.pipeline.receiver.otlp import pairs, spans_request

NOW_NS = 1_790_000_000_000_000_000
TRACE, OTHER = b"t" * 16, b"o" * 16
SPAN, ABOVE = b"s" * 8, b"p" * 8


def span(**changes: Any) -> Span:
    """A span with ids, and *changes*."""
    return Span(**{"trace_id": TRACE, "span_id": SPAN, **changes})


def decoded(*spans: Span) -> Decoded[FinishedSpan]:
    """What a request with these spans is."""
    return decode_spans(spans_request(spans), NOW_NS)


def one(**changes: Any) -> FinishedSpan:
    """The finished span of a span with *changes*."""
    return decoded(span(**changes)).groups[0][1][0]


def test_everything_of_a_span_arrives() -> None:
    """Ids, times, attributes, events, links, status and scope; ours lie apart."""
    found = one(
        parent_span_id=ABOVE,
        trace_state="a=b",
        name="resize",
        kind=SERVER,
        start_time_unix_nano=10,
        end_time_unix_nano=20,
        attributes=pairs({"input.id": "in-1", "http.route": "/x", "size": 3}),
        dropped_attributes_count=1,
        events=[Span.Event(time_unix_nano=15, name="e", attributes=pairs({"k": [1]}))],
        dropped_events_count=2,
        links=[Span.Link(trace_id=OTHER, span_id=ABOVE, trace_state="c=d")],
        dropped_links_count=3,
        status=Status(code=Status.STATUS_CODE_ERROR, message="no"),
    )

    assert found == FinishedSpan(
        TRACE,
        SPAN,
        ABOVE,
        "a=b",
        "resize",
        SERVER,
        10,
        20,
        {"input.id": "in-1"},
        {"http.route": "/x", "size": 3},
        (SpanEvent("e", 15, {"k": [1]}),),
        (SpanLink(OTHER, ABOVE, "c=d"),),
        ERROR,
        "no",
        1,
        2,
        3,
        "shop.cart",
        "1.2",
    )


@pytest.mark.parametrize(
    "ids",
    [
        {"trace_id": b""},
        {"trace_id": bytes(16)},
        {"span_id": bytes(8)},
        {"span_id": b"s" * 9},
        {"trace_id": b"t" * 15},
    ],
)
def test_spans_without_ids_are_refused(ids: dict[str, bytes]) -> None:
    """They are in neither the store nor what goes on; their neighbours are in both."""
    found = decoded(span(name="first"), span(**ids), span(name="last"))

    assert (found.items, found.refused) == (2, 1)
    assert [each.name for each in found.groups[0][1]] == ["first", "last"]
    assert decode_spans(found.body, NOW_NS).groups == found.groups


@pytest.mark.parametrize(
    ("start_ns", "end_ns", "expected"),
    [
        (10, 20, (10, 20)),
        (20, 10, (20, 20)),
        (0, 20, (20, 20)),
        (10, 2**64 - 1, (10, 10)),
        (0, 0, (NOW_NS, NOW_NS)),
        (2**63, 2**63, (NOW_NS, NOW_NS)),
    ],
)
def test_times_that_cannot_be(
    start_ns: int, end_ns: int, expected: tuple[int, int]
) -> None:
    """No span ends before it starts, or after what 64 bits can say."""
    found = one(start_time_unix_nano=start_ns, end_time_unix_nano=end_ns)

    assert (found.start_unix_ns, found.end_unix_ns) == expected


def test_numbers_of_no_enumeration() -> None:
    """A kind or status of a future version is none that is known."""
    found = one(kind=9, status=Status(code=7))  # type: ignore[arg-type]  # on purpose

    assert (found.kind, found.status) == (INTERNAL, 0)


def test_links_to_nowhere_go() -> None:
    """A link with a short id is removed, from what goes on as well; the span stays."""
    bad = Span.Link(trace_id=b"short", span_id=ABOVE)
    good = Span.Link(trace_id=OTHER, span_id=ABOVE)
    found = decoded(span(links=[bad, good], parent_span_id=b"?"))

    assert found.groups[0][1][0].links == (SpanLink(OTHER, ABOVE),)
    assert found.groups[0][1][0].parent_span_id == b""
    assert (found.items, found.refused, found.left_out) == (1, 0, 2)
    assert b"short" not in found.body
