"""Moments and lengths of time, as people type them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from telemetry.cli.moments import length_s, moment_ns
from telemetry.core.errors import InvalidError

NOW = datetime(2026, 11, 24, 14, 30, tzinfo=UTC)
EAST = timezone(timedelta(hours=2))


@pytest.mark.parametrize(
    ("text", "expected_s"),
    [
        ("250ms", 0.25),
        ("1.5", 1.5),
        (".5s", 0.5),
        (" 10m ", 600.0),
        ("10 min", 600.0),
        ("2h", 7_200.0),
        ("3d", 259_200.0),
        ("1w", 604_800.0),
    ],
)
def test_length(text: str, expected_s: float) -> None:
    """A number with a unit; seconds where there is none."""
    assert length_s("slow", text) == pytest.approx(expected_s)


@pytest.mark.parametrize("text", ["", "m", "ten", "-5s", "1e3", "5 weeks", "٣s"])
def test_no_length(text: str) -> None:
    """What it is not is named with what it may be."""
    with pytest.raises(InvalidError, match=r"slow is .*one of ms, s, m, h, d, w"):
        length_s("slow", text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10m", NOW - timedelta(minutes=10)),
        ("2d", NOW - timedelta(days=2)),
        ("9:05", datetime(2026, 11, 24, 9, 5, tzinfo=EAST)),
        ("14:30:15.25", datetime(2026, 11, 24, 14, 30, 15, 250_000, tzinfo=EAST)),
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=EAST)),
        ("2026-11-01T10:00:00Z", datetime(2026, 11, 1, 10, tzinfo=UTC)),
    ],
)
def test_moment(text: str, expected: datetime) -> None:
    """A length of time is before now; a time of day is of today, here."""
    found = moment_ns("since", text, NOW, EAST)

    assert found == round(expected.timestamp() * 1e6) * 1_000


@pytest.mark.parametrize("text", ["", "nope", "25:00", "2026-13-01", "5", "99999999w"])
def test_no_moment(text: str) -> None:
    """A bare number could mean anything."""
    with pytest.raises(InvalidError, match=r"since is .*a length of time before now"):
        moment_ns("since", text, NOW, EAST)
