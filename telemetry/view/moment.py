"""What happens now, put together from black boxes, the store and the agent. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from telemetry.policy.bursts import Zone, zone
from telemetry.view.answers.pages import (
    BlockedNow,
    ContainerNow,
    FunctionNow,
    ScopeNow,
    SlotNow,
)
from telemetry.view.answers.timeline import Container
from telemetry.view.asking.overview import pool_of
from telemetry.view.boxes import BLOCKED_S, Living

DRIVER = "driver"
"""What the identity of a driver's own box says under "kind"."""


class Known(NamedTuple):
    """What the store knows of this moment.

    Attributes:
        containers: Those that have not exited.
        pools: Declared and measured, by the name of the function or class, and how
            old the measure is.
        settled: Inputs by function and outcome.
        blocked: Loops that stand still, by container.
    """

    containers: Sequence[Container] = ()
    pools: Mapping[str, tuple[dict[str, Any], dict[str, Any], float]] = {}
    settled: Mapping[str, Mapping[str, int]] = {}
    blocked: Mapping[str, BlockedNow] = {}


STALE_S = 10.0
"""A measure that is older says nothing about now: its pool is gone, or its driver
hangs."""


def containers_now(living: Sequence[Living], known: Known) -> list[ContainerNow]:
    """Living containers: those with a box, and those that have only been asked for."""
    stored = {each.container_id: each for each in known.containers}
    found: list[ContainerNow] = []
    alive = set()
    for each in living:
        if not each.container_id:
            continue
        alive.add(each.container_id)
        found.append(_container(each, stored.get(each.container_id), known))
    measured = _measured(known)
    for each_stored in known.containers:
        # Without a box it is starting still, or gone and not noted yet.
        state = measured.get(each_stored.container_id, {}).get("state")
        if each_stored.container_id not in alive and state == "starting":
            found.append(_starting(each_stored))
    return found


def functions_now(
    containers: Sequence[ContainerNow], known: Known
) -> list[FunctionNow]:
    """Each function that has containers, or whose pool was measured just now."""
    names = {each.function for each in containers}
    names |= {name for name, pool in known.pools.items() if _is_fresh(pool)}
    return [_function(name, containers, known) for name in sorted(names)]


def scopes_now(living: Sequence[Living]) -> list[ScopeNow]:
    """Programs that have inputs and no containers."""
    return [
        ScopeNow(
            process=each.box.name,
            service=each.text("service_name") or each.box.what,
            pid=each.pid,
            slots=slots_of(each.box.slots),
        )
        for each in living
        if not each.container_id and each.text("kind") != DRIVER and each.box.slots
    ]


def slots_of(slots: Sequence[Any]) -> list[SlotNow]:
    """Rows of a slot table as the page has them."""
    return [
        SlotNow(
            slot=each.slot,
            input_id=each.input_id,
            function=each.function,
            attempt=each.attempt,
            since_ms=each.since_unix_ns / 1e6,
            cancelled=each.cancelled,
        )
        for each in slots
    ]


def _container(each: Living, stored: Container | None, known: Known) -> ContainerNow:
    function = each.text("function") or (stored.function if stored else "")
    declared = known.pools.get(function, ({}, {}, 0.0))[0]
    target = stored.target if stored and stored.target else declared.get("target")
    limit = stored.limit if stored and stored.limit else declared.get("limit")
    slots = slots_of(each.box.slots)
    measured = _measured(known).get(each.container_id, {})
    state = str(measured.get("state") or ("ready" if stored else "starting"))
    if stored and stored.ready_ms is not None and state == "starting":
        state = "ready"
    running = len(slots)
    size = limit or max(running, 1)
    since_ms = stored.starting_ms or stored.ready_ms if stored else None
    pool = known.pools.get(function)
    queued = int(pool[1].get("queued") or 0) if pool and _is_fresh(pool) else 0
    blocked = known.blocked.get(each.container_id)
    if each.busy_s > BLOCKED_S:
        cause = blocked or BlockedNow(0.0)
        blocked = BlockedNow(each.busy_s, cause.input_id, cause.line)
    return ContainerNow(
        container_id=each.container_id,
        function=function,
        pid=each.pid,
        state=state,
        since_ms=since_ms or each.box.started_unix_ns / 1e6,
        zone=zone(running, target or size, size, queued),
        running=running,
        target=target,
        limit=limit,
        slots=slots,
        blocked=blocked if each.busy_s > BLOCKED_S else None,
    )


def _starting(stored: Container) -> ContainerNow:
    return ContainerNow(
        container_id=stored.container_id,
        function=stored.function,
        pid=stored.pid,
        state="starting",
        since_ms=stored.starting_ms or 0.0,
        zone=Zone.IDLE,
        running=0,
        target=stored.target,
        limit=stored.limit,
        slots=[],
    )


def _function(
    name: str, containers: Sequence[ContainerNow], known: Known
) -> FunctionNow:
    mine = [each for each in containers if each.function == name]
    declared, measured, age_s = known.pools.get(name, ({}, {}, STALE_S))
    fresh = age_s < STALE_S
    settled: Counter[str] = Counter()
    for function, counts in known.settled.items():
        if function == name or pool_of(function) == name:
            settled.update(counts)
    return FunctionNow(
        function=name,
        mode=declared.get("mode"),
        running=sum(each.running for each in mine),
        queued=measured.get("queued") if fresh else None,
        oldest_s=measured.get("oldest_s") if fresh else None,
        target=declared.get("target"),
        limit=declared.get("limit"),
        max_containers=declared.get("max_containers"),
        states=dict(Counter(each.state for each in mine)),
        zones=dict(Counter(each.zone for each in mine if each.state == "ready")),
        want=measured.get("want") if fresh else None,
        settled=dict(settled),
    )


def _is_fresh(pool: tuple[dict[str, Any], dict[str, Any], float]) -> bool:
    _, measured, age_s = pool
    return bool(measured) and not measured.get("last") and age_s < STALE_S


def _measured(known: Known) -> dict[str, dict[str, Any]]:
    """What dispatchers say of each container, by its id."""
    found: dict[str, dict[str, Any]] = {}
    for _, measured, age_s in known.pools.values():
        if age_s >= STALE_S:
            continue
        for each in measured.get("containers") or ():
            row = each if isinstance(each, dict) else _of_array(each)
            found[str(row.get("container_id"))] = row
    return found


def _of_array(each: Sequence[Any]) -> dict[str, Any]:
    # A NamedTuple within a record is an array in JSON.
    return dict(zip(("container_id", "state", "running"), each, strict=False))
