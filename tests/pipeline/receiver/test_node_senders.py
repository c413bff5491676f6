"""What a Node program with OpenTelemetry from npm sends arrives whole."""

from __future__ import annotations

import os
import subprocess

from telemetry.pipeline.points import Distribution
from telemetry.pipeline.receiver.decoding import (
    decode_logs,
    decode_metrics,
    decode_spans,
)
from telemetry.pipeline.receiver.received import Received
from tests.node.packages import HERE, need_modules
from tests.pipeline.receiver.conftest import Serve

RECORDS = 500


def test_everything_arrives(serve: Serve) -> None:
    """Logs, metrics and spans as JSON, and spans as protobuf, all of it packed."""
    receiver, shelf = serve()
    settings = {
        "NODE_PATH": str(need_modules()),
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://localhost:{receiver.port}",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
    }
    ended = subprocess.run(
        ["node", str(HERE / "sender.js")],
        env=os.environ | settings,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert set(receiver.answers()) == {200}
    check_logs([r for r in shelf.stored if r.signal == "logs"])
    check_spans([r for r in shelf.stored if r.signal == "spans"])
    check_metrics([r for r in shelf.stored if r.signal == "metrics"])


def check_logs(requests: list[Received]) -> None:
    """Each line once, in order, with its ids."""
    groups = [group for r in requests for group in decode_logs(r.body).groups]
    lines = [each.line for _, many in groups for each in many]

    assert {resource["service.name"] for resource, _ in groups} == {"plain-node"}
    assert [line.event for line in lines] == [f"line {n}" for n in range(RECORDS)]
    assert (lines[7].level, lines[7].input_id, lines[7].fields) == (
        "error",
        "in-node",
        {"number": 7},
    )


def check_spans(requests: list[Received]) -> None:
    """The same span by both roads: hexadecimal ids and bytes are equal."""
    one, other = (
        span
        for request in requests
        for _, many in decode_spans(request.body).groups
        for span in many
    )

    assert one == other
    assert (one.name, one.kind, one.status, one.status_text) == (
        "GET /cart",
        2,
        2,
        "no",
    )
    assert one.attributes == {"http.status": 500, "tags": ["a", "b"], "ratio": 0.5}
    assert [(e.name, e.attributes) for e in one.events] == [("thought", {"deep": True})]


def check_metrics(requests: list[Received]) -> None:
    """A counter and a histogram."""
    points = {
        point.name: point
        for request in requests
        for _, many in decode_metrics(request.body).groups
        for point in many
    }
    seconds = points["answer.time"].value

    assert (points["cart.orders"].shape, points["cart.orders"].value) == ("counter", 3)
    assert points["cart.orders"].attributes == (("shop", "north"),)
    assert isinstance(seconds, Distribution)
    assert (seconds.count, seconds.sum, seconds.max) == (1, 0.5, 0.5)
