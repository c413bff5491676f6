"""The app of the demo: one async, one sync and one batched function.

Containers import this module. The functions only sleep where real ones would
compute, so that the demo shows the runtime on two cores as well as on twenty.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import telemetry
from telemetry.runtime import App, Retries, batched, concurrent, enter, method

PREFILL_S: Final = 1 / 8_000
"""Seconds per token that is read."""

DECODE_S: Final = 0.03
"""Seconds per token that is written. Both are of the order that the paper of the
trace gives for a large model on one machine."""

RESIZE_TIMEOUT_S: Final = 1.5


@dataclass(frozen=True, slots=True)
class Shape:
    """How many inputs a function takes; what the decorators below are given.

    Attributes:
        target: Inputs that a container should run.
        limit: Inputs that it may run.
        containers: Most containers.
        batch: Most inputs that share one slot.
    """

    name: str
    mode: str
    target: int
    limit: int
    containers: int
    batch: int = 1


TRANSLATE: Final = Shape("translate", "async", target=10, limit=12, containers=2)
RESIZE: Final = Shape("resize", "sync", target=4, limit=4, containers=2)
EMBED: Final = Shape("Embed.texts", "batch", target=1, limit=1, containers=2, batch=8)
SHAPES: Final = (TRANSLATE, RESIZE, EMBED)


class Twist(StrEnum):
    """What goes wrong with an input, on purpose."""

    NONE = ""
    SHOWN = "shown"
    """Nothing; but its lines are always shown."""
    FLAKY = "flaky"
    """Its first attempt fails."""
    STUBBORN = "stubborn"
    """It catches its cancellation, and returns what it has."""


class Ration:
    """So many lines per second, and how many were left out since the last one."""

    def __init__(self, per_s: float) -> None:
        self._gap_s = 1 / per_s
        self._next_s = float("-inf")
        self._left_out = 0

    def take(self, now_s: float) -> dict[str, int] | None:
        """What to add to the line, if one is due; None when it is to be left out."""
        if now_s < self._next_s:
            self._left_out += 1
            return None
        self._next_s = now_s + self._gap_s
        left_out, self._left_out = self._left_out, 0
        return {"unlogged": left_out} if left_out else {}


def work_s(context_tokens: int, generated_tokens: int) -> float:
    """Seconds that a request keeps a slot, uncompressed."""
    return context_tokens * PREFILL_S + generated_tokens * DECODE_S


app = App("demo")
log = telemetry.get_logger("demo")
# One of each per container: that is one per process that imports this.
_translations = Ration(per_s=2.0)
_pictures = Ration(per_s=1.5)
_batches = Ration(per_s=1.5)


@app.function(
    max_containers=TRANSLATE.containers,
    scaledown_window=3,
    retries=Retries(max_retries=2, initial_delay=0.2),
)
@concurrent(max_inputs=TRANSLATE.limit, target_inputs=TRANSLATE.target)
async def translate(
    context_tokens: int, generated_tokens: int, speed: float, twist: str = Twist.NONE
) -> int:
    """Translate; *speed* compresses the time that it takes."""
    attempt = _attempt()
    ration = _translations.take(time.monotonic())
    shown = ration is not None or bool(twist) or attempt > 0
    if shown:
        log.info("translating", tokens=context_tokens, **(ration or {}))
    if twist == Twist.FLAKY and attempt == 0:
        log.error("no connection to the model, trying again")
        raise ConnectionError("no connection to the model")
    try:
        await asyncio.sleep(work_s(context_tokens, generated_tokens) / speed)
    except asyncio.CancelledError:
        if twist != Twist.STUBBORN:
            log.warning("cancelled, stopping in mid-sentence")
            raise
        log.warning("cancelled, keeping what is done")
        return generated_tokens // 2
    if shown:
        log.info("translated", tokens=generated_tokens)
    return generated_tokens


@app.function(
    max_containers=RESIZE.containers,
    scaledown_window=3,
    timeout=RESIZE_TIMEOUT_S,
    startup_timeout=60,  # else as `timeout`, and a busy machine starts no container
)
@concurrent(max_inputs=RESIZE.limit)
def resize(width: int, seconds: float, twist: str = Twist.NONE) -> int:
    """Resize a picture, row by row; each input has a thread of its own."""
    ration = _pictures.take(time.monotonic())
    shown = ration is not None or bool(twist) or _attempt() > 0
    if shown:
        log.info("resizing", width=width, **(ration or {}))
    finished = False
    end_s = time.monotonic() + seconds
    try:
        while (left_s := end_s - time.monotonic()) > 0:
            time.sleep(min(left_s, 0.01))
        finished = True
    finally:
        if shown and finished:
            log.info("resized", width=width // 2)
        elif not finished:
            log.warning("interrupted, removing the half of a picture")
    return width // 2


@app.cls(max_containers=EMBED.containers, scaledown_window=3)
class Embed:
    """Turns texts into vectors, up to eight at a time."""

    @enter()
    def load(self) -> None:
        """Take as long as reading a small model takes."""
        time.sleep(0.15)
        self.rows = [float(number) for number in range(64)]

    @batched(max_batch_size=EMBED.batch, wait_ms=50)
    @method()
    def texts(self, tokens: list[int]) -> list[list[float]]:
        """One vector per text."""
        ration = _batches.take(time.monotonic())
        if ration is not None:
            log.info("embedding", tokens=sum(tokens), **ration)
        time.sleep(0.02 + 0.003 * len(tokens))
        return [[row * count for row in self.rows] for count in tokens]


def _attempt() -> int:
    current = telemetry.current_input()
    return 0 if current is None else current.attempt
