"""What programs with OpenTelemetry's Python SDK send arrives whole."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from telemetry.pipeline.points import Distribution
from telemetry.pipeline.receiver.decoding import (
    decode_logs,
    decode_metrics,
    decode_spans,
)
from telemetry.pipeline.receiver.received import Received
from tests.pipeline.receiver.conftest import Serve
from tests.pipeline.receiver.plain_sender import RECORDS
from tests.pipeline.receiver.test_grpc_receiver import serving

SENDER = Path(__file__).with_name("plain_sender.py")


def run(protocol: str, port: int) -> None:
    """Run the program until it has sent everything."""
    settings = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
    }
    ended = subprocess.run(
        [sys.executable, str(SENDER), protocol],
        env=os.environ | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_everything_arrives(serve: Serve, protocol: str) -> None:
    """Logs, spans and metrics, packed, over HTTP and over gRPC."""
    if protocol == "http":
        receiver, shelf = serve()
        run(protocol, receiver.port)
        assert set(receiver.answers()) == {200}
    else:
        with serving() as (grpc_receiver, shelf, _):
            run(protocol, grpc_receiver.port)
    check_logs([r for r in shelf.stored if r.signal == "logs"], protocol)
    check_spans([r for r in shelf.stored if r.signal == "spans"])
    check_metrics(
        [r for r in shelf.stored if r.signal == "metrics"], delta=protocol == "http"
    )


def check_logs(requests: list[Received], protocol: str) -> None:
    """A thousand lines, each once, in order."""
    found = [decode_logs(request.body) for request in requests]
    resource, _ = found[0].groups[0]
    lines = [each.line for d in found for _, many in d.groups for each in many]

    assert resource["service.name"] == f"plain-{protocol}"
    assert [line.event for line in lines] == [f"line {n}" for n in range(RECORDS)]
    assert lines[7].fields == {"number": 7, "ok": True}
    assert (lines[7].level, lines[7].input_id, lines[7].logger) == (
        "warning",
        "in-plain",
        "plain.logger",
    )
    assert all(len(line.trace_id or "") == 32 for line in lines)


def check_spans(requests: list[Received]) -> None:
    """Two of them, of which one leads to the other."""
    spans = {
        span.name: span
        for request in requests
        for _, many in decode_spans(request.body).groups
        for span in many
    }
    first, second = spans["first"], spans["second"]

    assert second.own == {"input.id": "in-plain"}
    assert second.attributes == {"http.route": "/cart"}
    assert (second.status, second.status_text, second.kind) == (2, "no", 2)
    assert (second.links[0].span_id, second.links[0].attributes) == (
        first.span_id,
        {"why": "before"},
    )
    assert second.events[0].attributes == {"about": ["a", "b"]}
    assert (second.scope_name, second.scope_version) == ("plain.tracer", "1.0")
    assert first.start_unix_ns <= first.end_unix_ns <= second.end_unix_ns


def check_metrics(requests: list[Received], *, delta: bool) -> None:
    """A counter, and histograms of both kinds."""
    points = {
        point.name: point
        for request in requests
        for _, many in decode_metrics(request.body).groups
        for point in many
    }
    orders, seconds = points["cart.orders"], points["answer.time"]
    size = points["answer.size"].value

    assert (orders.shape, orders.value, orders.delta) == ("counter", 3, delta)
    assert orders.attributes == (("shop", "north"),)
    assert seconds.value == Distribution((0.1, 1.0), (0, 1, 0), 0.5, 0.5, 0.5)
    assert isinstance(size, Distribution)
    assert (size.count, size.sum, size.max) == (3, 1003.0, 1000.0)
    assert seconds.exemplars, "the span was sampled"
