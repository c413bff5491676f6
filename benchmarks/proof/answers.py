"""What Prometheus has of every metric of the contract, by the attributes of that."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Final, NamedTuple

from benchmarks.proof.sums import Key, Spread
from telemetry.core import names
from telemetry.core.metrics import Metric, prometheus_names
from tests.stack.prometheus import PrometheusRun

OURS: Final = '{__name__=~"(input|faas)_.+"}'
"""All that the contract names, of whichever service."""

_BACK: Final = "[6h]"

Samples = list[tuple[float, float]]
"""Unix seconds and values, oldest first."""


class Answers(NamedTuple):
    """What there is.

    Attributes:
        counters: The newest value of each series.
        gauges: All samples of each series.
        unseen: By metric, series of sums whose first sample is not zero: no rate knows
            of what they had counted by then.
    """

    counters: dict[Key, float]
    spreads: dict[Key, Spread]
    gauges: dict[Key, Samples]
    unseen: dict[str, list[str]]


def answers(prometheus: PrometheusRun) -> Answers:
    """All that it has, whatever instance and service it is of."""
    found = Answers({}, {}, {}, {})
    for series in prometheus.query(f"{OURS}{_BACK}"):
        labels = series["metric"]
        metric = _BY_SERIES.get(labels["__name__"])
        if metric is None:
            continue
        samples = [(float(when), float(value)) for when, value in series["values"]]
        key = metric.name, values_of(metric, labels)
        if metric.kind in {"counter", "histogram"} and samples[0][1]:
            found.unseen.setdefault(metric.name, []).append(
                f"{labels['__name__']} {' '.join(key[1])} begins with {samples[0][1]:g}"
            )
        if metric.kind == "counter":
            known = found.counters.get(key, 0.0)
            found.counters[key] = known + samples[-1][1]
        elif metric.kind == "histogram":
            spread = found.spreads.setdefault(
                key, Spread([0] * (len(metric.bounds) + 1))
            )
            _put(spread, metric, labels, samples[-1][1])
        else:
            found.gauges[key] = sorted(found.gauges.get(key, []) + samples)
    for spread in found.spreads.values():
        # In Prometheus each bucket counts those below it as well.
        counts = [0, *spread.counts]
        spread.counts = [more - less for less, more in pairwise(counts)]
    return found


def values_of(metric: Metric, labels: Mapping[str, Any]) -> tuple[str, ...]:
    """The values of the attributes of *metric* in the labels of a series.

    An attribute without a value is no label at all.
    """
    keys = [name.replace(".", "_") for name in metric.attributes]
    return tuple(str(labels.get(key, "")) for key in keys)


def _put(
    spread: Spread, metric: Metric, labels: Mapping[str, str], value: float
) -> None:
    if labels["__name__"].endswith("_sum"):
        spread.sum += value
    elif labels["__name__"].endswith("_bucket"):
        bound = float(labels["le"])
        at = len(metric.bounds) if bound == _ABOVE else metric.bounds.index(bound)
        spread.counts[at] += round(value)


_ABOVE: Final = float("inf")
_BY_SERIES: Final = {
    series: metric for metric in names.METRICS for series in prometheus_names(metric)
}
