"""Spans arrive at a Collector as they were, and as OpenTelemetry's SDK sends them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.resources import Resource

from telemetry.capture.span_records import (
    CLIENT,
    ERROR,
    SERVER,
    FinishedSpan,
    Settled,
    SpanEvent,
    SpanLink,
    Written,
    span_of,
)
from telemetry.pipeline.delivery.direct_source import readable_span
from telemetry.pipeline.otlp.box_encoder import BoxEncoder
from tests.pipeline.otlp.plain_values import LEGAL_VALUES, NAMES, comparable, read_all

NS = 1_700_000_000_000_000_000
TRACE_ID, SPAN_ID, PARENT_ID = bytes(range(16)), bytes(range(8)), b"\1" * 8
IDENTITY = {"box": "ps-1", "service_name": "demo"}


def span(**others: Any) -> FinishedSpan:
    """A span with the least there is."""
    given = {
        "trace_id": TRACE_ID,
        "span_id": SPAN_ID,
        "parent_span_id": PARENT_ID,
        "state": "",
        "name": "embed",
        "kind": SERVER,
        "start_unix_ns": NS,
        "end_unix_ns": NS + 5,
        **others,
    }
    return FinishedSpan(**given)


def request(*spans: FinishedSpan) -> ExportTraceServiceRequest:
    """What `BoxEncoder` makes of them, read back."""
    encoder = BoxEncoder(IDENTITY)
    body, count = encoder.spans(spans)
    read: ExportTraceServiceRequest = ExportTraceServiceRequest.FromString(body)
    assert count == len(all_in(read))
    assert encoder.damaged == 0
    return read


def all_in(read: ExportTraceServiceRequest) -> list[Span]:
    """The spans of a request."""
    return [
        each
        for resource in read.resource_spans
        for scope in resource.scope_spans
        for each in scope.spans
    ]


def only(given_: FinishedSpan) -> Span:
    """The one span that this makes."""
    (one,) = all_in(request(given_))
    return one


def test_execution() -> None:
    """What a container leaves of an input, as the contract has it."""
    settled = Settled(
        "in-01M85ZRM1205MWTN6PQ5000001",
        NS,
        NS + 5,
        "error",
        1,
        "embed",
        "fc-1",
        "ct-1",
        3,
        error_type="ValueError",
        error_text="ValueError: bad",
        own={"input.zone": "burst", "input.concurrency": 7},
        written=Written(attributes={"mine": 1, "input.id": "forged"}),
    )
    made = span_of(
        msgspec.msgpack.decode(msgspec.msgpack.encode(settled), type=Settled)
    )
    assert made is not None
    read = only(made)
    attributes = {name: value[1] for name, value in read_all(read.attributes).items()}

    assert (len(read.trace_id), len(read.span_id), len(read.parent_span_id)) == (
        16,
        8,
        8,
    )
    assert (read.name, read.kind) == ("embed", SERVER)
    assert (read.start_time_unix_nano, read.end_time_unix_nano) == (NS, NS + 5)
    assert (read.status.code, read.status.message) == (ERROR, "ValueError: bad")
    assert read.flags == 1
    assert attributes == {
        "input.id": "in-01M85ZRM1205MWTN6PQ5000001",
        "faas.invocation_id": "in-01M85ZRM1205MWTN6PQ5000001",
        "input.attempt": 1,
        "input.outcome": "error",
        "input.function": "embed",
        "input.call.id": "fc-1",
        "input.container.id": "ct-1",
        "faas.instance": "ct-1",
        "input.slot": 3,
        "error.type": "ValueError",
        "input.zone": "burst",
        "input.concurrency": 7,
        "mine": 1,
    }


def test_scopes() -> None:
    """The spans of each instrumentation together, under one resource."""
    read = request(
        span(name="1"),
        span(name="2", scope_name="http", scope_version="1.2"),
        span(name="3"),
    )
    (resource,) = read.resource_spans

    assert {
        (scope.scope.name, scope.scope.version): [each.name for each in scope.spans]
        for scope in resource.scope_spans
    } == {("telemetry", ""): ["1", "3"], ("http", "1.2"): ["2"]}
    assert read_all(resource.resource.attributes)["service.name"] == comparable("demo")


def test_what_others_have_sent_is_left_out() -> None:
    """The program's own exporters have delivered it."""
    assert BoxEncoder(IDENTITY).spans([span(exported=True)]) == (b"", 0)


@pytest.mark.parametrize(
    "damaged",
    [
        {"trace_id": b"short"},
        {"span_id": b""},
        {"start_unix_ns": -1},
        {"name": None},
        {"own": None},
        {"kind": "x"},
    ],
    ids=str,
)
def test_damaged_span_holds_up_nothing(damaged: dict[str, Any]) -> None:
    """A Collector refuses a whole request for one id of the wrong length."""
    encoder = BoxEncoder(IDENTITY)
    body, count = encoder.spans([span(name="1"), span(**damaged), span(name="2")])
    read = all_in(ExportTraceServiceRequest.FromString(body))

    assert [each.name for each in read] == ["1", "2"]
    assert (count, encoder.damaged) == (2, 1)


def test_link_without_ids_is_left_out() -> None:
    """The span it is on arrives all the same."""
    read = only(span(links=(SpanLink(b"", b""), SpanLink(TRACE_ID, SPAN_ID))))

    assert [link.span_id for link in read.links] == [SPAN_ID]


ATTRIBUTES = st.dictionaries(NAMES, LEGAL_VALUES, max_size=4)
STATES = st.sampled_from(["", "a=1,b=2"])
EVENTS = st.builds(SpanEvent, NAMES, st.integers(1, 2**63), ATTRIBUTES)
LINKS = st.builds(SpanLink, st.just(TRACE_ID), st.just(SPAN_ID), STATES, ATTRIBUTES)
SPANS = st.builds(
    span,
    parent_span_id=st.sampled_from([b"", PARENT_ID]),
    state=STATES,
    name=st.text(max_size=20),
    kind=st.integers(1, 5),
    start_unix_ns=st.integers(1, 2**63),
    own=ATTRIBUTES,
    attributes=ATTRIBUTES,
    events=st.lists(EVENTS, max_size=3).map(tuple),
    links=st.lists(LINKS, max_size=3).map(tuple),
    status=st.integers(0, 2),
    status_text=NAMES,
    scope_name=st.sampled_from(["telemetry", "http"]),
    scope_version=st.sampled_from(["", "1.2"]),
)


@settings(max_examples=25)
@given(st.lists(SPANS, min_size=1, max_size=3))
def test_as_the_sdk_encodes_them(spans: list[FinishedSpan]) -> None:
    """The same message, but for what is said in the comments of `_comparable`."""
    ours = request(*spans)
    attributes: Any = {"service.name": "demo"}
    resource = Resource(attributes)
    theirs = encode_spans([readable_span(each, resource) for each in spans])

    assert [_comparable(each) for each in all_in(ours)] == [
        _comparable(each) for each in _grouped(theirs)
    ]


def _grouped(theirs: Any) -> list[Span]:
    return all_in(ExportTraceServiceRequest.FromString(theirs.SerializeToString()))


def _comparable(each: Span) -> Any:
    found = Span.FromString(each.SerializeToString())
    attributes = [
        read_all(message.attributes) for message in (found, *found.events, *found.links)
    ]
    for message in (found, *found.events, *found.links):
        del message.attributes[:]  # compared by value: a NaN is equal to none
    # The SDK says whether the parent is remote, and not that the trace is sampled.
    found.flags = 0
    for link in found.links:
        link.flags = 0
        link.trace_state = ""  # the SDK leaves it out
    if found.status.code != ERROR:
        found.ClearField("status") if not found.status.code else None
        found.status.message = ""  # the SDK writes an empty status, we write none
    return found, attributes


def test_kinds() -> None:
    """Those of the runtime are what OTLP calls them."""
    kind = Span.SpanKind

    assert only(span(kind=CLIENT)).kind == kind.SPAN_KIND_CLIENT
    assert only(span(kind=SERVER)).kind == kind.SPAN_KIND_SERVER
