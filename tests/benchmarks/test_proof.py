"""The proof with real parts: it holds, and it would find what does not."""

from __future__ import annotations

import subprocess
import sys

import pytest

from benchmarks.proof.answers import Answers
from benchmarks.proof.comparing import rows
from benchmarks.proof.sums import Counted, Spread
from telemetry.core import names
from telemetry.core.metrics import Metric
from tests.house.tree import ROOT
from tests.stack.programs import need

LAG_S = 3.0


@pytest.mark.timeout(180)  # real programs, one after the other
def test_prometheus_answers_what_the_runtime_has_counted() -> None:
    """Every metric, point, query, rule and trace of a short run of the demo."""
    need("otelcol")
    need("prometheus")
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.proof", "--quick"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stdout[-6_000:] + ended.stderr[-2_000:]
    for metric in names.METRICS:
        assert f"| {metric.name} " in ended.stdout


def counted() -> Counted:
    """Some of everything."""
    made = Counted()
    made.add(names.BURSTS, "work", "async", "cold_start", amount=2)
    made.add(names.SLOTS_SECONDS, "work", "async", amount=1.5)
    made.observe(names.BATCH_SIZE, 3.0, "work", "batch")
    for metric in (names.SLOTS_PEAK, names.SLOTS_ACTIVE):
        made.show(metric, 100.0, 4.0, "work", "async", "ct-1")
        made.show(metric, 105.0, None, "work", "async", "ct-1")
    made.show(names.QUEUED, 100.0, 7.0, "work", "async")
    made.show(names.QUEUED, 110.0, 2.0, "work", "async")
    return made


def answered() -> Answers:
    """What Prometheus should have of it."""
    sizes = [0, 0, 1, *[0] * (len(names.BATCH_SIZE.bounds) - 2)]
    mine = ("work", "async", "ct-1")
    return Answers(
        {
            (names.BURSTS.name, ("work", "async", "cold_start")): 2.0,
            (names.BURSTS.name, ("work", "async", "max_containers")): 0.0,
            (names.SLOTS_SECONDS.name, ("work", "async")): 1.5,
        },
        {(names.BATCH_SIZE.name, ("work", "batch")): Spread(sizes, 3.0)},
        {
            (names.SLOTS_PEAK.name, mine): [(104.9, 4.0), (105.1, 0.0)],
            (names.SLOTS_ACTIVE.name, mine): [(104.9, 4.0), (105.1, 0.0)],
            (names.QUEUED.name, ("work", "async")): [(101.0, 7.0), (112.0, 2.0)],
            (names.TELEMETRY_BACKLOG.name, ()): [(101.0, 0.0)],
        },
        {},
    )


def wrong(found: Answers) -> set[str]:
    """The metrics that differ."""
    return {row.metric for row in rows(counted(), found, LAG_S) if row.wrong}


def test_what_is_equal_is_right() -> None:
    """A counter that was never counted may stand at zero."""
    assert wrong(answered()) == set()


@pytest.mark.parametrize(
    ("metric", "samples"),
    [
        (names.QUEUED, [(101.0, 6.0)]),  # it has never been so many
        (names.QUEUED, [(120.0, 7.0)]),  # it has not been so many for long
        (names.SLOTS_PEAK, [(104.9, 3.0), (105.1, 0.0)]),  # the highest is missing
        (names.SLOTS_ACTIVE, [(104.9, 4.0)]),  # it is gone, and no zero says so
        (names.TELEMETRY_BACKLOG, [(101.0, 1e9)]),  # not everything has left
    ],
)
def test_a_gauge_that_is_wrong_is_found(
    metric: Metric, samples: list[tuple[float, float]]
) -> None:
    """A value that was never told, an old one, and one that lingers."""
    found = answered()
    (key,) = [each for each in found.gauges if each[0] == metric.name]
    found.gauges[key] = samples

    assert wrong(found) == {metric.name}


def test_a_sum_that_is_wrong_is_found() -> None:
    """One too many, one in another bucket, one that was not there at the beginning."""
    found = answered()
    found.counters[names.BURSTS.name, ("work", "async", "max_containers")] = 1.0
    found.counters[names.SLOTS_SECONDS.name, ("work", "async")] = 1.500_001
    spread = found.spreads[names.BATCH_SIZE.name, ("work", "batch")]
    spread.counts = [0, 1, *spread.counts[2:]]
    found.unseen[names.COMPLETED.name] = ["it begins with 3"]

    assert wrong(found) == {
        names.BURSTS.name,
        names.SLOTS_SECONDS.name,
        names.BATCH_SIZE.name,
        names.COMPLETED.name,
    }
