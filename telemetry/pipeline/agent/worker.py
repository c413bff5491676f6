"""The one thread that accepts: from black boxes and senders into the store.

What it does in a turn is one transaction. Race, at every point of it: 1. the agent is
killed; 2. the next one begins. Before the commit, nothing was accepted: the boxes
still have it, and the senders got no answer. After it, everything was: the positions
of the boxes are in the same transaction, so nothing is read twice, whether or not the
boxes have been told.

No box and no sender keeps it from the others: what cannot be dealt with is left out.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from telemetry.pipeline.agent.boxes import Watched
from telemetry.pipeline.agent.gathering import REQUEST_BYTES, Batch, Gathering
from telemetry.pipeline.agent.ledger import Ledger
from telemetry.pipeline.agent.places import Places
from telemetry.pipeline.agent.wanted import AgentWanted
from telemetry.pipeline.agent.watching import BoxWatch
from telemetry.pipeline.otlp.wire import MalformedError
from telemetry.pipeline.receiver.received import Inbox, Received
from telemetry.pipeline.store.failures import (
    StoreDamagedError,
    StoreError,
    explained,
)
from telemetry.pipeline.store.opening import set_aside

UPKEEP_EVERY_S: Final = 1.0
"""Seconds between two looks at what there is to do beside storing, in quiet times."""


class _CulpritError(Exception):
    """A box or a request cannot be dealt with; the cause says why."""

    def __init__(self, culprit: Watched | Received) -> None:
        super().__init__()
        self.culprit: Final = culprit


class Worker:
    """Turns, one after the other. Belongs to the thread that made it.

    Args:
        wanted: Which signals go to a Collector, and how often counters do.
        wake: Called from any thread when another turn is worth its while.
        on_problem: Told what a person should know.
        on_ledger: Gets the ledger that is to be used from now on: the first one, and
            each that had to be begun anew.

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
        on_ledger: Callable[[Ledger], object] = bool,
    ) -> None:
        self._wake = wake
        self._place = place
        self._wanted = wanted
        self._inbox = inbox
        self._on_problem = on_problem
        self._on_ledger = on_ledger
        self._batch: Batch | None = None
        self._measured_s = time.monotonic()
        self._upkept_s = float("-inf")
        self._is_behind = False
        self._ledger: Ledger | None = None
        self._file: os.stat_result | None = None
        self.stored = 0
        self.watch: Final = BoxWatch(place.boxes, self._position, on_problem)
        self._gathering = Gathering(self.watch, inbox, on_problem)
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def turn(
        self,
        now_s: float,
        *,
        find: bool = False,
        measure: bool = False,
        last: bool = False,
    ) -> bool:
        """Accept what there is; whether there may be more at once.

        Args:
            find: Look for new boxes, whenever the last look was.
            measure: Write the counters down, whenever that was done last.
            last: We are about to end: nothing is done that can wait.

        Raises:
            StoreError: Nothing was accepted; the next turn tries the same again.
        """
        try:
            self._see_to_file()
            more = self._accepted(now_s, find=find, measure=measure)
            self.watch.release(now_s, last=last)
            more |= not last and self._upkept(now_s, is_due=more)
        except sqlite3.Error as error:
            failure = explained(error, self._place.store)
            self._failed(failure)
            raise failure from error
        except StoreError as error:
            self._failed(error)
            raise
        return more

    @property
    def ledger(self) -> Ledger:
        """What is kept now.

        Raises:
            StoreError: The store cannot be opened again after it was damaged.
        """
        return self._ledger or self._open()

    @property
    def backlog_bytes(self) -> int:
        """What is accepted, and not delivered yet."""
        return 0 if self._ledger is None else self._ledger.outbox.backlog_bytes()

    @property
    def is_idle(self) -> bool:
        """Whether everything that was found is stored."""
        return self._batch is None and not self.watch.unvisited

    def turn_away(self, why: str) -> None:
        """Have senders come again later: nothing can be stored now."""
        for request in self._inbox.take(REQUEST_BYTES):
            request.refuse(why)

    def close(self) -> None:
        """Let go of the boxes and the store."""
        self.watch.close()
        ledger, self._ledger = self._ledger, None
        if ledger is not None:
            ledger.close()

    def _open(self) -> Ledger:
        try:
            ledger = self._opened()
        except StoreDamagedError as error:
            self._set_aside(error)
            ledger = self._opened()
        try:
            self._on_ledger(ledger)
            self._file = self._place.store.stat()
        except BaseException:
            ledger.close()
            raise
        self._ledger = ledger
        return ledger

    def _opened(self) -> Ledger:
        return Ledger(
            self._place.store,
            self._wanted.endpoints.keys(),
            self._wanted.temporality,
            on_gone=self._wake,
            on_problem=self._on_problem,
            stands_in=self._wanted.stands_in,
        )

    def _position(self, name: str) -> dict[int, tuple[int, int, int]] | None:
        return self.ledger.position(name)

    def _accepted(self, now_s: float, *, find: bool, measure: bool) -> bool:
        """Store what has come; whether anything has."""
        ledger = self.ledger
        if self._batch is None:
            self._batch = self._gathering.batch(now_s, find=find)
        batch = self._batch
        is_due = measure or now_s - self._measured_s >= self._wanted.metrics_every_s
        if not batch.is_empty or is_due or ledger.outbox.has_work:
            self._store(batch, measure=is_due)
            if is_due:
                self._measured_s = now_s
        self._batch = None
        for watched, _ in batch.found:
            watched.stored(now_s)
        return bool(batch.records or batch.requests)

    def _store(self, batch: Batch, *, measure: bool) -> None:
        while True:
            try:
                answers = self._in_transaction(batch, measure=measure)
            except _CulpritError as error:
                self._blame(batch, error)
                continue
            except BaseException as error:
                # The boxes keep what is theirs. A sender keeps it as well, once told.
                requests, batch.requests = batch.requests, []
                for request in requests:
                    request.refuse(str(error))
                raise
            break
        self.stored += batch.records + len(batch.requests)
        for request, rejected, why in answers:
            request.stored(rejected, why)

    def _in_transaction(
        self, batch: Batch, *, measure: bool
    ) -> list[tuple[Received, int, str]]:
        ledger, is_told = self.ledger, self.watch.has_teller
        answers: list[tuple[Received, int, str]] = []
        with ledger.store.transaction():
            for watched in batch.changed:
                with _blaming(watched):
                    ledger.note(watched)
            for watched, found in batch.found:
                with _blaming(watched):
                    ledger.take(watched, found, is_told=is_told)
            for request in batch.requests:
                try:
                    with _blaming(request):
                        answers.append((request, *ledger.receive(request)))
                except MalformedError as error:
                    request.reject(str(error))  # nothing of it was written
            if measure:
                boxes = [box for box in self.watch.boxes if not box.is_broken]
                ledger.measure(time.time_ns(), [box.identity for box in boxes])
        return answers

    def _blame(self, batch: Batch, error: _CulpritError) -> None:
        """One of them has spoilt it for all: the others are stored without it."""
        culprit, cause = error.culprit, error.__cause__ or error
        batch.leave_out(culprit)
        if isinstance(culprit, Watched):
            self.watch.set_aside(culprit, cause)
            return
        self._on_problem(f"a request cannot be dealt with: {cause}")
        culprit.reject(str(cause))

    def _upkept(self, now_s: float, *, is_due: bool) -> bool:
        """Do what is done beside storing; whether there is more of that."""
        if is_due or self._is_behind or now_s - self._upkept_s >= UPKEEP_EVERY_S:
            self._upkept_s = now_s
            self._is_behind = self.ledger.upkeep.step()
        return self._is_behind

    def _see_to_file(self) -> None:
        """Begin another store where somebody has removed or emptied the one we have."""
        if self._ledger is None or self._file is None:
            return
        try:
            now = self._place.store.stat()
            was_empty = not self._file.st_size
            is_there = os.path.samestat(self._file, now) and (now.st_size or was_empty)
        except OSError:
            is_there = False
        if not is_there:
            self._on_problem(f"{self._place.store} was removed; another one is begun")
            self._let_go()

    def _failed(self, error: StoreError) -> None:
        """A turn has failed; where the file is damaged, another one is begun.

        The boxes know how far they were taken: what was stored since is stored once
        more, and nothing is lost but what the file had.
        """
        if isinstance(error, StoreDamagedError) and self._ledger is not None:
            self._let_go()
            self._set_aside(error)

    def _let_go(self) -> None:
        self._batch = None
        with contextlib.suppress(sqlite3.Error):
            self.close()

    def _set_aside(self, error: StoreDamagedError) -> None:
        aside: Path = set_aside(self._place.store)
        self._on_problem(f"{error}; it is kept as {aside}, and a new store was begun")


@contextlib.contextmanager
def _blaming(culprit: Watched | Received) -> Iterator[None]:
    """Say whose fault it is that something cannot be stored, unless it is the store's.

    Raises:
        _CulpritError: It is the culprit's.
    """
    try:
        yield
    except (sqlite3.Error, StoreError, MalformedError, MemoryError):
        raise
    except Exception as error:
        raise _CulpritError(culprit) from error
