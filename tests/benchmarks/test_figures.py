"""What the benchmarks make of their measurements."""

from __future__ import annotations

import pytest

from benchmarks.cold_runs import percentile_90
from benchmarks.measure import Blocks, Case, Measured, Plan, measure, relative_iqr
from benchmarks.targets import Tables, Target, ratio, share_of_ideal, verdicts


def measured(**wall_us: list[float]) -> Measured:
    """What cases took, without running them."""
    return Measured({name: Blocks(name, 1, us, []) for name, us in wall_us.items()})


def tables(many: Measured) -> Tables:
    """The same for all three tables."""
    return Tables(many, many, many)


def verdict(target: Target, many: Measured) -> str:
    """The last cell of its row."""
    return verdicts([target], tables(many))[0][-1]


def test_ratio_is_the_median_within_rounds() -> None:
    """A machine that slows down for a round slows both, and the ratio stays."""
    many = measured(ours=[2.0, 20.0, 3.0], floor=[1.0, 10.0, 1.0])

    assert many.ratio("ours", "floor").median == 2.0


def test_noise_is_the_distance_of_the_quartiles() -> None:
    """Half of the blocks lie within the noise that is reported."""
    assert relative_iqr([8.0, 9.0, 10.0, 11.0, 12.0]) == pytest.approx(0.2)


def test_blocks_have_whole_steps() -> None:
    """A case that runs a hundred at a time is never given ninety."""
    counts: list[int] = []
    measure([Case("x", counts.append, step=7)], Plan(rounds=2, block_s=1e-6))

    assert {count % 7 for count in counts} == {0}


def test_every_case_runs_in_every_round() -> None:
    """Side by side: as many blocks of each as there are rounds."""
    cases = [Case(name, lambda _count: None, inputs=5) for name in "abc"]
    found = measure(cases, Plan(rounds=3, block_s=1e-6))

    assert [len(each.wall_us) for each in found.blocks.values()] == [3, 3, 3]


@pytest.mark.parametrize(
    ("limit", "at_least", "said"),
    [
        (2.0, False, "met"),
        (3.0, False, "met"),
        (1.6, False, "missed by 25%"),
        (1.0, False, "missed by a factor of 2.0"),
        (2.0, True, "met"),
        (2.5, True, "missed by 25%"),
        (6.0, True, "missed by a factor of 3.0"),
    ],
)
def test_verdict(limit: float, at_least: bool, said: str) -> None:
    """A figure of 2.0 against limits from either side."""
    target = Target("T", "x", limit, ratio("ours", "floor"), at_least=at_least)

    assert verdict(target, measured(ours=[2.0], floor=[1.0])) == said


def test_what_was_not_measured_is_no_verdict() -> None:
    """A target that needs a peer which is not there is neither met nor missed."""
    target = Target("T", "x", 1.0, ratio("ours", "ray"))

    assert verdicts([target], tables(measured(ours=[1.0])))[0][3:] == [
        "not measured",
        *("", "", ""),
    ]


def test_share_of_ideal() -> None:
    """125 us where 100 were possible is 80 percent."""
    found = share_of_ideal("ours", 100.0)(tables(measured(ours=[125.0])))

    assert found is not None
    assert found.value == pytest.approx(80)


@pytest.mark.parametrize(("count", "expected"), [(1, 0), (10, 8), (20, 17), (30, 26)])
def test_ninety_percent_do_not_exceed_it(count: int, expected: int) -> None:
    """Of ten values the ninth: one in ten may be longer."""
    assert percentile_90([float(i) for i in range(count)]) == expected
