"""Which container takes the next inputs, and which ones go when the pool shrinks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

_FEW: Final = 8
"""Inputs up to which searching anew for each beats `_pour` (measured)."""


def assign(
    loads: Sequence[int],
    target: int,  # noqa: ARG001  part of the rule, although it cannot change the answer
    limit: int,
    count: int,
) -> list[int]:
    """Containers for the next *count* inputs of a queue, in the queue's order.

    Each input goes to the least loaded container below target; when there is none,
    to the least loaded below its limit. All containers of a pool share one target,
    so the least loaded of all is below it whenever any is: it is the answer in both
    cases. Ties go to the lowest index.

    Args:
        loads: Inputs running in each ready container.
        target: Inputs that a container should run.
        limit: Inputs that a container may run.
        count: Inputs that wait.

    Returns:
        Indexes into *loads*; fewer than *count* when every slot gets taken.
    """
    if count <= 0 or not loads:
        return []
    if len(loads) == 1:
        return [0] * min(count, limit - loads[0])
    return (_pick if count <= _FEW else _pour)(loads, limit, count)


def _pick(loads: Sequence[int], limit: int, count: int) -> list[int]:
    now = list(loads)
    chosen: list[int] = []
    for _ in range(count):
        lowest = min(now)
        if lowest >= limit:
            break
        index = now.index(lowest)
        now[index] += 1
        chosen.append(index)
    return chosen


def _pour(loads: Sequence[int], limit: int, count: int) -> list[int]:
    # As water fills a vessel: at each level, every container at or below it takes
    # one input in the order of indexes, until the next level joins in.
    by_level: dict[int, list[int]] = {}
    for index, load in enumerate(loads):
        if load < limit:
            by_level.setdefault(load, []).append(index)
    levels = sorted(by_level)
    taking: list[int] = []
    chosen: list[int] = []
    for level, ceiling in pairwise([*levels, limit]):
        taking += by_level[level]
        taking.sort()
        rounds = min(ceiling - level, -(-(count - len(chosen)) // len(taking)))
        chosen += taking * rounds
        if len(chosen) >= count:
            break
    del chosen[count:]
    return chosen


def drain(loads: Sequence[int], count: int) -> list[int]:
    """Which *count* ready containers stop taking inputs when the pool shrinks.

    Idle ones first, then the least loaded: draining interrupts nothing, and the
    less a container has, the sooner it is gone. Ties go to the highest index, since
    `assign` fills the lowest first.

    Args:
        loads: Inputs running in each ready container.
        count: Containers to give up.
    """
    order = sorted(range(len(loads)), key=lambda index: (loads[index], -index))
    return order[: max(0, count)]
