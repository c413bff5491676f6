"""A pool is measured about each second, while there is something to measure."""

from __future__ import annotations

import pytest

from telemetry.capture.runtime_records import ContainerMeasured, PoolMeasured, Record
from telemetry.policy.bursts import Zone
from telemetry.policy.settling import Cause
from telemetry.runtime.driver.containers import ContainerHandle, State
from telemetry.runtime.driver.fleet import Fleet
from telemetry.runtime.driver.inputs import Batch
from telemetry.runtime.driver.meter import Meter
from telemetry.runtime.driver.services import Services
from telemetry.runtime.driver.settler import Settler
from telemetry.runtime.driver.surveyor import EVERY_S, IDLE_EVERY_S, Surveyor
from telemetry.runtime.driver.waiting_line import InputQueue
from tests.runtime.mechanism.stand_ins import (
    FakeTimers,
    an_input,
    held_back,
    ids,
    spec,
)


class Bench:
    """A pool's parts, and a clock that the test sets."""

    def __init__(self, *, observed: bool = True) -> None:
        self.records: list[Record] = []
        self.timers = FakeTimers()
        self.now_s = 100.0
        services = Services(
            at=self.timers.at, ids=ids(), observe=None, shutdown_grace_s=1.0
        )
        if observed:
            services.report = self.records.append
        pool = spec()
        self.queue = InputQueue()
        self.settler = Settler(pool, services, self.queue, held_back)
        self.fleet = Fleet(
            pool,
            services,
            launch=held_back,
            on_start_failed=held_back,
            on_due=held_back,
        )
        self.meter = Meter(pool, services)
        self.surveyor = Surveyor(pool, services, self.queue, self.fleet, self.look)

    def container(self, *, ready: bool = True) -> ContainerHandle:
        """One more container."""
        made = ContainerHandle(f"ct-{len(self.fleet.living)}", 4, self.now_s)
        if ready:
            made.state, made.ready_s = State.READY, self.now_s
        self.fleet.living.append(made)
        return made

    def look(self, now_s: float | None = None) -> None:
        """Something has changed, at that time."""
        self.now_s = self.now_s if now_s is None else now_s
        self.surveyor.look(self.now_s, self.meter, self.settler)

    def until(self, end_s: float) -> None:
        """Time passes, and timers fire."""
        while True:
            due = [each for each in self.timers.timers if each.call is not None]
            first = min((each.when_s for each in due), default=end_s + 1)
            if first > end_s:
                return
            self.now_s = first
            self.timers.fire()

    @property
    def measures(self) -> list[PoolMeasured]:
        """What was reported."""
        return [each for each in self.records if isinstance(each, PoolMeasured)]

    def times(self) -> list[float]:
        """When."""
        return [each.at_s for each in self.measures]


def test_it_is_measured_at_once_and_then_each_second() -> None:
    """While something runs, whether or not anything changes."""
    bench = Bench()
    bench.container().occupy(an_input(0))
    bench.look(100.0)
    bench.until(103.5)

    assert bench.times() == [100.0, 101.0, 102.0, 103.0]


def test_many_changes_make_one_measure() -> None:
    """At most one each second; the last change is in one all the same."""
    bench = Bench()
    for tick in range(25):
        bench.look(100.0 + tick / 10)
    bench.until(110.0)

    assert bench.times() == [100.0, 101.0, 102.0, 103.0]
    assert EVERY_S == 1.0


def test_containers_that_wait_for_work_are_measured_seldom() -> None:
    """Their time counts too; a change is told as soon as it may."""
    bench = Bench()
    container = bench.container()
    bench.look(100.0)
    bench.until(107.0)
    container.occupy(an_input(0))
    bench.look(107.0)
    bench.until(108.0)

    assert bench.times() == [100.0, 100.0 + IDLE_EVERY_S, 107.0, 108.0]


def test_a_pool_without_containers_sleeps() -> None:
    """Nothing is measured where nothing is, and no timer is left."""
    bench = Bench()
    bench.look(100.0)
    bench.until(1_000.0)

    assert bench.times() == [100.0]


def test_nobody_pays_where_nobody_observes() -> None:
    """No record and no timer."""
    bench = Bench(observed=False)
    bench.container().occupy(an_input(0))
    bench.look(100.0)

    assert (bench.measures, bench.timers.timers) == ([], [])


def test_a_measure_has_the_pool_as_it_is() -> None:
    """Inputs that run and wait, since when, and each container."""
    bench = Bench()
    busy, bench.now_s = bench.container(), 90.0
    bench.container(ready=False)
    busy.occupy(Batch([an_input(0), an_input(1)]))
    stuck = an_input(2)
    busy.occupy(stuck)
    gone = an_input(3)
    busy.occupy(gone)
    busy.vacate(gone.slot)
    stuck.cause, stuck.settled = Cause.USER, True
    bench.queue.add([an_input(7, enqueued_s=95.0), an_input(8, enqueued_s=99.0)])
    bench.look(100.0)
    (measured,) = bench.measures

    assert (measured.running, measured.queued, measured.oldest_s) == (2, 2, 5.0)
    assert measured.containers == (
        ContainerMeasured("ct-0", "ready", 2, 3, 1, Zone.NORMAL),
        ContainerMeasured("ct-1", "starting", 0, 0, 0, None),
    )
    assert (measured.pool, measured.want, measured.last) == ("app/body", None, False)


def test_a_peak_counts_from_one_measure_to_the_next() -> None:
    """It begins anew with what runs then."""
    bench = Bench()
    container = bench.container()
    first, second = an_input(0), an_input(1)
    container.occupy(first)
    container.occupy(second)
    container.vacate(first.slot)
    bench.look(100.0)
    container.vacate(second.slot)
    bench.look(101.0)
    bench.look(102.0)
    peaks = [each.containers[0].peak for each in bench.measures]

    assert peaks == [2, 1, 0]


@pytest.mark.parametrize("losses", [0, 2])
def test_the_oldest_may_be_a_suspect(losses: int) -> None:
    """Those wait apart, and wait all the same."""
    bench = Bench()
    each = an_input(0, enqueued_s=98.0)
    each.losses = losses
    bench.queue.put_back([each])
    bench.look(100.0)

    assert bench.measures[0].oldest_s == 2.0
