"""What taking OTLP from others costs: reading it, and accepting it.

    python -m benchmarks.receiving [--rounds N] [--json FILE] [--quick]

Reading is compared with a walk over the generated classes, which makes columns and no
lines. Accepting is compared with servers that look at nothing, and with the Collector
where `make backends` has built one; what is told there is the CPU time of the server.
"""

from __future__ import annotations

import tempfile
from base64 import b64decode
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any, Final

import orjson
from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)

from benchmarks import otlp_requests
from benchmarks.accepting import (
    HEAD,
    Server,
    collectors,
    compare,
    over_grpc,
    over_http,
    started,
)
from benchmarks.machine import PACKAGES
from benchmarks.measure import Case, Measured, Plan, measure
from benchmarks.report import Report, parser, rounds_of
from scripts import backends
from telemetry.pipeline.receiver.decoding import (
    decode_logs,
    decode_metrics,
    decode_spans,
)
from telemetry.pipeline.receiver.otlp_json import to_protobuf
from telemetry.pipeline.receiver.payloads import checked

BATCH: Final = 512
SMALL: Final = 16
REQUESTS: Final = 64

PARSED: Final = "logs: parsed by the generated classes, and left alone"
WALKED: Final = "logs: parsed and walked into columns"
"""The anchor of the target: all that others need to have something to store."""

OURS: Final = (
    ("floor over HTTP: looks at nothing", "bare", over_http),
    ("ours, accepted", "accepting", over_http),
    ("ours, and made lines", "decoding", over_http),
    ("ours, and in the store", "storing", over_http),
    ("floor over gRPC: looks at nothing", "bare-grpc", over_grpc),
    ("ours over gRPC, accepted", "accepting-grpc", over_grpc),
)

_BLOCK_S: Final = 0.3
_QUICK_BLOCK_S: Final = 0.01


def value(given: Any) -> object:  # noqa: ANN401  # a message
    """What an ``AnyValue`` holds."""
    kind = given.WhichOneof("value")
    return getattr(given, kind) if kind else None


def walk_logs(body: bytes) -> None:
    """As one does it with the generated classes."""
    for of_resource in ExportLogsServiceRequest.FromString(body).resource_logs:
        for scope in of_resource.scope_logs:
            for record in scope.log_records:
                found = {each.key: value(each.value) for each in record.attributes}
                found["time"] = record.time_unix_nano
                found["severity"] = record.severity_number
                found["body"] = value(record.body)
                found["trace"] = record.trace_id
                found["span"] = record.span_id


def walk_spans(body: bytes) -> None:
    """The same for spans."""
    for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        for scope in of_resource.scope_spans:
            for span in scope.spans:
                found = {each.key: value(each.value) for each in span.attributes}
                found["name"] = span.name
                found["start"] = span.start_time_unix_nano
                found["end"] = span.end_time_unix_nano
                found["trace"] = span.trace_id
                found["span"] = span.span_id
                found["parent"] = span.parent_span_id
                found["status"] = span.status.code


def look_through(body: bytes) -> None:
    """What is done before a request is accepted."""
    checked("logs", body, BATCH)


def walk_json(body: bytes) -> None:
    """As one does it without a reader of one's own; ids are not even looked at."""
    request = ExportLogsServiceRequest()
    json_format.ParseDict(orjson.loads(body), request, ignore_unknown_fields=True)
    request.SerializeToString()


def as_json(body: bytes) -> bytes:
    """The same request as Node sends it."""
    given = json_format.MessageToDict(ExportLogsServiceRequest.FromString(body))
    for of_resource in given["resourceLogs"]:
        for scope in of_resource["scopeLogs"]:
            for record in scope["logRecords"]:
                for name in ("traceId", "spanId"):
                    record[name] = b64decode(record[name]).hex()
    return orjson.dumps(given)


def repeated(name: str, call: Callable[[bytes], object], bodies: list[bytes]) -> Case:
    """A case that takes one body after the other; its inputs are items."""
    following = cycle(bodies)

    def run(count: int) -> None:
        for _ in range(max(1, count // BATCH)):
            call(next(following))

    return Case(name, run, step=BATCH)


def reading(plan: Plan) -> Measured:
    """What reading costs, by signal and way."""
    logs = [otlp_requests.logs(BATCH) for _ in range(REQUESTS)]
    spans = [otlp_requests.spans(BATCH) for _ in range(REQUESTS)]
    points = [otlp_requests.points(BATCH) for _ in range(REQUESTS)]
    in_json = [as_json(body) for body in logs[:8]]
    cases = [
        repeated(PARSED, ExportLogsServiceRequest.FromString, logs),
        repeated(WALKED, walk_logs, logs),
        repeated("logs: ours, looked through", look_through, logs),
        repeated("logs: ours, lines", decode_logs, logs),
        repeated("spans: parsed and walked into columns", walk_spans, spans),
        repeated("spans: ours, spans", decode_spans, spans),
        repeated("points: ours, histograms of 16 buckets", decode_metrics, points),
        repeated("JSON: protobuf's json_format", walk_json, in_json),
        repeated("JSON: ours, to protobuf", partial(to_protobuf, "logs"), in_json),
    ]
    return measure(cases, plan)


def accepting(rounds: int, requests: int, items: int) -> list[Server]:
    """What accepting costs each server, in requests with so many items."""
    body = otlp_requests.logs(items)
    with ExitStack() as ends:
        servers = [
            ends.enter_context(started(name, kind, send)) for name, kind, send in OURS
        ]
        program = backends.find("otelcol")
        if program is not None:
            folder = Path(ends.enter_context(tempfile.TemporaryDirectory()))
            servers += ends.enter_context(collectors(program, folder))
        compare(servers, body, rounds, requests)
    return servers


def main() -> None:
    options = parser(__doc__, rounds=7).parse_args()
    rounds = rounds_of(options)
    report = Report("Receiving", options, (*PACKAGES, "protobuf", "grpcio"))
    plan = Plan(rounds, _QUICK_BLOCK_S if options.quick else _BLOCK_S)
    report.measured("Reading, per item", reading(plan), WALKED)
    for items, requests in ((BATCH, 500), (SMALL, 2_000)):
        servers = accepting(rounds, 8 if options.quick else requests, items)
        title = f"Accepting, {items} log records in a request"
        rows = [server.row(items, servers[0]) for server in servers]
        report.table(title, HEAD, rows)
        report.keep(title, {each.name: [each.wall_us, each.cpu_us] for each in servers})
    report.close()


if __name__ == "__main__":
    main()
