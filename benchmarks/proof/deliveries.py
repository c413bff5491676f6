"""What has to arrive of lines, drops and deliveries, by those who are not the agent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from benchmarks.proof.answers import Answers
from benchmarks.proof.sums import Counted
from telemetry.core import names
from tests.stack.collector import CollectorRun
from tests.stack.received import ReceivedLog

_ITEMS: Final = {"logs": "log_records", "spans": "spans", "metrics": "metric_points"}
"""What the Collector calls the items of a signal."""

LAST_EXPORTS: Final = 2
"""The exports of metrics that cannot tell of their own delivery."""


def count_lines(counted: Counted, lines: Iterable[ReceivedLog]) -> None:
    """Count the log records that have come to where Loki would be."""
    for line in lines:
        bound = names.INPUT_ID in line.attributes
        function = line.attributes.get(names.INPUT_FUNCTION)
        function = function or line.resource.get(names.FAAS_NAME, "")
        values = counted.labels.get(function, (function, ""))
        counted.add(names.LOG_RECORDS, *values, str(bound).lower())
        if line.attributes.get(names.INPUT_LATE):
            counted.add(names.LOG_LATE, *values)


def count_drops(counted: Counted, dropped: Mapping[str, int]) -> None:
    """Count what a box says that it has dropped."""
    for reason, count in dropped.items():
        if count:
            counted.add(names.TELEMETRY_DROPPED, "records", reason, amount=count)


def count_deliveries(counted: Counted, gateway: CollectorRun, found: Answers) -> None:
    """Count what the gateway says that it has accepted.

    Metrics are delivered after they were written down: the last ones tell nothing of
    themselves, so what is answered may lack them.
    """
    own = gateway.own_metrics()
    points = len(found.counters) + len(found.gauges) + len(found.spreads)
    for signal, items in _ITEMS.items():
        accepted = own.get(f"otelcol_receiver_accepted_{items}_total", 0)
        answered = found.counters.get((names.TELEMETRY_SHIPPED.name, (signal,)), 0)
        if signal == "metrics":
            lacking = accepted - answered
            accepted -= lacking if 0 <= lacking <= LAST_EXPORTS * points else 0
        counted.counters[names.TELEMETRY_SHIPPED.name, (signal,)] = accepted
