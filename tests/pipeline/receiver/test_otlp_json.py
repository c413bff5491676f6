"""OTLP/JSON becomes the same request in protobuf."""

from __future__ import annotations

import json
import math
from base64 import b64decode
from typing import Any

import orjson
import pytest
from google.protobuf import json_format
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telemetry.pipeline.otlp.wire import MalformedError
from telemetry.pipeline.outbox import Signal
from telemetry.pipeline.receiver.decoding import decode_logs
from telemetry.pipeline.receiver.otlp_json import DEPTH, to_protobuf
from tests.pipeline.receiver.messages import REQUESTS
from tests.pipeline.receiver.test_hostile_messages import OFFICIAL

IDS = {"traceId", "spanId", "parentSpanId"}
TRACE = "0AF7651916CD43DD8448EB211C80319C"


def with_hex_ids(value: Any) -> Any:
    """JSON of proto3 as OTLP wants it."""
    if isinstance(value, list):
        return [with_hex_ids(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        name: b64decode(inner).hex() if name in IDS else with_hex_ids(inner)
        for name, inner in value.items()
    }


@pytest.mark.parametrize("signal", REQUESTS)
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_request_is_the_same_in_protobuf(
    signal: Signal, data: st.DataObject
) -> None:
    """What protobuf's own writer makes of a message is read back to that message."""
    request = data.draw(REQUESTS[signal])
    given = json_format.MessageToDict(request)
    found = to_protobuf(signal, orjson.dumps(with_hex_ids(given)))

    # As text: there are many NaNs, and none of them equals another.
    assert str(OFFICIAL[signal].FromString(found)) == str(request)


def logs(record: object) -> bytes:
    """A request with one record."""
    scope = {"logRecords": [record]}
    return json.dumps({"resourceLogs": [{"scopeLogs": [scope]}]}).encode()


@pytest.mark.parametrize("number", [5, "5", 5.0])
def test_forms_of_an_integer(number: object) -> None:
    """64 bits do not fit a number of JavaScript's: they come as strings as well."""
    found = decode_logs(to_protobuf("logs", logs({"timeUnixNano": number})))

    assert found.groups[0][1][0].line.unix_ns == 5


def test_what_languages_write() -> None:
    """Names of enumerations, capital hexadecimals, both kinds of base64, NaN, null."""
    values = [{"bytesValue": "-_8"}, {"bytesValue": "+/8="}, {"doubleValue": "NaN"}]
    record = {
        "severityNumber": "SEVERITY_NUMBER_WARN",
        "traceId": TRACE,
        "body": None,
        "attributes": [
            {"key": "list", "value": {"arrayValue": {"values": values}}},
            {"key": "int", "value": {"intValue": "-7"}},
        ],
        "aFieldOfTheFuture": {"x": [1]},
    }
    line = decode_logs(to_protobuf("logs", logs(record))).groups[0][1][0].line
    texts = line.fields["list"]

    assert (line.level, line.trace_id) == ("warning", TRACE.lower())
    assert isinstance(texts, list)
    assert texts[0] == texts[1] == "+/8="
    assert math.isnan(texts[2])
    assert line.fields["int"] == -7


def nested(depth: int) -> dict[str, Any]:
    """An array in an array in ..."""
    value: dict[str, Any] = {"intValue": 1}
    for _ in range(depth):
        value = {"arrayValue": {"values": [value]}}
    return value


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"7",
        b"{",
        b'{"resourceLogs": {}}',
        b'{"resourceLogs": [7]}',
        logs({"timeUnixNano": -1}),
        logs({"timeUnixNano": str(2**64)}),
        logs({"timeUnixNano": "x"}),
        logs({"timeUnixNano": 1.5}),
        logs({"timeUnixNano": True}),
        logs({"timeUnixNano": "9" * 5_000}),
        logs({"severityNumber": 2**31}),
        logs({"severityNumber": "SEVERE"}),
        logs({"traceId": "0AF"}),
        logs({"traceId": 7}),
        logs({"severityText": 7}),
        logs({"body": {"boolValue": "true"}}),
        logs({"body": {"doubleValue": "many"}}),
        logs({"body": {"bytesValue": "?"}}),
        logs({"body": nested(DEPTH)}),
        b'{"resourceLogs": ' + b"[" * 100_000,
        b'{"resourceLogs": "\xff"}',
        rb'{"resourceLogs": [{"schemaUrl": "\ud800"}]}',
    ],
    ids=range(24),
)
def test_garbage_is_told(body: bytes) -> None:
    """Wrong types, ranges and forms raise one error, with a text that is bounded."""
    with pytest.raises(MalformedError, match="no OTLP/JSON") as told:
        to_protobuf("logs", body)
    assert len(str(told.value)) <= 500
