"""promtool, and series of every metric for it."""

from __future__ import annotations

import itertools
import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from telemetry.core import names
from telemetry.core.metrics import Metric, prometheus_names
from tests.stack.programs import need

VALUES: Final[Mapping[str, Sequence[str]]] = {
    names.INPUT_FUNCTION: ("resize", "translate"),
    names.INPUT_MODE: ("sync",),
    names.INPUT_ZONE: ("idle", "normal", "burst", "saturated"),
    names.INPUT_OUTCOME: ("success", "error", "cancelled", "timeout", "lost"),
    names.INPUT_WAIT_REASON: ("none", "cold_start", "capacity", "retry"),
    names.INPUT_CANCELLATION_CAUSE: ("user", "timeout"),
    names.INPUT_CANCELLATION_PHASE: ("queued", "running"),
    names.INPUT_CANCELLATION_MECHANISM: ("task", "container"),
    names.INPUT_CANCELLATION_STAGE: ("deliver", "unwind"),
    names.INPUT_REASON: ("crash", "cold_start", "cancellation"),
    names.INPUT_PHASE: ("spawn", "import", "enter", "total"),
    names.INPUT_CONTAINER_STATE: ("starting", "ready", "draining"),
    names.INPUT_CONTAINER_ID: ("ct-1", "ct-2"),
    names.INPUT_AUTOSCALER_DIRECTION: ("up", "down"),
    names.INPUT_BOUND: ("true", "false"),
    names.INPUT_TELEMETRY_SIGNAL: ("logs", "spans", "metrics"),
    names.FAAS_TRIGGER: ("other",),
}
"""Some values of each attribute that a metric has."""

RESOURCE: Final = ({"job": "shop", "instance": "i1"}, {"job": "shop", "instance": "i2"})
"""Two processes of one service."""

MINUTES: Final = 70

COLLECTOR: Final = (
    *(
        f'otelcol_{what}_{kind}_total{{job="otelcol", receiver="otlp", '
        f'exporter="otlp"}}'
        for what in (
            "receiver_accepted",
            "receiver_refused",
            "exporter_send_failed",
            "exporter_enqueue_failed",
            "processor_memory_limiter_refused",
        )
        for kind in ("spans", "metric_points", "log_records")
    ),
    'otelcol_exporter_queue_size{job="otelcol", exporter="otlp"}',
    'otelcol_exporter_queue_capacity{job="otelcol", exporter="otlp"}',
)

_OF_ALERT: Final = {
    "severity": "warning",
    "dashboard": "input-overview",
    "job": "shop",
    "input_function": "resize",
}


def selector(name: str, labels: Mapping[str, str]) -> str:
    """A series in PromQL's words."""
    pairs = ", ".join(f"{key}={json.dumps(text)}" for key, text in labels.items())
    return f"{name}{{{pairs}}}"


OF_OTHERS: Final = (
    *COLLECTOR,
    selector(
        "ALERTS",
        {"alertname": "InputX", "alertstate": "firing", **_OF_ALERT},
    ),
    selector("ALERTS_FOR_STATE", {"alertname": "InputX", **_OF_ALERT}),
    'target_info{job="shop", instance="i1", service_version="1.0"}',
    'input_started_total{job="shop", instance="i1", otel_metric_overflow="true"}',
)
"""Series of the Collector, of Prometheus itself, and one of an SDK that overflows."""


def series() -> list[dict[str, str]]:
    """Series of every metric of the contract, as promtool wants them."""
    ours = [each for metric in names.METRICS for each in _series(metric)]
    return ours + [
        {"series": name, "values": f"1+60x{2 * MINUTES}"} for name in OF_OTHERS
    ]


def _series(metric: Metric) -> Iterator[dict[str, str]]:
    keys = [name.replace(".", "_") for name in metric.attributes]
    choices = itertools.product(*(VALUES[name] for name in metric.attributes))
    for resource, chosen in itertools.product(RESOURCE, choices):
        labels = {**resource, **dict(zip(keys, chosen, strict=True))}
        for name, more, growth in _parts(metric):
            yield {
                "series": selector(name, {**labels, **more}),
                "values": f"1+{growth}x{2 * MINUTES}",
            }


def _parts(metric: Metric) -> Iterator[tuple[str, dict[str, str], int]]:
    found = prometheus_names(metric)
    if metric.kind == "histogram":
        bucket, total, count = found
        bounds = [f"{bound:g}" for bound in metric.bounds]
        for place, bound in enumerate([*bounds, "+Inf"]):
            yield bucket, {"le": bound}, place + 1
        yield total, {}, 6
        yield count, {}, len(bounds) + 1
    else:
        yield found[0], {}, 6 if metric.kind == "counter" else 0


def run(*arguments: str | Path) -> None:
    """Run promtool.

    Raises:
        AssertionError: It found something wrong; the message is what it said.
    """
    done = subprocess.run(
        [need("promtool"), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-8000:]


def check_rules(folder: Path, rules: Sequence[Mapping[str, str]]) -> None:
    """Let promtool parse these rules."""
    path = folder / "rules.yaml"
    # JSON is YAML.
    path.write_text(json.dumps({"groups": [{"name": "g", "rules": rules}]}), "utf-8")
    run("check", "rules", path)


def evaluate(
    folder: Path, given: Sequence[Mapping[str, str]], tests: Sequence[Any]
) -> None:
    """Let promtool evaluate queries at the end of the series *given*."""
    path = folder / "tests.yaml"
    test = {"interval": "30s", "input_series": given, "promql_expr_test": tests}
    path.write_text(json.dumps({"evaluation_interval": "1m", "tests": [test]}), "utf-8")
    run("test", "rules", path)
