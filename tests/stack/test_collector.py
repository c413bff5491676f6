"""The kit's Collector: what is sent to it can be asked for, over its restarts."""

from __future__ import annotations

import pytest

from tests.stack import programs
from tests.stack.collector import CollectorRun

LOGS = (
    b'{"resourceLogs": [{"resource": {"attributes": [{"key": "service.name", "value":'
    b' {"stringValue": "s"}}]}, "scopeLogs": [{"scope": {"name": "kit"}, "logRecords":'
    b' [{"timeUnixNano": "7", "severityNumber": 9, "body": {"stringValue": "%d"},'
    b' "attributes": [{"key": "a", "value": {"arrayValue": {"values": [{"intValue":'
    b' "1"}, {"boolValue": true}]}}}], "traceId": "0102030405060708090a0b0c0d0e0f10"'
    b"}]}]}]}"
)
JSON = {"Content-Type": "application/json"}


def send(run: CollectorRun, number: int) -> None:
    """Has the run take one log record whose body is *number*."""
    status, _ = programs.ask(run.http_port, "/v1/logs", LOGS % number, JSON)
    assert status == 200


def test_what_arrived_is_told_as_it_was(collector: CollectorRun) -> None:
    """A record is told with its resource, scope, body, attributes and ids."""
    send(collector, 1)
    collector.wait_until(lambda run: run.logs())
    (record,) = collector.logs()

    assert (record.resource, record.scope) == ({"service.name": "s"}, "kit")
    assert (record.body, record.attributes) == ("1", {"a": [1, True]})
    assert (record.unix_ns, record.severity_number) == (7, 9)
    assert record.trace_id == "0102030405060708090a0b0c0d0e0f10"


def test_an_outage_keeps_what_had_arrived(collector: CollectorRun) -> None:
    """Stopped or killed, and started again: same ports, nothing twice."""
    send(collector, 1)
    assert collector.stop() == 0
    with pytest.raises(OSError, match="refused"):
        send(collector, 2)
    collector.start()
    send(collector, 3)
    collector.wait_until(lambda run: len(run.logs()) == 2)
    collector.kill()
    collector.start()
    send(collector, 4)
    collector.wait_until(lambda run: len(run.logs()) == 3)

    assert [record.body for record in collector.logs()] == ["1", "3", "4"]


def test_it_tells_its_own_metrics(collector: CollectorRun) -> None:
    """How many records it took and passed on is known by name."""
    send(collector, 1)
    collector.wait_until(
        lambda run: run.own_metrics().get("otelcol_exporter_sent_log_records_total")
    )

    assert collector.own_metrics()["otelcol_receiver_accepted_log_records_total"] == 1
