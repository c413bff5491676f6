"""Servers side by side: what each spends on taking the same requests.

Told is the CPU time of the server alone, by its process; the senders are the same for
all, and a few requests are always on their way.
"""

from __future__ import annotations

import random
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import grpc

from benchmarks import processes
from tests.stack.collector import CollectorRun

IN_FLIGHT: Final = 4

_HEAD: Final = (
    "POST /v1/logs HTTP/1.1\r\nHost: localhost\r\n"
    "Content-Type: application/x-protobuf\r\nContent-Length: {}\r\n\r\n"
)
_METHOD: Final = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
_CPU: Final = "otelcol_process_cpu_seconds_total"
_TO_NOWHERE: Final = """
receivers:
  otlp:
    protocols:
      grpc: {endpoint: "${env:COLLECTOR_OTLP_GRPC}"}
      http: {endpoint: "${env:COLLECTOR_OTLP_HTTP}"}
exporters:
  debug: {verbosity: basic}
extensions:
  health_check: {endpoint: "${env:COLLECTOR_HEALTH}", path: /ready}
service:
  extensions: [health_check]
  telemetry:
    metrics:
      level: normal
      readers:
        - pull:
            exporter:
              prometheus:
                host: 127.0.0.1
                port: ${env:COLLECTOR_METRICS_PORT}
                without_type_suffix: false
                without_units: false
                without_scope_info: true
  pipelines:
    logs: {receivers: [otlp], exporters: [debug]}
"""

Send = Callable[[int, bytes, int], None]
"""Sends a body so many times to a port, and waits for all answers."""


@dataclass(slots=True)
class Server:
    """A server that runs.

    Attributes:
        cpu_s: CPU seconds of its process so far.
        wall_us: Microseconds per request, round by round.
        cpu_us: CPU microseconds of the server per request.
    """

    name: str
    port: int
    send: Send
    cpu_s: Callable[[], float | None]
    wall_us: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)

    def measure(self, body: bytes, requests: int) -> None:
        """One round."""
        before_s, began_s = self.cpu_s(), time.perf_counter()
        self.send(self.port, body, requests)
        wall_s, after_s = time.perf_counter() - began_s, self.cpu_s()
        self.wall_us.append(wall_s / requests * 1e6)
        if before_s is not None and after_s is not None:
            self.cpu_us.append((after_s - before_s) / requests * 1e6)

    def row(self, items: int, floor: Server) -> list[str]:
        """What it spent, for a table; ratios are medians of those within rounds."""
        wall_us = statistics.median(self.wall_us)
        row = [self.name, f"{wall_us:,.0f}"]
        cpu_us = statistics.median(self.cpu_us) if self.cpu_us else 0
        if not cpu_us:  # the system does not tell, or not of so little
            return [*row, "-", "-", "-", "-"]
        ratios = [a / b for a, b in zip(self.cpu_us, floor.cpu_us, strict=True)]
        per_core = items / cpu_us * 1e6
        return [
            *row,
            f"{cpu_us:,.0f}",
            f"{cpu_us / items:,.2f}",
            f"{per_core:,.0f}",
            f"{statistics.median(ratios):.2f}",
        ]


HEAD: Final = (
    "server",
    "us/request",
    "CPU us",
    "CPU us/record",
    "records/s and core",
    "x floor, CPU",
)


def compare(servers: list[Server], body: bytes, rounds: int, requests: int) -> None:
    """Measure all of them in each round, in an order that is drawn anew."""
    shuffler = random.Random(1)
    for server in servers:
        server.send(server.port, body, requests)  # to warm up
    for _ in range(rounds):
        for server in shuffler.sample(servers, len(servers)):
            server.measure(body, requests)


def over_http(port: int, body: bytes, requests: int) -> None:
    """On connections that stay, one request on each."""
    request = _HEAD.format(len(body)).encode() + body
    lines = [socket.create_connection(("127.0.0.1", port)) for _ in range(IN_FLIGHT)]
    try:
        for line in lines:
            line.sendall(request)
        for number in range(requests):
            line = lines[number % IN_FLIGHT]
            answer = line.recv(4_096)
            if not answer.startswith(b"HTTP/1.1 200 "):
                sys.exit(f"not taken: {answer!r}")
            if number + IN_FLIGHT < requests:
                line.sendall(request)
    finally:
        for line in lines:
            line.close()


def over_grpc(port: int, body: bytes, requests: int) -> None:
    """On one channel, some calls at the same time."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = channel.unary_unary(_METHOD, None, None)
        waiting = [call.future(body) for _ in range(IN_FLIGHT)]
        for number in range(requests):
            waiting[number % IN_FLIGHT].result()
            if number + IN_FLIGHT < requests:
                waiting[number % IN_FLIGHT] = call.future(body)


@contextmanager
def started(name: str, kind: str, send: Send) -> Iterator[Server]:
    """One of `receiving_servers`, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.receiving_servers", kind]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        if process.stdin is None or process.stdout is None:
            sys.exit("there are no pipes")
        port = int(process.stdout.readline())
        yield Server(name, port, send, lambda: processes.cpu_s(process.pid))
        process.stdin.close()


@contextmanager
def collectors(program: Path, folder: Path) -> Iterator[list[Server]]:
    """The Collector, by both roads, with nothing behind it."""
    config = folder / "nowhere.yaml"
    config.write_text(_TO_NOWHERE, "utf-8")
    run = CollectorRun(program, folder, (config,))
    run.start()
    try:
        yield [
            Server(f"the Collector over {road}, to nowhere", port, send, run_cpu_s)
            for road, port, send in (
                ("HTTP", run.http_port, over_http),
                ("gRPC", run.grpc_port, over_grpc),
            )
            for run_cpu_s in [lambda: run.own_metrics().get(_CPU)]
        ]
    finally:
        run.stop()
