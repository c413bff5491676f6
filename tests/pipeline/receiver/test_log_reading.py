"""Log records of OTLP become lines: the fields of ours, and the caller's own."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import SEVERITY_NUMBER_ERROR, LogRecord

from telemetry.capture.line import Line
from telemetry.core import names
from telemetry.pipeline.foreign import ForeignLine
from telemetry.pipeline.otlp.wire import MalformedError
from telemetry.pipeline.receiver.attribute_reading import MOST_PARTS
from telemetry.pipeline.receiver.decoding import Decoded, decode_logs
from tests.pipeline.receiver.otlp import RESOURCE, any_value, logs_request, pairs

NOW_NS = 1_790_000_000_000_000_000


def decoded(*records: LogRecord) -> Decoded[ForeignLine]:
    """What a request with these records is."""
    return decode_logs(logs_request(records), NOW_NS)


def line_of(record: LogRecord) -> Line:
    """The line of a record."""
    return decoded(record).groups[0][1][0].line


def test_a_line_of_ours_comes_back_whole() -> None:
    """Every field that has an attribute is read back, whatever road it took."""
    own = {
        names.INPUT_ID: "in-1",
        names.INPUT_CALL_ID: "fc-1",
        names.INPUT_FUNCTION: "resize",
        names.INPUT_ATTEMPT: 2,
        names.INPUT_CONTAINER_ID: "ct-1",
        names.INPUT_SLOT: 3,
        names.INPUT_BATCH_IDS: ["in-1", "in-2"],
        names.INPUT_CANDIDATES: ["in-3"],
        names.INPUT_LATE: True,
        names.LOG_IOSTREAM: "stderr",
        names.THREAD_NAME: "worker",
        names.EXCEPTION_STACKTRACE: "Traceback ...",
        names.LOG_RECORD_UID: "box:1.0.40",
    }
    record = LogRecord(
        time_unix_nano=5,
        severity_number=SEVERITY_NUMBER_ERROR,
        body=any_value("failed"),
        attributes=pairs({**own, "size": 3}),
        trace_id=bytes(range(16)),
        span_id=bytes(range(8)),
    )
    (resource, (found,)) = decode_logs(logs_request([record])).groups[0]

    assert found.uid == "box:1.0.40"
    assert found.line == Line(
        5,
        "error",
        "failed",
        {"size": 3},
        "shop.cart",
        "in-1",
        "fc-1",
        "resize",
        2,
        "ct-1",
        3,
        ("in-1", "in-2"),
        late=True,
        thread="worker",
        exception="Traceback ...",
        stream="stderr",
        candidates=("in-3",),
        trace_id=bytes(range(16)).hex(),
        span_id=bytes(range(8)).hex(),
    )
    assert resource == RESOURCE


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        (names.INPUT_ID, 7, "input.id"),
        (names.INPUT_ATTEMPT, "many", "input.attempt"),
        (names.INPUT_SLOT, -1, "input.slot"),
        (names.INPUT_BATCH_IDS, ["in-1", 2], "input.batch.ids"),
        ("input_id", "in-9", "input_id_"),
        ("event", "x", "event_"),
    ],
)
def test_a_strangers_value_is_no_identity(name: str, value: Any, field: str) -> None:
    """What has one of our names and another type, or our key's name, is a field."""
    line = line_of(LogRecord(attributes=pairs({name: value})))

    assert line.input_id is None
    assert line.fields == {field: value}


@pytest.mark.parametrize(
    ("number", "text", "level"),
    [
        (1, "", "debug"),
        (8, "", "debug"),
        (9, "", "info"),
        (13, "", "warning"),
        (20, "", "error"),
        (24, "", "critical"),
        (0, "WARN", "warning"),
        (0, "Fatal", "critical"),
        (0, "", "info"),
        (99, "error", "error"),
        (-1, "?", "info"),
    ],
)
def test_level(number: int, text: str, level: str) -> None:
    """The number says it; the text, where there is no number of the protocol's."""
    record = LogRecord(severity_text=text)
    record.severity_number = number  # type: ignore[assignment]  # of no enumeration

    assert line_of(record).level == level


@pytest.mark.parametrize(
    ("body", "event"),
    [
        ("text", "text"),
        (3, "3"),
        (True, "true"),
        ({"a": [1, "b"]}, '{"a":[1,"b"]}'),
        (float("nan"), "nan"),
        (b"\x00\x01", "AAE="),
    ],
)
def test_body_of_any_type(body: Any, event: str) -> None:
    """What is no text becomes JSON, and bytes base64."""
    assert line_of(LogRecord(body=any_value(body))).event == event


def test_event_name() -> None:
    """It is the text where there is none, and a field beside one."""
    alone = LogRecord(event_name="cart.emptied")
    beside = LogRecord(event_name="cart.emptied", body=any_value("gone"))

    assert line_of(alone).event == "cart.emptied"
    assert (line_of(beside).event, line_of(beside).fields) == (
        "gone",
        {names.OTEL_EVENT_NAME: "cart.emptied"},
    )


def test_exception_without_a_stack() -> None:
    """Type and message stand for the traceback that a language did not send."""
    given = {names.EXCEPTION_TYPE: "KeyError", names.EXCEPTION_MESSAGE: "'x'"}

    assert line_of(LogRecord(attributes=pairs(given))).exception == "KeyError: 'x'"


@pytest.mark.parametrize(
    ("time_ns", "observed_ns", "found_ns"),
    [(5, 6, 5), (0, 6, 6), (2**64 - 1, 6, 6), (0, 0, NOW_NS), (2**63, 2**63, NOW_NS)],
)
def test_times_that_cannot_be(time_ns: int, observed_ns: int, found_ns: int) -> None:
    """When it was observed stands in, and else when it was received."""
    record = LogRecord(time_unix_nano=time_ns, observed_time_unix_nano=observed_ns)

    assert line_of(record).unix_ns == found_ns


def test_wrong_text_loses_no_line() -> None:
    """Bytes that are no UTF-8 become U+FFFD; a strict parser refused them all."""
    body = logs_request([LogRecord(body=any_value("h\xe9llo"))]).replace(
        "h\xe9llo".encode(), b"h\xff\xfello"
    )

    assert decode_logs(body).groups[0][1][0].line.event == "h��llo"


def test_wrong_ids_go_and_the_line_stays() -> None:
    """A Collector would refuse the whole request for an id of 15 bytes."""
    found = decoded(LogRecord(trace_id=b"x" * 15, span_id=b"y" * 8), LogRecord())

    assert (found.items, found.refused, found.left_out) == (2, 0, 1)
    assert found.groups[0][1][0].line.span_id == (b"y" * 8).hex()
    assert b"x" * 15 not in found.body


def test_zeros_are_no_id() -> None:
    """As W3C trace context has it; nothing has to be mended for them."""
    found = decoded(LogRecord(trace_id=bytes(16), span_id=bytes(8)))

    assert found.groups[0][1][0].line.trace_id is None
    assert found.left_out == 0


def test_sound_requests_go_on_as_they_came() -> None:
    """Not one byte is changed without need: also of what we do not know."""
    unknown = b"\xfa\x3f\x03new"  # field 1023, of a future version
    body = logs_request([LogRecord(body=any_value("x"))]) + unknown

    assert decode_logs(body).body is body


def test_far_too_many_attributes() -> None:
    """As many as a line of ours can have are kept, and the rest is counted."""
    record = LogRecord(attributes=pairs({f"k{n}": n for n in range(MOST_PARTS + 10)}))
    found = decoded(record)

    assert len(found.groups[0][1][0].line.fields) == MOST_PARTS
    assert found.left_out == 10


@pytest.mark.parametrize("value", ["x" * 2_000_000, ["y"] * 250_000])
def test_large_values_are_cut(value: Any) -> None:
    """An attribute of megabytes is no field of megabytes."""
    fields = line_of(LogRecord(attributes=pairs({"large": value}))).fields

    assert len(str(fields["large"])) < 70_000


def test_what_is_no_request() -> None:
    """Garbage is told from an empty request."""
    with pytest.raises(MalformedError, match="pars"):
        decode_logs(b"\x0a\xff")
    assert decode_logs(b"").items == 0


def test_remembered_values_are_not_shared() -> None:
    """A list in one line can be changed without changing the next."""
    record = LogRecord(attributes=pairs({"tags": ["a"]}))
    first, second = line_of(record), line_of(record)
    first.fields["tags"].append("b")  # type: ignore[attr-defined]  # a list, as sent

    assert second.fields == {"tags": ["a"]}
