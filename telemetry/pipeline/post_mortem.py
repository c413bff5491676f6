"""What a black box says about its process: alive, hung or dead."""

from __future__ import annotations

import os
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from telemetry.capture.blackbox.box_head import SlotState
from telemetry.capture.blackbox.listing import (
    ALIVE,
    BoxSummary,
    sound,
    summary_of,
    whole_number,
)
from telemetry.capture.blackbox.places import is_written
from telemetry.capture.blackbox.reader import BoxReader
from telemetry.capture.blackbox.records import (
    BLOCKED,
    EXECUTION,
    LINE_KINDS,
    line_of,
)
from telemetry.capture.line import Line
from telemetry.capture.span_records import Settled

LAST_EXECUTIONS: Final = 10
LAST_BLOCKED: Final = 3
_BESIDE: Final = (".stack", ".out", ".err")
"""Files beside a box: stacks of a blocked loop, and what was written to descriptors 1
and 2 and not yet made a line of."""
_BESIDE_BYTES: Final = 64 * 1024


class Voice(NamedTuple):
    """How much an input has said in this box.

    Attributes:
        last_unix_ns: When it wrote its last line.
    """

    lines: int = 0
    last_unix_ns: int = 0


class Held(NamedTuple):
    """Somebody held the event loop: see `records.BLOCKED`.

    Attributes:
        input_id: None when it was no input.
    """

    unix_ns: int
    input_id: str | None
    seconds: float
    stack: str


class Beside(NamedTuple):
    """The end of a file that lies beside the box."""

    path: Path
    size_bytes: int
    text: str


@dataclass(slots=True)
class PostMortem:
    """A report about one box; times are Unix nanoseconds, 0 where not known.

    Attributes:
        now_ns: When it was made; what a living process does lasts until now.
        last_ns: The last sign of life: of a dead process, what it did lasts until then.
        busy_since_ns: The event loop is at one thing since then; 0: it waits.
        beat_ns: The loop's last sign of life; 0 where no loop was watched.
        voices: By input id.
        outcomes: How many of the executions that are in the box ended how.
        lines: The last ones that were asked for, in the order of time.
        line_count: All lines in the box that were asked for.
        damaged: Records that cannot be read.
    """

    box: BoxSummary
    now_ns: int
    budget_bytes: int = 0
    last_ns: int = 0
    busy_since_ns: int = 0
    beat_ns: int = 0
    voices: dict[str, Voice] = field(default_factory=dict)
    outcomes: Counter[str] = field(default_factory=Counter)
    executions: list[Settled] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    line_count: int = 0
    damaged: int = 0
    beside: list[Beside] = field(default_factory=list)

    @property
    def until_ns(self) -> int:
        """Until when what runs has run, as far as anybody knows."""
        return self.now_ns if self.box.state == ALIVE else self.last_ns

    def elapsed_s(self, slot: SlotState) -> float:
        """For how long this one has run."""
        return max(self.until_ns - slot.since_unix_ns, 0) / 1e9


class Autopsy:
    """Reads one box, once and then what comes on top.

    Args:
        count: How many of the last lines are kept; None for all.
        input_id: Only lines of the input whose id is this, or begins or ends so.

    Raises:
        NotABoxError: The file holds no box, or one of another version.
        OSError: The file cannot be read.
    """

    def __init__(
        self, path: Path, *, count: int | None = 20, input_id: str = ""
    ) -> None:
        # Before the box is opened: see `summary_of`.
        self._lives = is_written(path)
        self._reader = BoxReader(path)
        self._count = count
        self._input_id = input_id.casefold()
        self.path: Final = path

    def close(self) -> None:
        """Let go of the file."""
        self._reader.close()

    def report(self) -> PostMortem:
        """What the box holds now. Call it once."""
        records = self._polled()
        box = summary_of(self._reader, lives=self._lives)
        found = PostMortem(box, time.time_ns(), self._reader.sizes.budget_bytes)
        _sort(records, found)
        mine = [record for record in records if self._is_wanted(record)]
        found.line_count = len(mine)
        if self._count is not None:
            mine = mine[max(len(mine) - self._count, 0) :]
        found.lines = self._lines(mine, found)
        found.damaged += self._reader.damaged
        _read_pulse(found)
        found.beside = [each for end in _BESIDE if (each := _beside(self.path, end))]
        return found

    def more(self) -> tuple[list[Line], bool]:
        """The lines that came since, and whether its process still lives."""
        # First this, then the records: of a process that is dead by now, they are all
        # there, and nothing is missed.
        try:
            lives = is_written(self.path)
        except OSError:
            lives = False  # the box was removed: nobody writes what nobody can read
        records = self._polled()
        return self._lines([r for r in records if self._is_wanted(r)], None), lives

    def box(self) -> BoxSummary:
        """The head of the box as it is now."""
        return summary_of(self._reader, lives=sound(self._still_lives, default=False))

    def _still_lives(self) -> bool:
        return is_written(self.path)

    def _polled(self) -> list[Sequence[Any]]:
        nothing: list[Sequence[Any]] = []
        return sound(lambda: self._reader.poll(), nothing)  # noqa: PLW0108  # its argument has a default

    def _is_wanted(self, record: Sequence[Any]) -> bool:
        if not _is_line(record):
            return False
        wanted = self._input_id
        if not wanted:
            return True
        return any(
            each.casefold().startswith(wanted) or each.casefold().endswith(wanted)
            for each in _ids_of(record)
        )

    def _lines(
        self, records: Sequence[Sequence[Any]], found: PostMortem | None
    ) -> list[Line]:
        lines: list[Line] = []
        for record in records:
            line = sound_line(record)
            if line is not None:
                lines.append(line)
            elif found is not None:
                found.damaged += 1
        return lines


def sound_line(record: Sequence[Any]) -> Line | None:
    """The line of a record, if it is one in all its parts."""
    try:
        line = line_of(record)
        return msgspec.convert(msgspec.structs.astuple(line), Line)
    except Exception:  # noqa: BLE001  # a file may hold anything
        return None


def _is_line(record: Sequence[Any]) -> bool:
    return type(record[0]) is int and record[0] in LINE_KINDS


def _ids_of(record: Sequence[Any]) -> Iterator[str]:
    """The input that wrote a line, the members of its batch, or the candidates."""
    identity = sound(lambda: record[2], None)
    if isinstance(identity, list | tuple):
        yield from (each for each in identity[:1] if isinstance(each, str))
        members = sound(lambda: identity[6], None)
        if isinstance(members, list):
            yield from (each for each in members if isinstance(each, str))
    candidates = sound(lambda: record[5].get("candidates"), None)
    if isinstance(candidates, list):
        yield from (each for each in candidates if isinstance(each, str))


def _sort(records: Sequence[Sequence[Any]], found: PostMortem) -> None:
    """Put the records where they belong in the report; lines are only counted."""
    executions: deque[Settled] = deque(maxlen=LAST_EXECUTIONS)
    held: deque[Held] = deque(maxlen=LAST_BLOCKED)
    for record in records:
        if _is_line(record):
            unix_ns = sound(lambda: whole_number(record[4][0]), 0)  # noqa: B023  # called at once
            found.last_ns = max(found.last_ns, unix_ns)
            for input_id in _ids_of(record):
                voice = found.voices.get(input_id, Voice())
                found.voices[input_id] = Voice(voice.lines + 1, unix_ns)
                break
        elif record[0] == EXECUTION:
            settled = sound(lambda: msgspec.convert(record[3], Settled), None)  # noqa: B023  # called at once
            if settled is None:
                found.damaged += 1
                continue
            found.outcomes[settled.outcome] += 1
            executions.append(settled)
            found.last_ns = max(found.last_ns, whole_number(settled.ended_ns))
        elif record[0] == BLOCKED:
            each = _held(record)
            if each is None:
                found.damaged += 1
                continue
            held.append(each)
            found.last_ns = max(found.last_ns, whole_number(each.unix_ns))
    found.executions, found.held = list(executions), list(held)


def _held(record: Sequence[Any]) -> Held | None:
    try:
        _, identity, unix_ns, seconds, stack = record[:5]
        who = identity[0] if identity else None
        return msgspec.convert((unix_ns, who, seconds, stack), Held)
    except Exception:  # noqa: BLE001  # a file may hold anything
        return None


def _read_pulse(found: PostMortem) -> None:
    """Fill in the times that the head of the box tells."""
    box, pulse = found.box, found.box.pulse
    # The pulse is in the clock of the machine; the identity says how the two lie.
    monotonic_ns = whole_number(box.identity.get("monotonic_ns"))
    known = bool(box.started_unix_ns and monotonic_ns)
    offset_ns = box.started_unix_ns - monotonic_ns
    if known and whole_number(pulse.beat_ns):
        found.beat_ns = pulse.beat_ns + offset_ns
        if whole_number(pulse.busy_since_ns):
            found.busy_since_ns = pulse.busy_since_ns + offset_ns
    signs = [found.last_ns, found.beat_ns, box.started_unix_ns]
    signs += [whole_number(each.since_unix_ns) for each in box.slots]
    signs.append(whole_number(pulse.ended_unix_ns))
    # Nothing has happened after now, whatever a damaged record says.
    found.last_ns = max((each for each in signs if each <= found.now_ns), default=0)


def _beside(path: Path, suffix: str) -> Beside | None:
    beside = path.with_suffix(suffix)
    try:
        with beside.open("rb") as file:
            size_bytes = os.fstat(file.fileno()).st_size
            file.seek(max(size_bytes - _BESIDE_BYTES, 0))
            text = file.read(_BESIDE_BYTES).decode("utf-8", "replace")
    except OSError:
        return None
    return Beside(beside, size_bytes, text) if text.strip() else None
