"""Simulated pools as series of Prometheus, one sample each 15 s, in OpenMetrics."""

from __future__ import annotations

import bisect
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

from dashboards import series as s
from dashboards.drawing.filling import EXPORT_S
from dashboards.drawing.synthetic.pool import STEP_S, Pool
from telemetry.core import names
from telemetry.core.metrics import Metric, prometheus_names

RESOURCE: Final = {"job": "shop/translator", "instance": "driver-7f3c"}

_COUNTERS: Final[Mapping[str, Metric]] = {
    "started": names.STARTED,
    "completed": names.COMPLETED,
    "cancelled": names.CANCELLED,
    "rescheduled": names.RESCHEDULED,
    "retried": names.RETRIED,
    "exits": names.CONTAINER_EXITS,
    "starts": names.CONTAINER_STARTS,
    "decisions": names.AUTOSCALER_DECISIONS,
    "slots": names.SLOTS_SECONDS,
    "queue": names.QUEUE_SECONDS,
    "zone": names.ZONE_SECONDS,
    "bursts": names.BURSTS,
    "lines": names.LOG_RECORDS,
    "late": names.LOG_LATE,
    "blocked": names.LOOP_BLOCKED,
}
_HISTOGRAMS: Final[Mapping[str, Metric]] = {
    "run": names.DURATION,
    "total": names.TOTAL_DURATION,
    "wait": names.QUEUE_DURATION,
    "concurrency": names.CONCURRENCY,
    "stop": names.CANCELLATION_DURATION,
    "start": names.CONTAINER_START_DURATION,
    "burst": names.BURST_DURATION,
    "lag": names.LOOP_LAG,
    "size": names.BATCH_SIZE,
    "linger": names.BATCH_LINGER,
}
_LABELS: Final[Mapping[str, str]] = {
    "zone": s.ZONE,
    "outcome": s.OUTCOME,
    "cause": s.CAUSE,
    "phase": s.PHASE,
    "mechanism": s.MECHANISM,
    "stage": s.STAGE,
    "reason": s.REASON,
    "direction": s.DIRECTION,
    "bound": s.BOUND,
}

_OUTAGE_S: Final = range(4_200, 4_800)
"""While Loki was slow."""
_DEPLOYED_S: Final = 5_000

Sample = tuple[str, Mapping[str, str], float]


class Exporter:
    """What has been counted of one pool since the beginning."""

    def __init__(self, pool: Pool, seed: int) -> None:
        self._pool: Final = pool
        self._buckets: Final[dict[tuple[str, ...], list[float]]] = {}
        self._sums: Final[defaultdict[tuple[str, ...], float]] = defaultdict(float)
        self._random: Final = random.Random(seed)  # noqa: S311  # a picture's data
        self._own: Final = {
            s.FUNCTION: pool.shape.name,
            s.MODE: pool.shape.mode,
        }
        self._lines = 0.0

    def samples(self, now_s: float) -> Iterator[Sample]:
        """All series of the pool at a moment."""
        self._invent()
        for (metric, *labels), value in self._pool.counts.items():
            of = self._labels(metric, labels)
            yield s.series(_COUNTERS[metric]), of, float(value)
        for key, values in self._pool.seen.items():
            self._fill(key, values)
            values.clear()
        for key, buckets in self._buckets.items():
            yield from self._histogram(key, buckets)
        yield from self._gauges(now_s)

    def _invent(self) -> None:
        """Log lines, loops and batches, which the simulation has not."""
        pool = self._pool
        started = sum(v for (m, *_), v in pool.counts.items() if m == "started")
        fresh, self._lines = (started - self._lines) * 4.0, started
        lost = 0.03 if pool.shape.name == "resize" else 0.001
        pool.count("lines", fresh * (1 - lost), bound="true")
        pool.count("lines", fresh * lost, bound="false")
        if pool.shape.mode == "async":
            over = pool.active / max(len(pool.containers) * pool.shape.target, 1)
            for _ in range(30):
                pool.see("lag", self._random.expovariate(1 / (0.002 + 0.02 * over**3)))
            if self._random.random() < 0.02 * over:
                pool.count("blocked")
        if pool.shape.mode == "batch":
            for _ in range(int(fresh / 16)):
                pool.see("size", float(self._random.choice((2, 4, 6, 8, 8, 8))))
                pool.see("linger", self._random.uniform(0.002, 0.05))

    def _labels(self, metric: str, pairs: list[str]) -> dict[str, str]:
        found = dict(self._own)
        for pair in pairs:
            name, _, value = pair.partition("=")
            known = _LABELS[name]
            if metric == "cancelled" and name == "phase":
                known = s.CANCEL_PHASE
            if metric == "wait" and name == "reason":
                known = s.WAIT_REASON
            found[known] = value
        return found

    def _fill(self, key: tuple[str, ...], values: list[float]) -> None:
        bounds = _HISTOGRAMS[key[0]].bounds
        buckets = self._buckets.setdefault(key, [0.0] * (len(bounds) + 1))
        for value in values:
            buckets[bisect.bisect_left(bounds, value)] += 1
            self._sums[key] += value

    def _histogram(
        self, key: tuple[str, ...], buckets: list[float]
    ) -> Iterator[Sample]:
        metric = _HISTOGRAMS[key[0]]
        bucket, total, count = prometheus_names(metric)
        of = self._labels(key[0], list(key[1:]))
        below = 0.0
        bounds = [*(f"{bound:g}" for bound in metric.bounds), "+Inf"]
        for bound, inside in zip(bounds, buckets, strict=True):
            below += inside
            yield bucket, {**of, "le": bound}, below
        yield total, of, self._sums[key]
        yield count, of, below

    def _gauges(self, now_s: float) -> Iterator[Sample]:
        pool, own = self._pool, self._own
        ready = pool.ready(now_s)
        starting = len(pool.containers) - len(ready)
        oldest = now_s - pool.queue[0] if pool.queue else 0.0
        for metric, value in (
            (names.ACTIVE, pool.active),
            (names.QUEUED, len(pool.queue)),
            (names.QUEUE_OLDEST, oldest),
            (names.AUTOSCALER_WANT, pool.want),
            (names.AUTOSCALER_DEMAND, pool.demand),
        ):
            yield s.series(metric), own, float(value)
        for state, count in (("ready", len(ready)), ("starting", starting)):
            yield s.series(names.CONTAINERS), {**own, s.STATE: state}, float(count)
        for each in ready:
            of = {**own, s.CONTAINER: each.name}
            for metric, value in (
                (names.SLOTS_ACTIVE, len(each.running)),
                (names.SLOTS_TARGET, pool.shape.target),
                (names.SLOTS_LIMIT, pool.shape.limit),
                (names.SLOTS_PEAK, max(each.peak, len(each.running))),
                (names.SLOTS_STUCK, 0),
            ):
                yield s.series(metric), of, float(value)
            each.peak = len(each.running)


def openmetrics(pools: list[Pool], begin_s: float, length_s: float) -> Iterator[str]:
    """Lets the pools run, and writes what Prometheus would have taken in meanwhile."""
    exporters = [Exporter(pool, seed) for seed, pool in enumerate(pools)]
    for number in range(int(length_s / EXPORT_S)):
        for step in range(int(EXPORT_S / STEP_S)):
            for pool in pools:
                pool.step(number * EXPORT_S + step * STEP_S)
        now_s = (number + 1) * EXPORT_S
        at_s = begin_s + now_s
        for exporter in exporters:
            for name, labels, value in exporter.samples(now_s):
                yield line(name, {**RESOURCE, **labels}, value, at_s)
        yield from _others(now_s, at_s)
    yield "# EOF"


def _others(now_s: float, at_s: float) -> Iterator[str]:
    """The agent, the Collector and the service itself."""
    turn = now_s / EXPORT_S
    for signal, rate in (("logs", 90.0), ("spans", 30.0), ("metrics", 22.0)):
        of = {**RESOURCE, s.SIGNAL: signal}
        yield line(s.series(names.TELEMETRY_SHIPPED), of, rate * now_s, at_s)
    stuck = now_s in _OUTAGE_S
    wave = 200_000 * (1 + turn % 9) if stuck else 40_000.0
    yield line(s.series(names.TELEMETRY_BACKLOG), RESOURCE, wave, at_s)
    version = "1.4.0" if now_s < _DEPLOYED_S else "1.5.0"
    yield line("target_info", {**RESOURCE, "service_version": version}, 1, at_s)
    of_collector = {"job": "otelcol-gateway", "instance": "otelcol:8888"}
    for kind, rate in (("spans", 30), ("metric_points", 22), ("log_records", 90)):
        of = {**of_collector, "receiver": "otlp"}
        name = f"otelcol_receiver_accepted_{kind}_total"
        yield line(name, of, rate * now_s, at_s)
        yield line(f"otelcol_receiver_refused_{kind}_total", of, 0, at_s)
        exporter = {**of_collector, "exporter": _EXPORTERS[kind]}
        failed = f"otelcol_exporter_send_failed_{kind}_total"
        yield line(failed, exporter, 0, at_s)
        fill = 720 if kind == "log_records" and stuck else 20
        yield line("otelcol_exporter_queue_size", exporter, fill, at_s)
        yield line("otelcol_exporter_queue_capacity", exporter, 1000, at_s)


_EXPORTERS: Final = {
    "spans": "otlp_grpc/tempo",
    "metric_points": "otlp_http/prometheus",
    "log_records": "otlp_http/loki",
}


def line(name: str, labels: Mapping[str, str], value: float, at_s: float) -> str:
    """One sample."""
    pairs = ",".join(f'{key}="{text}"' for key, text in labels.items())
    return f"{name}{{{pairs}}} {value:g} {at_s:.3f}"
