"""A black box that an agent reads: to its end, and not a record twice.

What was read counts once the store has it: until `Watched.stored`, a position is a
promise to nobody.
"""

from __future__ import annotations

from collections import deque
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from telemetry.capture.blackbox.listing import ALIVE, DIED, ENDED, summary_of
from telemetry.capture.blackbox.opening import DIRECT, WITH_PROCESS
from telemetry.capture.blackbox.places import BESIDE, SUFFIX, is_written
from telemetry.capture.blackbox.reader import BoxReader, Found, Position
from telemetry.pipeline.agent.last_words import BLOCK, last_words
from telemetry.pipeline.otlp.box_encoder import BoxEncoder
from telemetry.policy.agent_life import may_be_taken

REMOVE_AFTER_S: Final = 10.0
"""Seconds for which the box of a process that ended well outlives its last record:
whoever shows its lines has read them by then."""

BOX_BYTES: Final = 2 * 1024 * 1024
"""Of the records of one box in a turn: what is read is held several times over, until
it is stored. With this, a request for the Collector has a size that it takes."""

DRIVER: Final = "driver"
"""What the identity of a driver's own box says under "kind"."""

OUTPUT: Final = (".out", ".err")
"""Beside a box: what was written to its descriptors. Stored with the box."""


class Watched:
    """One box.

    Attributes:
        state: `ALIVE`, `ENDED` or `DIED`, as it was at the last look for boxes.
        is_read: Its process is gone, and everything that it wrote is stored.
        is_broken: Something in it cannot be dealt with: it is read no more.
        polled_bytes: What the last `poll` read, about.
    """

    def __init__(self, path: Path, start: Position | None) -> None:
        # Before it is opened: a writer that ends in between has written all it will.
        lives = is_written(path)
        self.reader: Final = BoxReader(path, taking=True, start=start)
        self.name: Final = path.name.removesuffix(SUFFIX)
        self.identity: Final[dict[str, Any]] = self.reader.identity()
        self.state = ""
        self.is_read = False
        self.is_broken = False
        self.polled_bytes = 0
        self._start: Final = start or {}
        self._said = BLOCK in self._start
        self._promised: Position = dict(self._start)
        self._kept: deque[tuple[float, Position]] = deque()
        self._quiet_s: float | None = None
        self._newest_ns = 0
        self._has_news = True
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
    def wants_agent(self) -> bool:
        """Whether an agent that is there for others stays for its process."""
        return self.is_alive and (
            self.is_driver or self.identity.get("agent") == WITH_PROCESS
        )

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

    @property
    def may_rest(self) -> bool:
        """Whether it can be closed and opened again later, and nothing is lost."""
        has_nothing = not self._kept and not self.is_driver and not self._has_news
        return has_nothing and (self.is_alive or self.is_read)

    def look(self, *, lives: bool) -> None:
        """See whether its process lives."""
        if lives:
            self.state = ALIVE  # whatever else stands in it, which costs more
        else:
            self.state = summary_of(self.reader, lives=False).state

    def poll(self, limit: int, most_bytes: int = BOX_BYTES) -> list[Found]:
        """What is new; it has to be stored, or the box opened anew.

        Raises:
            NotABoxError: The file has been cut off.
        """
        has_ended = self.state != ALIVE
        found = self.reader.poll_found(limit, most_bytes)
        while not found and self.reader.polled_bytes:
            # So far nothing but damage, and pieces of a record: it is not the end.
            found = self.reader.poll_found(limit, most_bytes)
        self._has_news = bool(found)
        self.polled_bytes = self.reader.polled_bytes
        if found:
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
