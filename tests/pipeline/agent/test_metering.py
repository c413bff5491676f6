"""The counters of services that come and go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from telemetry.pipeline.agent import metering
from telemetry.pipeline.agent.metering import REMEMBER_S, Metering

SECOND = 1_000_000_000
HOUR = int(REMEMBER_S) * SECOND
T0 = 1_700_000_000 * SECOND


def service(name: str) -> dict[str, Any]:
    """What the box of a process of that service says."""
    return {"service_name": name, "host": "here", "resource_attributes": {}}


def counted(counters: Metering, name: str) -> None:
    """A line of that service."""
    counters._to_change(service(name)).lines(True, "resize", 1)


def named(
    counters: Metering, now_ns: int, *here: dict[str, Any]
) -> dict[str, list[int]]:
    """Of which services there are points, and what those say."""
    return {
        str(each.resource["service.name"]): [
            int(point.value)  # type: ignore[arg-type]  # counters alone
            for point in each.points
        ]
        for each in counters.collect(now_ns, here)
    }


@pytest.fixture
def counters(tmp_path: Path) -> Metering:
    """New ones."""
    return Metering(tmp_path, T0, "cumulative", bool)


def test_a_service_that_has_gone_is_forgotten(counters: Metering) -> None:
    """After an hour without a box; one that is silent and there is not."""
    for name in ("gone", "silent"):
        counted(counters, name)
    assert named(counters, T0, service("silent")).keys() == {"gone", "silent"}
    named(counters, T0 + HOUR, service("silent"))

    later = named(counters, T0 + HOUR + SECOND, service("silent"))

    assert later == {"silent": [1]}
    counted(counters, "gone")
    begun_anew = [0, 1]
    assert named(counters, T0 + HOUR + 2 * SECOND)["gone"] == begun_anew


def test_a_restart_keeps_them_and_their_time(
    counters: Metering, tmp_path: Path
) -> None:
    """An agent that is killed forgets a service no sooner and no later."""
    counted(counters, "gone")
    named(counters, T0, service("gone"))

    heir = Metering(tmp_path, T0, "cumulative", bool)
    heir.load(counters.dump())

    assert named(heir, T0 + HOUR) == {"gone": [1]}
    assert named(heir, T0 + HOUR + SECOND) == {}
    heir.load(heir.dump())
    assert named(heir, T0 + HOUR + SECOND) == {}


def test_there_is_a_bound(counters: Metering, monkeypatch: pytest.MonkeyPatch) -> None:
    """A resource for each start of a program does not add up: the oldest go."""
    monkeypatch.setattr(metering, "MOST_SERVICES", 3)
    for number in range(6):
        counted(counters, f"s{number}")
        named(counters, T0 + number * SECOND)

    left = named(counters, T0 + 6 * SECOND)

    assert left.keys() == {"s3", "s4", "s5"}


def test_a_clock_that_was_set_back(counters: Metering) -> None:
    """No point ends before it begins; and nothing is forgotten early."""
    counted(counters, "images")
    named(counters, T0, service("images"))

    (measured, *_) = counters.collect(T0 - HOUR, [service("images")])

    assert measured.points
    for point in measured.points:
        assert point.start_unix_ns <= point.unix_ns == T0 - HOUR
