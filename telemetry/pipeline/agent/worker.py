"""The one thread that accepts: from black boxes and senders into the store.

What it does in a turn is one transaction. Race, at every point of it: 1. the agent is
killed; 2. the next one begins. Before the commit, nothing was accepted: the boxes
still have it, and the senders got no answer. After it, everything was: the positions
of the boxes are in the same transaction, so nothing is read twice, whether or not the
boxes have been told.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from telemetry.capture.blackbox.reader import Found
from telemetry.pipeline.agent.boxes import BoxWatch, Watched
from telemetry.pipeline.agent.ledger import Ledger
from telemetry.pipeline.agent.places import Places
from telemetry.pipeline.agent.wanted import AgentWanted
from telemetry.pipeline.otlp.wire import MalformedError
from telemetry.pipeline.receiver.received import Inbox, Received
from telemetry.pipeline.store.failures import StoreDamagedError

BOX_RECORDS: Final = 4_096
"""Most records of one box in a turn: a chatty process must not keep others waiting."""

TURN_RECORDS: Final = 32_768
"""Most records in a turn: so long is a transaction, and so much is done anew after
one that failed."""

_TURN_BYTES: Final = 16 * 1024 * 1024


@dataclass(slots=True)
class Batch:
    """What a turn accepts. Kept until it is in the store.

    Attributes:
        changed: Boxes that are new, or whose process has ended.
    """

    changed: list[Watched] = field(default_factory=list)
    found: list[tuple[Watched, list[Found]]] = field(default_factory=list)
    requests: list[Received] = field(default_factory=list)

    @property
    def records(self) -> int:
        """How many records of boxes there are."""
        return sum(len(found) for _, found in self.found)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to accept."""
        return not (self.changed or self.found or self.requests)


class Worker:
    """Turns, one after the other. Belongs to the thread that made it.

    Args:
        wanted: Which signals go to a Collector, and how often counters do.
        wake: Called from any thread when another turn is worth its while.
        on_problem: Told what a person should know.

    Attributes:
        stored: Records and requests accepted so far.

    Raises:
        StoreError: The store cannot be opened.
    """

    def __init__(
        self,
        place: Places,
        wanted: AgentWanted,
        inbox: Inbox,
        *,
        wake: Callable[[], object],
        on_problem: Callable[[str], object],
    ) -> None:
        self._wake = wake
        self._place = place
        self._wanted = wanted
        self._inbox = inbox
        self._on_problem = on_problem
        self._batch: Batch | None = None
        self._measured_s = time.monotonic()
        self.stored = 0
        self.ledger = self._ledger()
        self.watch: Final = BoxWatch(place.boxes, self._position, on_problem)

    def turn(self, now_s: float, *, find: bool = False, measure: bool = False) -> bool:
        """Accept what there is; whether there may be more at once.

        Args:
            find: Look for new boxes, whenever the last look was.
            measure: Write the counters down, whenever that was done last.

        Raises:
            StoreError: Nothing was accepted; the next turn tries the same again.
        """
        if self._batch is None:
            self._batch = self._gathered(now_s, find=find)
        batch = self._batch
        is_due = measure or now_s - self._measured_s >= self._wanted.metrics_every_s
        if not batch.is_empty or is_due or self.ledger.outbox.has_work:
            self._accept(batch, measure=is_due)
            if is_due:
                self._measured_s = now_s
        self._batch = None
        for watched, _ in batch.found:
            watched.stored(now_s)
        self.watch.release(now_s)
        more = self.ledger.upkeep.step()
        return bool(batch.records or batch.requests) or more

    @property
    def is_idle(self) -> bool:
        """Whether everything that was found is stored."""
        return self._batch is None

    def close(self) -> None:
        """Let go of the boxes and the store."""
        self.watch.release(time.monotonic(), last=True)
        self.watch.close()
        self.ledger.close()

    def _ledger(self) -> Ledger:
        return Ledger(
            self._place.store,
            self._wanted.endpoints.keys(),
            self._wanted.temporality,
            on_gone=self._wake,
            on_problem=self._on_problem,
        )

    def _position(self, name: str) -> dict[int, tuple[int, int, int]] | None:
        return self.ledger.position(name)

    def _gathered(self, now_s: float, *, find: bool) -> Batch:
        batch = Batch(self.watch.find(now_s, at_once=find))
        left = TURN_RECORDS
        # A driver first: what it says of its containers is known before their lines.
        for watched in sorted(self.watch.boxes, key=lambda box: not box.is_driver):
            if left <= 0:
                break
            was_read = watched.is_read or watched.was_through
            found = watched.poll(min(BOX_RECORDS, left))
            left -= len(found)
            if found or (watched.is_read and not was_read):
                batch.found.append((watched, found))
        batch.requests = self._inbox.take(_TURN_BYTES)
        return batch

    def _accept(self, batch: Batch, *, measure: bool) -> None:
        is_told = self.watch.has_teller
        try:
            with self.ledger.store.transaction():
                for watched in batch.changed:
                    self.ledger.note(watched)
                for watched, found in batch.found:
                    self.ledger.take(watched, found, is_told=is_told)
                answers = self._received(batch.requests)
                if measure:
                    self.ledger.measure(time.time_ns())
        except BaseException as error:
            # The boxes keep what is theirs. A sender keeps it as well, once told.
            requests, batch.requests = batch.requests, []
            for request in requests:
                request.refuse(str(error))
            if isinstance(error, StoreDamagedError):
                self._begin_anew()
            raise
        self.stored += batch.records + len(batch.requests)
        for request, rejected, why in answers:
            request.stored(rejected, why)

    def _received(self, requests: list[Received]) -> list[tuple[Received, int, str]]:
        """Take in requests; who has sent what is none is told so at once."""
        answers: list[tuple[Received, int, str]] = []
        for request in requests:
            try:
                answers.append((request, *self.ledger.receive(request)))
            except MalformedError as error:
                request.reject(str(error))
        return answers

    def _begin_anew(self) -> None:
        """The file is damaged: it is set aside, and another one begun.

        The boxes know how far they were taken: what was stored since is stored once
        more, and nothing is lost but what the file had.
        """
        self.watch.close()
        self._batch = None
        self.ledger.close()
        self.ledger = self._ledger()
