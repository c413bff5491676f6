"""The black boxes that an agent reads: found, read to their end, let go.

An agent reads what every process of its user has left in the folder, living and
dead. What it has read counts once the store has it: until `Watched.stored`, a
position is a promise to nobody.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from telemetry.capture.blackbox.listing import ALIVE, DIED, ENDED, summary_of
from telemetry.capture.blackbox.opening import DIRECT
from telemetry.capture.blackbox.places import BESIDE, SUFFIX, is_written
from telemetry.capture.blackbox.reader import (
    BoxReader,
    Found,
    NotABoxError,
    Position,
)
from telemetry.pipeline.agent.last_words import BLOCK, last_words
from telemetry.pipeline.otlp.box_encoder import BoxEncoder
from telemetry.policy.agent_life import may_be_taken

FIND_EVERY_S: Final = 0.5
"""Seconds between two looks for boxes that are new."""

REMOVE_AFTER_S: Final = 10.0
"""Seconds for which the box of a process that ended well outlives its last record:
whoever shows its lines has read them by then."""

DRIVER: Final = "driver"
"""What the identity of a driver's own box says under "kind"."""

OUTPUT: Final = (".out", ".err")
"""Beside a box: what was written to its descriptors. Stored with the box."""


class Watched:
    """One box.

    Attributes:
        state: `ALIVE`, `ENDED` or `DIED`, as it was at the last look for boxes.
        is_read: Its process is gone, and everything that it wrote is stored.
    """

    def __init__(self, path: Path, start: Position | None) -> None:
        # Before it is opened: a writer that ends in between has written all it will.
        lives = is_written(path)
        self.reader: Final = BoxReader(path, taking=True, start=start)
        self.name: Final = path.name.removesuffix(SUFFIX)
        self.identity: Final[dict[str, Any]] = self.reader.identity()
        self.state = ""
        self.is_read = False
        self._start: Final = start or {}
        self._said = BLOCK in self._start
        self._promised: Position = {}
        self._kept: deque[tuple[float, Position]] = deque()
        self._quiet_s: float | None = None
        self._newest_ns = 0
        self.look(lives=lives)

    @property
    def was_through(self) -> bool:
        """Whether an earlier agent has read it to its end, after its process died."""
        return BLOCK in self._start

    @property
    def is_driver(self) -> bool:
        """Whether an app's dispatcher writes here."""
        return self.identity.get("kind") == DRIVER

    @property
    def is_others(self) -> bool:
        """Whether its own process delivers what is in it, for as long as it lives."""
        return self.state == ALIVE and self.identity.get("agent") == DIRECT

    @property
    def last_ns(self) -> int:
        """Its last sign of life, in Unix nanoseconds, as far as it was read."""
        return max(self.reader.pulse().ended_unix_ns, self._newest_ns)

    @property
    def is_alive(self) -> bool:
        """Whether its process lives, as far as was seen."""
        return self.state == ALIVE

    @cached_property
    def encoder(self) -> BoxEncoder:
        """What makes OTLP of its records."""
        return BoxEncoder(self.identity)

    @property
    def _is_looked_at(self) -> bool:
        return self.state == ALIVE and "container_id" in self.identity

    def look(self, *, lives: bool) -> None:
        """See whether its process lives."""
        self.state = summary_of(self.reader, lives=lives).state

    def poll(self, limit: int) -> list[Found]:
        """What is new; it has to be stored, or the box opened anew."""
        has_ended = self.state != ALIVE
        found = self.reader.poll_found(limit)
        self._promised = self.reader.position()
        if not found and has_ended and not self._said:
            self._said = True
            running = [slot.input_id for slot in self.reader.slots()]
            found = last_words(self.reader.path, running, self.reader.last_written_ns())
        if found:
            self._newest_ns = max(self._newest_ns, found[-1].when_ns)
        if self._said:
            self._promised = {**self._promised, BLOCK: (0, 0, 0)}
            self.is_read = self.is_read or not found
        return found

    @property
    def position(self) -> Position:
        """How far `poll` has come: what the store keeps with what it gave."""
        return self._promised

    def stored(self, now_s: float) -> None:
        """What `poll` gave is in the store, and `position` with it."""
        self._kept.append((now_s, self._promised))

    def release(self, now_s: float) -> None:
        """Let the writer have the space of what is stored, when nobody needs it."""
        taken: Position | None = None
        budget = self.reader.sizes.budget_bytes
        while self._kept:
            stored_s, position = self._kept[0]
            if not may_be_taken(
                now_s,
                stored_s,
                is_looked_at=self._is_looked_at,
                backlog=self.reader.backlog_bytes() / budget,
            ):
                break
            taken = position
            self._kept.popleft()
        if taken is not None:
            self.reader.taken_to({i: at for i, at in taken.items() if i != BLOCK})

    def is_through(self, now_s: float, *, at_once: bool = False) -> bool:
        """Whether there is nothing left to do but to `clear` up.

        Args:
            at_once: Nobody else reads the box.
        """
        if not self.is_read:
            return False
        if at_once:
            return True
        if self._kept:
            return False
        if self._quiet_s is None:
            self._quiet_s = now_s
        return self.state == DIED or now_s - self._quiet_s >= REMOVE_AFTER_S

    def clear(self) -> None:
        """Remove the files that nobody needs any more.

        The box of a process that died is kept, for ``telemetry blackbox``.
        """
        path = self.reader.path
        suffixes = (SUFFIX, *BESIDE) if self.state == ENDED else OUTPUT
        for suffix in suffixes:
            path.with_suffix(suffix).unlink(missing_ok=True)


class BoxWatch:
    """All boxes in a folder. Belongs to one thread.

    Args:
        directory: Of the boxes.
        position_of: How far the box of that name is in the store; None: not at all.
        on_problem: Told what a person should know, once for each box.
    """

    def __init__(
        self,
        directory: Path,
        position_of: Callable[[str], Position | None],
        on_problem: Callable[[str], object],
    ) -> None:
        self._directory = directory
        self._position_of = position_of
        self._on_problem = on_problem
        self._open: dict[Path, Watched] = {}
        self._unreadable: set[Path] = set()
        self._through: set[Path] = set()
        self._looked_s = float("-inf")

    @property
    def boxes(self) -> Sequence[Watched]:
        """Those that are open."""
        return list(self._open.values())

    @property
    def drivers(self) -> int:
        """How many apps live."""
        return sum(each.is_driver and each.state == ALIVE for each in self.boxes)

    @property
    def has_teller(self) -> bool:
        """Whether a driver lives, or has ended in good order.

        It says what became of the inputs of its containers.
        """
        return any(each.is_driver and each.state != DIED for each in self.boxes)

    def find(self, now_s: float, *, at_once: bool = False) -> list[Watched]:
        """Look for new boxes and ended processes, when it is time to.

        Returns:
            The boxes whose state has changed, the new ones among them.
        """
        if now_s - self._looked_s < FIND_EVERY_S and not at_once:
            return []
        self._looked_s = now_s
        changed: list[Watched] = []
        paths = sorted(self._directory.glob(f"*{SUFFIX}"))
        self._through.intersection_update(paths)
        self._unreadable.intersection_update(paths)
        for path in paths:
            if path in self._through:
                continue
            watched = self._open.get(path)
            if watched is None:
                watched = self._opened(path)
            elif not self._has_changed(watched):
                continue
            if watched is not None:
                changed.append(watched)
        return changed

    def release(self, now_s: float, *, last: bool = False) -> None:
        """Give space back to the writers, and let go of boxes that are through.

        Args:
            last: We are about to end: what need not be kept goes now, unless an app
                lives that may look at it.
        """
        at_once = last and not self.drivers
        for path, watched in list(self._open.items()):
            watched.release(now_s)
            if watched.is_through(now_s, at_once=at_once):
                watched.clear()
                self._through.add(path)
                self.forget(watched)
            elif not path.exists():
                self.forget(watched)

    def forget(self, watched: Watched) -> None:
        """Close a box; one that is still there is found again."""
        self._open.pop(watched.reader.path, None)
        watched.reader.close()

    def close(self) -> None:
        """Let go of all."""
        for watched in self.boxes:
            self.forget(watched)

    def _opened(self, path: Path) -> Watched | None:
        name = path.name.removesuffix(SUFFIX)
        try:
            watched = Watched(path, self._position_of(name))
        except FileNotFoundError:
            return None
        except (NotABoxError, OSError) as error:
            # Perhaps it is not made yet: said only once its writer is gone.
            if path not in self._unreadable and not _lives(path):
                self._unreadable.add(path)
                self._on_problem(f"a black box cannot be read: {error}")
            return None
        if watched.is_others:
            watched.reader.close()
            return None
        self._open[path] = watched
        return watched

    def _has_changed(self, watched: Watched) -> bool:
        if watched.state != ALIVE:
            return False
        watched.look(lives=_lives(watched.reader.path))
        return watched.state != ALIVE


def _lives(path: Path) -> bool:
    try:
        return is_written(path)
    except OSError:
        return False
