"""The present, put together from boxes, the store and the dispatcher's measures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from telemetry.capture.blackbox.box_head import SlotState
from telemetry.capture.blackbox.layout import Pulse
from telemetry.capture.blackbox.listing import ALIVE, BoxSummary
from telemetry.view.answers.pages import BlockedNow
from telemetry.view.answers.timeline import Container
from telemetry.view.boxes import Living
from telemetry.view.moment import Known, containers_now, functions_now, scopes_now


def living(name: str, slots: int, busy_s: float = 0.0, **identity: Any) -> Living:
    """A box with so many inputs in it."""
    rows = [SlotState(n, f"in-{n}", "f", 0, 10**9, 1, False) for n in range(slots)]
    said = {"container_id": name, "function": "f", "pid": 7, **identity}
    box = BoxSummary(
        Path(f"/x/{name}.box"), ALIVE, said, Pulse(0, 0, 0, 0), rows, {}, 0
    )
    return Living(box, busy_s)


def stored(name: str, **more: Any) -> Container:
    """A container as the store has it."""
    given: dict[str, Any] = {
        "function": "f",
        "pid": 7,
        "starting_ms": 1.0,
        "ready_ms": 2.0,
        "exited_ms": None,
        "spawn_s": None,
        "import_s": None,
        "enter_s": None,
        "exit_reason": None,
        "exit_status": None,
        "target": 2,
        "limit": 3,
        "state": "ready",
        **more,
    }
    return Container(name, **given)


def pool(age_s: float = 0.0, **measured: Any) -> tuple[dict[str, Any], Any, float]:
    """What was said of a pool, so long ago."""
    declared = {"mode": "async", "target": 2, "limit": 3, "max_containers": 4}
    return declared, {"queued": 5, "oldest_s": 1.0, "want": 2, **measured}, age_s


@pytest.mark.parametrize(
    ("slots", "queued", "zone"),
    [(0, 0, "idle"), (2, 9, "normal"), (3, 0, "saturated")],
)
def test_the_zone_is_that_of_this_moment(slots: int, queued: int, zone: str) -> None:
    """From the slots in the box itself, not from what was stored a while ago."""
    known = Known([stored("a")], {"f": pool(queued=queued)})
    (found,) = containers_now([living("a", slots)], known)

    assert (found.zone, found.running, found.target, found.limit) == (zone, slots, 2, 3)


def test_a_container_without_a_box_is_starting_or_gone() -> None:
    """One that was asked for is shown; one that died a moment ago is not."""
    known = Known(
        [stored("a", ready_ms=None), stored("b")],
        {"f": pool(containers=[["a", "starting", 0], ["b", "ready", 1]])},
    )

    assert [(c.container_id, c.state) for c in containers_now([], known)] == [
        ("a", "starting")
    ]


def test_a_container_that_drains_says_so() -> None:
    """As its dispatcher tells."""
    known = Known([stored("a")], {"f": pool(containers=[["a", "draining", 1]])})
    containers = containers_now([living("a", 1)], known)
    (function,) = functions_now(containers, known)

    assert containers[0].state == "draining"
    assert function.states == {"draining": 1} and function.zones == {}


def test_an_old_measure_says_nothing_about_now() -> None:
    """Of a pool whose driver hangs or is gone, the queue is not known."""
    containers = containers_now([living("a", 1)], Known([stored("a")]))
    fresh = functions_now(containers, Known([], {"f": pool()}))
    old = functions_now(containers, Known([], {"f": pool(age_s=60.0)}))

    assert (fresh[0].queued, old[0].queued) == (5, None)
    assert old[0].running == 1
    assert functions_now([], Known([], {"f": pool(age_s=60.0)})) == []
    assert functions_now([], Known([], {"f": pool(last=True)})) == []


@pytest.mark.parametrize(("busy_s", "blocked"), [(0.05, False), (0.4, True)])
def test_a_blocked_loop_is_seen_from_outside(busy_s: float, *, blocked: bool) -> None:
    """For how long, from its pulse; by whom, as far as the store knows."""
    known = Known([stored("a")], blocked={"a": BlockedNow(0.1, "in-1", "x.py:1")})
    (found,) = containers_now([living("a", 1, busy_s)], known)

    assert (found.blocked == BlockedNow(0.4, "in-1", "x.py:1")) is blocked


def test_methods_count_for_their_class() -> None:
    """Inputs are a method's, containers are the class's."""
    known = Known([], {"M": pool()}, {"M.a": {"success": 2}, "M.b": {"success": 1}})
    (found,) = functions_now([], known)

    assert found.function == "M" and found.settled == {"success": 3}


def test_programs_are_shown_without_containers() -> None:
    """Only those that have something running, and no driver."""
    program = living("ps-1", 2, container_id="", service_name="images")
    driver = living("dv-1", 1, container_id="", kind="driver")
    quiet = living("ps-2", 0, container_id="")

    (found,) = scopes_now([program, driver, quiet])
    assert found.service == "images" and len(found.slots) == 2
