"""The table of names: each once, well formed, and as the contract says."""

from __future__ import annotations

import importlib
import inspect
import re
from collections import Counter

import pytest

from telemetry.core import attributes, instruments, names
from telemetry.core.metrics import Metric

SEMCONV = "opentelemetry.semconv._incubating"

CONSTANTS = {
    name: value
    for name, value in vars(attributes).items()
    if name.isupper() and isinstance(value, str)
}

PREFIXES = {"FIELD_": names.FIELDS, "EVENT_": names.EVENTS, "SPAN_": names.SPANS}


def metric_constants() -> dict[str, Metric]:
    """The instruments, by the name of their constant."""
    found = vars(instruments).items()
    return {name: value for name, value in found if isinstance(value, Metric)}


def written(name: str) -> str:
    """How a constant for that name is called."""
    return name.replace(".", "_").upper()


def test_table_has_every_instrument() -> None:
    """No instrument is defined and left out of the table, and none is in it twice."""
    assert sorted(m.name for m in names.METRICS) == sorted(
        m.name for m in metric_constants().values()
    )


@pytest.mark.parametrize("constant", metric_constants())
def test_instrument_is_called_what_it_is(constant: str) -> None:
    """The constant's name follows from the instrument's."""
    metric = metric_constants()[constant]

    assert constant == written(metric.name.removeprefix("input."))


@pytest.mark.parametrize("metric", names.METRICS, ids=lambda m: m.name)
def test_own_names_share_one_prefix(metric: Metric) -> None:
    """Everything of ours is found by input_, the rest are of the conventions."""
    assert metric.name.startswith("input." if metric.source == "own" else "faas.")


@pytest.mark.parametrize("metric", names.METRICS, ids=lambda m: m.name)
def test_instrument_is_well_formed(metric: Metric) -> None:
    """Name and unit are what OpenTelemetry and UCUM allow; the text is a sentence."""
    assert re.fullmatch(r"[a-z]+(\.[a-z]+)*(_[a-z]+)?", metric.name)
    assert re.fullmatch(r"s|By|\{[a-z]+\}", metric.unit)
    assert metric.description.endswith(".")


@pytest.mark.parametrize("metric", names.METRICS, ids=lambda m: m.name)
def test_instrument_has_known_attributes(metric: Metric) -> None:
    """The attributes are in the table of attributes, each once."""
    assert set(metric.attributes) <= names.ATTRIBUTES
    assert len(set(metric.attributes)) == len(metric.attributes)


@pytest.mark.parametrize("metric", names.METRICS, ids=lambda m: m.name)
def test_ids_of_inputs_are_no_metric_attributes(metric: Metric) -> None:
    """A series per input would never end; ids ride on exemplars."""
    per_input = {names.INPUT_ID, names.INPUT_CALL_ID, names.FAAS_INVOCATION_ID}

    assert not per_input & set(metric.attributes)


def test_series_names_are_unique() -> None:
    """No two instruments fall together in Prometheus, nor with a label."""
    series = Counter(s for m in names.METRICS for s in names.prometheus_names(m))

    assert [name for name, count in series.items() if count > 1] == []


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (names.ACTIVE, ("input_active",)),
        (names.STARTED, ("input_started_total",)),
        (names.QUEUE_OLDEST, ("input_queue_oldest_seconds",)),
        (names.SLOTS_SECONDS, ("input_slots_seconds_total",)),
        (names.TELEMETRY_BACKLOG, ("input_telemetry_backlog_bytes",)),
        (
            names.TOTAL_DURATION,
            (
                "input_total_duration_seconds_bucket",
                "input_total_duration_seconds_sum",
                "input_total_duration_seconds_count",
            ),
        ),
        (
            names.CONCURRENCY,
            (
                "input_concurrency_bucket",
                "input_concurrency_sum",
                "input_concurrency_count",
            ),
        ),
        (
            names.FAAS_INIT_DURATION,
            (
                "faas_init_duration_seconds_bucket",
                "faas_init_duration_seconds_sum",
                "faas_init_duration_seconds_count",
            ),
        ),
    ],
    ids=lambda value: value.name if isinstance(value, Metric) else "",
)
def test_prometheus_names(metric: Metric, expected: tuple[str, ...]) -> None:
    """Dots, units and kinds become what Prometheus makes of them."""
    assert names.prometheus_names(metric) == expected


def test_bounds_are_the_contract() -> None:
    """Objectives and dashboards rely on exactly these bounds of seconds."""
    contract = "0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 10 30 60 300 900"

    assert [f"{b:g}" for b in names.DURATION_BOUNDS_S] == contract.split()


@pytest.mark.parametrize(
    ("metric", "bounds"),
    [
        (names.DURATION, names.DURATION_BOUNDS_S),
        (names.CONCURRENCY, names.COUNT_BOUNDS),
        (names.SLOTS_SECONDS, ()),
        (names.QUEUE_OLDEST, ()),
    ],
    ids=lambda value: value.name if isinstance(value, Metric) else "",
)
def test_bounds_follow_kind_and_unit(metric: Metric, bounds: tuple[float, ...]) -> None:
    """Histograms of seconds and of inputs have bounds, other kinds have none."""
    assert metric.bounds == bounds


@pytest.mark.parametrize("name", sorted(names.ATTRIBUTES))
def test_attribute_is_called_what_it_is(name: str) -> None:
    """The constant's name follows from the attribute's."""
    assert CONSTANTS[written(name)] == name


@pytest.mark.parametrize(
    ("prefix", "name"), [(p, n) for p, known in PREFIXES.items() for n in sorted(known)]
)
def test_field_event_and_span_are_called_what_they_are(prefix: str, name: str) -> None:
    """Log fields, events and spans follow the same rule behind their prefix."""
    assert CONSTANTS[prefix + written(name)] == name


def test_every_constant_is_in_one_set() -> None:
    """Attributes, fields, events and spans together are all names that there are."""
    sets = (names.ATTRIBUTES, names.FIELDS, names.EVENTS, names.SPANS)

    assert sum(map(len, sets)) == len(CONSTANTS) - len({"PROVIDER", "TRIGGER"})


def test_log_line_has_the_fields_of_the_contract() -> None:
    """What people grep for keeps its name."""
    contract = (
        "timestamp level event logger input_id function_call_id function attempt "
        "container_id slot trace_id span_id stream thread exception "
        "batch_input_ids input_candidates input_late"
    )

    assert set(contract.split()) == names.FIELDS


def test_fields_become_known_attributes() -> None:
    """Each field with an attribute in OTLP has one that is in the table."""
    assert set(names.ATTRIBUTE_OF_FIELD) <= names.FIELDS
    assert set(names.ATTRIBUTE_OF_FIELD.values()) <= names.ATTRIBUTES


def test_other_attributes_are_of_the_conventions() -> None:
    """An attribute without our prefix is one that OpenTelemetry defines."""
    defined: set[object] = set()
    areas = "code error exception faas host log otel process service telemetry thread"
    for area in areas.split():
        defined |= _values(f"{SEMCONV}.attributes.{area}_attributes")
    foreign = {name for name in names.ATTRIBUTES if not name.startswith("input.")}
    foreign -= {names.OTEL_METRIC_OVERFLOW}  # of the specification of the SDK

    assert foreign - defined == set()


@pytest.mark.parametrize(
    "metric",
    [m for m in names.METRICS if m.source != "own"],
    ids=lambda m: m.name,
)
def test_foreign_instruments_are_of_the_conventions(metric: Metric) -> None:
    """Name, kind and unit are those that OpenTelemetry gives the instrument."""
    module = importlib.import_module(f"{SEMCONV}.metrics.faas_metrics")
    source = inspect.getsource(module)
    entry = source.split(f'"{metric.name}"\n', 1)[1].split('"""', 2)[1]

    assert f"Instrument: {metric.kind}\n" in entry
    assert f"Unit: {metric.unit}\n" in entry


def _values(module: str) -> set[object]:
    return {
        v for v in vars(importlib.import_module(module)).values() if isinstance(v, str)
    }
