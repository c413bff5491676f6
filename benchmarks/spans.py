"""What telemetry costs for each input, beside OpenTelemetry's span and metrics.

    python -m benchmarks.spans [--rounds N] [--json FILE] [--quick]

Ours is everything that a container does for one input: its scope, its row in the slot
table, its execution span, and the record that the metrics are made from. Beside it,
what a program does today: a span of the SDK and five recordings.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable
from contextvars import copy_context
from pathlib import Path
from typing import Final

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    SpanExporter,
    SpanExportResult,
)

import telemetry
from benchmarks.machine import PACKAGES
from benchmarks.measure import Case, Plan, measure
from benchmarks.report import Report, parser, rounds_of
from telemetry.capture import executions
from telemetry.capture.blackbox.current import current_box
from telemetry.capture.blackbox.reader import BoxReader
from telemetry.capture.blackbox.status import SlotTable
from telemetry.core.scope import SCOPE, InputScope

FLOOR: Final = "floor: a tuple with two times, into a deque"
OURS: Final = "ours: scope, slot, span and record of an input"
OTEL: Final = "OpenTelemetry: a span and five recordings"
OTEL_SPAN: Final = "OpenTelemetry: a span alone"

_BLOCK_S: Final = 0.1
_QUICK_BLOCK_S: Final = 0.005


class _Nowhere(SpanExporter):
    def export(self, spans: object) -> SpanExportResult:  # noqa: ARG002  # the interface
        return SpanExportResult.SUCCESS


def floor(count: int) -> None:
    """The least that could be kept."""
    kept: deque[tuple[str, int, int]] = deque(maxlen=4_096)
    for _ in range(count):
        kept.append(("in-0", time.time_ns(), time.time_ns()))


def ours(reader: BoxReader, status: SlotTable) -> Callable[[int], None]:
    """As in a container, each input in a context of its own."""

    def one(number: int) -> None:
        scope = InputScope(f"in-01M85ZRM1205MWTN6PQ5{number:06d}", "fc-0", "embed")
        SCOPE.set(scope)
        began_ns = time.time_ns()
        status.start(0, scope, began_ns)
        executions.begin(scope)
        executions.end(scope, began_ns, time.time_ns(), outcome="success")
        status.end(0)

    def run(count: int) -> None:
        base = copy_context()
        for number in range(count):
            base.copy().run(one, number)
        reader.skip()
        reader.taken()

    return run


def otel(*, with_metrics: bool) -> Callable[[int], None]:
    """A span of the SDK, in a batch that goes nowhere."""
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(_Nowhere(), max_queue_size=1 << 20))
    tracer = provider.get_tracer("bench")
    meter = MeterProvider([InMemoryMetricReader()]).get_meter("bench")
    started, active = meter.create_counter("c"), meter.create_up_down_counter("u")
    waited, ran = meter.create_histogram("h1"), meter.create_histogram("h2")

    def run(count: int) -> None:
        for number in range(count):
            given: dict[str, str | int] = {"input.id": "in-0", "input.slot": number}
            with tracer.start_as_current_span("embed", attributes=given):
                pass
            if with_metrics:
                labels = {"input.function": "embed", "input.mode": "async"}
                active.add(1, labels)
                started.add(1, labels)
                waited.record(0.25, labels)
                ran.record(1.5, labels)
                active.add(-1, labels)

    return run


def main() -> None:
    """Measure, and print a table."""
    options = parser(__doc__, rounds=9).parse_args()
    plan = Plan(rounds_of(options), _QUICK_BLOCK_S if options.quick else _BLOCK_S)
    report = Report("What one input costs", options, (*PACKAGES, "opentelemetry-sdk"))
    with tempfile.TemporaryDirectory() as folder:
        directory = str(Path(folder) / "ours")
        telemetry.configure(console=None, directory=directory, capture=())
        box = current_box()
        if box is None:
            sys.exit("there is no black box")
        status = SlotTable(box.head, box.sizes)
        with BoxReader(box.path, taking=True) as reader:
            cases = [
                Case(FLOOR, floor),
                Case(OURS, ours(reader, status)),
                Case(OTEL_SPAN, otel(with_metrics=False)),
                Case(OTEL, otel(with_metrics=True)),
            ]
            measured = measure(cases, plan)
        telemetry.shutdown()
    report.measured("One input, OpenTelemetry loaded", measured, OTEL)
    report.close()


if __name__ == "__main__":
    main()
