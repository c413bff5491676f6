"""Every instrument, through the gateway, is in Prometheus under the predicted name."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, NumberDataPoint, Sum

from telemetry.core import names
from telemetry.core.metrics import DURATION_BOUNDS_S, prometheus_names
from tests.collector import instruments
from tests.collector.chain import GATEWAY, QUICK
from tests.stack import programs, sending
from tests.stack.collector import CollectorRun
from tests.stack.fixtures import StartCollector
from tests.stack.programs import need
from tests.stack.prometheus import PrometheusRun

PREFIXES = ("input_", "faas_")
ARRIVAL_S = 20.0
SECOND_NS = 1_000_000_000
PREDICTED = {name for m in names.METRICS for name in prometheus_names(m)}


def ours(prometheus: PrometheusRun) -> set[str]:
    """The names of series that have our prefixes."""
    return {name for name in prometheus.names() if name.startswith(PREFIXES)}


@pytest.fixture
def gateway(start_collector: StartCollector, prometheus: PrometheusRun) -> CollectorRun:
    """A gateway in front of a real Prometheus."""
    return start_collector(GATEWAY, variables={"PROMETHEUS_URL": prometheus.url})


@pytest.fixture
def filled(gateway: CollectorRun, prometheus: PrometheusRun) -> PrometheusRun:
    """Prometheus with one point of every instrument, the n-th with the value n."""
    points = [
        instruments.point_of(metric, number)
        for number, metric in enumerate(names.METRICS, 1)
    ]
    sending.send(gateway.http_port, sending.metrics(points))
    programs.wait_until(
        lambda: ours(prometheus) >= PREDICTED, "all are there", ARRIVAL_S
    )
    return prometheus


def test_names_labels_and_values_are_as_predicted(filled: PrometheusRun) -> None:
    """The names are those of prometheus_names and no others, each with its labels."""
    assert ours(filled) == PREDICTED
    for number, metric in enumerate(names.METRICS, 1):
        wanted = {
            name.replace(".", "_"): value
            for name, value in instruments.attribute_values(metric).items()
        }
        last = prometheus_names(metric)[-1]
        (series,) = filled.query(f'{last}{{job="synthetic"}}')
        labels = series["metric"]
        about = {"__name__", "job", "instance", "service_name"}
        assert labels["instance"] == "ct-1", last
        assert {k: v for k, v in labels.items() if k not in about} == wanted, last
        value = 1 if metric.kind == "histogram" else number
        assert float(series["value"][1]) == value, last


def test_types_are_what_queries_need(filled: PrometheusRun) -> None:
    """Counters have rates, histograms quantiles, with our bounds in plain notation."""
    expression = (
        'histogram_quantile(0.5, input_duration_seconds_bucket{job="synthetic"})'
    )
    buckets = filled.query('input_duration_seconds_bucket{job="synthetic"}')
    bounds = {series["metric"]["le"] for series in buckets}

    assert filled.values(expression) == [pytest.approx(0.0075)]
    assert bounds == {"+Inf", *(f"{bound:.15g}" for bound in DURATION_BOUNDS_S)}


def test_exemplars_lead_to_trace_and_input(filled: PrometheusRun) -> None:
    """The exemplar of each histogram can be asked for, with all three ids."""
    for metric in names.METRICS:
        if metric.kind != "histogram":
            continue
        bucket = prometheus_names(metric)[0]
        (found,) = filled.exemplars(f'{bucket}{{job="synthetic"}}')
        assert found["labels"] == {
            "trace_id": instruments.TRACE_ID.hex(),
            "span_id": instruments.SPAN_ID.hex(),
            "input_id": instruments.INPUT_ID,
        }


def test_deltas_are_summed(gateway: CollectorRun, prometheus: PrometheusRun) -> None:
    """What a short-lived program sends as differences is a counter in Prometheus."""
    began_ns = time.time_ns() - 30 * SECOND_NS
    for second in range(3):
        point = NumberDataPoint(
            start_time_unix_nano=began_ns + second * SECOND_NS,
            time_unix_nano=began_ns + (second + 1) * SECOND_NS,
            as_int=2,
        )
        delta = Sum(
            data_points=[point],
            aggregation_temporality=instruments.DELTA,
            is_monotonic=True,
        )
        metric = Metric(name=names.LOG_LATE.name, unit=names.LOG_LATE.unit, sum=delta)
        sending.send(gateway.http_port, sending.metrics([metric]))
    expression = 'input_log_late_total{input_function=""}'
    programs.wait_until(
        lambda: prometheus.values(expression) == [6.0], "the sum is there", ARRIVAL_S
    )


def test_a_resource_can_be_joined(filled: PrometheusRun) -> None:
    """What a metric has no label for is on target_info, under the same job."""
    (series,) = filled.query(
        'input_active{job="synthetic"}'
        " * on (job, instance) group_left (host_name) target_info"
    )

    assert series["metric"]["host_name"] == "host-1"


def test_span_metrics_have_names_and_exemplars(
    start_collector: StartCollector, prometheus: PrometheusRun
) -> None:
    """The gateway's own measurements of spans, by service, outcome and zone."""
    variables = {"PROMETHEUS_URL": prometheus.url, **QUICK}
    gateway = start_collector(GATEWAY, variables=variables)
    attributes = {names.INPUT_OUTCOME: "success", names.INPUT_ZONE: "normal"}
    one = sending.span(instruments.TRACE_ID, "measured", attributes, lasts_ms=20)
    sending.send(gateway.http_port, sending.traces([one]))
    labels = 'job="synthetic",span_name="measured",input_outcome="success"'
    expression = f"traces_span_metrics_calls_total{{{labels}}}"
    # The first point of a new series is 0, so that its rate is known at once.
    programs.wait_until(
        lambda: prometheus.values(expression) == [1.0], "a call", ARRIVAL_S
    )
    buckets = f"traces_span_metrics_duration_seconds_bucket{{{labels}}}"

    assert prometheus.values(f'{buckets[:-1]},le="0.025"}}') == [1.0]
    assert {e["labels"]["trace_id"] for e in prometheus.exemplars(buckets)} == {
        instruments.TRACE_ID.hex()
    }


def test_an_outage_of_prometheus_leaves_no_gap(
    start_collector: StartCollector, tmp_path: Path
) -> None:
    """What was measured while Prometheus was down is there afterwards, to the point."""
    prometheus = PrometheusRun(need("prometheus"), tmp_path)
    prometheus.start()
    began_ns = time.time_ns() - 3_600 * SECOND_NS
    gateway = start_collector(GATEWAY, variables={"PROMETHEUS_URL": prometheus.url})

    def measure(seconds: range) -> None:
        for second in seconds:
            metric = instruments.point_of(names.QUEUED, second)
            metric.sum.data_points[0].time_unix_nano = began_ns + second * SECOND_NS
            sending.send(gateway.http_port, sending.metrics([metric]))

    def has(count: int) -> bool:
        return prometheus.values("count_over_time(input_queued[2h])") == [count]

    try:
        measure(range(30))
        programs.wait_until(lambda: has(30), "what came before", ARRIVAL_S)
        prometheus.stop()
        measure(range(30, 60))
        prometheus.start()
        measure(range(60, 90))
        programs.wait_until(lambda: has(90), "all of it", ARRIVAL_S)
        assert prometheus.values("sum_over_time(input_queued[2h])") == [sum(range(90))]
    finally:
        prometheus.discard()
