"""What spans cost the Collector that gateway.yaml configures: CPU, and memory waiting.

    python -m benchmarks.gateway [--json FILE] [--quick]

The real Collector (`make backends`), with a second one that writes to a file where
Tempo would be. Each input is a trace of four spans with the attributes of ours; none is
interesting, so a tenth is kept. CPU and memory are what the Collector says of itself.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from benchmarks.report import Report, parser
from scripts import backends
from telemetry.core import names
from tests.stack import sending
from tests.stack.collector import SINK, CollectorRun
from tests.stack.programs import HOST

GATEWAY: Final = Path(__file__).resolve().parents[1] / "collector" / "gateway.yaml"
SPANS: Final = 4
BATCH: Final = 250
_ENOUGH_S: Final = 60
_CPU: Final = "otelcol_process_cpu_seconds_total"
_RSS: Final = "otelcol_process_memory_rss_bytes"
_DECIDED: Final = "otelcol_processor_tail_sampling_global_count_traces_sampled_total"


def trace(number: int) -> list[Span]:
    """The spans of an ordinary input, about 400 bytes each."""
    identity = {
        names.INPUT_ID: f"in-{number:026}",
        names.INPUT_CALL_ID: f"fc-{number:026}",
        names.INPUT_FUNCTION: "translate",
        names.INPUT_CONTAINER_ID: f"ct-{number % 50:026}",
        names.INPUT_SLOT: number % 100,
        names.INPUT_ATTEMPT: 0,
        names.INPUT_OUTCOME: "success",
        names.INPUT_ZONE: "normal",
        names.FAAS_COLDSTART: False,
    }
    trace_id = sending.trace_id_of(number)
    kinds = ("translate", names.SPAN_QUEUE, "translate", "query")
    return [sending.span(trace_id, name, identity) for name in kinds]


def fill(gateway: CollectorRun, inputs: int) -> float:
    """Sends so many inputs; returns how many seconds that took."""
    requests = [
        sending.traces(
            span for number in range(start, start + BATCH) for span in trace(number)
        )
        for start in range(0, inputs, BATCH)
    ]
    began = time.monotonic()
    for request in requests:
        sending.send(gateway.http_port, request)
    return time.monotonic() - began


def measure(program: Path, folder: Path, inputs: int, wait_s: int) -> dict[str, float]:
    """Figures of one run: per span, and per trace that waits *wait_s* for judgement."""
    (folder / "sink").mkdir()
    (folder / "gateway").mkdir()
    sink = CollectorRun(program, folder / "sink", (SINK,))
    ways = {
        "TEMPO_ENDPOINT": f"{HOST}:{sink.grpc_port}",
        "COLLECTOR_DECISION_WAIT": f"{wait_s}s",
    }
    gateway = CollectorRun(program, folder / "gateway", (GATEWAY,), ways)
    try:
        sink.start()
        gateway.start()
        before = gateway.own_metrics()
        took_s = fill(gateway, inputs)
        waiting = gateway.own_metrics()
        gateway.wait_until(
            lambda run: run.own_metrics().get(_DECIDED) == inputs,
            deadline_s=_ENOUGH_S,
        )
        after = gateway.own_metrics()
        gateway.stop()  # what it still has goes to the sink
        spans = inputs * SPANS
        return {
            "spans": spans,
            "taken per s": spans / took_s,
            "CPU us per span, taken": (waiting[_CPU] - before[_CPU]) / spans * 1e6,
            "CPU us per span, in all": (after[_CPU] - before[_CPU]) / spans * 1e6,
            "bytes per waiting trace": (waiting[_RSS] - before[_RSS]) / inputs,
            "kept": len(sink.spans()) / spans,
        }
    finally:
        gateway.stop()
        sink.stop()


def main() -> None:
    options = parser(__doc__, rounds=None).parse_args()
    program = backends.find("otelcol")
    if program is None:
        sys.exit("no otelcol: `make backends` builds it")
    report = Report("Gateway", options)
    inputs, wait_s = (1_000, 1) if options.quick else (50_000, 20)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(program, Path(folder), inputs, wait_s)
    rows = [[name, f"{value:,.4g}"] for name, value in found.items()]
    report.table("The gateway, one run", ["what", "figure"], rows)
    report.keep("The gateway, one run", found)
    report.close()


if __name__ == "__main__":
    main()
