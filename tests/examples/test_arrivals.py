from __future__ import annotations

from collections import Counter

import pytest

from examples.demo.arrivals import COLUMNS, Request, TraceError, parse_trace, synthetic

HOUR_S = 3_436
HEADER = "TIMESTAMP,ContextTokens,GeneratedTokens"


def _seconds(seed: int) -> list[int]:
    counts = Counter(int(each.at_s) for each in synthetic(HOUR_S, seed))
    return sorted(counts[second] for second in range(HOUR_S))


def test_same_seed_same_requests() -> None:
    """A seed stands for one replay."""
    assert synthetic(100, 7) == synthetic(100, 7)


def test_other_seed_other_requests() -> None:
    """Another seed is another replay."""
    assert synthetic(100, 7) != synthetic(100, 8)


def test_synthetic_is_in_order_and_in_bounds() -> None:
    """Arrivals come in order, from the start on and before the end."""
    times = [each.at_s for each in synthetic(100, 7)]

    assert times == sorted(times) and 0 <= times[0] < 1 and times[-1] < 100


@pytest.mark.parametrize("seed", [0, 1, 2, 1418])
def test_most_seconds_are_empty(seed: int) -> None:
    """As in the trace, where 73 % of the seconds have no request."""
    assert 0.6 < sum(each == 0 for each in _seconds(seed)) / HOUR_S < 0.85


@pytest.mark.parametrize("seed", [0, 1, 2, 1418])
def test_busy_seconds_are_very_busy(seed: int) -> None:
    """As in the trace: the 99th percentile second has 28, the busiest 67."""
    seconds = _seconds(seed)

    assert 18 <= seconds[int(0.99 * HOUR_S)] <= 40 and 40 <= seconds[-1] <= 110


def test_parse_reads_seven_digits() -> None:
    """The fraction of the time counts to its last digit, from the first arrival."""
    rows = [
        HEADER,
        "2023-11-16 18:17:03.9799600,10,2",
        "2023-11-16 18:17:04.0319600,3,4",
    ]

    first, second = parse_trace(rows, "t.csv")

    assert first == Request(0.0, 10, 2)
    assert second.at_s == pytest.approx(0.052, abs=1e-6)


def test_parse_sorts() -> None:
    """A file whose lines are out of order is put in order."""
    rows = [HEADER, "2023-11-16 18:17:05,2,2", "2023-11-16 18:17:03,1,1"]

    assert [each.context_tokens for each in parse_trace(rows, "t.csv")] == [1, 2]


def test_parse_finds_columns_by_name() -> None:
    """Columns may stand in another order, with others between them."""
    rows = ["x,GeneratedTokens,ContextTokens,TIMESTAMP", "?,4,3,2023-11-16 18:17:03"]

    assert parse_trace(rows, "t.csv") == [Request(0.0, 3, 4)]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], r"t\.csv is empty"),
        ([HEADER], r"t\.csv has a header and no requests"),
        (["hello"], r"line 1: the header has no column TIMESTAMP \(it is 'hello'\)"),
        (["TIMESTAMP,ContextTokens"], r"line 1: .* no column GeneratedTokens"),
        ([HEADER, "yesterday,1,2"], r"line 2, column TIMESTAMP: 'yesterday' is not a"),
        (
            [HEADER, "2023-13-16 18:17:03,1,2"],
            r"line 2, column TIMESTAMP: .*not a time",
        ),
        (
            [HEADER, "2023-11-16 18:17:03,1.5,2"],
            r"line 2, column ContextTokens: '1\.5'",
        ),
        ([HEADER, "2023-11-16 18:17:03,1,-2"], r"line 2, column GeneratedTokens: '-2'"),
        ([HEADER, f"2023-11-16 18:17:03,{'9' * 5000},2"], r"from 0 to 10000000"),
        ([HEADER, "2023-11-16 18:17:03,1"], r"line 2, column GeneratedTokens: missing"),
        ([HEADER, '"2023'], r"line 2: not CSV"),
    ],
)
def test_parse_says_where(rows: list[str], message: str) -> None:
    """What is wrong with a file is said with its name, line and column."""
    with pytest.raises(TraceError, match=message):
        parse_trace(rows, "t.csv")


def test_columns_are_those_of_the_trace() -> None:
    """The names are the public trace's."""
    assert ",".join(COLUMNS) == HEADER
