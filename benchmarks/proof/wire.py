"""What went over the wire, item by item, against what is at its end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Any, Final, NamedTuple

from benchmarks.proof.answers import OURS
from benchmarks.proof.ground import Ground
from telemetry.core import names
from telemetry.core.metrics import prometheus_names
from tests.stack.collector import CollectorRun
from tests.stack.prometheus import PrometheusRun
from tests.stack.received import ReceivedLog, ReceivedPoint, ReceivedSpan

_LOST: Final = ("refused", "failed", "dropped", "rejected")
_NS_PER_MS: Final = 1_000_000
_IDENTITY: Final = {"job": names.SERVICE_NAME, "instance": names.SERVICE_INSTANCE_ID}
_PROMOTED: Final = frozenset({"service_name"})
"""Labels that prometheus.yaml adds to what a point has."""

_METRICS: Final = {metric.name: metric for metric in names.METRICS}
_Place = tuple[str, frozenset[tuple[str, str]], int]
"""Name of a series, its labels, and Unix milliseconds."""


class Checked(NamedTuple):
    """How many of something were looked at, and what is wrong with some of them."""

    looked_at: int
    wrong: list[str]


def points(gateway: CollectorRun, prometheus: PrometheusRun) -> Checked:
    """The samples that left the gateway; wrong where Prometheus has another value."""
    there: dict[_Place, float] = {}
    for series in prometheus.query(f"{OURS}[6h]"):
        labels = dict(series["metric"])
        name = labels.pop("__name__")
        key = frozenset((k, v) for k, v in labels.items() if k not in _PROMOTED)
        for when_s, value in series["values"]:
            there[name, key, round(float(when_s) * 1000)] = float(value)
    sent = {
        place: value for point in gateway.metrics() for place, value in _samples(point)
    }
    wrong = [
        f"{place[0]} {sorted(place[1])} at {place[2]} ms: {value!r} was sent, "
        f"{there.get(place)!r} is there"
        for place, value in sent.items()
        if there.get(place) != value
    ]
    return Checked(len(sent), wrong)


def _samples(point: ReceivedPoint) -> Iterator[tuple[_Place, float]]:
    """What Prometheus makes of a point."""
    metric = _METRICS.get(point.name)
    if metric is None:
        return
    labels = {key.replace(".", "_"): _label(v) for key, v in point.attributes.items()}
    labels |= {key: point.resource[name] for key, name in _IDENTITY.items()}
    own = frozenset((key, value) for key, value in labels.items() if value)
    at_ms = point.unix_ns // _NS_PER_MS
    if metric.kind != "histogram":
        yield (prometheus_names(metric)[0], own, at_ms), point.value
        return
    bucket, total, count = prometheus_names(metric)
    yield (total, own, at_ms), point.value
    yield (count, own, at_ms), point.count
    bounds = [*(f"{bound:.15g}" for bound in point.bounds), "+Inf"]
    for bound, below in zip(bounds, accumulate(point.counts), strict=True):
        yield (bucket, own | {("le", bound)}, at_ms), below


def _label(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def losses(run: CollectorRun) -> list[str]:
    """What a Collector says that it has refused, dropped or failed to pass on."""
    return [
        f"{name} is {value:g}"
        for name, value in sorted(run.own_metrics().items())
        if value and any(word in name for word in _LOST)
    ]


def lines(ground: Ground, arrived: Iterable[ReceivedLog]) -> Checked:
    """The lines of the store; wrong where they are not as many behind the gateway."""
    ((stored,),) = ground.ask("select count(*) from logs")
    uids = [each.attributes.get("log.record.uid") for each in arrived]
    wrong = []
    if len(set(uids)) != stored:
        wrong.append(f"{stored:,} are stored, and {len(set(uids)):,} have arrived")
    if len(set(uids)) != len(uids):
        wrong.append(f"{len(uids) - len(set(uids)):,} have arrived more than once")
    return Checked(int(stored), wrong)


def exemplars(ground: Ground, prometheus: PrometheusRun) -> Checked:
    """Exemplars; wrong where they lead to no span or input that the store has."""
    spans = set(
        ground.ask("select lower(hex(trace_id)), lower(hex(span_id)) from spans")
    )
    inputs = {each for (each,) in ground.ask("select input_id from v_inputs")}
    found = prometheus.exemplars('{__name__=~"(input|faas)_.+_bucket"}')
    wrong = [
        str(labels)
        for labels in (each["labels"] for each in found)
        if (labels.get("trace_id"), labels.get("span_id")) not in spans
        or labels.get(names.FIELD_INPUT_ID) not in inputs
    ]
    return Checked(len(found), wrong)


def known_inputs(
    ground: Ground, arrived: Iterable[ReceivedLog], spans: Iterable[ReceivedSpan]
) -> Checked:
    """Inputs whose traces were kept: what the panels of the explorer ask for.

    Wrong where ``input_id`` in the structured metadata of Loki, or ``span.input.id``
    in Tempo, finds other lines or spans than the store has.
    """
    lines_of = _counted(each.attributes for each in arrived)
    spans_of = _counted(each.attributes for each in spans)
    question = "select input_id, count(*) from v_lines where input_id <> '' group by 1"
    wrong = [
        f"{input_id}: {count} lines are stored, {lines_of.get(input_id, 0)} arrived"
        for input_id, count in ground.ask(question)
        if lines_of.get(input_id, 0) != count
    ]
    stored = dict(
        ground.ask(
            "select json_extract(attributes, '$.\"input.id\"'), count(*) from spans "
            "group by 1"
        )
    )
    wrong += [
        f"{input_id}: {stored.get(input_id)} spans are stored, {count} arrived"
        for input_id, count in spans_of.items()
        if stored.get(input_id) != count
    ]
    return Checked(len(spans_of), wrong)


def _counted(attributes: Iterable[dict[str, Any]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for each in attributes:
        input_id = each.get(names.INPUT_ID)
        if input_id:
            counts[input_id] = counts.get(input_id, 0) + 1
    return counts
