"""What a process had written when it was killed: is all of it there, once and whole?

    python -m benchmarks.kills [COUNT] [--json FILE] [--quick]

So many processes are killed by SIGKILL, and a tenth as many end by each of SIGTERM,
``os._exit``, a segmentation fault and ``os.abort``, at a moment drawn from 0 to 20 ms
after their four threads have begun to write: lines of ``get_logger``, of ``logging``
and of ``print``, and inputs with a line and a record each. Beside every other one a
reader empties the box meanwhile. Of each thread, all that was written by calls that
had returned must be there, once, in order and undamaged, and the slot table must name
what ran. The exit code is 1 otherwise.
"""

from __future__ import annotations

import gc
import mmap
import os
import random
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from benchmarks import killed_writer
from benchmarks.killed_writer import BOX, ENDS, KILLED, PAGE_BYTES, READY, ROADS, Page
from benchmarks.report import Report, parser
from telemetry.capture.blackbox.box_head import SlotState
from telemetry.capture.blackbox.reader import BoxReader
from telemetry.capture.blackbox.records import EXECUTION, LINE_KINDS, line_of

KILLS: Final = 1_000
QUICK_KILLS: Final = 4
_LATEST_S: Final = 0.02
_BEGIN_S: Final = 20.0
_READ_EVERY_S: Final = 0.002
_SEED: Final = 1
_NOTES: Final = 3
_NUMBER: Final = re.compile(r"\d+$")


@dataclass(slots=True)
class Tally:
    """What was found behind processes that had died in one way.

    Attributes:
        returned: Lines whose call had returned, and ends of inputs.
        lost: Those of them that are not there.
        twice: Those that are there more than once.
        disordered: Threads whose lines are not in their order.
        damaged: Records that could not be read.
        dropped: Records that the writer had counted as dropped.
        misnamed: Rows of the slot table that are not what ran there.
        notes: More about what is wrong.
    """

    processes: int = 0
    returned: int = 0
    lost: int = 0
    twice: int = 0
    disordered: int = 0
    damaged: int = 0
    dropped: int = 0
    misnamed: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def is_perfect(self) -> bool:
        """Whether nothing is missing, and nothing is wrong."""
        wrong = (self.lost, self.twice, self.disordered, self.damaged, self.dropped)
        return not any(wrong) and not self.misnamed

    def add(self, other: Tally) -> None:
        """Count *other* in."""
        for each in fields(self):
            name = each.name
            setattr(self, name, getattr(self, name) + getattr(other, name))


def judged(found: Sequence[int], returned: int) -> Tally:
    """What to say of the lines of one thread, by their numbers.

    The call that was interrupted may have written its line already.
    """
    numbers = set(found)
    wrong = [
        f"{after} behind {before} of {returned}"
        for before, after in pairwise((-1, *found))
        if after < before or after > returned
    ]
    return Tally(
        returned=returned,
        lost=len(set(range(returned)) - numbers),
        twice=len(found) - len(numbers),
        disordered=bool(wrong),
        notes=wrong[:_NOTES],
    )


def examined(
    records: Iterable[Sequence[Any]], slots: Sequence[SlotState], counts: Sequence[int]
) -> Tally:
    """What to say of all that one process has left behind.

    Args:
        counts: How many calls of each thread have returned.
    """
    said: list[list[int]] = [[] for _ in ROADS]
    ended: list[int] = []
    for record in records:
        if record[0] in LINE_KINDS:
            line = line_of(record)
            thread = int(str(line.input_id).split("-")[1])
            number = line.fields.get("n", _last_number(line.event))
            said[thread].append(int(str(number)))
        elif record[0] == EXECUTION and str(record[3].input_id).count("-") > 1:
            ended.append(_last_number(record[3].input_id))
    tally = judged(ended, counts[-1])
    for found, count in zip(said, counts, strict=True):
        tally.add(judged(found, count))
    running = {slot.slot: slot.input_id for slot in slots}
    inputs = len(ROADS) - 1
    right = {number: f"in-{number}" for number in range(inputs)}
    # Between two inputs, that row is idle.
    right |= {inputs: f"in-{inputs}-{counts[-1]}"} if inputs in running else {}
    tally.misnamed = len(running.items() ^ right.items())
    return tally


def _last_number(text: object) -> int:
    found = _NUMBER.search(str(text))
    return -1 if found is None else int(found.group())


def killed(how: str, drawn: random.Random, *, read: bool) -> Tally:
    """Start a process, have it die, and look at what it has left.

    Args:
        read: Empty its box while it writes.
    """
    folder = Path(tempfile.mkdtemp(prefix="kills-", dir=_memory()))
    shared = mmap.mmap(-1, PAGE_BYTES)
    page = memoryview(shared).cast("Q")
    after_s = drawn.uniform(0, _LATEST_S)
    try:
        pid = os.fork()
        if pid == 0:
            try:
                killed_writer.write(folder, page, how, after_s)
            finally:
                os._exit(9)
        _await_ready(page)
        records: list[Sequence[Any]] = []
        with BoxReader(folder / f"{BOX}.box", taking=True) as reader:
            end_s = time.monotonic() + after_s
            while (left_s := end_s - time.monotonic()) > 0:
                time.sleep(min(left_s, _READ_EVERY_S) if read else left_s)
                if read:
                    records += reader.poll()
                    reader.taken()
            if how in KILLED:
                os.kill(pid, KILLED[how])
            os.waitpid(pid, 0)
            records += reader.poll()
            tally = examined(records, reader.slots(), list(page[:READY]))
            tally.processes = 1
            tally.damaged += reader.damaged
            tally.dropped += sum(reader.dropped().values())
            return tally
    finally:
        page.release()
        shared.close()
        shutil.rmtree(folder)


def _await_ready(page: Page) -> None:
    end_s = time.monotonic() + _BEGIN_S
    while page[READY] == 0:
        if time.monotonic() > end_s:
            raise TimeoutError("the process has not begun to write")
        time.sleep(_READ_EVERY_S)


def _memory() -> str | None:
    shared = "/dev/shm"  # noqa: S108  # mkdtemp makes a private folder there
    return shared if os.access(shared, os.W_OK) else None


def run(kills: int, tell: Callable[[str], object]) -> dict[str, Tally]:
    """So many processes, killed in every way; *tell* of those that left it wrong."""
    drawn = random.Random(_SEED)
    found: dict[str, Tally] = {}
    for how in (*KILLED, *ENDS):
        total = found[how] = Tally()
        for number in range(kills if how == "SIGKILL" else max(1, kills // 10)):
            tally = killed(how, drawn, read=number % 2 == 1)
            if not tally.is_perfect:
                tell(f"{how}, process {number}, read {number % 2 == 1}: {tally}")
            total.add(tally)
    return found


def main() -> None:
    """Kill, and print what was left."""
    arguments = parser(__doc__, rounds=None)
    arguments.add_argument("count", type=int, nargs="?", help=f"default {KILLS}")
    options = arguments.parse_args()
    report = Report("Killed in the midst of writing", options)
    gc.freeze()  # what is forked shares it
    kills = options.count or (QUICK_KILLS if options.quick else KILLS)
    found = run(kills, report.line)
    names = [each.name for each in fields(Tally) if each.name != "notes"]
    rows = [
        [how, *(f"{getattr(tally, name):,}" for name in names)]
        for how, tally in found.items()
    ]
    title = "What was there afterwards"
    report.table(title, ["ended by", *names], rows)
    report.keep(title, {how: asdict(tally) for how, tally in found.items()})
    report.close()
    sys.exit(0 if all(tally.is_perfect for tally in found.values()) else 1)


if __name__ == "__main__":
    main()
