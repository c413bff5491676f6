"""Takes what waits in the outbox to where it should go: one thread for each signal."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from telemetry.capture.plain import type_name
from telemetry.pipeline.delivery.load import Load, Settled
from telemetry.pipeline.delivery.sender import Sender
from telemetry.pipeline.delivery.shipper_status import Left, Record, ShipperStatus
from telemetry.pipeline.outbox import Outbox, Parcel, Signal
from telemetry.policy.delivery import (
    REQUEST_BYTES,
    Meaning,
    Pace,
    Step,
    Verdict,
    next_step,
    wait_s,
)

LOOK_S: Final = 1.0
"""Seconds after which the outbox is looked at although nobody said that there is
something: another process may have put it there."""

_ABORT_S: Final = 0.5
"""Seconds that a request gets to end when it is cut off."""
_BROKEN_S: Final = 2.0
"""Seconds until the outbox is asked again after it could not answer."""


class Shipper:
    """Delivers one signal, in the order of the outbox.

    What is delivered or given up is told to the outbox, in the shipper's own thread.
    A parcel that the outbox no longer has, as its budget is used up, is not tried
    again.

    Args:
        sender: Where to; closed when the shipper ends.
        pace: How long to wait between attempts.
        tell: Gets what a person should know: that nothing is delivered, and why; that
            it is again; that items were refused for good.
        most_bytes: Of one request, before compression.
    """

    def __init__(
        self,
        signal: Signal,
        outbox: Outbox,
        sender: Sender,
        *,
        pace: Pace | None = None,
        tell: Callable[[str], object] | None = None,
        most_bytes: int = REQUEST_BYTES,
    ) -> None:
        self._signal: Signal = signal
        self._outbox = outbox
        self._sender = sender
        self._pace = pace or Pace()
        self._load = Load(signal, most_bytes)
        self._record = Record(signal, sender.where, tell)
        self._after = 0
        self._doubts = 0
        self._untold: deque[tuple[Settled, str]] = deque()
        self._wake = threading.Event()
        # Set once, by `stop`: from then on there is no waiting beyond it.
        self._end_s: float | None = None
        # Guards what follows, by which is told who waits for an empty outbox; never
        # held while something is sent or asked for.
        self._drained = threading.Condition()
        self._is_ended = False
        self._asked = 0
        self._answered = 0
        self._thread = threading.Thread(
            target=self._run, name=f"telemetry-ship-{signal}", daemon=True
        )

    def start(self) -> None:
        """Begin; once."""
        self._thread.start()

    def wake(self) -> None:
        """There is something new in the outbox. From any thread; costs nothing."""
        self._wake.set()

    def status(self) -> ShipperStatus:
        """How it stands. From any thread."""
        return self._record.status

    def drain(self, timeout_s: float) -> bool:
        """Wait until all that is in the outbox now has been delivered or given up.

        Returns:
            False when something was left after *timeout_s* seconds.
        """
        with self._drained:
            self._asked += 1
            mine = self._asked
        self._wake.set()
        with self._drained:
            self._drained.wait_for(
                lambda: self._answered >= mine or self._is_ended, timeout_s
            )
            return self._answered >= mine

    def stop(self, timeout_s: float) -> Left:
        """Deliver what waits, as far as that goes in *timeout_s* seconds, and end.

        A request that is under way then is cut off. Not much later than that this
        returns, whatever happens; but where no thread could be made, it is done here,
        and a request that is under way comes to its end.
        """
        self._end_s = time.monotonic() + timeout_s
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
            if self._thread.is_alive():
                self._sender.abort()
                self._thread.join(_ABORT_S)
        elif self._thread.ident is None:
            self._run()
        return self._left()

    def _left(self) -> Left:
        try:
            waiting = self._waiting(self._after, REQUEST_BYTES)
            if not waiting:
                return Left(0, more=False)
            more = bool(self._waiting(waiting[-1].number, 1))
        except Exception:  # noqa: BLE001  # the outbox cannot say
            return Left(0, more=True)
        return Left(sum(parcel.items for parcel in waiting), more)

    def _run(self) -> None:
        try:
            while not self._is_over():
                pause_s = self._round()
                if pause_s > 0 and not self._waited(pause_s):
                    break
        finally:
            self._sender.close()
            with self._drained:
                self._is_ended = True
                self._drained.notify_all()

    def _is_over(self) -> bool:
        end_s = self._end_s
        return end_s is not None and time.monotonic() >= end_s

    def _waited(self, pause_s: float) -> bool:
        """Wait, or be woken; False when it is no use to go on after that."""
        status = self._record.status
        if self._end_s is None and not status.failures:
            self._wake.wait(pause_s)
            self._wake.clear()
            return True
        if self._end_s is None:
            # Whatever comes into the outbox now has to wait as well.
            self._wait_out(pause_s)
            return True  # to stop is a reason to try at once
        if status.backlog_since_ns is None:
            return False
        if pause_s >= self._end_s - time.monotonic():
            return False
        time.sleep(pause_s)
        return True

    def _wait_out(self, pause_s: float) -> None:
        until_s = time.monotonic() + pause_s
        while (left_s := until_s - time.monotonic()) > 0:
            self._wake.wait(left_s)
            self._wake.clear()
            if self._end_s is not None:
                return

    def _round(self) -> float:
        """One request; how long to pause after it, in seconds."""
        asked = self._asked
        try:
            self._tell_outbox()
            waiting = self._waiting(self._after, self._load.most_bytes)
            if not waiting:
                self._record.empty()
                self._answer(asked)
                return LOOK_S
            self._record.waits()
            body = self._load.next_request(waiting)
            return self._after_answer(self._sender.send(body))
        except Exception as error:  # noqa: BLE001  # of the outbox: a lock, a full disk
            text = f"the outbox fails: {type_name(error)}: {error}"
            self._record.failed(Verdict(Meaning.RETRY, text))
            return _BROKEN_S

    def _waiting(self, after: int, most_bytes: int) -> list[Parcel]:
        return self._outbox.waiting(self._signal, after, most_bytes)

    def _answer(self, asked: int) -> None:
        # Race: 1. we look, and there is nothing; 2. something comes, and somebody asks
        # to be told when it has gone; 3. we tell. So those are told who had asked
        # before we looked.
        if asked > self._answered:
            with self._drained:
                self._answered = asked
                self._drained.notify_all()

    def _after_answer(self, verdict: Verdict) -> float:
        meaning, load = verdict.meaning, self._load
        step = next_step(meaning, self._doubts + 1, splits=load.splits)
        if step is Step.WAIT:
            self._doubts += meaning is Meaning.DOUBTFUL
            failures = self._record.failed(verdict)
            return wait_s(self._pace, verdict, failures, random.random())  # noqa: S311  # no secret
        self._doubts = 0
        if step is Step.SPLIT and load.cut(too_large=meaning is Meaning.TOO_LARGE):
            return 0.0
        items, rejected = load.items, verdict.rejected
        reason = "rejected"
        if step is not Step.DONE:
            rejected, reason = items, str(meaning)
        settled = load.settle(rejected)
        self._record.answered(verdict, items, min(rejected, items))
        if settled is not None:
            self._after = settled.parcels[-1].number
            self._untold.append((settled, reason))
            self._tell_outbox()
        return 0.0

    def _tell_outbox(self) -> None:
        """Say what is settled; what it could not be told before, once more."""
        while self._untold:
            (parcels, refused), reason = self._untold[0]
            if refused:
                self._outbox.given_up(parcels, reason, refused)
            else:
                self._outbox.delivered(parcels)
            self._untold.popleft()
