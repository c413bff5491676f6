"""One loop that is watched from outside: who holds it, where, and who suffers."""

from __future__ import annotations

import sysconfig
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from telemetry.capture import recording
from telemetry.capture.blackbox.reader import BoxReader
from telemetry.capture.blackbox.stack_asking import StackAsker
from telemetry.capture.blackbox.stack_text import NOBODY, holder
from telemetry.capture.line import LEVELS
from telemetry.capture.runtime_records import LoopBlocked, LoopMeasured
from telemetry.capture.settings import in_force
from telemetry.policy.loop_lag import LagSampler
from telemetry.policy.loop_watch import LoopWatch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from telemetry.capture.blackbox.box_head import SlotState
    from telemetry.capture.blackbox.stack_text import Dump
    from telemetry.core.scope import InputScope
    from telemetry.policy.loop_watch import Look

EVENT: Final = "event loop blocked"
_LEVEL: Final = "warning"

_INSIST_NS: Final = 20_000_000
"""How long a process that can run Python code may take to answer: it needs less than
one. After that, its stack is asked for another way."""

_ANSWER_NS: Final = 100_000_000
"""How long to wait for the answer before what is known is reported."""

_LOOK_AGAIN_NS: Final = 3_000_000
"""While an answer is awaited."""

_LOUD_S: Final = 1.0
"""A loop that is blocked for so long is worth a line before it is over."""

_LAG_EVERY_NS: Final = 5_000_000_000
"""Between two records of how late a loop is: well below the time between exports."""

_LIBRARIES: Final = tuple(
    f"{sysconfig.get_path(name)}/" for name in ("stdlib", "platstdlib", "purelib")
)


class Owner(NamedTuple):
    """Whose loop it is, in the words of the records."""

    container_id: str
    function: str
    pool: str


class _Blame:
    """What is known of the blockage that goes on."""

    def __init__(self) -> None:
        self.input_id: str | None = None
        self.scope: InputScope | None = None
        # Certain without an input: it was none.
        self.certain = False
        self.line: str | None = None
        self.stack: str | None = None
        self.others: tuple[str, ...] = ()


class WatchedLoop:
    """The loop of one container. The watcher's thread only, `busy` excepted.

    Args:
        running: How many inputs the container runs.
        known: The scope of an input that it runs, with its call and its trace; the
            slot table has neither. None: the line names the input as a candidate.

    Attributes:
        next_look_ns: When to look again, on ``time.monotonic_ns()``.
        resting: It had nothing to do at the last look.
        ended: Its process is gone.

    Raises:
        OSError, NotABoxError, LookupError: The box cannot be read.
    """

    def __init__(
        self,
        owner: Owner,
        box_path: Path,
        running: Callable[[], int],
        known: Callable[[str], InputScope | None],
        threshold_s: float,
    ) -> None:
        self._id, self._function, self._pool = owner
        self._running, self._known = running, known
        self._reader = BoxReader(box_path)
        self._pid: int = self._reader.identity()["pid"]
        self._asker = StackAsker(box_path, self._pid)
        self._watch = LoopWatch(threshold_s)
        self._lag = LagSampler()
        self._lag_told_ns = 0
        self._blame = _Blame()
        self._awaited_until_ns = self._insist_at_ns = 0
        self._held_s = 0.0
        self.next_look_ns = 0
        self.resting = True
        self.ended = False

    @property
    def busy(self) -> bool:
        """It runs something, or is blocked."""
        return self._watch.blocked or self._running() > 0

    @property
    def awaited(self) -> bool:
        """It was asked, and may answer any moment."""
        return self._awaited_until_ns != 0

    def look(self) -> LoopBlocked | None:
        """Look at the pulse; a record when there is something new."""
        now_ns = time.monotonic_ns()  # before the pulse is read: see `LoopWatch.look`
        if self.resting:
            self.resting, self._lag_told_ns = False, now_ns
            self._lag.begin(now_ns)
        pulse = self._reader.pulse()
        self._lag.look(pulse.busy_since_ns, pulse.tick_ns, now_ns)
        look = self._watch.look(pulse.busy_since_ns, pulse.blocked_ns, now_ns)
        self.next_look_ns = min(look.next_look_ns, self._lag.next_ns)
        record = None
        if look.ended_s is not None:
            record = self._ended(look.ended_s)
        if look.blocked_s is not None:
            record = self._blocked(look, pulse.busy_since_ns, now_ns) or record
        return record

    def measured(self) -> LoopMeasured | None:
        """How late it was since that was told last, if that is long ago."""
        now_ns = time.monotonic_ns()
        if now_ns - self._lag_told_ns < _LAG_EVERY_NS:
            return None
        self._lag_told_ns = now_ns
        return self._lateness(now_ns)

    def rest(self) -> LoopMeasured | None:
        """It has nothing more to do: how late it was, as far as that is not told."""
        self.resting = True
        return self._lateness(time.monotonic_ns())

    def finish(self) -> LoopBlocked | None:
        """The process is gone: its last record, if it was blocked."""
        held_s = self._watch.gone()
        return None if held_s is None else self._ended(held_s)

    def close(self) -> None:
        """Let go of the container."""
        self._reader.close()
        self._asker.close(remove=self.ended)

    def _blocked(self, look: Look, since_ns: int, now_ns: int) -> LoopBlocked | None:
        self._held_s = look.blocked_s or 0.0
        if look.ask:
            asked = self._asker.ask()
            self._awaited_until_ns = now_ns + _ANSWER_NS if asked else now_ns
            self._insist_at_ns = now_ns + _INSIST_NS if asked else 0
        if not self._awaited_until_ns:
            return None
        late = now_ns >= self._awaited_until_ns
        self._hear(since_ns, late=late)
        known = self._blame.certain and self._blame.line is not None
        if not known and not late:
            if self._insist_at_ns and now_ns >= self._insist_at_ns:
                self._insist_at_ns = 0 if self._asker.insist() else self._insist_at_ns
            self.next_look_ns = now_ns + _LOOK_AGAIN_NS
            return None
        self._awaited_until_ns = 0
        if self._held_s >= _LOUD_S:
            self._log(over=False)
        return self._record(over=False)

    def _ended(self, seconds: float) -> LoopBlocked:
        """It is over. What the process said of itself at last is heard, too."""
        self._held_s = seconds
        self._hear(None, late=True)
        self._log(over=True)
        record = self._record(over=True)
        self._blame = _Blame()
        self._awaited_until_ns = 0
        return record

    def _hear(self, since_ns: int | None, *, late: bool) -> None:
        """Take in the answer, as far as it is there.

        Args:
            since_ns: Which busy stretch it is about; None when that is over, and the
                slot table tells nothing of it any more.
            late: What has not come by now will not come.
        """
        blame = self._blame
        rows = self._rows()
        found = self._asker.answer()
        # Race: 1. the stack is written; 2. the loop turns, and the slot has another
        # input; 3. we read the slot table. So it counts only when the loop is still
        # at what it was at before.
        same = since_ns == self._reader.pulse().busy_since_ns
        if same:
            blame.others = tuple(row.input_id for row in rows)
        if found is None:
            return
        dump, text = found
        # The most recent calls come first: up to the slot, it is all there.
        if dump.frames and (dump.whole or dump.slot is not None or late):
            blame.line, blame.stack = str(holder(dump.frames, _LIBRARIES)), text
            self._blame_on(dump, rows if same else ())

    def _rows(self) -> list[SlotState]:
        """What runs on the loop, and not on a thread of its own."""
        thread = self._asker.thread
        rows = self._reader.slots()
        return [row for row in rows if thread is None or row.thread == thread]

    def _blame_on(self, dump: Dump, rows: Sequence[SlotState]) -> None:
        blame, said = self._blame, dump.input_id
        found = said or None
        if said is None:
            named = [row.input_id for row in rows if row.slot == dump.slot]
            found = named[0] if named else None
        if found is None and said != NOBODY:
            return
        if found != blame.input_id:
            blame.scope = None if found is None else self._known(found)
        blame.input_id, blame.certain = found, True

    def _who(self) -> tuple[str | None, tuple[str, ...], tuple[str, ...]]:
        """Who held it; who may have, if that is not certain; who suffered."""
        blame = self._blame
        if not blame.certain:
            return None, blame.others, blame.others
        suffered = tuple(each for each in blame.others if each != blame.input_id)
        return blame.input_id, (), suffered

    def _record(self, *, over: bool) -> LoopBlocked:
        held_by, candidates, suffered = self._who()
        return LoopBlocked(
            at_s=time.monotonic(),
            function=self._function,
            container_id=self._id,
            pid=self._pid,
            seconds=self._held_s,
            over=over,
            input_id=held_by,
            candidates=candidates,
            line=self._blame.line,
            stack=self._blame.stack,
            suffered=suffered,
            pool=self._pool,
        )

    def _lateness(self, now_ns: int) -> LoopMeasured | None:
        taken = self._lag.take()
        if taken is None:
            return None
        return LoopMeasured(now_ns / 1e9, self._function, self._id, *taken, self._pool)

    def _log(self, *, over: bool) -> None:
        if LEVELS[in_force().level.lower()] > LEVELS[_LEVEL]:
            return  # the record tells it all the same
        held_by, candidates, suffered = self._who()
        scope = self._blame.scope
        fields: dict[str, object] = {"blocked_s": round(self._held_s, 3), "over": over}
        if self._blame.line is not None:
            fields["held_by"] = self._blame.line
        if suffered and self._blame.certain:
            fields["suffered"] = list(suffered)
        if scope is None:
            fields["container"] = self._id
            # Its trace would be a guess, and a wrong one is worse than none.
            candidates = candidates if held_by is None else (held_by,)
        recording.record(
            _LEVEL,
            EVENT,
            {**fields, "pid": self._pid},
            logger="telemetry.runtime",
            scope=scope,
            candidates=candidates,
        )
