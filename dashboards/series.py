"""What Prometheus, Loki and Tempo call the names of the contract.

Dashboards are written with the functions of this module, so that a name which
nothing emits cannot be written down.
"""

from __future__ import annotations

from typing import Final

from telemetry.core import names
from telemetry.core.metrics import Metric, prometheus_names


def series(metric: Metric) -> str:
    """The series of a counter or a gauge."""
    if metric.kind == "histogram":
        raise ValueError(f"{metric.name} is a histogram: use bucket, summed or counted")
    return prometheus_names(metric)[0]


def bucket(metric: Metric) -> str:
    """The series of a histogram's buckets."""
    return _of_histogram(metric, 0)


def summed(metric: Metric) -> str:
    """The series of the sum of what a histogram has seen."""
    return _of_histogram(metric, 1)


def counted(metric: Metric) -> str:
    """The series of how much a histogram has seen."""
    return _of_histogram(metric, 2)


def _of_histogram(metric: Metric, place: int) -> str:
    if metric.kind != "histogram":
        raise ValueError(f"{metric.name} is a {metric.kind}: use series")
    return prometheus_names(metric)[place]


def label(attribute: str) -> str:
    """An attribute as a label in Prometheus, or as structured metadata in Loki."""
    if attribute not in names.ATTRIBUTES:
        raise ValueError(f"{attribute!r} is no attribute of telemetry.core.names")
    return attribute.replace(".", "_")


def in_span(attribute: str) -> str:
    """An attribute of a span in TraceQL."""
    if attribute not in names.ATTRIBUTES:
        raise ValueError(f"{attribute!r} is no attribute of telemetry.core.names")
    return f"span.{attribute}"


FUNCTION: Final = label(names.INPUT_FUNCTION)
MODE: Final = label(names.INPUT_MODE)
CONTAINER: Final = label(names.INPUT_CONTAINER_ID)
OUTCOME: Final = label(names.INPUT_OUTCOME)
ZONE: Final = label(names.INPUT_ZONE)
REASON: Final = label(names.INPUT_REASON)
WAIT_REASON: Final = label(names.INPUT_WAIT_REASON)
PHASE: Final = label(names.INPUT_PHASE)
STATE: Final = label(names.INPUT_CONTAINER_STATE)
DIRECTION: Final = label(names.INPUT_AUTOSCALER_DIRECTION)
CAUSE: Final = label(names.INPUT_CANCELLATION_CAUSE)
CANCEL_PHASE: Final = label(names.INPUT_CANCELLATION_PHASE)
MECHANISM: Final = label(names.INPUT_CANCELLATION_MECHANISM)
STAGE: Final = label(names.INPUT_CANCELLATION_STAGE)
BOUND: Final = label(names.INPUT_BOUND)
SIGNAL: Final = label(names.INPUT_TELEMETRY_SIGNAL)

FAILED: Final = f'{OUTCOME}=~"error|timeout|lost"'
"""Outcomes that a caller calls a failure; a cancellation is none."""
NOT_CANCELLED: Final = f'{OUTCOME}!="cancelled"'
BY_CANCELLATION: Final = f'{REASON}=~"cancellation|timeout"'
"""Rescheduled because a neighbour in the same container was cancelled or timed out."""
