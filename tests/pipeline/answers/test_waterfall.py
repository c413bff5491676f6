"""Lengths of time drawn one below the other."""

from __future__ import annotations

import pytest

from telemetry.capture.wording import Ink
from telemetry.pipeline.answers.waterfall import Stretch, bar, waterfall

PLAIN = Ink(colour=False)


@pytest.mark.parametrize(
    ("started", "ended", "expected"),
    [
        (0, 100, "##########"),
        (0, 50, "#####     "),
        (50, 100, "     #####"),
        (10, 10, " #        "),
        (100, 100, "         #"),
        (99, 100, "         #"),
    ],
)
def test_bar(started: int, ended: int, expected: str) -> None:
    """It begins and ends where it should; what is very short is still seen."""
    assert bar(started, ended, 0, 100, 10, "#") == expected


def test_bar_without_a_scale() -> None:
    """All at one moment is no division by zero."""
    assert bar(5, 5, 5, 5, 4, "#") == "#   "


def test_rows() -> None:
    """One scale for all; what goes on lasts until now, and says so."""
    rows = waterfall(
        [
            Stretch("waited", 0, 500_000_000, "-"),
            Stretch("attempt 0", 500_000_000, None, "=", said="running"),
            Stretch("GET /", 600_000_000, 700_000_000, "*", depth=1),
        ],
        1_000_000_000,
        70,
        PLAIN,
    )

    head, waited, attempt, span = rows
    assert head.split() == ["0", "1.0", "s"]
    assert waited.split()[0] == "waited"
    assert waited.rstrip().endswith("500 ms")
    assert "500 ms +  running" in attempt
    assert attempt.index("=") == waited.rindex("-") + 1
    assert span.startswith("    GET /")


def test_nothing() -> None:
    """No rows, no scale."""
    assert waterfall([], 1, 80, PLAIN) == []
