"""The process whose metrics are looked at: the demo, and beside it what that lacks.

Arguments: a file for what was counted, the seconds of the demo, its speed, and the
trace to replay, if any. Folder, endpoint and agent come from the environment.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from pathlib import Path

import msgspec

import telemetry
from benchmarks.proof import oddities
from benchmarks.proof.counting import Counting
from benchmarks.proof.sums import Counted
from examples.demo.arrivals import Request, parse_trace, synthetic
from examples.demo.books import audit
from examples.demo.command import SEED
from examples.demo.director import Director, Watch, plan
from examples.demo.observer import Observer
from examples.demo.workload import SHAPES, app

SERVICE = "demo"


class Replayed(msgspec.Struct):
    """What the process has to tell.

    Attributes:
        began_s: Unix time; and *ended_s*.
        errors: What does not add up for the demo itself.
        callers: How inputs of the demo ended for those who called.
    """

    counted: Counted
    began_s: float
    ended_s: float
    errors: tuple[str, ...]
    notes: tuple[str, ...]
    callers: dict[str, int]


async def _run(director: Director, watch: Watch, counting: Counting) -> None:
    def on_demo(record: object) -> None:
        counting.take(record)  # type: ignore[arg-type]  # a record of any kind
        watch.on_record(record)  # type: ignore[arg-type]  # the same

    async with (
        app.run(on_record=on_demo, shutdown_grace=10),
        oddities.app.run(on_record=counting.take),
    ):
        await asyncio.gather(director.run(), oddities.run_all())


def main() -> None:
    """Run it, and leave what was counted."""
    target, length_s, speed, trace = sys.argv[1:]
    telemetry.configure(SERVICE, console=None)
    requests: list[Request]
    if trace:
        with Path(trace).open(encoding="utf-8-sig", newline="") as lines:
            requests = parse_trace(lines, trace)
    else:
        requests = synthetic(float(length_s) * float(speed), SEED)
    observer, counting = Observer(SHAPES), Counting()
    watch = Watch(observer, lambda _event: None)
    director = Director(
        plan(requests, float(speed), float(length_s)), watch, lambda _progress: None
    )
    began_s = time.time()
    asyncio.run(_run(director, watch, counting))
    books = audit(observer, director.report)
    callers: Counter[str] = Counter()
    for (function, outcome), count in director.report.tally.items():
        callers[f"{function} {outcome.value}"] = count
    told = Replayed(
        counting.finish(),
        began_s,
        time.time(),
        books.errors,
        tuple(director.report.notes),
        dict(callers),
    )
    Path(target).write_bytes(msgspec.msgpack.encode(told))


if __name__ == "__main__":
    main()
