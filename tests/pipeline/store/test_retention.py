"""The store stays within its age and its size, and what stays is whole."""

from __future__ import annotations

from typing import Any

import pytest

from telemetry.capture.runtime_records import ContainerExited, ScalingDecided
from telemetry.pipeline.points import Point
from telemetry.pipeline.store import retention as module
from telemetry.pipeline.store.queries.lines import LineFilter, lines
from telemetry.pipeline.store.retention import Retention
from telemetry.policy.scaling import Decision, Reason
from telemetry.policy.store_retention import Limits
from tests.pipeline.store.records import (
    APP,
    BOX,
    PROG,
    SECOND,
    T0,
    Kept,
    container,
    ended,
    identity,
    input_id,
    line,
    runtime,
    settled,
    started,
)

DAY = 24 * 3600 * SECOND
ALL = (
    *("logs", "runs", "stretches", "inputs", "executions", "members", "spans"),
    *("exceptions", "occurrences", "containers", "decisions", "series", "points"),
    *("sources", "processes"),
)


class Clock:
    """Two clocks that a test sets."""

    def __init__(self) -> None:
        self.wall = T0
        self.mono = 0

    def wall_ns(self) -> int:
        """Unix nanoseconds."""
        return self.wall

    def mono_ns(self) -> int:
        """Since whenever."""
        return self.mono

    def pass_(self, ns: int) -> None:
        """Time passes."""
        self.wall += ns
        self.mono += ns


@pytest.fixture
def clock() -> Clock:
    """Clocks at the beginning of everything."""
    return Clock()


def made(kept: Kept, clock: Clock, **limits: float) -> Retention:
    """A retention with clocks of the test."""
    return Retention(
        kept.store,
        Limits(**limits),  # type: ignore[arg-type]  # numbers either way
        wall_ns=clock.wall_ns,
        mono_ns=clock.mono_ns,
    )


def run(retention: Retention) -> int:
    """All that is due; how many steps it took."""
    steps = 0
    while retention.step():
        steps += 1
        assert steps < 10_000
    return steps


def fill(kept: Kept, clock: Clock, first: int) -> None:
    """Ten inputs from number *first* on, which ended just now, and all about them."""
    at_s = (clock.wall - T0) / SECOND - 5
    numbers = range(first, first + 10)
    box = f"{BOX}{first}"
    who: dict[str, Any] = {"container_id": box}
    said = [
        line(f"line {n} fox", identity(n, box=box), at_s, exception=f"E{first}: x")
        for n in numbers
    ]
    batch = [input_id(n) for n in numbers]
    kept.take(
        container(box),
        *said,
        line("together", identity(first, box=box, batch=batch), at_s),
        *[settled(n, "success", at_s, at_s + 1, **who) for n in numbers],
    )
    decision = Decision(want=1, have=0, demand=1.0, reason=Reason.DEMAND)
    kept.take(
        APP,
        *[started(n, at_s, **who) for n in numbers],
        *[ended(n, at_s=at_s + 1, **who) for n in numbers],
        runtime(ScalingDecided(at_s, "f", decision)),
        runtime(ContainerExited(at_s + 1, "f", box, "scaledown", 0)),
    )
    with kept.store.transaction():
        number = kept.intake.processes.number(container(box))
        at_ns = T0 + round(at_s * SECOND)
        kept.intake.points(number, [Point("m", "s", "gauge", (), 0, at_ns, 1.0)])
        kept.intake.processes.ended(box, "ended", at_ns + SECOND, {})


def test_what_is_too_old_goes_with_all_that_belongs_to_it(
    kept: Kept, clock: Clock
) -> None:
    """Nothing of it is left in any table, and nothing of what is younger is gone."""
    retention = made(kept, clock, max_age_s=7 * 24 * 3600)
    fill(kept, clock, 0)
    clock.pass_(DAY)
    fill(kept, clock, 10)  # marks that what was there before is a day old
    young = kept.count(ALL)
    clock.pass_(6 * DAY + 3600 * SECOND)

    run(retention)

    halves = {each: young[each] // 2 for each in ALL}
    # The driver lives on, and the marks of the second half are younger.
    assert kept.count(ALL) == {**halves, "processes": 2}
    assert kept.rows("select min(input_id) from inputs") == [(input_id(10),)]
    assert kept.rows("select count(*) from logs_fts where logs_fts match 'fox'") == [
        (10,)
    ]
    kept.rows("insert into logs_fts (logs_fts, rank) values ('integrity-check', 0)")
    clock.pass_(2 * DAY)
    run(retention)
    assert set(kept.count(set(ALL) - {"processes"}).values()) == {0}


def test_what_is_young_stays(kept: Kept, clock: Clock) -> None:
    """Below both limits nothing is taken out."""
    retention = made(kept, clock)
    fill(kept, clock, 0)
    before = kept.count(ALL)
    clock.pass_(DAY)

    assert not retention.step()
    assert kept.count(ALL) == before


def test_numbers_are_not_used_again(kept: Kept, clock: Clock) -> None:
    """When all has gone, new rows are not taken for the old ones."""
    retention = made(kept, clock, max_age_s=60)
    fill(kept, clock, 0)
    clock.pass_(DAY)
    kept.take(PROG, line("new"))
    run(retention)
    kept.store.forget()
    fill(kept, clock, 100)

    assert kept.rows("select min(id) from inputs") == [(11,)]
    assert kept.rows(
        "select event from logs where id = (select min(id) from logs)"
    ) == [("new",)]


def test_an_input_goes_with_its_last_line(kept: Kept, clock: Clock) -> None:
    """One that still says something is kept whole, one that still runs as well."""
    retention = made(kept, clock, max_age_s=60)
    kept.take(container(), line("long ago", identity(1)), line("long ago", identity(2)))
    kept.take(APP, started(3, container_id=BOX))
    clock.pass_(DAY)
    kept.take(container(), line("just now", identity(1), 24 * 3600.0))
    kept.take(container(), settled(2))

    run(retention)

    assert kept.rows("select event from logs") == [("just now",)]
    # The second has ended and says nothing; of the third no process is known.
    assert kept.rows("select input_id from inputs") == [(input_id(1),)]


def test_what_runs_in_a_living_process_stays(kept: Kept, clock: Clock) -> None:
    """However long ago it was heard of: it will be heard of again."""
    retention = made(kept, clock, max_age_s=60)
    kept.take(container(), line("working on it", identity(1)))
    clock.pass_(DAY)
    kept.take(PROG, line("other"))

    run(retention)

    assert kept.rows("select input_id from inputs") == [(input_id(1),)]
    kept.take(container(), settled(1, end_s=24 * 3600.0))
    rows = kept.rows("select outcome, attempts from inputs")
    assert rows == [("success", 1)]


@pytest.mark.parametrize("table", ["executions", "inputs"])
def test_an_input_that_goes_on_while_it_is_taken_out_is_there_again(
    kept: Kept, clock: Clock, table: str
) -> None:
    """What it says after its row has gone belongs to it, and makes a row."""
    retention = made(kept, clock, max_age_s=60)
    kept.take(container(), settled(1))
    clock.pass_(DAY)
    kept.take(PROG, line("mark"))
    while kept.count([table])[table]:
        assert retention.step()

    kept.take(container(), line("still here", identity(1)))
    run(retention)

    rows = kept.rows("select input_id from v_lines where event = 'still here'")
    assert rows == [(input_id(1),)]


def test_beyond_its_bytes_the_oldest_go(
    kept: Kept, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As few as need be; the file gets smaller, and searches find the rest."""
    monkeypatch.setattr(module, "_SPARE_PAGES", 16)
    retention = made(kept, clock, max_bytes=2 << 20)
    for at in range(40):
        clock.pass_(60 * SECOND)
        lines_ = [
            line(f"n{at} " + "x" * 400, identity(n, box=None)) for n in range(200)
        ]
        kept.take(PROG, *lines_)
    before = retention.used_bytes()
    assert before > 3 << 20

    steps = run(retention)

    assert steps > 10
    assert (1 << 20) < retention.used_bytes() <= 2 << 20
    left = kept.rows("select distinct substr(event, 1, 3) from logs order by id")
    assert left[-1] == ("n39",)
    assert [int(each[0][1:]) for each in left] == list(range(40 - len(left), 40))
    kept.store.checkpoint()
    assert kept.path.stat().st_size < before
    with kept.asking() as reader:
        assert lines(reader, LineFilter(text="n39"), limit=5).lines


def test_what_waits_to_be_delivered_has_a_budget_of_its_own(
    kept: Kept, clock: Clock
) -> None:
    """A Collector that is away does not cost anybody lines."""
    waiting = 3 << 20
    retention = Retention(
        kept.store,
        Limits(max_bytes=1 << 20),
        waiting_bytes=lambda: waiting,
        wall_ns=clock.wall_ns,
        mono_ns=clock.mono_ns,
    )
    fill(kept, clock, 0)
    with kept.store.transaction():
        kept.rows("insert into outbox values (1, 'logs', 1, 0, zeroblob(?))", waiting)

    assert not retention.step()
    assert retention.used_bytes() < 1 << 20


def test_a_clock_that_leaps_makes_nothing_old(kept: Kept, clock: Clock) -> None:
    """A year ahead for a moment, or back: nothing is lost, later all is as usual."""
    retention = made(kept, clock, max_age_s=3600)
    fill(kept, clock, 0)
    clock.pass_(60 * SECOND)
    clock.wall += 365 * DAY
    fill(kept, clock, 10)
    assert not retention.step()
    clock.wall -= 2 * 365 * DAY
    clock.pass_(60 * SECOND)
    fill(kept, clock, 20)
    assert not retention.step()
    clock.wall += 365 * DAY
    assert kept.rows("select count(*) from inputs") == [(30,)]

    clock.pass_(2 * 3600 * SECOND)
    fill(kept, clock, 30)
    run(retention)
    assert kept.rows("select min(input_id) from inputs") == [(input_id(30),)]


def test_the_writer_writes_on_meanwhile(kept: Kept, clock: Clock) -> None:
    """Between two steps others write; what they write is not taken for old."""
    retention = made(kept, clock, max_age_s=60)
    for at in range(3):
        kept.take(PROG, *[line(f"old {n}") for n in range(5_000)])
        clock.pass_((at + 1) * 3600 * SECOND)
    kept.take(PROG, line("mark"))

    while retention.step():
        kept.take(PROG, line("meanwhile"))

    rows = kept.rows("select event, count(*) > 3 from logs group by event")
    assert sorted(rows) == [("mark", 0), ("meanwhile", 1)]
