"""Without an agent: the SDK's exporters deliver what the black box holds."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)

import telemetry
from telemetry.capture import sink
from telemetry.capture.blackbox import current
from telemetry.capture.blackbox.current import BoxPlan
from telemetry.capture.blackbox.reader import BoxReader
from telemetry.capture.roads import registry
from telemetry.pipeline.delivery.direct import Direct
from telemetry.pipeline.delivery.endpoints import endpoints
from telemetry.pipeline.otlp.box_encoder import BoxEncoder
from telemetry.policy.delivery import Pace
from tests.pipeline.delivery.collector import Collector, Reply, Request, reply

FAST = Pace(first_s=0.01, most_s=0.05)


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Path]:
    """The box of this process."""
    console = sink.set_console(None)
    identity = {"service_name": "demo"}
    opened = current.open_box(BoxPlan(tmp_path, "ps-1", 1 << 20, identity=identity))
    yield opened.path
    current.close_box()
    registry.choose(())
    sink.set_console(console)


def to(server: Collector, timeout_s: str = "10", **variables: str) -> Any:
    """Where its logs and spans go."""
    return endpoints({"OTEL_EXPORTER_OTLP_TIMEOUT": timeout_s, **variables}, server.url)


def lines_at(server: Collector) -> list[str]:
    """The bodies of all log records that arrived."""
    return [record.body.string_value for record in records_at(server)]


def records_at(server: Collector) -> list[Any]:
    """All log records that arrived."""
    return [
        record
        for request in taken(server, "/v1/logs")
        for resource in ExportLogsServiceRequest.FromString(request.body).resource_logs
        for scope in resource.scope_logs
        for record in scope.log_records
    ]


def spans_at(server: Collector) -> list[Any]:
    """All spans that arrived."""
    return [
        span
        for request in taken(server, "/v1/traces")
        for resource in ExportTraceServiceRequest.FromString(
            request.body
        ).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def taken(server: Collector, target: str) -> list[Request]:
    """Requests for one signal."""
    return [request for request in server.requests if request.target == target]


def test_the_same_as_from_an_agent(box: Path) -> None:
    """Record by record and span by span what the encoder makes of the box."""
    log = telemetry.get_logger("app")
    with telemetry.input_scope(function="embed", input_id="in-1"):
        log.info("step", n=1, nested={"a": [1, None]})
        try:
            raise ValueError("bad")
        except ValueError:
            log.exception("failed")
    log.warning("outside")
    with BoxReader(box) as reader:
        records = reader.poll_found()
        body, _ = BoxEncoder(reader.identity()).logs(records, box.stem)
    with Collector() as server:
        direct = Direct(box, to(server))
        direct.start()
        assert direct.flush(20)
        assert direct.shutdown(20)

    (sent,) = taken(server, "/v1/logs")
    ours = ExportLogsServiceRequest.FromString(body)
    theirs = ExportLogsServiceRequest.FromString(sent.body)
    assert theirs.resource_logs[0].resource == ours.resource_logs[0].resource
    assert lines_at(server) == ["step", "failed", "outside"]
    for mine, other in zip(_all(ours), _all(theirs), strict=True):
        other.flags = 0  # the SDK writes that the trace is sampled
        assert mine == other
    assert [(span.name, span.kind) for span in spans_at(server)] == [("embed", 2)]
    with BoxReader(box, taking=True) as again:
        assert again.poll() == []  # it is taken, and its space free


def _all(request: ExportLogsServiceRequest) -> list[Any]:
    return [
        record
        for resource in request.resource_logs
        for scope in resource.scope_logs
        for record in scope.log_records
    ]


def test_more_than_the_queue_of_the_sdk(box: Path) -> None:
    """The batch processor would drop from a full queue: it never gets that far."""
    log = telemetry.get_logger()
    for number in range(3_000):
        log.info("line %d", number)
    with Collector() as server:
        direct = Direct(box, to(server))
        direct.start()
        assert direct.flush(50)
        direct.shutdown(20)

    assert lines_at(server) == [f"line {number}" for number in range(3_000)]


def test_what_fails_stays_in_the_box(box: Path) -> None:
    """A flush says so; later it is delivered, in order, and once."""
    telemetry.get_logger().info("before")
    refusing = deque([reply(400)] * 3)
    with Collector(refusing) as server:
        direct = Direct(box, to(server), pace=FAST)
        direct.start()
        first = direct.flush(20)
        telemetry.get_logger().info("after")
        while not direct.flush(20):
            pass
        direct.shutdown(20)

    assert not first
    assert lines_at(server)[3:] == ["before", "after"]


def test_flush_keeps_to_its_deadline(box: Path) -> None:
    """A Collector that hangs: False, and not when the exporter is through with it."""
    telemetry.get_logger().info("said")
    with Collector(deque([Reply(b"", hang=True)])) as server:
        direct = Direct(box, to(server, "30"))
        direct.start()
        server.wait_for(1)
        assert not direct.flush(0.05)
        ended: list[bool] = []
        thread = threading.Thread(target=lambda: ended.append(direct.shutdown(0.05)))
        thread.start()
        thread.join(10)

    assert ended == [False]


def test_attempts_of_the_exporter_are_cut_short(box: Path) -> None:
    """It would wait for as long as the Collector asks; its thread is not left over."""
    telemetry.get_logger().info("said")
    busy = reply(503, Retry_After="20")
    with Collector(usual=lambda _request: busy) as server:
        direct = Direct(box, to(server, "60"))
        direct.start()
        server.wait_for(1)
        assert not direct.shutdown(0.05)
        direct._thread.join(10)

    assert not direct._thread.is_alive()


def test_after_the_end(box: Path) -> None:
    """There is nothing to be done any more, and nobody waits."""
    with Collector() as server:
        direct = Direct(box, to(server))
        direct.start()
        assert direct.shutdown(20)
        assert direct.flush(20)
        assert direct.shutdown(20)


def test_only_what_was_asked_for(box: Path) -> None:
    """A signal without an endpoint goes nowhere, and holds up nothing."""
    with telemetry.input_scope(function="embed"):
        telemetry.get_logger().info("said")
    with Collector() as server:
        wanted = to(server, OTEL_LOGS_EXPORTER="none")
        direct = Direct(box, wanted)
        direct.start()
        assert direct.flush(20)
        direct.shutdown(20)

    assert [request.target for request in server.requests] == ["/v1/traces"]


def test_it_does_not_feed_itself(box: Path) -> None:
    """Everything logs at DEBUG, the exporter's HTTP client too: it is not captured."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.DEBUG)
    registry.choose({"logging"})
    try:
        logging.getLogger("app").info("said")
        with Collector() as server:
            direct = Direct(box, to(server), look_s=0.01)
            direct.start()
            assert direct.flush(20)
            for _ in range(20):
                assert direct.flush(20)
            direct.shutdown(20)
    finally:
        root.setLevel(level)

    assert lines_at(server) == ["said"]
    assert len(server.requests) == 1


def test_lines_of_forked_children(box: Path) -> None:
    """A child that ends as multiprocessing lets it end: its parent delivers."""
    with Collector() as server:
        direct = Direct(box, to(server), look_s=0.01)
        direct.start()
        child = os.fork()
        if child == 0:
            telemetry.get_logger().info("from a child")
            current.close_box()
            os._exit(0 if direct.flush(0) else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert direct.flush(20)
        boxes = list(box.parent.glob("*.box"))
        direct.shutdown(20)

    assert lines_at(server) == ["from a child"]
    assert boxes == [box]  # that of the child is not needed any more


PROGRAM = """
import sys
import telemetry
from telemetry.capture.blackbox.current import current_box
from telemetry.pipeline.delivery.direct import Direct
from telemetry.pipeline.delivery.endpoints import endpoints
telemetry.configure(service_name="p", console=None, directory=sys.argv[1])
direct = Direct(current_box().path, endpoints({}, sys.argv[2]))
direct.start()
print("said")
assert direct.flush(20)
assert direct.shutdown(20)
"""


def test_in_a_program_of_its_own(tmp_path: Path) -> None:
    """No warning, no thread left over, nothing on stderr."""
    with Collector() as server:
        command = [sys.executable, "-W", "error", "-c", PROGRAM]
        ended = subprocess.run(
            [*command, str(tmp_path / "t"), server.url],
            capture_output=True,
            text=True,
            check=False,
        )

    assert (ended.returncode, ended.stderr) == (0, "")
    assert lines_at(server) == ["said"]
