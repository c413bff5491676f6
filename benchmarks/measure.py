"""The runner of the benchmarks: side by side, in shuffled order, ratios per round.

Each round runs one block of every case, in an order that is drawn anew, so that a
slow drift of the machine hits all cases alike. A ratio is the median of the ratios
within each round; it is worth more than the microseconds it is made of, which
differ from machine to machine and, with neighbours, from minute to minute.
"""

from __future__ import annotations

import gc
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from benchmarks.processes import TreeClock

_SEED: Final = 1
_MICRO: Final = 1e6


@dataclass(frozen=True, slots=True)
class Plan:
    """How long to measure.

    Attributes:
        rounds: Blocks of each case.
        block_s: Seconds that a block should take.
    """

    rounds: int
    block_s: float


@dataclass(frozen=True, slots=True)
class Case:
    """Something that is measured: ``run(inputs)`` does so many inputs.

    Attributes:
        inputs: Inputs of a block; 0 for as many as the plan has time for.
        step: A block has a multiple of so many inputs.
        after: Is done behind each block, and costs it nothing.
    """

    name: str
    run: Callable[[int], object]
    inputs: int = 0
    step: int = 1
    after: Callable[[], object] | None = None


@dataclass(frozen=True, slots=True)
class Blocks:
    """What the blocks of one case took, in the order of the rounds.

    Attributes:
        wall_us: Microseconds per input.
        cpu_us: CPU microseconds per input, of the whole process tree; empty where
            the system does not tell.
    """

    name: str
    inputs: int
    wall_us: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Ratio:
    """The median of the ratios within each round, and their spread."""

    median: float
    iqr: float


@dataclass(frozen=True, slots=True)
class Measured:
    """What one set of cases took."""

    blocks: dict[str, Blocks]

    def median_us(self, name: str) -> float:
        """Wall time per input."""
        return statistics.median(self.blocks[name].wall_us)

    def cpu_median_us(self, name: str) -> float | None:
        """CPU time per input, of the whole process tree."""
        cpu_us = self.blocks[name].cpu_us
        return statistics.median(cpu_us) if cpu_us else None

    def ratio(self, name: str, to: str) -> Ratio:
        """Wall time of one case to that of another."""
        return _ratio(self.blocks[name].wall_us, self.blocks[to].wall_us)

    def cpu_ratio(self, name: str, to: str) -> Ratio | None:
        """CPU time of one case to that of another."""
        ours, theirs = self.blocks[name].cpu_us, self.blocks[to].cpu_us
        return _ratio(ours, theirs) if ours and theirs else None


def measure(cases: Sequence[Case], plan: Plan) -> Measured:
    """Run every case in every round."""
    blocks = {each.name: Blocks(each.name, _block_inputs(each, plan)) for each in cases}
    order = list(cases)
    shuffler = random.Random(_SEED)
    gc.collect()
    # What is there by now stays: no block should pay for looking at it.
    gc.freeze()
    for _ in range(plan.rounds):
        shuffler.shuffle(order)
        for case in order:
            _run_block(case, blocks[case.name])
    gc.unfreeze()
    return Measured(blocks)


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """The three quartiles; of a single value, three times that value."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def relative_iqr(values: Sequence[float]) -> float:
    """The noise: distance of the outer quartiles to each other, by the median."""
    low, middle, high = quartiles(values)
    return (high - low) / middle


def _run_block(case: Case, blocks: Blocks) -> None:
    gc.collect()
    clock = TreeClock()
    clock.start()
    began_s = time.perf_counter()
    case.run(blocks.inputs)
    wall_s = time.perf_counter() - began_s
    cpu_s = clock.used_s()
    blocks.wall_us.append(wall_s / blocks.inputs * _MICRO)
    if cpu_s is not None:
        blocks.cpu_us.append(cpu_s / blocks.inputs * _MICRO)
    if case.after is not None:
        case.after()


def _block_inputs(case: Case, plan: Plan) -> int:
    """How many inputs fill a block; running them warms the case up as well."""
    inputs = case.inputs or case.step
    case.run(inputs)
    if case.inputs:
        return case.inputs
    while True:
        began_s = time.perf_counter()
        case.run(inputs)
        took_s = time.perf_counter() - began_s
        if case.after is not None:
            case.after()
        if took_s >= plan.block_s / 4:
            wanted = inputs * plan.block_s / took_s
            return max(1, round(wanted / case.step)) * case.step
        inputs *= 3


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> Ratio:
    ratios = [a / max(b, 1e-9) for a, b in zip(ours, theirs, strict=True)]
    low, middle, high = quartiles(ratios)
    return Ratio(middle, high - low)
