"""Series of counters and histograms: how many there may be, and what is kept."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.core import names
from telemetry.pipeline.metrics.ledger import PREPARED, SERIES, Ledger
from telemetry.pipeline.metrics.temporality import VARIABLE, preference
from telemetry.pipeline.points import Distribution, Point

OVERFLOWN = (("otel.metric.overflow", True),)


def points(ledger: Ledger, name: str) -> list[Point]:
    """The points of one instrument."""
    return ledger.collect(2_000).get(name, [])


def test_what_finds_no_place_is_counted_together() -> None:
    """An instrument has so many series and no more; none of its counts is lost."""
    ledger = Ledger(1_000)
    for number in range(SERIES + 500):
        ledger.add(names.REJECTED, (f"f{number}", "sync", "arguments"))
        ledger.add(names.REJECTED, (f"f{number}", "sync", "arguments"), 2)
        ledger.observe(names.DURATION, (f"f{number}", "sync", "normal", "error"), 1.0)
    counted = points(ledger, "input.rejected")
    spread = points(ledger, "input.duration")

    assert len(counted) == len(spread) == SERIES
    (rest,) = [point for point in counted if point.attributes == OVERFLOWN]
    assert rest.value == 501 * 3
    (rest,) = [point for point in spread if point.attributes == OVERFLOWN]
    assert isinstance(rest.value, Distribution)
    assert rest.value.count == 501


def test_others_are_not_crowded_out() -> None:
    """One instrument that overflows takes no place of another."""
    ledger = Ledger(1_000)
    for number in range(SERIES + 1):
        ledger.add(names.REJECTED, (f"f{number}", "sync", "arguments"))
    ledger.add(names.RETRIED, ("f", "sync", "error"))

    assert len(points(ledger, "input.retried")) == 1


def test_zeros_leave_room_for_what_happens() -> None:
    """Half of the places are for what has been counted."""
    ledger = Ledger(1_000)
    for number in range(SERIES):
        ledger.prepare(names.REJECTED, (f"f{number}", "sync", "arguments"))
    ledger.add(names.REJECTED, ("late", "sync", "arguments"))

    assert len(points(ledger, "input.rejected")) == PREPARED + 1


def test_zero_is_not_put_over_a_count() -> None:
    """A pool is declared again and again."""
    ledger = Ledger(1_000)
    ledger.add(names.REJECTED, ("f", "sync", "arguments"))
    ledger.prepare(names.REJECTED, ("f", "sync", "arguments"))

    assert [point.value for point in points(ledger, "input.rejected")] == [1]


def test_what_has_counted_before_it_is_told_was_zero() -> None:
    """Else its first value would be in no rate; told once, and kept over a restart."""
    ledger = Ledger(1_000)
    ledger.prepare(names.REJECTED, ("idle", "sync", "arguments"))
    ledger.add(names.REJECTED, ("f", "sync", "arguments"), 3)
    ledger.observe(names.BATCH_SIZE, ("f", "batch"), 2.0)
    first = ledger.beginnings(1_500)
    ledger.collect(2_000)
    again = Ledger(1_000)
    again.load(msgspec.msgpack.decode(msgspec.msgpack.encode(ledger.dump())))
    again.add(names.REJECTED, ("new", "sync", "arguments"))
    second = again.beginnings(2_000)

    count, spread = first
    assert (count.name, count.value) == ("input.rejected", 0)
    assert isinstance(spread.value, Distribution)
    assert (spread.value.count, spread.value.sum) == (0, 0.0)
    assert {(each.start_unix_ns, each.unix_ns) for each in first} == {(1_000, 1_500)}
    assert [dict(each.attributes)["input.function"] for each in second] == ["new"]
    assert again.beginnings(3_000) == []


def test_deltas_begin_with_what_they_have() -> None:
    """Each of them is a rise already."""
    ledger = Ledger(1_000, delta=True)
    ledger.add(names.REJECTED, ("f", "sync", "arguments"))

    assert ledger.beginnings(1_500) == []


@pytest.mark.parametrize(
    ("value", "bucket"),
    [(0.0, 0), (0.005, 0), (0.0051, 1), (1.0, 7), (900.0, 14), (901.0, 15)],
)
def test_a_bound_belongs_to_the_bucket_below_it(value: float, bucket: int) -> None:
    """As OpenTelemetry and Prometheus have it."""
    ledger = Ledger(1_000)
    ledger.observe(names.DURATION, ("f", "sync", "normal", "error"), value)
    (point,) = points(ledger, "input.duration")

    assert isinstance(point.value, Distribution)
    assert point.value.counts.index(1) == bucket
    assert (point.value.min, point.value.max) == (value, value)


VALUES = st.lists(st.floats(0, 1e6, allow_nan=False), min_size=1, max_size=50)


@given(VALUES)
def test_a_histogram_has_all_values(values: list[float]) -> None:
    """Count, sum, least and greatest are those of the values."""
    ledger = Ledger(1_000)
    for value in values:
        ledger.observe(names.DURATION, ("f", "sync", "normal", "error"), value)
    (point,) = points(ledger, "input.duration")
    found = point.value

    assert isinstance(found, Distribution)
    assert (found.count, found.min, found.max) == (
        len(values),
        min(values),
        max(values),
    )
    assert found.sum == pytest.approx(sum(values))


def test_only_what_has_changed_is_encoded_again() -> None:
    """Keeping the state costs by what was counted, and not by all that is known."""
    ledger = Ledger(1_000)
    for number in range(10):
        ledger.add(names.REJECTED, (f"f{number}", "sync", "arguments"))
    first = ledger.dump()[1]
    ledger.add(names.REJECTED, ("f3", "sync", "arguments"))
    second = ledger.dump()[1]
    same = [one is other for one, other in zip(first, second, strict=True)]

    assert same.count(False) == 1 and not same[3]


def test_series_of_another_version_are_passed_over() -> None:
    """An instrument that is no more, and buckets that are others."""
    kept: Any = [
        ("input.no.more", ["f"], [1, 5], None),
        ("input.duration", ["f", "sync", "normal", "error"], None, [[1, 2], 5]),
        ("input.rejected", ["f", "sync", "arguments"], [4, 5], None),
    ]
    ledger = Ledger(1_000)
    ledger.load((7, kept))

    assert {name: len(each) for name, each in ledger.collect(9).items()} == {
        "input.rejected": 1
    }


def test_what_is_no_ledger_is_refused() -> None:
    """Before anything is taken over."""
    with pytest.raises(msgspec.ValidationError, match="Expected"):
        Ledger(1_000).load({"x": 1})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, "cumulative"),
        ("", "cumulative"),
        ("cumulative", "cumulative"),
        ("DELTA", "delta"),
        (" lowmemory ", "lowmemory"),
    ],
)
def test_the_environment_says_which_sums_are_wanted(
    given: str | None, expected: str
) -> None:
    """In any case of letters, as OpenTelemetry has it."""
    assert preference({} if given is None else {VARIABLE: given}) == expected


def test_a_wish_that_nobody_knows_is_refused() -> None:
    """With the variable, the value, and what it may be."""
    with pytest.raises(ValueError, match="'monotonic'; it must be one of cumulative"):
        preference({VARIABLE: "monotonic"})
